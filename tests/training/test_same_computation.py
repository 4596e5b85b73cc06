"""Configurations of one normal form train to the same numbers, bit for bit, in both trainers and on both backends."""

from typing import Any

import numpy as np
import pytest
from test_backends import on_jax
from test_trainers import FIXED, FRESH, QUICKLY, TUTORIAL, UNEQUAL, trainer

from sweep.experiment.configuration import Configuration
from sweep.experiment.normal_form import RULED, normal_form, replaceable
from sweep.tasks.explicit import ExplicitTask
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task
from sweep.training.keras_model import resolved
from sweep.training.lanes import Layout

ONE = ExplicitTask(sequences=(("C", "a", "b", "C"),))
SIX = IncreasingTask(sequence_length=6)
BEYOND = RandomTask(sequence_length=4, train_sequences=4, test_sequences=5, test_lengths=(4, 9))
NOT_BEYOND = RandomTask(sequence_length=9, train_sequences=4, test_sequences=5, test_lengths=(4, 9))

STEPS = {"batch_layout": "steps"}

SAME: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (TUTORIAL, {"timesteps": "full"}, {"timesteps": "full", "stateful": False}),
    (TUTORIAL, {"timesteps": 4, "cell": "gru"}, {"timesteps": "full", "stateful": False, "cell": "gru"}),
    (UNEQUAL, {"timesteps": 5, "layers": 2}, {"timesteps": 5, "layers": 2, "stateful": False}),
    (FRESH, {"timesteps": "full", "loss_on": "last"}, {"timesteps": "full", "loss_on": "last", "stateful": False}),
    (NOT_BEYOND, {"timesteps": "full"}, {"timesteps": "full", "stateful": False}),
    (TUTORIAL, {"cell": "mlp", "lags": 2}, {"cell": "mlp", "lags": 2, "stateful": False}),
    (TUTORIAL, {"timesteps": 4}, {"timesteps": "full"}),
    (TUTORIAL, {"timesteps": 4, "cell": "mlp", "lags": 3}, {"timesteps": "full", "cell": "mlp", "lags": 3}),
    (TUTORIAL, {}, {"batch_layout": "steps"}),
    (UNEQUAL, {"shuffle": True}, {"batch_layout": "steps", "shuffle": True}),
    (ONE, {}, {"shuffle": True}),
    (ONE, STEPS | {"batch_size": 3}, STEPS | {"batch_size": 3, "shuffle": True}),
    (TUTORIAL, {"cell": "gru"}, {"cell": "gru", "gate_bias": "zeros"}),
    (TUTORIAL, {"cell": "simple_rnn"}, {"cell": "simple_rnn", "gate_bias": "zeros"}),
    (TUTORIAL, {"cell": "mlp"}, {"cell": "mlp", "gate_bias": "zeros"}),
    (TUTORIAL, {"gate_bias": "zeros"}, {"gate_bias": "zeros", "chrono_max": 9}),
    (TUTORIAL, {"gate_bias": "chrono"}, {"gate_bias": "chrono", "chrono_max": 5}),
    (FIXED, {"loss_on": "last", "batch_size": 2}, {"loss_on": "last", "batch_size": 2, "last_weight": 7.0}),
]  # fmt: skip
"""A task, and two configurations that are the same computation."""

APART: list[tuple[Any, dict[str, Any], dict[str, Any]]] = [
    (TUTORIAL, {"timesteps": 3}, {"timesteps": 3, "stateful": False}),
    (UNEQUAL, {"timesteps": 4}, {"timesteps": 4, "stateful": False}),
    (TUTORIAL, {"lags": 4}, {"lags": 4, "stateful": False}),
    (TUTORIAL, STEPS | {"batch_size": 2}, STEPS | {"batch_size": 2, "stateful": False}),
    (TUTORIAL, {"timesteps": 3}, {"timesteps": "full"}),
    (UNEQUAL, {"timesteps": 4, "cell": "mlp"}, {"timesteps": "full", "cell": "mlp"}),
    (TUTORIAL, {"batch_size": 2}, {"batch_size": 2, "batch_layout": "steps"}),
    (UNEQUAL, {}, {"shuffle": True}),
    (TUTORIAL, {}, {"gate_bias": "zeros"}),
    (TUTORIAL, {"cell": "gru"}, {"cell": "gru", "gate_bias": "chrono"}),
    (TUTORIAL, {"gate_bias": "chrono"}, {"gate_bias": "chrono", "chrono_max": 6}),
    (TUTORIAL, {"timesteps": "full"}, {"timesteps": "full", "last_weight": 3.0}),
    (TUTORIAL, {}, {"units": 21}),
]  # fmt: skip
"""A task, and two configurations that are not, though all but the last differ in a parameter that a rule is about."""

EPOCHS = 3
SEEDS = {"fit": (3,), "fused": (0, 3)}  # the literal loop takes its time


