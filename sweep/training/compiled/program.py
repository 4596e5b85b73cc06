"""What a compiled program does, in Keras's operations: epochs, batches, windows, tests and what they count.

What differs between the backends is how a window's gradient is found, how an update is made of it, and how a function
is compiled: `tensorflow/program.py` and `jax/program.py`.

Letters in shapes: R replicates, E epochs, N rows of the tables, M sequences of an epoch, B lanes, L steps of a
row, F features shown at a step, Q test rows.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from sweep.training.compiled.shape import MEASURED, Shape
from sweep.training.keras_model import Weights

Tensor = Any
"""An array of the backend's."""

Learner = dict[str, list[Tensor]]
"""The `weights` and the optimiser's `slots`, each with the replicates as its first axis."""


class Program(ABC):
    """A compiled training program: functions of weights, optimiser state and data, without a state of its own.

    `run` trains epochs, sequences and replicates in one call, `test` tests; both take arrays of any library.
    """

    weight_shapes: list[tuple[int, ...]]
    """Of one replicate, in Keras's order."""
    run: Callable[..., Any]
    """`_run`, compiled."""
    test: Callable[..., Any]
    """`_test`, compiled."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape

    def packed(self, weights: Weights) -> Weights:
        """One replicate's weights in Keras's order as the program holds them."""
        return weights

    def unpacked(self, weights: Weights) -> Weights:
        """The inverse of `packed`."""
        return weights

    @abstractmethod
    def initial_slots(self) -> list[Any]:
        """The optimiser's variables of one replicate before the first update."""

    @abstractmethod
    def zero_state(self, replicates: int, lanes: int) -> list[Tensor]:
        """The network's state before a sequence."""

    @abstractmethod
    def step(self, weights: list[Tensor], state: list[Tensor], shown: Tensor) -> tuple[Tensor, list[Tensor]]:
        """One step: `shown` (R, B, F) to the highest layer's output (R, B, U) and the next state."""

    @abstractmethod
    def answer(self, weights: list[Tensor], output: Tensor) -> Tensor:
        """The scores of the symbols (R, B, S) from the highest layer's output (R, B, U)."""

    @abstractmethod
    def gradient(
        self,
        weights: list[Tensor],
        state: list[Tensor],
        shown: Tensor,
        asked: Tensor,
        weight: Tensor,
        limit: Tensor,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The mean loss (R,) of a window over what `weight` (t, R, B) counts, the state after it, and the gradients.

        `shown` (t, R, B, F) and `asked` (t, R, B); steps from `limit` on are padding in every lane.
        """

    @abstractmethod
    def update(
        self,
        learner: Learner,
        gradients: list[Tensor],
        learning_rate: Tensor,
        clip_norm: Tensor | None,
        updates: Tensor | None,
    ) -> Learner:
        """The learner after one update, in the replicates that `updates` (R,) names; None: in all."""

    @abstractmethod
    def updates(self, learner: Learner) -> Tensor:
        """(R,): the updates made so far."""

    def _run(
        self,
        learner: Learner,
        alive: Tensor,  # (R,) bool: the replicates that still train
        halting: Tensor,  # (R,) bool: those whose success ends the call, because it has yet to be confirmed
        data: dict[str, Tensor],  # shown (N, L, F), asked, weights (N, L), lengths (N,)
        test: dict[str, Tensor],  # shown (R, Q, T, F), asked, scored, last (R, Q, T), lengths (R, Q)
        order: Tensor,  # (E, R, M) int32: of each sequence the first row in the tables
        tested: Tensor,  # (E,) bool: whether a test follows the epoch
        first: Tensor,  # () int32: the epoch to begin with, counted from 0
        num_epochs: Tensor,  # () int32: the epoch to end before, at most E
        learning_rate: Tensor,  # (R,)
        clip_norm: Tensor,  # (R,); read only where the configuration clips
        max_error: Tensor,  # (): of a success
        stop_when_solved: Tensor,  # () bool
    ) -> tuple[Any, Tensor, Tensor, dict[str, Tensor], Tensor]:
        """Train: learner, alive, the epoch reached, scores (E, R) each, hits by step (R, rows of a sequence, T).

        The three accuracies, and the hits of the last test, are counts of what was right: dividing them in single
        precision would make 3 of 20 right 0.15000001.
        """
        shape = self.shape
        replicates = shape.replicates

        def one_epoch(epoch: Tensor, learner: Any, alive: Tensor, _: Any, curves: Any, steps: Any) -> Any:
            learner, loss = self._train_epoch(learner, alive, data, order[epoch], learning_rate, clip_norm)

            def measure() -> tuple[Any, Tensor]:
                hits, error = self._test(learner["weights"], test)
                scores, steps = self._counted(hits, test)
                return [loss, *scores, ops.max(error, axis=1), ops.cast(self.updates(learner), "float32")], steps

            def skip() -> tuple[Any, Tensor]:
                return [ops.full([replicates], np.float32(np.nan)) for _ in MEASURED], steps

            scores, steps = ops.cond(tested[epoch], measure, skip)
            rows = [ops.where(alive, score, np.float32(np.nan)) for score in scores]
            curves = [ops.slice_update(c, (epoch, 0), row[None]) for c, row in zip(curves, rows, strict=True)]
            all_right = scores[MEASURED.index("sequence_accuracy")] == shape.test_rows / shape.rows_per_sequence
            solved = alive & all_right & (scores[MEASURED.index("max_error")] <= max_error)
            alive &= ~(stop_when_solved & solved & ~halting)
            return epoch + 1, learner, alive, ops.any(solved & halting), curves, steps

        curves = [ops.full([shape.epochs, replicates], np.float32(np.nan)) for _ in MEASURED]
        steps = ops.zeros((replicates, shape.rows_per_sequence, shape.test_steps))
        reached, learner, alive, _, curves, steps = ops.while_loop(
            lambda epoch, _, alive, halted, *__: (epoch < num_epochs) & ops.any(alive) & ~halted,
            one_epoch,
            (first, learner, alive, ops.convert_to_tensor(False), curves, steps),
        )
        return learner, alive, reached, dict(zip(MEASURED, curves, strict=True)), steps

    def _train_epoch(
        self, learner: Learner, alive: Tensor, data: Any, order: Tensor, learning_rate: Any, clip_norm: Any
    ) -> tuple[Learner, Tensor]:
        """Train every sequence once, in `order` (R, M): the learner and the mean loss (R,) of its updates."""
        shape, training = self.shape, self.shape.configuration.training
        lanes, window = training.batch_size, shape.window
        sequences = lanes // shape.rows_per_sequence  # in a batch

        def one_batch(batch: Tensor, learner: Any, total: Tensor, updates: Tensor) -> Any:
            first = ops.slice(order, (0, batch * sequences), (shape.replicates, sequences))
            rows = first[..., None] + ops.arange(shape.rows_per_sequence, dtype="int32")
            rows = ops.reshape(rows, (shape.replicates, lanes))
            shown = ops.transpose(ops.take(data["shown"], rows, axis=0), (2, 0, 1, 3))  # (L, R, B, F)
            asked = ops.transpose(ops.take(data["asked"], rows, axis=0), (2, 0, 1))
            weights = ops.transpose(ops.take(data["weights"], rows, axis=0), (2, 0, 1))
            longest = ops.max(ops.take(data["lengths"], rows, axis=0))

            def one_window(index: Tensor, learner: Any, state: Any, total: Tensor, updates: Tensor) -> Any:
                if not shape.configuration.model.stateful:
                    state = self.zero_state(shape.replicates, lanes)
                weight = _window(weights, index, window)
                loss, state, gradients = self.gradient(
                    learner["weights"],
                    state,
                    _window(shown, index, window),
                    _window(asked, index, window),
                    weight,
                    ops.minimum(window, longest - index * window),
                )
                made = ops.ones(shape.replicates)
                mask = None
                if shape.masked:
                    mask = alive & (ops.sum(weight, axis=(0, 2)) > 0)
                    made = ops.cast(mask, "float32")
                    loss = ops.where(mask, loss, np.float32(0))
                clip = None if training.clip_norm is None else clip_norm
                learner = self.update(learner, gradients, learning_rate, clip, mask)
                return index + 1, learner, state, total + loss, updates + made

            state = self.zero_state(shape.replicates, lanes)
            _, learner, _, total, updates = ops.while_loop(
                lambda index, *_: index * window < longest,
                one_window,
                (_counter(), learner, state, total, updates),
            )
            return batch + 1, learner, total, updates

        nothing = ops.zeros(shape.replicates)
        _, learner, total, updates = ops.while_loop(
            lambda batch, *_: batch < shape.sequences // sequences,
            one_batch,
            (_counter(), learner, nothing, nothing),
        )
        return learner, total / updates

    def _test(self, weights: list[Tensor], test: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Where the answers are right (R, Q, T), and the largest error over a row's scored steps (R, Q).

        Where only the final step is scored, it alone is answered, and the hits are (R, Q).
        """
        shown = ops.transpose(test["shown"], (2, 0, 1, 3))  # (T, R, Q, F)
        steps, replicates, rows = shown.shape[:3]
        longest = ops.max(test["lengths"])

        def next_state(index: Tensor, state: Any) -> Any:
            if not self.shape.configuration.model.stateful:
                state = [ops.where(index % self.shape.window == 0, np.float32(0), part) for part in state]
            return self.step(weights, state, shown[index])

        def answers(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
            scores = self.answer(weights, output)
            error = ops.max(ops.abs(scores - ops.one_hot(target, self.shape.num_symbols)), axis=2)
            finite = ops.all(ops.isfinite(scores), axis=2)  # a diverged network answers nothing
            return (ops.cast(ops.argmax(scores, axis=2), "int32") == target) & finite, error

        state = self.zero_state(replicates, rows)
        if self.shape.last_only:
            final = ops.zeros((replicates, rows, self.shape.configuration.model.units))

            def one_step(index: Tensor, state: Any, final: Tensor) -> Any:
                output, state = next_state(index, state)
                return index + 1, state, ops.where(test["last"][:, :, index, None], output, final)

            _, _, final = ops.while_loop(lambda index, *_: index < longest, one_step, (_counter(), state, final))
            target = ops.sum(ops.where(test["last"], test["asked"], 0), axis=2)
            return answers(final, target)

        asked, scored = ops.transpose(test["asked"], (2, 0, 1)), test["scored"]

        def one_measured_step(index: Tensor, state: Any, error: Tensor, hits: Tensor) -> Any:
            output, state = next_state(index, state)
            hit, distance = answers(output, asked[index])
            error = ops.maximum(error, ops.where(scored[:, :, index], distance, np.float32(0)))
            return index + 1, state, error, ops.slice_update(hits, (index, 0, 0), hit[None])

        hits = ops.zeros((steps, replicates, rows), "bool")
        _, _, error, hits = ops.while_loop(
            lambda index, *_: index < longest,
            one_measured_step,
            (_counter(), state, ops.zeros((replicates, rows)), hits),
        )
        return ops.transpose(hits, (1, 2, 0)), error

    def _counted(self, hits: Tensor, test: dict[str, Tensor]) -> tuple[list[Tensor], Tensor]:
        """What was right: steps, final steps, sequences, (R,) each; and the hits of each step of a sequence's rows."""
        shape = self.shape
        sequences = (shape.replicates, -1, shape.rows_per_sequence)
        if shape.last_only:
            right = _count(hits, axis=[1])
            return [right, right, right], ops.zeros((shape.replicates, shape.rows_per_sequence, shape.test_steps))
        whole = ops.all(hits | ~test["scored"], axis=2)
        by_step = ops.reshape(hits & test["exists"], (*sequences, shape.test_steps))
        counts = [
            _count(hits & test["scored"], axis=[1, 2]),
            _count(hits & test["last"], axis=[1, 2]),
            _count(ops.all(ops.reshape(whole, sequences), axis=2), axis=[1]),
        ]
        return counts, _count(by_step, axis=[1])


def _counter() -> Tensor:
    return ops.convert_to_tensor(0, "int32")


def _window(values: Tensor, index: Tensor, size: int) -> Tensor:
    """The steps (first axis) of the `index`-th window."""
    start = [index * size, *[0] * (len(values.shape) - 1)]
    return ops.slice(values, start, (size, *values.shape[1:]))


def _count(true: Tensor, axis: list[int]) -> Tensor:
    return ops.sum(ops.cast(true, "float32"), axis=axis)
