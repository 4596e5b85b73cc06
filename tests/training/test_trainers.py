"""The compiled trainer equals the tutorial's literal loop, and both keep the contract of training."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from literal import with_one_pipeline_for_equal_arrays, with_one_traced_model_for_equal_ones

from sweep.experiment.configuration import Configuration
from sweep.tasks.explicit import ExplicitTask
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.marked import MarkedTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task
from sweep.training.compiled.padding import bucket, padded, unpadded
from sweep.training.trainer import Trainer
from sweep.training.trainers import start_training

TUTORIAL = IncreasingTask()
UNEQUAL = ExplicitTask(sequences=(("C", "a", "b", "C"), ("D", "a", "b", "a", "a", "D")))
FOUR_KEYS = IncreasingTask(sequence_length=6, keys=4, alphabet_size=12)
LONG = IncreasingTask(sequence_length=31)
WIDE = IncreasingTask(sequence_length=12, alphabet_size=90)
MARKED = MarkedTask(lag=20, distractors=70, sequences_per_epoch=4, test_sequences=6, criterion_sequences=20)
SHORT_MARKED = MarkedTask(lag=3, distractors=3, sequences_per_epoch=4, test_sequences=6, criterion_sequences=20)
SOLVED_AT_ONCE = ExplicitTask(sequences=(("a", "b", "c", "a"),))
FRESH = RandomTask(sequence_length=7, sequences_per_epoch=4, test_sequences=5)
FIXED = RandomTask(sequence_length=20, train_sequences=4, test_sequences=5)
LONG_FIXED = RandomTask(sequence_length=150, train_sequences=4, test_sequences=5)

GRID: list[tuple[Any, dict[str, Any]]] = [
    (TUTORIAL, {}),
    (TUTORIAL, {"shuffle": True}),
    (TUTORIAL, {"batch_size": 2}),
    (TUTORIAL, {"batch_size": 2, "timesteps": 2, "learning_rate": 0.03}),
    (TUTORIAL, {"timesteps": 2}),
    (TUTORIAL, {"timesteps": 4, "units": 7}),
    (TUTORIAL, {"timesteps": "full", "output": "softmax"}),
    (TUTORIAL, {"timesteps": 3}),
    (TUTORIAL, {"loss_on": "last"}),
    (TUTORIAL, {"loss_on": "last", "timesteps": "full", "optimizer": "rmsprop"}),
    (TUTORIAL, {"stateful": False}),
    (TUTORIAL, {"stateful": False, "timesteps": 2, "shuffle": True}),
    (TUTORIAL, {"optimizer": "sgd", "learning_rate": 0.5}),
    (TUTORIAL, {"optimizer": "rmsprop", "units": 33}),
    (TUTORIAL, {"layers": 2, "units": 9}),
    (TUTORIAL, {"output": "softmax", "learning_rate": 0.01}),
    (TUTORIAL, {"stop_when_solved": True, "learning_rate": 0.05, "evaluate_every": 2, "output": "softmax"}),
    (UNEQUAL, {}),
    (UNEQUAL, {"shuffle": True, "optimizer": "rmsprop"}),
    (UNEQUAL, {"batch_size": 2, "timesteps": 2, "shuffle": True}),
    (UNEQUAL, {"loss_on": "last", "timesteps": 2, "shuffle": True}),
    (FOUR_KEYS, {"batch_size": 2, "shuffle": True}),
    (FOUR_KEYS, {"batch_size": 4, "timesteps": 5, "layers": 2, "units": 5}),
    (FOUR_KEYS, {"batch_size": 2, "shuffle": True, "loss_on": "last", "timesteps": 5, "output": "softmax"}),
    (TUTORIAL, {"cell": "gru"}),
    (TUTORIAL, {"cell": "gru", "gate_bias": "chrono", "timesteps": "full"}),
    (TUTORIAL, {"cell": "mlp"}),
    (TUTORIAL, {"cell": "mlp", "lags": 2, "layers": 2, "timesteps": 2}),
    (TUTORIAL, {"gate_bias": "zeros"}),
    (TUTORIAL, {"lags": 2}),
    (TUTORIAL, {"lags": 3, "stateful": False}),
    (TUTORIAL, {"batch_layout": "steps", "batch_size": 4}),
    (TUTORIAL, {"batch_layout": "steps", "batch_size": 2, "shuffle": True}),
    (UNEQUAL, {"timesteps": "full", "last_weight": 3.0, "cell": "simple_rnn"}),
    (LONG, {"timesteps": "full"}),
    (LONG, {"timesteps": "full", "cell": "gru", "layers": 2, "units": 6}),
    (LONG, {"timesteps": 11, "cell": "simple_rnn", "clip_norm": 0.1}),
    (LONG, {"timesteps": "full", "loss_on": "last", "gate_bias": "chrono", "clip_norm": 1.0, "learning_rate": 0.01}),
    (WIDE, {"timesteps": "full", "batch_size": 2, "last_weight": 5.0}),
    (MARKED, {"timesteps": "full", "loss_on": "last", "gate_bias": "chrono", "clip_norm": 1.0, "output": "softmax"}),
    (SHORT_MARKED, {"timesteps": 3, "batch_size": 4, "cell": "gru"}),
    (FRESH, {"loss_on": "last", "batch_size": 2}),
    (FIXED, {"timesteps": 7, "batch_size": 2, "shuffle": True}),
    (LONG_FIXED, {"timesteps": 70, "batch_size": 4, "layers": 2, "units": 7}),
]


QUICKLY = pytest.mark.usefixtures("literal_loop_without_repetition")
"""Where the literal loop trains."""


def trainer(task: Any, seeds: tuple[int, ...], **parameters: Any) -> Trainer:
    configuration = Configuration(task=task).replace(**parameters)
    return start_training(configuration, build_task(task), seeds)


def both(task: Any, seeds: tuple[int, ...], **parameters: Any) -> tuple[Trainer, Trainer]:
    return (
        trainer(task, seeds, trainer="fit", **parameters),
        trainer(task, seeds, trainer="fused", **parameters),
    )


def assert_same_training(literal: Trainer, fused: Trainer, epochs: int) -> None:
    """The contract: initial weights bit for bit, losses within 1e-4 relative, the same predictions."""
    for ours, theirs in zip(literal.weights(), fused.weights(), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(ours, theirs, strict=True))
    slow, fast = literal.advance(epochs), fused.advance(epochs)
    np.testing.assert_allclose(fast.loss, slow.loss, rtol=1e-4)
    for name in ("epochs", "sequences", "updates", "accuracy", "recall_accuracy", "sequence_accuracy", "solved"):
        np.testing.assert_array_equal(getattr(fast, name), getattr(slow, name), err_msg=name)
    np.testing.assert_allclose(fast.max_error, slow.max_error, atol=1e-4)
    np.testing.assert_allclose(fast.of("test_loss"), slow.of("test_loss"), rtol=1e-4)
    for name in ("margin", "recall_margin", "recall_bits"):
        np.testing.assert_allclose(fast.of(name), slow.of(name), atol=2e-4, err_msg=name)
    np.testing.assert_array_equal(fused.step_accuracy(), literal.step_accuracy())
    for ours, theirs in zip(literal.weights(), fused.weights(), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-3)


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize(("task", "parameters"), GRID, ids=lambda v: str(v) if isinstance(v, dict) else v.name)
def test_the_trainers_agree_seed_by_seed(task: Any, parameters: dict[str, Any]) -> None:
    options = {"epochs": 8, "evaluate_every": 4} | parameters
    assert_same_training(*both(task, (0, 3), **options), epochs=8)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize("symbols", [6, 70])
@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn", "mlp"])
def test_the_written_out_gradient_is_the_one_that_tensorflow_derives(
    cell: Any, output: Any, symbols: int, lanes: int, monkeypatch: Any
) -> None:
    """In double precision: the loops, against TensorFlow's own gradient of the steps written one below the other."""
    import tensorflow as tf

    from sweep.experiment.configuration import ModelConfig
    from sweep.training.compiled.tensorflow import network
    from sweep.training.keras_model import build_model

    config = ModelConfig(cell=cell, units=5, layers=2, output=output)
    rng = np.random.default_rng(0)
    shapes = [w.shape for w in build_model(config, symbols, batch_size=1, timesteps=1).trainable_variables]
    net = network.Network(config, symbols, symbols)
    replicates = [net.packing.packed([rng.normal(0, 0.4, s).astype(np.float32) for s in shapes]) for _ in range(2)]
    weights = [tf.constant(np.stack(each), tf.float64) for each in zip(*replicates, strict=True)]
    shown = tf.constant(rng.integers(0, symbols + 1, (12, 2, lanes, 1)), tf.int32)
    asked = tf.constant(rng.integers(0, symbols, (12, 2, lanes)), tf.int32)
    counted = rng.uniform(0.1, 1, size=(12, 2, lanes)) * (np.arange(12) < 10)[:, None, None]
    state = [tf.constant(rng.normal(0, 0.5, (2, lanes, size))) for size in net.state_sizes]

    for last_only in (False, True):
        weight = tf.constant(counted * (np.arange(12) == 9)[:, None, None] if last_only else counted)

        def window(last_only: bool = last_only, weight: Any = weight) -> Any:
            return net.gradient(weights, state, shown, asked, weight, tf.constant(10), last_only=last_only)

        looped = window()
        with monkeypatch.context() as patch, tf.GradientTape() as tape:
            patch.setattr(network, "UNROLLED", 100)
            tape.watch(weights)
            written_out = window()
        derived = tape.gradient(written_out.loss, weights)
        np.testing.assert_allclose(looped.loss, written_out.loss, rtol=1e-12)
        for ours, theirs in zip(looped.gradients, derived, strict=True):
            assert np.abs(theirs).max() > 0
            np.testing.assert_allclose(ours, tf.convert_to_tensor(theirs), rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn", "mlp"])
@pytest.mark.parametrize("symbols", [3, 70])
def test_packed_weights_come_back_as_they_were(cell: Any, symbols: int) -> None:
    from sweep.experiment.configuration import ModelConfig
    from sweep.training.compiled.tensorflow.packing import Packing
    from sweep.training.keras_model import build_model

    config = ModelConfig(cell=cell, units=5, layers=2)
    rng = np.random.default_rng(0)
    shapes = [w.shape for w in build_model(config, symbols, batch_size=1, timesteps=1).trainable_variables]
    weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    packing = Packing(config, symbols, symbols)
    for back, weight in zip(packing.unpacked(packing.packed(weights)), weights, strict=True):
        np.testing.assert_array_equal(back, weight)


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
def test_a_success_counts_only_if_the_criterion_sequences_confirm_it(kind: str, monkeypatch: Any) -> None:
    task = RandomTask(
        sequence_length=3, alphabet_size=6, test_sequences=2, sequences_per_epoch=16, criterion_sequences=50
    )
    options = {
        "trainer": kind,
        "epochs": 6,
        "evaluate_every": 2,
        "learning_rate": 0.05,
        "timesteps": "full",
        "loss_on": "last",
    }
    asked: list[int] = []

    def third_time(self: Trainer, replicate: int) -> bool:
        asked.append(self.epoch)
        return len(asked) == 3

    monkeypatch.setattr(Trainer, "meets_criterion", third_time)
    scores = trainer(task, (0,), **options).advance(6)
    assert scores.sequence_accuracy.tolist() == [[1.0, 1.0, 1.0]], "the test alone should look solved each time"
    assert scores.solved.tolist() == [[False, False, True]]
    assert len(asked) == 3


@pytest.mark.slow
def test_the_criterion_refuses_a_network_that_errs_on_one_of_its_sequences() -> None:
    task = RandomTask(sequence_length=8, test_sequences=10, criterion_sequences=600)
    untrained = trainer(task, (0,), epochs=1)
    assert not untrained.meets_criterion(0)
    right, error = untrained.recalled(0, build_task(task).test_sequences(0))
    assert right.shape == error.shape == (10,)
    assert not right.all()
    assert (error > 0).all()


@QUICKLY
@pytest.mark.slow
def test_the_trainers_agree_over_fifty_epochs_of_the_tutorial() -> None:
    seeds = (0, 1, 2, 11)
    assert_same_training(*both(TUTORIAL, seeds, epochs=50, evaluate_every=10), epochs=50)


@QUICKLY
@pytest.mark.slow
def test_the_trainers_end_with_the_same_predictions_after_all_of_the_tutorial() -> None:
    literal, fused = both(TUTORIAL, (4,), epochs=250, evaluate_every=250)
    assert_same_training(literal, fused, epochs=250)


@pytest.mark.slow
def test_the_literal_trainer_is_the_tutorials_script() -> None:
    """The script is written out here as its author would in Keras 3, with nothing of ours."""
    import keras

    keras.utils.set_random_seed(5)
    model = keras.Sequential(
        [
            keras.Input(batch_shape=(1, 1, 5)),
            keras.layers.LSTM(20, stateful=True),
            keras.layers.Dense(5, activation="sigmoid"),
        ]
    )
    model.compile(loss="binary_crossentropy", optimizer="adam")
    start = model.get_weights()
    one_hot = np.eye(5, dtype=np.float32)
    losses = []
    for _ in range(3):
        for sequence in ([3, 0, 1, 2, 3], [4, 0, 1, 2, 4]):
            x, y = one_hot[sequence[:-1]].reshape(4, 1, 5), one_hot[sequence[1:]]
            losses += model.fit(x, y, epochs=1, batch_size=1, shuffle=False, verbose=0).history["loss"]
            model.layers[0].reset_state()

    ours = trainer(TUTORIAL, (5,), trainer="fit", epochs=3)
    assert all(np.array_equal(a, b) for a, b in zip(start, ours.weights()[0], strict=True))
    scores = ours.advance(3)
    for theirs, mine in zip(model.get_weights(), ours.weights()[0], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    np.testing.assert_allclose(scores.loss[0], np.mean(np.reshape(losses, (3, 2)), axis=1), rtol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": True, "learning_rate": 0.02},
        {"cell": "gru", "layers": 2, "optimizer": "rmsprop", "gate_bias": "chrono", "clip_norm": 1.0, "timesteps": 2},
    ],
)
def test_the_literal_trainer_learns_the_same_where_keras_makes_pipelines_and_traces_anew(options: Any) -> None:
    """To the last bit; it takes several times as long, so that the other tests do without."""
    options = {"trainer": "fit", "epochs": 4, "evaluate_every": 2} | options
    with pytest.MonkeyPatch.context() as patch:
        pipelines = with_one_pipeline_for_equal_arrays(patch)
        with_one_traced_model_for_equal_ones(patch)
        others = {"learning_rate": 0.1, "gate_bias": "zeros"}
        trainer(TUTORIAL, (7,), **options | others).advance(1)  # lends its trace, and leaves its variables behind
        quick = trainer(TUTORIAL, (2, 5), **options)
        learnt = quick.advance(4)
        assert len(pipelines) == 4, "of two sequences, to train on and to test on"
        steps, weights = quick.step_accuracy(), quick.weights()
    literal = trainer(TUTORIAL, (2, 5), **options)
    learnt_anew = literal.advance(4)
    assert len(pipelines) == 4
    for name in ("loss", "max_error", "accuracy"):
        np.testing.assert_array_equal(getattr(learnt_anew, name), getattr(learnt, name))
    np.testing.assert_array_equal(literal.step_accuracy(), steps)
    for one, other in zip(weights, literal.weights(), strict=True):
        assert all(np.array_equal(ours, theirs) for ours, theirs in zip(one, other, strict=True))


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
def test_it_does_not_matter_in_which_chunks_the_epochs_are_trained(kind: str) -> None:
    options = {"trainer": kind, "epochs": 5, "shuffle": True, "batch_size": 1}
    whole, parts = trainer(TUTORIAL, (1, 2), **options), trainer(TUTORIAL, (1, 2), **options)
    at_once = whole.advance(5)
    first, second = parts.advance(2), parts.advance(3)
    np.testing.assert_array_equal(np.concatenate([first.loss, second.loss], axis=1), at_once.loss)
    np.testing.assert_array_equal(np.concatenate([first.updates, second.updates], axis=1), at_once.updates)
    for a, b in zip(whole.weights(), parts.weights(), strict=True):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
def test_the_accuracy_by_step_stays_that_of_the_latest_test_when_the_training_goes_on_without_one(kind: str) -> None:
    options = {"trainer": kind, "epochs": 80, "evaluate_every": 10, "learning_rate": 0.05}
    each = trainer(SOLVED_AT_ONCE, (0, 1), stop_when_solved=True, **options)
    assert each.advance(10).solved.all()
    assert each.advance(10).solved.sum() == 0, "trained on though solved"
    np.testing.assert_array_equal(each.step_accuracy(), np.ones((2, 3)))


def test_before_the_first_test_there_is_no_accuracy_by_step() -> None:
    each = trainer(TUTORIAL, (0, 1), trainer="fused", epochs=6, evaluate_every=6)
    each.advance(2)
    assert np.isnan(each.step_accuracy()).all()
    each.advance(4)
    assert not np.isnan(each.step_accuracy()).any()


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
def test_testing_does_not_disturb_training(kind: str) -> None:
    often = trainer(TUTORIAL, (1,), trainer=kind, epochs=6, evaluate_every=1)
    once = trainer(TUTORIAL, (1,), trainer=kind, epochs=6, evaluate_every=6)
    assert often.advance(6).epochs.tolist() == [1, 2, 3, 4, 5, 6]
    assert once.advance(6).epochs.tolist() == [6]
    often.step_accuracy()
    for a, b in zip(often.weights()[0], once.weights()[0], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.slow
def test_the_same_trial_gives_the_same_bits_again() -> None:
    options = {"epochs": 40, "shuffle": True, "learning_rate": 0.01}
    first, again = trainer(TUTORIAL, tuple(range(9)), **options), trainer(TUTORIAL, tuple(range(9)), **options)
    one, two = first.advance(40), again.advance(40)
    for name in ("loss", "max_error", "accuracy"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


@pytest.mark.slow
def test_a_solved_replicate_stops_and_the_others_go_on() -> None:
    options = {"epochs": 120, "learning_rate": 0.01, "output": "softmax"}
    free = trainer(TUTORIAL, tuple(range(8)), **options).advance(120)
    stopping = trainer(TUTORIAL, tuple(range(8)), stop_when_solved=True, **options).advance(120)
    first = np.where(free.solved.any(axis=1), free.solved.argmax(axis=1), 119)
    assert len(set(first)) > 1, "the seeds should differ in when they solve it"
    np.testing.assert_array_equal(stopping.tested.sum(axis=1), first + 1)
    for row, last in enumerate(first):
        # Not bit for bit: a program that can stop replicates is another program, and rounds differently.
        np.testing.assert_allclose(stopping.loss[row, : last + 1], free.loss[row, : last + 1], rtol=1e-5)
        assert np.isnan(stopping.loss[row, last + 1 :]).all()


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
def test_a_network_that_diverged_answers_nothing(kind: str) -> None:
    scores = trainer(
        TUTORIAL, (0,), trainer=kind, epochs=8, optimizer="sgd", learning_rate=1e38, output="softmax", evaluate_every=8
    ).advance(8)
    assert scores.diverged.tolist() == [True]
    assert scores.accuracy.tolist() == [[0.0]]
    assert not scores.solved.any()
    assert all(np.isnan(scores.of(name)).all() for name in ("margin", "recall_margin", "recall_bits", "test_loss"))


@QUICKLY
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fit", "fused"])
@pytest.mark.parametrize("parameters", [{}, {"timesteps": 3, "last_weight": 3.0}, {"batch_layout": "steps"}])
def test_the_tests_loss_is_the_trainings_where_no_weight_moves(kind: str, parameters: dict[str, Any]) -> None:
    still = {"learning_rate": 1e-30, "optimizer": "sgd", "epochs": 1, "batch_size": 2} | parameters
    scores = trainer(TUTORIAL, (0, 1), trainer=kind, **still).advance(1)
    np.testing.assert_allclose(scores.of("test_loss"), scores.loss, rtol=1e-5)


@pytest.mark.slow
def test_trials_of_one_bucket_share_a_compiled_program() -> None:
    from sweep.training.compiled.programs import compiled_program

    compiled_program.cache_clear()
    trainers = [
        trainer(TUTORIAL, (0, 1), units=units, learning_rate=rate, epochs=epochs, shuffle=shuffle)
        for units, rate, epochs, shuffle in [(3, 0.01, 2, True), (8, 0.02, 3, False), (5, 0.1, 4, True)]
    ]
    for each in trainers:
        each.advance(2)
    programs = {id(each._groups[0]._program): each._groups[0]._program for each in trainers}  # type: ignore[attr-defined]
    assert len(programs) == 1
    (program,) = programs.values()
    assert len(program.run._names) == 1
    trainer(TUTORIAL, (0, 1), units=9).advance(1)
    assert compiled_program.cache_info().currsize == 2
    compiled_program.cache_clear()  # as when a sweep needs one again that it has not used for long
    again = trainer(TUTORIAL, (0, 1), units=3, learning_rate=0.01, epochs=2, shuffle=True)
    before = trainer(TUTORIAL, (0, 1), units=3, learning_rate=0.01, epochs=2, shuffle=True)
    assert again.advance(2).loss.tolist() == before.advance(2).loss.tolist()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"max_error": 1.0}, {"max_error": 0.3}),
        ({"timesteps": "full"}, {"timesteps": 4}),
        ({"batch_layout": "sequences"}, {"batch_layout": "steps"}),
        ({"gate_bias": "zeros"}, {"gate_bias": "chrono", "chrono_max": 9}),
        ({"clip_norm": 1.0}, {"clip_norm": 0.2}),
        ({"last_weight": 1.0}, {"last_weight": 7.0}),
        ({"units": 9}, {"units": 20}),
        ({"evaluate_every": 1}, {"evaluate_every": 3}),
    ],
)
def test_what_no_program_reads_splits_no_key(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(one) == key(other)


@pytest.mark.slow
@pytest.mark.parametrize(
    "parameters",
    [
        *({"cell": "gru"}, {"units": 21}, {"layers": 2}, {"output": "softmax"}, {"stateful": False}),
        *({"batch_size": 2}, {"timesteps": 2}, {"lags": 2}, {"optimizer": "sgd"}, {"clip_norm": 1.0}),
        *({"loss_on": "last"}, {"stop_when_solved": True}, {"sequence_length": 6}, {"alphabet_size": 9}),
    ],
)
def test_what_a_program_reads_splits_its_key(parameters: dict[str, Any]) -> None:
    assert key(parameters) != key({})


def key(parameters: dict[str, Any]) -> Any:
    from sweep.training.compiled.shape import shape_of

    configuration = Configuration(task=TUTORIAL).replace(**parameters, trainer="fit")
    return shape_of(start_training(configuration, build_task(configuration.task), (0, 1)), seeds=2)


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 2])
def test_initial_weights_are_those_of_a_plain_keras_script(layers: int) -> None:
    import keras

    from sweep.experiment.configuration import ModelConfig
    from sweep.training.initial_weights import initial_weights

    seeds = (0, 1, 7, 12345)
    for units in (1, 3, 20, 64):
        drawn = initial_weights(ModelConfig(units=units, layers=layers), 5, seeds)
        for seed, weights in zip(seeds, drawn, strict=True):
            keras.utils.set_random_seed(seed)
            recurrent = [keras.layers.LSTM(units, stateful=True, return_sequences=True) for _ in range(layers)]
            plain = keras.Sequential(
                [keras.Input(batch_shape=(1, 1, 5)), *recurrent, keras.layers.Dense(5, activation="sigmoid")]
            )
            assert all(np.array_equal(a, b) for a, b in zip(plain.get_weights(), weights, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["lstm", "gru", "simple_rnn", "mlp"])
@pytest.mark.parametrize(("units", "layers", "symbols"), [(1, 1, 5), (20, 1, 5), (7, 3, 12)])
def test_the_weights_are_counted_as_keras_counts_them(cell: Any, units: int, layers: int, symbols: int) -> None:
    from sweep.experiment.configuration import ModelConfig
    from sweep.training.keras_model import build_model, num_weights

    config = ModelConfig(cell=cell, units=units, layers=layers)
    model = build_model(config, symbols, batch_size=1, timesteps=1, lags=3)
    assert num_weights(config, symbols, lags=3) == model.count_params()


@pytest.mark.slow
def test_chrono_draws_the_forget_bias_of_tallec_and_ollivier_and_its_negative() -> None:
    from sweep.experiment.configuration import ModelConfig
    from sweep.training.initial_weights import initial_weights

    lstm = initial_weights(ModelConfig(units=64, gate_bias="chrono", chrono_max=101), 5, (0, 1))
    inputs, forget, candidate, output = np.split(lstm[0][2], 4)
    np.testing.assert_array_equal(inputs, -forget)
    assert not candidate.any()
    assert not output.any()
    memory = np.exp(forget)
    assert 1 <= memory.min() < 15
    assert 85 < memory.max() <= 100
    assert not np.array_equal(lstm[0][2], lstm[1][2])
    gru = initial_weights(ModelConfig(cell="gru", units=64, gate_bias="chrono", chrono_max=101), 5, (0,))[0][2]
    assert (gru[0, :64] > 0).all()
    assert not gru[0, 64:].any()
    assert not gru[1].any()


def test_padding_a_weight_and_taking_it_back_changes_nothing() -> None:
    units, large = 3, bucket(3)
    rng = np.random.default_rng(0)
    shapes = [(5, 4 * units), (units, 4 * units), (4 * units,), (units, 5), (5,)]
    full = [(5, 4 * large), (large, 4 * large), (4 * large,), (large, 5), (5,)]
    weights = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    laid = padded(weights, full, units)
    assert [w.shape for w in laid] == full
    assert sum(np.count_nonzero(w) for w in laid) == sum(w.size for w in weights)
    back = unpadded(laid, shapes, units)
    assert all(np.array_equal(a, b) for a, b in zip(weights, back, strict=True))


def test_each_gate_is_padded_by_itself() -> None:
    laid = padded([np.arange(1, 9, dtype=np.float32)], [(4 * 3,)], units=2)[0]
    assert laid.tolist() == [1, 2, 0, 3, 4, 0, 5, 6, 0, 7, 8, 0]


@pytest.mark.slow
def test_a_batch_of_long_sequences_over_a_large_alphabet_trains_in_under_2_gb() -> None:
    """32 sequences of 1,000 steps over 1,000 symbols: 128 MB as one-hot vectors, each time they are built whole."""
    script = """
from sweep.experiment.configuration import Configuration
from sweep.tasks.random import RandomTask
from sweep.training.trial import run_trial

task = RandomTask(sequence_length=1001, alphabet_size=1000, sequences_per_epoch=32, test_sequences=32)
configuration = Configuration(task=task).replace(timesteps="full", batch_size=32, epochs=2, output="softmax")
outcome = run_trial(configuration, (0,), lambda scores: False)
status = open("/proc/self/status").read()  # getrusage would count the process that started this one, too
print(outcome.state, status.split("VmHWM:")[1].split()[0])
"""
    ran = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=300)
    state, kilobytes = ran.stdout.split()
    assert state == "complete"
    assert int(kilobytes) < 2_000_000