def keys(task: Any, *configurations: dict[str, Any]) -> list[Any]:
    built = build_task(task)
    return [normal_form(Configuration(task=task).replace(**each), built) for each in configurations]


def losses(task: Any, kind: str, parameters: dict[str, Any]) -> np.ndarray[Any, Any]:
    started = trainer(task, SEEDS[kind], trainer=kind, epochs=EPOCHS, **parameters)
    return np.asarray(started.advance(EPOCHS).loss)


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
@pytest.mark.parametrize(("task", "one", "other"), SAME, ids=str)
def test_configurations_of_one_normal_form_have_the_same_losses(
    task: Any, one: dict[str, Any], other: dict[str, Any], kind: str
) -> None:
    built = build_task(task)
    trainers = [trainer(task, SEEDS[kind], trainer=kind, epochs=EPOCHS, **each) for each in (one, other)]
    first, second = (each.advance(EPOCHS) for each in trainers)
    assert first.loss.tobytes() == second.loss.tobytes()
    assert first.max_error.tobytes() == second.max_error.tobytes()
    for weights, others in zip(*(each.weights() for each in trainers), strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(weights, others, strict=True))
    if (longer := built.other_lengths(0)) is not None:
        (right, error), (right_too, error_too) = (each.recalled(0, longer) for each in trainers)
        assert (right.tobytes(), error.tobytes()) == (right_too.tobytes(), error_too.tobytes())


@pytest.mark.slow
def test_on_jax_they_have_the_same_losses_too() -> None:
    jobs = [(task, each | {"epochs": EPOCHS}, (0, 3), None, EPOCHS) for task, *both in SAME for each in both]
    came, _ = on_jax(jobs)
    for (task, one, other), first, second in zip(SAME, came[::2], came[1::2], strict=True):
        assert first["scores"].loss.tobytes() == second["scores"].loss.tobytes(), (task, one, other)


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
@pytest.mark.parametrize(("task", "one", "other"), APART, ids=str)
def test_what_is_kept_apart_has_other_losses(task: Any, one: dict[str, Any], other: dict[str, Any], kind: str) -> None:
    assert losses(task, kind, one).tobytes() != losses(task, kind, other).tobytes()


@pytest.mark.slow
def test_the_state_has_an_effect_where_a_network_is_tested_on_longer_sequences() -> None:
    one, other = (trainer(BEYOND, (0,), timesteps="full", epochs=30, stateful=each, learning_rate=0.05)
                  for each in (True, False))  # fmt: skip
    assert one.advance(30).loss.tobytes() == other.advance(30).loss.tobytes()
    longer = build_task(BEYOND).other_lengths(0)
    assert longer is not None
    assert one.recalled(0, longer)[1].tobytes() != other.recalled(0, longer)[1].tobytes()


@pytest.mark.parametrize(("task", "one", "other"), SAME, ids=str)
def test_the_same_computations_have_one_normal_form(task: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one != other
    first, second = keys(task, one, other)
    assert first == second


@pytest.mark.parametrize(
    ("task", "one", "other"),
    [
        *APART,
        (BEYOND, {"timesteps": "full"}, {"timesteps": "full", "stateful": False}),
        # Equal but for the rounding of the compiled program, which knows that the state of one step is zero.
        (TUTORIAL, STEPS | {"batch_size": 4}, STEPS | {"batch_size": 4, "stateful": False}),
    ],
    ids=str,
)
def test_different_computations_have_different_normal_forms(
    task: Any, one: dict[str, Any], other: dict[str, Any]
) -> None:
    first, second = keys(task, one, other)
    assert first != second


def test_every_rule_is_tried_in_training() -> None:
    tried = {name for _, one, other in SAME for name in RULED if one.get(name) != other.get(name)}
    assert tried == set(RULED)


@pytest.mark.parametrize(("task", "one", "other"), [*SAME, *APART], ids=str)
def test_a_normal_form_is_its_own(task: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    built = build_task(task)
    for normal in keys(task, one, other):
        assert normal_form(normal, built) == normal
        assert {name: getattr(normal.section(name), name) for name in replaceable(normal, built)} == {
            name: instead.value for name, instead in replaceable(normal, built).items()
        }


@pytest.mark.parametrize(("task", "one", "other"), [*SAME, *APART], ids=str)
def test_the_rules_know_windows_and_memories_as_training_does(
    task: Any, one: dict[str, Any], other: dict[str, Any]
) -> None:
    built = build_task(task)
    for parameters in (one, other):
        configuration = Configuration(task=task).replace(**parameters)
        layout, found = Layout(configuration, built), replaceable(configuration, built)
        if configuration.model.cell != "mlp":
            assert ("stateful" in found) == (layout.window >= layout.num_steps > 1)
        if configuration.model.gate_bias == "chrono":
            left_out = resolved(configuration.replace(chrono_max=None), built).chrono_max
            assert normal_form(configuration.replace(chrono_max=left_out), built) == normal_form(
                configuration.replace(chrono_max=None), built
            )
