"""The definitions of what a test measures: by hand, by Keras's own losses, and by brute force over sequences."""

import itertools
from typing import Any

import keras
import numpy as np
import pytest

from sweep.experiment.configuration import Configuration, ModelConfig, TrainingConfig
from sweep.tasks.explicit import ExplicitTask
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.marked import MarkedTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task
from sweep.tasks.task import Task
from sweep.training.lanes import Layout
from sweep.training.measures import key_bits, leads, losses, shares_of_updates
from sweep.training.memoryless import memoryless_loss
from sweep.training.trainer import loss_weights


def configuration(task: Any, **parameters: Any) -> Configuration:
    return Configuration(task=task, model=ModelConfig(), training=TrainingConfig()).replace(**parameters)


def test_a_lead_is_negative_behind_zero_at_a_tie_and_missing_where_nothing_is_answered() -> None:
    outputs = [[0.9, 0.4, 0.1], [0.9, 0.4, 0.1], [0.4, 0.4, 0.1], [np.nan, 0.4, 0.1]]
    assert leads(outputs, [0, 1, 1, 1])[:3] == pytest.approx([0.5, -0.5, 0.0])
    assert np.isnan(leads(outputs, [0, 1, 1, 1])[3])


def test_key_bits_are_those_of_the_keys_alone() -> None:
    outputs = [[0.9, 0.05, 0.15], [0.9, 0.0, 0.5], [0.9, 0.2, 0.2]]
    assert key_bits(outputs, [2, 1, 1], keys=[1, 2]) == pytest.approx(
        [np.log2(0.75), np.log2(1e-7 / 0.5), -1], rel=1e-4
    )


@pytest.mark.parametrize("output", ["sigmoid", "softmax"])
def test_a_loss_is_keras_own(output: str) -> None:
    rng = np.random.default_rng(0)
    outputs = rng.dirichlet(np.ones(5), size=20).astype(np.float32)
    outputs[:2] = [1, 0, 0, 0, 0]
    asked = np.array([0, 1, *rng.integers(5, size=18)])
    own = {"sigmoid": keras.losses.binary_crossentropy, "softmax": keras.losses.categorical_crossentropy}[output]
    expected = np.asarray(own(np.eye(5, dtype=np.float32)[asked], outputs))
    assert losses(outputs, asked, output) == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_the_shares_of_updates_are_the_weighted_means_of_windows_of_a_batch() -> None:
    weights = np.array([[1, 0, 3, 0], [1, 0, 1, 0]], np.float32)
    together = shares_of_updates(weights, window=2, lanes=2)
    assert together.tolist() == [[0.5, 0.0, 0.75, 0.0], [0.5, 0.0, 0.25, 0.0]]
    alone = shares_of_updates(weights, window=1, lanes=1)
    assert alone.tolist() == [[1.0, 0.0, 1.0, 0.0]] * 2


def test_what_must_be_remembered_is_the_keys_or_what_the_symbol_before_leaves_open() -> None:
    entropies = {}
    for sequences in (("ab", "bb"), ("ab", "ac"), ("xac", "yad", "zad", "wbd")):
        task = build_task(ExplicitTask(sequences=tuple(map(tuple, sequences))))
        entropies[sequences] = task.recall_entropy(task.test_sequences(0))
    after_a = (np.log2(3) + 2 * np.log2(3 / 2)) / 3  # c once and d twice in three
    assert list(entropies.values()) == pytest.approx([0.0, 1.0, 3 / 4 * after_a])
    for config, keys in ((IncreasingTask(keys=5), 5), (RandomTask(keys=3), 3), (MarkedTask(), 2)):
        task = build_task(config)
        symbols = task.recallable(task.test_sequences(0)).tolist()
        assert len(symbols) == keys
        drawn = task.test_sequences(0)
        assert set(drawn.symbols[:, 1:][drawn.last].tolist()) <= set(symbols)
        assert task.recall_entropy(drawn) == np.log2(keys)


SMALL = [
    (IncreasingTask(), {}),
    (IncreasingTask(keys=3, alphabet_size=9), {"timesteps": 3, "output": "softmax"}),
    (IncreasingTask(), {"loss_on": "last"}),
    (IncreasingTask(), {"last_weight": 4.0, "batch_size": 2}),
    (IncreasingTask(), {"batch_layout": "steps", "batch_size": 2}),
    (IncreasingTask(), {"lags": 2, "timesteps": 3}),
    (ExplicitTask(sequences=(("a", "b", "a"), ("a", "c", "b", "c"), ("b", "b", "c"))), {"timesteps": 2}),
    (ExplicitTask(sequences=(("a", "b", "a"), ("a", "c", "b", "c"))), {"batch_size": 2, "timesteps": "full"}),
]


