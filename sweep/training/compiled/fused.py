"""The compiled trainer: prepares the data, pads the units, and hands both to an XLA program of Keras's backend.

It must equal `fit.py` seed by seed: a test holds the two together.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.configuration import Configuration
from sweep.tasks.task import Sequences, Task
from sweep.training.compiled.arrays import Criterion, Data, Epochs, Learner, Replicates, TestData, Trained
from sweep.training.compiled.padding import padded, unpadded
from sweep.training.compiled.program import Program
from sweep.training.compiled.programs import compiled_program
from sweep.training.compiled.shape import THREADS, shape_of
from sweep.training.initial_weights import initial_weights
from sweep.training.keras_model import Weights
from sweep.training.trainer import SCORES, Trainer, epoch_order, loss_weights, shares_of_test

_THREADS = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="training")


class FusedTrainer(Trainer):
    """Trains all replicates together; trials of one shape share one compiled program."""

    def __init__(
        self,
        configuration: Configuration,
        task: Task,
        seeds: tuple[int, ...],
        alike: int | None = None,
        initial: list[Weights] | None = None,
    ) -> None:
        super().__init__(configuration, task, seeds)
        initial = initial or initial_weights(self.model, task.num_symbols, seeds, configuration.training.lags)
        shape = shape_of(self, alike or len(seeds))
        started = time.perf_counter()
        program = compiled_program(shape)
        size = shape.replicates_per_program
        self._groups = [
            _Group(self, program, range(i, min(i + size, len(seeds))), initial[i : i + size])
            for i in range(0, len(seeds), size)
        ]
        self._map: Callable[..., Iterable[Any]] = _THREADS.map if len(self._groups) > 1 else map
        self._groups[0].train(0, 0)  # compiles, or finds the program compiled, and trains nothing
        self.compile_seconds = time.perf_counter() - started

    def _advance(self, epochs: int) -> dict[str, NDArray[np.float64]]:
        """The groups side by side, as many epochs at a time as a program's buffers hold."""
        most = self._groups[0].shape.epochs
        counts = [min(most, epochs - done) for done in range(0, epochs, most)]

        def train(group: _Group) -> dict[str, NDArray[np.float64]]:
            parts = [group.train(self.epoch + most * i, count) for i, count in enumerate(counts)]
            return {name: np.concatenate([part[name] for part in parts], axis=1) for name in SCORES}

        curves = list(self._map(train, self._groups))
        return {name: np.concatenate([part[name] for part in curves]) for name in SCORES}

    def weights(self) -> list[Weights]:
        """The trained weights, without the padding."""
        return [weights for group in self._groups for weights in group.weights()]

    def step_accuracy(self) -> NDArray[np.float64]:
        """As the latest test found it."""
        return np.concatenate([group.step_accuracy() for group in self._groups])

    def recalled(self, replicate: int, sequences: Sequences) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Tested by a compiled program of its own for each shape of the sequences."""
        size = self._groups[0].shape.replicates_per_program
        return self._groups[replicate // size].recalled(replicate % size, sequences)


@dataclass(frozen=True)
class _Tests:
    """The test sequences of a group's replicates, as the program takes them, and how much there is to count."""

    data: TestData
    exists: NDArray[np.int64]  # (R, rows of a sequence, T): the test sequences that have this step
    scored: NDArray[np.int64]  # (R,): scored steps
    recalls: NDArray[np.int64]  # (R,): steps at which something must be recalled
    entropies: NDArray[np.float64]  # (R,): of what must be, in bits
    sequences: int


