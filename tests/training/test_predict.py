"""Predictions: what stands beside them, and the examples of a task's own that they are asked for."""

import numpy as np
import pytest

from sweep.experiment.configuration import Configuration, ModelConfig
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.marked import MarkedTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task
from sweep.training.keras_model import weight_shapes
from sweep.training.predict import example, facts, predict

RANDOM = Configuration(task=RandomTask(sequence_length=6, alphabet_size=7, keys=3, test_sequences=50))


def test_an_example_is_a_test_sequence_of_the_networks_own_replicate() -> None:
    test = build_task(RANDOM.task).test_sequences(4)
    own = {tuple(map(str, row)) for row in test.symbols}
    found = [tuple(example(RANDOM, seed=4, which=which)) for which in range(20)]
    assert set(found) <= own
    assert len(set(found)) > 10


def test_the_same_seed_draws_the_same_example() -> None:
    assert example(RANDOM, seed=4, which=7) == example(RANDOM, seed=4, which=7)
    assert any(example(RANDOM, seed=4, which=7) != example(RANDOM, seed=seed, which=7) for seed in range(3))


def test_an_example_of_sequences_of_several_lengths_has_no_padding() -> None:
    configuration = Configuration(task=MarkedTask(lag=5, distractors=3))
    lengths = set()
    for which in range(20):
        found = example(configuration, seed=0, which=which)
        assert found[1] == found[-1]  # the key, after the symbol that begins
        lengths.add(len(found))
    assert len(lengths) > 1


def test_of_a_random_task_it_is_said_which_symbols_are_keys_and_what_was_trained() -> None:
    assert facts(RANDOM) == (
        "each sequence ends with the key that it had shown, one of 4 5 6; trained on sequences of 6 symbols"
    )
    assert facts(Configuration(task=MarkedTask(lag=3))).endswith(
        "trained on sequences of 7 symbols and more, 16 on average"
    )
    assert facts(Configuration(task=IncreasingTask())) == ""


@pytest.mark.slow
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_a_step_has_the_two_largest_outputs_and_what_came(output: str) -> None:
    configuration = Configuration(task=IncreasingTask(), model=ModelConfig(output=output, units=3))
    generator = np.random.default_rng(0)
    weights = [generator.normal(size=shape).astype(np.float32) for shape in weight_shapes(configuration.model, 5, 1)]
    trace = predict(configuration, weights, ["3", "0", "1"], steps=2, then="2")
    assert [step.came for step in trace] == ["0", "1", "2", None, None]
    assert [step.own for step in trace] == [False] * 3 + [True] * 2
    assert trace[3].shown == trace[2].predicted
    for step in trace:
        assert step.runner_up != step.predicted
        assert 0 < step.next_output <= step.output < 1
        assert step.output + step.next_output <= (1 + 1e-6 if output == "softmax" else 2)
