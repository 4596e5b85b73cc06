"""The XLA programs of the compiled trainer in TensorFlow; `jax_program.py` has the same in JAX.

Letters in shapes: R replicates, E epochs, N rows of the tables, M sequences of an epoch, B lanes, L steps of a
row, F features shown at a step, Q test rows.
"""

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from sweep.model import Weights, build_model
from sweep.training.network import Network
from sweep.training.optimizer import Learner, Optimizer
from sweep.training.shape import MEASURED, Program, Shape
from sweep.xla import Compiled


@functools.lru_cache(maxsize=32)
def compiled_program(shape: Shape) -> Program:
    """The program of a shape, built once in a process."""
    return TensorFlowProgram(shape)


class TensorFlowProgram(Program):
    """The two functions in TensorFlow, the gradient of a window written by hand (see network.py)."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        configuration = shape.configuration
        lags = configuration.training.lags
        model = build_model(configuration.model, shape.num_symbols, batch_size=1, timesteps=1, lags=lags)
        self.network = Network(configuration.model, shape.num_symbols, shape.num_features)
        self.weight_shapes = [tuple(weight.shape) for weight in model.trainable_variables]
        packed = self.network.packing.packed([weight.numpy() for weight in model.trainable_variables])
        self.optimizer = Optimizer(configuration, packed, shape.replicates)
        self.run = Compiled(self._run, f"run {shape}")
        self.test = Compiled(self._test, f"test {shape}")

    def packed(self, weights: Weights) -> Weights:
        """As the packing lays them."""
        return self.network.packing.packed(weights)

    def unpacked(self, weights: Weights) -> Weights:
        """The inverse."""
        return self.network.packing.unpacked(weights)

    def initial_slots(self) -> list[Any]:
        """Those of Keras's optimiser."""
        return self.optimizer.initial_slots()

    def _run(
        self,
        learner: Learner,
        alive: tf.Tensor,  # (R,) bool: the replicates that still train
        halting: tf.Tensor,  # (R,) bool: those whose success ends the call, because it has yet to be confirmed
        data: dict[str, tf.Tensor],  # shown (N, L, F), asked, weights (N, L), lengths (N,)
        test: dict[str, tf.Tensor],  # shown (R, Q, T, F), asked, scored, last (R, Q, T), lengths (R, Q)
        order: tf.Tensor,  # (E, R, M) int32: of each sequence the first row in the tables
        tested: tf.Tensor,  # (E,) bool: whether a test follows the epoch
        first: tf.Tensor,  # () int32: the epoch to begin with, counted from 0
        num_epochs: tf.Tensor,  # () int32: the epoch to end before, at most E
        learning_rate: tf.Tensor,  # (R,)
        clip_norm: tf.Tensor,  # (R,); read only where the configuration clips
        max_error: tf.Tensor,  # (): of a success
        stop_when_solved: tf.Tensor,  # () bool
    ) -> tuple[Any, tf.Tensor, tf.Tensor, dict[str, tf.Tensor], tf.Tensor]:
        """Train: learner, alive, the epoch reached, scores (E, R) each, hits by step (R, rows of a sequence, T).

        The three accuracies, and the hits of the last test, are counts of what was right: dividing them in single
        precision would make 3 of 20 right 0.15000001.
        """
        shape = self.shape
        replicates = shape.replicates

        def one_epoch(epoch: tf.Tensor, learner: Any, alive: tf.Tensor, _: Any, curves: Any, steps: Any) -> Any:
            learner, loss = self._train_epoch(learner, alive, data, order[epoch], learning_rate, clip_norm)

            def measure() -> tuple[Any, tf.Tensor]:
                hits, error = self._test(learner["weights"], test)
                scores, steps = self._counted(hits, test)
                return [
                    loss,
                    *scores,
                    tf.reduce_max(error, axis=1),
                    tf.cast(self.optimizer.updates(learner), tf.float32),
                ], steps

            def skip() -> tuple[Any, tf.Tensor]:
                return [tf.fill([replicates], np.float32(np.nan)) for _ in MEASURED], steps

            scores, steps = tf.cond(tested[epoch], measure, skip)
            rows = [tf.where(alive, score, np.nan) for score in scores]
            curves = [tf.tensor_scatter_nd_update(c, [[epoch]], [row]) for c, row in zip(curves, rows, strict=True)]
            all_right = scores[MEASURED.index("sequence_accuracy")] == shape.test_rows / shape.rows_per_sequence
            solved = alive & all_right & (scores[MEASURED.index("max_error")] <= max_error)
            alive &= ~(stop_when_solved & solved & ~halting)
            return epoch + 1, learner, alive, tf.reduce_any(solved & halting), curves, steps

        curves = [tf.fill([shape.epochs, replicates], np.float32(np.nan)) for _ in MEASURED]
        steps = tf.zeros((replicates, shape.rows_per_sequence, shape.test_steps))
        reached, learner, alive, _, curves, steps = tf.while_loop(
            lambda epoch, _, alive, halted, *__: (epoch < num_epochs) & tf.reduce_any(alive) & ~halted,
            one_epoch,
            (first, learner, alive, tf.constant(False), curves, steps),
        )
        return learner, alive, reached, dict(zip(MEASURED, curves, strict=True)), steps

    def _train_epoch(
        self, learner: Learner, alive: tf.Tensor, data: Any, order: tf.Tensor, learning_rate: Any, clip_norm: Any
    ) -> tuple[Learner, tf.Tensor]:
        """Train every sequence once, in `order` (R, M): the learner and the mean loss (R,) of its updates."""
        shape, training = self.shape, self.shape.configuration.training
        lanes, window = training.batch_size, shape.window
        sequences = lanes // shape.rows_per_sequence  # in a batch

        def one_batch(batch: tf.Tensor, learner: Any, total: tf.Tensor, updates: tf.Tensor) -> Any:
            first = tf.slice(order, (0, batch * sequences), (shape.replicates, sequences))
            rows = tf.reshape(first[..., None] + tf.range(shape.rows_per_sequence), (shape.replicates, lanes))
            shown = tf.transpose(tf.gather(data["shown"], rows), (2, 0, 1, 3))  # (L, R, B, F)
            asked = tf.transpose(tf.gather(data["asked"], rows), (2, 0, 1))
            weights = tf.transpose(tf.gather(data["weights"], rows), (2, 0, 1))
            longest = tf.reduce_max(tf.gather(data["lengths"], rows))

            def one_window(index: tf.Tensor, learner: Any, state: Any, total: tf.Tensor, updates: tf.Tensor) -> Any:
                if not shape.configuration.model.stateful:
                    state = self.network.zero_state(shape.replicates, lanes)
                weight = _window(weights, index, window)
                loss, state, gradients = self.network.gradient(
                    learner["weights"],
                    state,
                    _window(shown, index, window),
                    _window(asked, index, window),
                    weight,
                    tf.minimum(window, longest - index * window),
                    last_only=training.loss_on == "last",
                )
                made = tf.ones(shape.replicates)
                mask = None
                if shape.masked:
                    mask = alive & (tf.reduce_sum(weight, axis=(0, 2)) > 0)
                    made = tf.cast(mask, tf.float32)
                    loss = tf.where(mask, loss, 0.0)
                clip = None if training.clip_norm is None else clip_norm
                learner = self.optimizer.update(learner, gradients, learning_rate, clip, mask)
                return index + 1, learner, state, total + loss, updates + made

            state = self.network.zero_state(shape.replicates, lanes)
            _, learner, _, total, updates = tf.while_loop(
                lambda index, *_: index * window < longest,
                one_window,
                (tf.constant(0), learner, state, total, updates),
            )
            return batch + 1, learner, total, updates

        nothing = tf.zeros(shape.replicates)
        _, learner, total, updates = tf.while_loop(
            lambda batch, *_: batch < shape.sequences // sequences,
            one_batch,
            (tf.constant(0), learner, nothing, nothing),
        )
        return learner, total / updates

    def _test(self, weights: list[tf.Tensor], test: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        """Where the answers are right (R, Q, T), and the largest error over a row's scored steps (R, Q).

        Where only the final step is scored, it alone is answered, and the hits are (R, Q).
        """
        shown = tf.transpose(test["shown"], (2, 0, 1, 3))  # (T, R, Q, F)
        steps, replicates, rows = shown.shape[:3]
        longest = tf.reduce_max(test["lengths"])

        def next_state(index: tf.Tensor, state: Any) -> Any:
            if not self.shape.configuration.model.stateful:
                state = [tf.where(index % self.shape.window == 0, 0.0, part) for part in state]
            return self.network.step(weights, state, shown[index])

        def answers(output: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            scores = self.network.answer(weights, output)
            error = tf.reduce_max(tf.abs(scores - tf.one_hot(target, self.shape.num_symbols)), axis=2)
            finite = tf.reduce_all(tf.math.is_finite(scores), axis=2)  # a diverged network answers nothing
            return (tf.argmax(scores, axis=2, output_type=tf.int32) == target) & finite, error

        state = self.network.zero_state(replicates, rows)
        if self.shape.last_only:
            final = tf.zeros((replicates, rows, self.shape.configuration.model.units))

            def one_step(index: tf.Tensor, state: Any, final: tf.Tensor) -> Any:
                output, state = next_state(index, state)
                return index + 1, state, tf.where(test["last"][:, :, index, None], output, final)

            _, _, final = tf.while_loop(lambda index, *_: index < longest, one_step, (tf.constant(0), state, final))
            target = tf.reduce_sum(tf.where(test["last"], test["asked"], 0), axis=2)
            return answers(final, target)

        asked, scored = tf.transpose(test["asked"], (2, 0, 1)), test["scored"]

        def one_measured_step(index: tf.Tensor, state: Any, error: tf.Tensor, hits: tf.TensorArray) -> Any:
            output, state = next_state(index, state)
            hit, distance = answers(output, asked[index])
            error = tf.maximum(error, tf.where(scored[:, :, index], distance, 0.0))
            return index + 1, state, error, hits.write(index, hit)

        hits = tf.TensorArray(tf.bool, steps, element_shape=(replicates, rows))
        _, _, error, hits = tf.while_loop(
            lambda index, *_: index < longest,
            one_measured_step,
            (tf.constant(0), state, tf.zeros((replicates, rows)), hits),
        )
        return tf.transpose(hits.stack(), (1, 2, 0)), error

    def _counted(self, hits: tf.Tensor, test: dict[str, tf.Tensor]) -> tuple[list[tf.Tensor], tf.Tensor]:
        """What was right: steps, final steps, sequences, (R,) each; and the hits of each step of a sequence's rows."""
        shape = self.shape
        sequences = (shape.replicates, -1, shape.rows_per_sequence)
        if shape.last_only:
            right = _count(hits, axis=[1])
            return [right, right, right], tf.zeros((shape.replicates, shape.rows_per_sequence, shape.test_steps))
        whole = tf.reduce_all(hits | ~test["scored"], axis=2)
        by_step = tf.reshape(hits & test["exists"], (*sequences, shape.test_steps))
        counts = [
            _count(hits & test["scored"], axis=[1, 2]),
            _count(hits & test["last"], axis=[1, 2]),
            _count(tf.reduce_all(tf.reshape(whole, sequences), axis=2), axis=[1]),
        ]
        return counts, _count(by_step, axis=[1])


def _window(values: tf.Tensor, index: tf.Tensor, size: int) -> tf.Tensor:
    """The steps (first axis) of the `index`-th window."""
    start = [index * size, *[0] * (len(values.shape) - 1)]
    return tf.slice(values, start, (size, *values.shape[1:]))


def _count(true: tf.Tensor, axis: list[int]) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(true, tf.float32), axis=axis)