class _Group:
    """Some replicates of a trial: as many as a program trains in one call; the last group is filled up."""

    def __init__(self, trainer: Trainer, program: Program, members: range, initial: list[Weights]) -> None:
        self._trainer, self._program, self._members = trainer, program, members
        self.shape = program.shape
        missing = self.shape.replicates_per_program - len(members)
        self._seeds = [trainer.seeds[i] for i in [*members, *[members[-1]] * missing]]
        units = trainer.configuration.model.units
        large = [
            program.packed(padded(weights, program.weight_shapes, units))
            for weights in [*initial, *[initial[-1]] * missing]
        ]
        self._shapes = [weight.shape for weight in initial[0]]
        self._learner = Learner(
            weights=[np.stack(weight) for weight in zip(*large, strict=True)],
            slots=[np.stack([slot] * len(large)) for slot in program.initial_slots()],
        )
        self._alive: Any = np.ones(len(large), bool)
        self._confirmed = np.full(len(large), trainer.task.criterion_sequences is None)
        self._tests = _tests(trainer, self._seeds)
        self._tables: Data | None = None
        self._steps: Any = np.full((len(large), self.shape.rows_per_sequence, self.shape.test_steps), np.nan)

    def train(self, done: int, epochs: int) -> dict[str, NDArray[np.float64]]:
        """Train on from `done` epochs; each of `SCORES` as (R, tests)."""
        trainer, count = self._trainer, len(self._members)
        training, task = trainer.configuration.training, trainer.task
        tables, order = self._training_data(done, epochs)
        tested = np.array([trainer.is_test_epoch(epoch) for epoch in range(done + 1, done + 1 + self.shape.epochs)])
        curves = {name: np.full((count, epochs), np.nan) for name in SCORES}
        reached = 0
        while True:
            start = reached
            came: Trained = self._program.run(
                learner=self._learner,
                replicates=self._replicates(),
                data=tables,
                test=self._tests.data,
                epochs=Epochs(order, tested, first=np.int32(start), end=np.int32(epochs)),
                criterion=Criterion(np.float32(task.max_error), np.bool_(training.stop_when_solved)),
            )
            self._learner, self._alive, reached = came.learner, came.alive, int(came.reached)
            if tested[start:reached].any():  # or the latest test was before this call
                self._steps = came.hits
            for name, scores in came.scores._asdict().items():
                values = np.asarray(scores, np.float64)[start:reached, :count].T
                curves[name][:, start:reached] = values / self._total(name) + self._offset(name)
            self._judge(curves, start, reached, done)
            if reached >= epochs or not np.asarray(self._alive)[:count].any():
                break
        return {name: curve[:, np.flatnonzero(tested[:epochs])] for name, curve in curves.items()}

    def _replicates(self) -> Replicates:
        training, size = self._trainer.configuration.training, self.shape.replicates_per_program
        return Replicates(
            alive=self._alive,
            # Of a replicate that is there only to fill up the group, no success has to be confirmed.
            halting=~self._confirmed & (np.arange(size) < len(self._members)),
            learning_rate=np.full(size, training.learning_rate, np.float32),
            clip_norm=np.full(size, training.clip_norm or 0.0, np.float32),
        )

    def _judge(self, curves: dict[str, NDArray[np.float64]], start: int, reached: int, done: int) -> None:
        """Fill in `solved` for the epochs of one call, and confirm a first or final success."""
        training, task = self._trainer.configuration.training, self._trainer.task
        part = slice(start, reached)
        solved = (curves["sequence_accuracy"][:, part] == 1.0) & (
            curves["max_error"][:, part] <= np.float32(task.max_error)
        )
        curves["solved"][:, part] = np.where(np.isnan(curves["sequence_accuracy"][:, part]), np.nan, solved)
        if task.criterion_sequences is None or start == reached:
            return
        alive = np.array(self._alive)
        for row in np.flatnonzero(curves["solved"][:, reached - 1] == 1.0):
            if self._confirmed[row] and done + reached != training.epochs:
                continue
            confirmed = self._trainer.meets_criterion(self._members[row])
            curves["solved"][row, reached - 1] = confirmed
            self._confirmed[row] |= confirmed
            alive[row] &= not (confirmed and training.stop_when_solved)
        self._alive = alive

    def weights(self) -> list[Weights]:
        """The present weights of each replicate, without the padding."""
        stacked = [np.asarray(weight) for weight in self._learner.weights]
        units = self._trainer.configuration.model.units
        whole = [self._program.unpacked([weight[r] for weight in stacked]) for r in range(len(self._members))]
        return [unpadded(weights, self._shapes, units) for weights in whole]

    def step_accuracy(self) -> NDArray[np.float64]:
        """(R, steps) of the latest test."""
        count, layout = len(self._members), self._trainer.layout
        if self.shape.last_only:
            return np.full((count, self._trainer.task.test_sequences(self._seeds[0]).num_steps), np.nan)
        with np.errstate(invalid="ignore"):  # nan for steps that no test sequence has
            shares = np.asarray(self._steps, np.float64)[:count] / self._tests.exists[:count]
        return np.concatenate([layout.collected(share) for share in shares])

    def recalled(self, member: int, sequences: Sequences) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """As the trainer's."""
        trainer = self._trainer
        weights = [np.asarray(weight)[member : member + 1] for weight in self._learner.weights]
        test = _test_data(trainer, [sequences])
        hits, error = self._program.test(weights=weights, test=test)
        hits, error = np.asarray(hits)[0], np.asarray(error, np.float64)[0]
        right = hits if self.shape.last_only else (hits | ~test.scored[0]).all(axis=1)
        together = (-1, trainer.layout.rows_per_sequence)
        return right.reshape(together).all(axis=1), error.reshape(together).max(axis=1)

    def _total(self, name: str) -> Any:
        """Of how many steps or sequences a count of the tests is, (R, 1)."""
        if name == "accuracy":
            return self._tests.scored[: len(self._members), None]
        if name in ("recall_accuracy", "recall_bits"):
            return self._tests.recalls[: len(self._members), None]
        return self._tests.sequences if name == "sequence_accuracy" else 1

    def _offset(self, name: str) -> Any:
        """What a mean over the steps to be recalled lacks of the outcome, (R, 1)."""
        return self._tests.entropies[: len(self._members), None] if name == "recall_bits" else 0.0

    def _training_data(self, done: int, epochs: int) -> tuple[Data, NDArray[np.int32]]:
        """The tables of rows, and for each epoch of a call and replicate the sequences' first rows in them."""
        shape, task = self.shape, self._trainer.task
        order = np.zeros((shape.epochs, shape.replicates_per_program, shape.sequences), np.int32)
        following = range(done + 1, done + 1 + epochs)
        if self._trainer.configuration.training.shuffle:
            for row, epoch in enumerate(following):
                for replicate, seed in enumerate(self._seeds):
                    order[row, replicate] = epoch_order(self._trainer.configuration, seed, epoch, shape.sequences)
        else:
            order[:] = np.arange(shape.sequences)
        if task.fresh:
            sets = [task.training_sequences(seed, epoch) for epoch in following for seed in self._seeds]
            offsets = (
                np.arange(shape.epochs * shape.replicates_per_program).reshape(shape.epochs, -1, 1) * shape.sequences
            )
            return self._training_tables(sets), (order + offsets).astype(np.int32) * shape.rows_per_sequence
        if self._tables is None:
            seeds = self._seeds[:1] if task.same_for_all_seeds else self._seeds
            self._tables = self._training_tables([task.training_sequences(seed, 1) for seed in seeds])
        if not task.same_for_all_seeds:
            order += (np.arange(shape.replicates_per_program, dtype=np.int32) * shape.sequences)[:, None]
        return self._tables, order * shape.rows_per_sequence

    def _training_tables(self, sets: list[Sequences]) -> Data:
        """The rows of all sets one below the other, with room for as many as a program's tables hold."""
        shape, layout = self.shape, self._trainer.layout
        tables = Data(
            shown=np.zeros((shape.rows, shape.steps, shape.side_by_side), np.int32),
            asked=np.zeros((shape.rows, shape.steps), np.int32),
            loss_weights=np.zeros((shape.rows, shape.steps), np.float32),
            lengths=np.zeros(shape.rows, np.int32),
        )
        first = 0
        for sequences in sets:
            rows = layout.rows(sequences)
            part = slice(first, first + rows.num_rows)
            steps = rows.shown.shape[1]
            tables.shown[part, :steps] = rows.shown
            tables.asked[part, :steps] = rows.asked
            tables.loss_weights[part, :steps] = layout.laid(loss_weights(self._trainer.configuration, sequences))
            tables.lengths[part] = rows.lengths
            first += rows.num_rows
        return tables