@pytest.mark.parametrize(("task", "parameters"), SMALL)
def test_no_table_of_answers_to_the_current_symbol_has_less_than_the_memoryless_loss(
    task: Any, parameters: dict[str, Any]
) -> None:
    chosen = configuration(task, **parameters)
    bound = memoryless_loss(chosen, build_task(task))
    best, around = searched(chosen, build_task(task))
    assert bound is not None
    assert bound < best < 1.005 * bound  # a descent never gets answers to be 0 and 1
    assert min(around) >= best


def searched(chosen: Configuration, task: Task) -> tuple[float, list[float]]:
    """The loss of the best table of answers that a descent finds, update by update, and of tables beside it."""
    from scipy.optimize import minimize
    from scipy.special import expit, softmax

    training, layout, sequences = chosen.training, Layout(chosen, task), task.training_sequences(0, 1)
    weights = layout.collected(layout.laid(loss_weights(chosen, sequences)))
    squash = expit if chosen.model.output == "sigmoid" else lambda x: softmax(x, axis=-1)

    def loss(flat: Any) -> float:
        table = squash(np.reshape(flat, (task.num_symbols, task.num_symbols)))
        costs = losses(table[sequences.symbols[:, :-1]], sequences.symbols[:, 1:], chosen.model.output)
        laid, counted = layout.laid(costs), layout.laid(weights)
        found = []
        for first in range(0, len(laid), training.batch_size):
            for start in range(0, laid.shape[1], layout.window):
                part = slice(first, first + training.batch_size), slice(start, start + layout.window)
                if counted[part].any():
                    found.append(np.average(laid[part], weights=counted[part]))
        return float(np.mean(found))

    best = minimize(loss, np.zeros(task.num_symbols**2), options={"maxiter": 500})
    rng = np.random.default_rng(0)
    return best.fun, [loss(best.x + rng.normal(0, 0.3, best.x.shape)) for _ in range(20)]


@pytest.mark.parametrize(
    ("task", "parameters"),
    [
        (RandomTask(sequence_length=5, alphabet_size=6, keys=3, test_sequences=2), {"timesteps": 2}),
        (RandomTask(sequence_length=6, test_sequences=2), {"loss_on": "last", "output": "softmax"}),
        (MarkedTask(lag=2, distractors=4), {"timesteps": "full"}),
        (MarkedTask(lag=2, distractors=4), {"timesteps": 3, "output": "softmax", "last_weight": 2.0}),
        (MarkedTask(lag=2, distractors=4), {"loss_on": "last", "batch_size": 10}),
    ],
)
def test_the_bound_of_random_sequences_is_that_of_very_many_of_them(task: Any, parameters: dict[str, Any]) -> None:
    chosen, built = configuration(task, **parameters), build_task(task)
    layout, count = Layout(chosen, built), 40_000
    drawn = built.draw(np.random.default_rng(0), count)  # type: ignore[attr-defined]
    lanes = chosen.training.batch_size
    shares = layout.collected(shares_of_updates(layout.laid(loss_weights(chosen, drawn)), layout.window, lanes))
    shares /= shares.sum()
    joint = np.zeros((built.num_symbols, built.num_symbols))
    np.add.at(joint, (drawn.symbols[:, :-1], drawn.symbols[:, 1:]), shares)
    answers = joint / np.maximum(joint.sum(axis=1, keepdims=True), 1e-300)
    symbols = np.arange(built.num_symbols)
    of_pairs = losses(
        np.repeat(answers[:, None], len(symbols), axis=1), np.tile(symbols, (len(symbols), 1)), chosen.model.output
    )
    costs = of_pairs[drawn.symbols[:, :-1], drawn.symbols[:, 1:]]
    assert memoryless_loss(chosen, built) == pytest.approx((shares * costs).sum(), rel=5e-3)


def test_there_is_no_bound_where_chance_decides_which_lengths_meet_in_a_batch() -> None:
    uneven = ExplicitTask(sequences=(("a", "b", "a"), ("a", "c", "b", "c")))
    for task, parameters in (
        (uneven, {"batch_size": 2, "shuffle": True}),
        (MarkedTask(), {"batch_size": 2}),
    ):
        assert memoryless_loss(configuration(task, **parameters), build_task(task)) is None
    assert memoryless_loss(configuration(uneven, batch_size=2), build_task(uneven)) is not None


def test_without_memory_there_are_no_recall_bits_to_be_had() -> None:
    """Every table of shares of the keys has at most 0 bits, over sequences that are each as likely."""
    task = build_task(RandomTask(sequence_length=4, alphabet_size=5, keys=2, test_sequences=2))
    sequences = np.array([[key, *middle, key] for key in (3, 4) for middle in itertools.product(range(3), repeat=2)])
    rng = np.random.default_rng(0)
    for _ in range(100):
        table = rng.random((5, 5))
        bits = 1 + key_bits(table[sequences[:, -2]], sequences[:, -1], keys=[3, 4]).mean()
        assert bits <= 1e-12
    assert task.recallable(task.test_sequences(0)).tolist() == [3, 4]
