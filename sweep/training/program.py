"""The XLA program of the compiled trainer: epochs, sequences and replicates in one call.

What happens to one replicate is written for one plain Keras model and optimiser, in `replicate.py`, and
vectorised over the replicates here. What a trial may vary without changing a shape is an input (learning
rate, epochs, order), so that many trials share one compiled program.

Letters in shapes: R replicates, E epochs, N sequences, B lanes, T steps, Q test sequences.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.config import Configuration
from sweep.training.contract import SCORES
from sweep.training.replicate import Replicate

EPOCHS_PER_CALL = 128
"""Epochs that one call can hold: an XLA program's buffers have a fixed size."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """All that a compiled program depends on; equal shapes share one program."""

    configuration: Configuration
    num_symbols: int
    replicates: int
    sequences: int
    steps: int
    test_sequences: int
    test_steps: int
    window: int
    masked: bool  # whether some windows have nothing to score, or replicates may stop


@dataclass(frozen=True, kw_only=True)
class Data:
    """What a program trains and tests on; symbols are int32, masks boolean."""

    symbols: Any  # (N, T + 1)
    weights: Any  # (N, T) float32: how much each step's loss counts
    test_symbols: Any  # (Q, T + 1)
    test_exists: Any  # (Q, T): no padding
    test_scored: Any  # (Q, T)
    test_last: Any  # (Q, T)

    @functools.cached_property
    def totals(self) -> dict[str, int]:
        """Of how many steps or sequences the counts of a test are, by the name of the score."""
        return {
            "accuracy": int(self.test_scored.sum()),
            "recall_accuracy": int(self.test_last.sum()),
            "sequence_accuracy": len(self.test_last),
        }

    @functools.cached_property
    def tensors(self) -> dict[str, tf.Tensor]:
        """The fields by name, as the program takes them."""
        return {field.name: tf.constant(getattr(self, field.name)) for field in fields(self)}


@functools.lru_cache(maxsize=32)
def compiled_program(shape: Shape) -> "Program":
    """The program of a shape, built once in a process."""
    return Program(shape)