def _tests(trainer: Trainer, seeds: list[int]) -> _Tests:
    task = trainer.task
    sets = [task.test_sequences(seed) for seed in seeds]
    data = _test_data(trainer, sets)
    lanes, exists = trainer.layout.rows_per_sequence, data.exists
    return _Tests(
        data=data,
        exists=exists.reshape(len(seeds), -1, lanes, exists.shape[2]).sum(axis=1),
        scored=np.array([task.scored(sequences).sum() for sequences in sets]),
        recalls=np.array([task.recalls(sequences).sum() for sequences in sets]),
        entropies=np.array([task.recall_entropy(sequences) for sequences in sets]),
        sequences=sets[0].num_sequences,
    )


def _test_data(trainer: Trainer, sets: list[Sequences]) -> TestData:
    """What the program's test takes, for one set of sequences a replicate."""
    task, layout = trainer.task, trainer.layout
    rows = [layout.rows(sequences) for sequences in sets]
    keys = np.zeros((len(sets), task.num_symbols), np.float32)
    for row, sequences in zip(keys, sets, strict=True):
        row[task.recallable(sequences)] = 1.0
    return TestData(
        shown=np.stack([each.shown for each in rows]),
        asked=np.stack([each.asked for each in rows]),
        exists=np.stack([layout.laid(sequences.steps) for sequences in sets]),
        scored=np.stack([layout.laid(task.scored(sequences)) for sequences in sets]),
        recalls=np.stack([layout.laid(task.recalls(sequences)) for sequences in sets]),
        lengths=np.stack([each.lengths for each in rows]),
        keys=keys,
        loss_shares=np.stack([shares_of_test(trainer.configuration, layout, each) for each in sets], dtype=np.float32),
    )
