"""What a compiled program does, in Keras's operations: epochs, batches, windows, tests and what they count.

What differs between the backends is how a window's gradient is found, how an update is made of it, and how a function
is compiled: `tensorflow/program.py` and `jax/program.py`.

Letters in shapes are those of arrays.py, and t: steps of a window.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

from sweep.training.compiled.arrays import (
    Answers,
    Criterion,
    Data,
    Epochs,
    Learner,
    Replicates,
    Scores,
    Tensor,
    TestData,
    Trained,
)
from sweep.training.compiled.shape import Shape
from sweep.training.keras_model import Weights
from sweep.training.measures import CLIPPED, MOST


class Program(ABC):
    """A compiled training program: functions of weights, optimiser state and data, without a state of its own.

    `run` trains epochs, sequences and replicates in one call, `test` tests; both take arrays of any library.
    """

    weight_shapes: list[tuple[int, ...]]
    """Of one replicate, in Keras's order."""
    run: Callable[..., Any]
    """`_run`, compiled."""
    test: Callable[..., Any]
    """`_right`, compiled."""

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
        loss_weights: Tensor,
        limit: Tensor,
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """The mean loss (R,) of a window over its steps, the state after it, and the gradients.

        `loss_weights` (t, R, B) say how much each step counts.

        `shown` is (t, R, B, F) and `asked` (t, R, B); steps from `limit` on are padding in every lane.
        """

    @abstractmethod
    def update(
        self,
        learner: Learner,
        gradients: list[Tensor],
        learning_rate: Tensor,
        clip_norm: Tensor | None,
        learns: Tensor | None,
    ) -> Learner:
        """The learner after one update, in the replicates of which `learns` (R,) is true; None: in all."""

    @abstractmethod
    def updates(self, learner: Learner) -> Tensor:
        """(R,): the updates made so far."""

    def _run(
        self,
        learner: Learner,
        replicates: Replicates,
        data: Data,
        test: TestData,
        epochs: Epochs,
        criterion: Criterion,
    ) -> Trained:
        """Train until the last epoch, until no replicate is alive, or until a success has to be confirmed."""
        shape = self.shape
        count = shape.replicates_per_program

        def one_epoch(epoch: Tensor, learner: Any, alive: Tensor, _: Any, curves: Any, steps: Any) -> Any:
            learner, loss = self._train_epoch(learner, replicates._replace(alive=alive), data, epochs.order[epoch])

            def measure() -> tuple[Any, Tensor]:
                scores, steps = self._counted(self._test(learner.weights, test), test)
                updates = ops.cast(self.updates(learner), "float32")
                return list(Scores(**scores, loss=loss, updates=updates)), steps

            def skip() -> tuple[Any, Tensor]:
                return [ops.full([count], np.float32(np.nan)) for _ in Scores._fields], steps

            scores, steps = ops.cond(epochs.tested[epoch], measure, skip)
            rows = [ops.where(alive, score, np.float32(np.nan)) for score in scores]
            curves = [ops.slice_update(c, (epoch, 0), row[None]) for c, row in zip(curves, rows, strict=True)]
            all_right = scores[Scores._fields.index("sequence_accuracy")] == shape.test_rows / shape.rows_per_sequence
            solved = alive & all_right & (scores[Scores._fields.index("max_error")] <= criterion.max_error)
            alive &= ~(criterion.stop_when_solved & solved & ~replicates.halting)
            return epoch + 1, learner, alive, ops.any(solved & replicates.halting), curves, steps

        curves = [ops.full([shape.epochs, count], np.float32(np.nan)) for _ in Scores._fields]
        steps = ops.zeros((count, shape.rows_per_sequence, shape.test_steps))
        reached, learner, alive, _, curves, steps = ops.while_loop(
            lambda epoch, _, alive, halted, *__: (epoch < epochs.end) & ops.any(alive) & ~halted,
            one_epoch,
            (epochs.first, learner, replicates.alive, ops.convert_to_tensor(False), curves, steps),
        )
        return Trained(learner, alive, reached, Scores(*curves), steps)

    def _train_epoch(
        self, learner: Learner, replicates: Replicates, data: Data, order: Tensor
    ) -> tuple[Learner, Tensor]:
        """Train every sequence once, in `order` (R, M): the learner and the mean loss (R,) of its updates."""
        shape, count, window = self.shape, self.shape.replicates_per_program, self.shape.window
        lanes = shape.training.batch_size
        clip_norm = None if shape.training.clip_norm is None else replicates.clip_norm
        sequences = lanes // shape.rows_per_sequence  # in a batch

        def one_batch(batch: Tensor, learner: Any, total: Tensor, made: Tensor) -> Any:
            first = ops.slice(order, (0, batch * sequences), (count, sequences))
            rows = first[..., None] + ops.arange(shape.rows_per_sequence, dtype="int32")
            rows = ops.reshape(rows, (count, lanes))
            shown = ops.transpose(ops.take(data.shown, rows, axis=0), (2, 0, 1, 3))  # (L, R, B, F)
            asked = ops.transpose(ops.take(data.asked, rows, axis=0), (2, 0, 1))
            loss_weights = ops.transpose(ops.take(data.loss_weights, rows, axis=0), (2, 0, 1))
            longest = ops.max(ops.take(data.lengths, rows, axis=0))

            def one_window(index: Tensor, learner: Any, state: Any, total: Tensor, made: Tensor) -> Any:
                if not shape.model.stateful:
                    state = self.zero_state(count, lanes)
                counted = _window(loss_weights, index, window)
                loss, state, gradients = self.gradient(
                    learner.weights,
                    state,
                    _window(shown, index, window),
                    _window(asked, index, window),
                    counted,
                    ops.minimum(window, longest - index * window),
                )
                learns, one = None, ops.ones(count)
                if shape.masked:
                    learns = replicates.alive & (ops.sum(counted, axis=(0, 2)) > 0)
                    one = ops.cast(learns, "float32")
                    loss = ops.where(learns, loss, np.float32(0))
                learner = self.update(learner, gradients, replicates.learning_rate, clip_norm, learns)
                return index + 1, learner, state, total + loss, made + one

            state = self.zero_state(count, lanes)
            _, learner, _, total, made = ops.while_loop(
                lambda index, *_: index * window < longest,
                one_window,
                (_counter(), learner, state, total, made),
            )
            return batch + 1, learner, total, made

        nothing = ops.zeros(count)
        _, learner, total, made = ops.while_loop(
            lambda batch, *_: batch < shape.sequences // sequences,
            one_batch,
            (_counter(), learner, nothing, nothing),
        )
        return learner, total / made

    def _right(self, weights: list[Tensor], test: TestData) -> tuple[Tensor, Tensor]:
        """Of a test, the hits and the largest error of each row alone: what a criterion asks for."""
        answers = self._test(weights, test, measured=False)
        return answers.hits, answers.max_error

    def _test(self, weights: list[Tensor], test: TestData, *, measured: bool = True) -> Answers:
        """What the rows of a test come to; not `measured`, only where they are right, and their largest error.

        Where only the final step is scored, it alone is answered, and the rows that have none are right. The loss may
        count the other steps all the same.
        """
        shape = self.shape
        shown, asked = ops.transpose(test.shown, (2, 0, 1, 3)), ops.transpose(test.asked, (2, 0, 1))  # (T, R, Q, ...)
        steps, replicates, rows = asked.shape
        longest = ops.max(test.lengths)
        loss_at_every_step = measured and shape.training.loss_on != "last"

        def next_state(index: Tensor, state: Any) -> Any:
            if not shape.model.stateful:
                state = [ops.where(index % shape.window == 0, np.float32(0), part) for part in state]
            return self.step(weights, state, shown[index])

        def more_loss(loss: Tensor, scores: Tensor, target: Tensor, share: Tensor) -> Tensor:
            return loss + ops.where(share > 0, share * self._losses(scores, target), np.float32(0))

        state, nothing = self.zero_state(replicates, rows), ops.zeros((replicates, rows))
        if shape.last_only:

            def one_step(index: Tensor, state: Any, final: Tensor, loss: Tensor) -> Any:
                output, state = next_state(index, state)
                if loss_at_every_step:
                    scores = self.answer(weights, output)
                    loss = more_loss(loss, scores, asked[index], test.loss_shares[:, :, index])
                return index + 1, state, ops.where(test.recalls[:, :, index, None], output, final), loss

            final = ops.zeros((replicates, rows, shape.model.units))
            _, _, final, loss = ops.while_loop(
                lambda index, *_: index < longest, one_step, (_counter(), state, final, nothing)
            )
            target, exists = ops.sum(ops.where(test.recalls, test.asked, 0), axis=2), ops.any(test.recalls, axis=2)
            scores = self.answer(weights, final)
            hits, error = self._judged(scores, target)
            answers = Answers(hits | ~exists, ops.where(exists, error, np.float32(0)), *[nothing] * 4)
            if not measured:
                return answers
            lead, bits = self._leads(scores, target), self._key_bits(scores, target, test.keys)
            margin = ops.where(exists, lead, np.float32(np.inf))
            if not loss_at_every_step:
                loss = more_loss(loss, scores, target, ops.sum(test.loss_shares, axis=2))
            bits = ops.where(exists, bits, np.float32(0))
            return answers._replace(margin=margin, recall_margin=margin, recall_bits=bits, loss=loss)

        def one_measured_step(index: Tensor, state: Any, answers: Any) -> Any:
            output, state = next_state(index, state)
            scores, target = self.answer(weights, output), asked[index]
            hit, distance = self._judged(scores, target)
            scored, recalls = test.scored[:, :, index], test.recalls[:, :, index]
            answers = Answers(*answers)
            answers = answers._replace(
                hits=ops.slice_update(answers.hits, (index, 0, 0), hit[None]),
                max_error=ops.maximum(answers.max_error, ops.where(scored, distance, np.float32(0))),
            )
            if measured:
                lead, bits = self._leads(scores, target), self._key_bits(scores, target, test.keys)
                answers = answers._replace(
                    margin=ops.minimum(answers.margin, ops.where(scored, lead, np.float32(np.inf))),
                    recall_margin=ops.minimum(answers.recall_margin, ops.where(recalls, lead, np.float32(np.inf))),
                    recall_bits=answers.recall_bits + ops.where(recalls, bits, np.float32(0)),
                    loss=more_loss(answers.loss, scores, target, test.loss_shares[:, :, index]),
                )
            return index + 1, state, answers

        most = ops.full((replicates, rows), np.float32(np.inf))
        nowhere = ops.zeros((steps, replicates, rows), "bool")
        _, _, found = ops.while_loop(
            lambda index, *_: index < longest,
            one_measured_step,
            (_counter(), state, Answers(nowhere, nothing, most, most, nothing, nothing)),
        )
        answers = Answers(*found)
        return answers._replace(hits=ops.transpose(answers.hits, (1, 2, 0)))

    def _judged(self, scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """(R, Q) each: whether the scores (R, Q, S) have the target (R, Q) right, and their largest error."""
        error = ops.max(ops.abs(scores - ops.one_hot(target, self.shape.num_symbols)), axis=2)
        finite = ops.all(ops.isfinite(scores), axis=2)  # a diverged network answers nothing
        return (ops.cast(ops.argmax(scores, axis=2), "int32") == target) & finite, error

    def _leads(self, scores: Tensor, target: Tensor) -> Tensor:
        """(R, Q): `leads` of the scores (R, Q, S), but -inf where one is no number: of nan a minimum says nothing."""
        right = self._is_target(target)
        lead = ops.sum(ops.where(right, scores, np.float32(0)), axis=2)
        lead -= ops.max(ops.where(right, np.float32(-np.inf), scores), axis=2)
        return ops.where(ops.all(ops.isfinite(scores), axis=2), lead, np.float32(-np.inf))

    def _key_bits(self, scores: Tensor, target: Tensor, keys: Tensor) -> Tensor:
        """(R, Q): `key_bits` of the scores (R, Q, S) of all symbols, of which `keys` (R, S) are 1 at the keys."""
        clipped = ops.clip(scores, CLIPPED, 1.0)
        of_right = ops.sum(ops.where(self._is_target(target), clipped, np.float32(0)), axis=2)
        share = of_right / ops.sum(clipped * keys[:, None], axis=2)
        return ops.where(ops.all(ops.isfinite(scores), axis=2), ops.log(share) / np.float32(np.log(2)), np.nan)

    def _losses(self, scores: Tensor, target: Tensor) -> Tensor:
        """(R, Q): `losses` of the scores (R, Q, S)."""
        right, clipped = self._is_target(target), ops.clip(scores, CLIPPED, MOST)
        loss = -ops.log(ops.sum(ops.where(right, clipped, np.float32(0)), axis=2))
        if self.shape.model.output == "sigmoid":
            others = ops.sum(ops.where(right, np.float32(0), ops.log1p(-clipped)), axis=2)
            loss = (loss - others) / self.shape.num_symbols
        return ops.where(ops.all(ops.isfinite(scores), axis=2), loss, np.nan)

    def _is_target(self, target: Tensor) -> Tensor:
        return ops.arange(self.shape.num_symbols, dtype="int32") == target[..., None]

    def _counted(self, answers: Answers, test: TestData) -> tuple[dict[str, Tensor], Tensor]:
        """The measured scores, (R,) each; and the hits of each step of a sequence's rows."""
        shape, hits = self.shape, answers.hits
        sequences = (shape.replicates_per_program, -1, shape.rows_per_sequence)
        least, recalled = ops.min(answers.margin, axis=1), ops.min(answers.recall_margin, axis=1)
        scores = {
            "max_error": ops.max(answers.max_error, axis=1),
            "margin": ops.where(ops.isinf(least), np.float32(np.nan), least),
            "recall_margin": ops.where(ops.isinf(recalled), np.float32(np.nan), recalled),
            "recall_bits": ops.sum(answers.recall_bits, axis=1),
            "test_loss": ops.sum(answers.loss, axis=1),
        }
        if shape.last_only:
            right = _count(ops.all(ops.reshape(hits, sequences), axis=2), axis=[1])
            scores |= {"accuracy": right, "recall_accuracy": right, "sequence_accuracy": right}
            return scores, ops.zeros((shape.replicates_per_program, shape.rows_per_sequence, shape.test_steps))
        whole = ops.all(hits | ~test.scored, axis=2)
        by_step = ops.reshape(hits & test.exists, (*sequences, shape.test_steps))
        scores |= {
            "accuracy": _count(hits & test.scored, axis=[1, 2]),
            "recall_accuracy": _count(hits & test.recalls, axis=[1, 2]),
            "sequence_accuracy": _count(ops.all(ops.reshape(whole, sequences), axis=2), axis=[1]),
        }
        return scores, _count(by_step, axis=[1])


def _counter() -> Tensor:
    return ops.convert_to_tensor(0, "int32")


def _window(values: Tensor, index: Tensor, size: int) -> Tensor:
    """The steps (first axis) of the `index`-th window."""
    start = [index * size, *[0] * (len(values.shape) - 1)]
    return ops.slice(values, start, (size, *values.shape[1:]))


def _count(true: Tensor, axis: list[int]) -> Tensor:
    return ops.sum(ops.cast(true, "float32"), axis=axis)