class Program:
    """A compiled training program: a function of weights, optimiser state and data, without a state of its own."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.replicate = Replicate(shape.configuration, shape.num_symbols, window=shape.window)
        self.run: Callable[..., Any] = tf.function(self._run, jit_compile=True, autograph=False)

    def _run(
        self,
        learner: Any,  # weights and optimiser state of every replicate
        alive: tf.Tensor,  # (R,) bool: the replicates that still train
        data: dict[str, tf.Tensor],
        order: tf.Tensor,  # (E, R, N) int32: rows of the training symbols
        tested: tf.Tensor,  # (E,) bool: whether a test follows the epoch
        num_epochs: tf.Tensor,  # () int32, at most E
        learning_rate: tf.Tensor,  # (R,)
        stop_when_solved: tf.Tensor,  # () bool
    ) -> tuple[Any, tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        """Train `num_epochs` epochs: the learner, alive, the scores (E, R) each, hits (R, T) of the last test.

        The three accuracies are counts of what was right.
        """
        replicates = self.shape.replicates

        def one_epoch(epoch: tf.Tensor, learner: Any, alive: tf.Tensor, curves: Any, steps: tf.Tensor) -> Any:
            learner, loss = self._train_epoch(learner, alive, data, order[epoch], learning_rate)

            def test() -> tuple[Any, tf.Tensor]:
                *scores, steps = self._test(learner, data)
                return [loss, *scores], steps

            def skip() -> tuple[Any, tf.Tensor]:
                return [tf.fill([replicates], np.float32(np.nan)) for _ in SCORES], steps

            scores, steps = tf.cond(tested[epoch], test, skip)
            rows = [tf.where(alive, score, np.nan) for score in scores]
            curves = [tf.tensor_scatter_nd_update(c, [[epoch]], [row]) for c, row in zip(curves, rows, strict=True)]
            solved = scores[SCORES.index("sequence_accuracy")] == float(self.shape.test_sequences)
            alive &= ~(stop_when_solved & solved)
            return epoch + 1, learner, alive, curves, steps

        curves = [tf.fill([EPOCHS_PER_CALL, replicates], np.float32(np.nan)) for _ in SCORES]
        steps = tf.zeros((replicates, self.shape.test_steps))
        _, learner, alive, curves, steps = tf.while_loop(
            lambda epoch, _, alive, *__: (epoch < num_epochs) & tf.reduce_any(alive),
            one_epoch,
            (tf.constant(0), learner, alive, curves, steps),
        )
        return learner, alive, dict(zip(SCORES, curves, strict=True)), steps

    def _train_epoch(
        self,
        learner: Any,
        alive: tf.Tensor,
        data: dict[str, tf.Tensor],
        order: tf.Tensor,
        learning_rate: tf.Tensor,
    ) -> tuple[Any, tf.Tensor]:
        """Train every sequence once, in `order` (R, N): the learner and the mean loss (R,) of its updates."""
        shape = self.shape
        lanes = shape.configuration.training.batch_size

        def one_batch(batch: tf.Tensor, learner: Any, total: tf.Tensor, updates: tf.Tensor) -> Any:
            rows = tf.slice(order, (0, batch * lanes), (shape.replicates, lanes))
            symbols = tf.gather(data["symbols"], rows)  # (R, B, T + 1)
            weights = tf.gather(data["weights"], rows)  # (R, B, T)

            def one_window(index: tf.Tensor, learner: Any, state: Any, total: tf.Tensor, updates: tf.Tensor) -> Any:
                seen = _window(symbols, index * shape.window, shape.window + 1)
                weight = _window(weights, index * shape.window, shape.window)
                if not shape.configuration.model.stateful:
                    state = self._zero_state(lanes)
                loss, learner, state, updated = vectorize(
                    lambda *a: self.replicate.update(*a, masked=shape.masked),
                    learner,
                    state,
                    seen,
                    weight,
                    alive,
                    learning_rate,
                )
                return index + 1, learner, state, total + loss, updates + updated

            start = (tf.constant(0), learner, self._zero_state(lanes), total, updates)
            _, learner, _, total, updates = tf.while_loop(
                lambda index, *_: index < shape.steps // shape.window, one_window, start
            )
            return batch + 1, learner, total, updates

        nothing = tf.zeros(shape.replicates)
        _, learner, total, updates = tf.while_loop(
            lambda batch, *_: batch < shape.sequences // lanes,
            one_batch,
            (tf.constant(0), learner, nothing, nothing),
        )
        return learner, total / updates

    def _test(self, learner: Any, data: dict[str, tf.Tensor]) -> tuple[tf.Tensor, ...]:
        """What was right: steps, final steps, sequences; the largest error, each (R,); and hits (R, T) by step.

        These are counts. Dividing them in single precision would make 3 of 20 right 0.15000001.
        """
        shape = self.shape
        symbols = tf.transpose(data["test_symbols"])  # (T + 1, Q)
        scored = data["test_scored"]

        def one_step(index: tf.Tensor, state: Any, error: tf.Tensor, hits: tf.TensorArray) -> Any:
            if not shape.configuration.model.stateful:
                state = [tf.where(index % shape.window == 0, 0.0, part) for part in state]
            target = symbols[index + 1]
            output, state = vectorize(
                lambda weights, state: self.replicate.step(weights, state, symbols[index]),
                learner["weights"],
                state,
            )  # (R, Q, S)
            distance = tf.reduce_max(tf.abs(output - tf.one_hot(target, shape.num_symbols)), axis=2)
            error = tf.maximum(error, tf.reduce_max(tf.where(scored[:, index], distance, 0.0), axis=1))
            finite = tf.reduce_all(tf.math.is_finite(output), axis=2)  # a diverged network answers nothing
            hit = (tf.argmax(output, axis=2, output_type=tf.int32) == target) & finite
            return index + 1, state, error, hits.write(index, hit)

        hits = tf.TensorArray(tf.bool, shape.test_steps, element_shape=(shape.replicates, shape.test_sequences))
        _, _, error, hits = tf.while_loop(
            lambda index, *_: index < shape.test_steps,
            one_step,
            (tf.constant(0), self._zero_state(shape.test_sequences), tf.zeros(shape.replicates), hits),
        )
        hits = tf.transpose(hits.stack(), (1, 2, 0))  # (R, Q, T)
        return (
            _count(hits & scored, axis=[1, 2]),
            _count(hits & data["test_last"], axis=[1, 2]),
            _count(tf.reduce_all(hits | ~scored, axis=2), axis=[1]),
            error,
            _count(hits & data["test_exists"], axis=[1]),
        )

    def _zero_state(self, lanes: int) -> list[tf.Tensor]:
        return [tf.zeros((self.shape.replicates, lanes, size)) for size in self.replicate.state_sizes]


def vectorize(function: Callable[..., Any], *arguments: Any) -> Any:
    """Apply a function of one replicate to all of them: R is the first axis of everything in and out."""
    return tf.vectorized_map(lambda packed: function(*packed), arguments, fallback_to_while_loop=False)


def _window(values: tf.Tensor, first: tf.Tensor, size: int) -> tf.Tensor:
    return tf.slice(values, (0, 0, first), (values.shape[0], values.shape[1], size))


def _count(true: tf.Tensor, axis: list[int]) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(true, tf.float32), axis=axis)
