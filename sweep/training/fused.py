"""The compiled trainer: prepares the data, pads the units, and hands both to an XLA program.

It must equal `fit.py` seed by seed: a test holds the two together.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.model import ONE_FUNCTION_BYTES, Weights, initial_weights, num_weights
from sweep.tasks import Task
from sweep.training.contract import SCORES, Trainer, epoch_order, loss_weights, window_length
from sweep.training.padding import bucket, padded, unpadded
from sweep.training.program import EPOCHS_PER_CALL, Data, Program, Shape, compiled_program

_CACHE_BYTES = 2_500_000
_WORTH_TWO_THREADS = 8
_THREADS = ThreadPoolExecutor(max_workers=2, thread_name_prefix="training")


class FusedTrainer(Trainer):
    """Trains all replicates together; trials of one shape share one compiled program."""

    def __init__(self, configuration: Configuration, task: Task, seeds: tuple[int, ...]) -> None:
        super().__init__(configuration, task, seeds)
        initial = initial_weights(configuration.model, task.num_symbols, seeds)
        shape, data = _shape_and_data(configuration, task, len(seeds))
        started = time.perf_counter()
        program = compiled_program(shape)
        starts = range(0, len(seeds), shape.replicates)
        self._groups = [
            _Group(self, program, data, seeds[i : i + shape.replicates], initial[i : i + shape.replicates])
            for i in starts
        ]
        size = _group_bytes(shape.configuration, task.num_symbols, shape.replicates)
        self._map: Callable[..., Iterable[Any]] = _THREADS.map if size <= ONE_FUNCTION_BYTES else map
        self._groups[0].train(0, 0)  # compiles, or finds the program compiled, and trains nothing
        self.compile_seconds = time.perf_counter() - started

    def _advance(self, epochs: int) -> dict[str, NDArray[np.float64]]:
        """The groups side by side, as many epochs at a time as a program's buffers hold."""
        counts = [min(EPOCHS_PER_CALL, epochs - done) for done in range(0, epochs, EPOCHS_PER_CALL)]

        def train(group: _Group) -> dict[str, NDArray[np.float64]]:
            parts = [group.train(self.epoch + EPOCHS_PER_CALL * i, count) for i, count in enumerate(counts)]
            return {name: np.concatenate([part[name] for part in parts], axis=1) for name in SCORES}

        curves = list(self._map(train, self._groups))
        return {name: np.concatenate([part[name] for part in curves]) for name in SCORES}

    def weights(self) -> list[Weights]:
        """The trained weights, without the padding."""
        return [weights for group in self._groups for weights in group.weights()]

    def step_accuracy(self) -> NDArray[np.float64]:
        """As the latest test found it."""
        return np.concatenate([group.step_accuracy() for group in self._groups])


class _Group:
    """Some replicates of a trial: as many as a program trains in one call; the last group is filled up."""

    def __init__(
        self, trainer: Trainer, program: Program, data: Data, seeds: tuple[int, ...], initial: list[Weights]
    ) -> None:
        self._trainer, self._program, self._data = trainer, program, data
        self._num_seeds = len(seeds)
        missing = program.shape.replicates - len(seeds)
        self._seeds = (*seeds, *[seeds[-1]] * missing)
        replicate, units = program.replicate, trainer.configuration.model.units
        large = [padded(weights, replicate.weight_shapes, units) for weights in [*initial, *[initial[-1]] * missing]]
        self._shapes = [weight.shape for weight in initial[0]]
        self._learner: Any = {
            "weights": [np.stack(weight) for weight in zip(*large, strict=True)],
            "slots": [np.stack([slot] * len(large)) for slot in replicate.optimizer_state()],
        }
        self._alive: Any = np.ones(len(large), bool)
        self._steps: Any = None

    def train(self, done: int, epochs: int) -> dict[str, NDArray[np.float64]]:
        """Train on from `done` epochs; each of `SCORES` as (R, tests)."""
        trainer, following = self._trainer, range(done + 1, done + 1 + EPOCHS_PER_CALL)
        configuration, replicates = trainer.configuration, len(self._seeds)
        num_sequences = self._program.shape.sequences
        order = np.empty((EPOCHS_PER_CALL, replicates, num_sequences), np.int32)
        order[:] = np.arange(num_sequences)
        if configuration.training.shuffle:
            for row, epoch in enumerate(following[:epochs]):
                order[row] = [epoch_order(configuration, seed, epoch, num_sequences) for seed in self._seeds]
        tested = np.array([trainer.is_test_epoch(epoch) for epoch in following])
        self._learner, self._alive, curves, self._steps = self._program.run(
            learner=self._learner,
            alive=self._alive,
            data=self._data.tensors,
            order=order,
            tested=tested,
            num_epochs=np.int32(epochs),
            learning_rate=np.full(replicates, configuration.training.learning_rate, np.float32),
            stop_when_solved=np.bool_(configuration.training.stop_when_solved),
        )
        rows = np.flatnonzero(tested[:epochs])
        return {
            name: np.asarray(curve, np.float64)[rows, : self._num_seeds].T / self._data.totals.get(name, 1)
            for name, curve in curves.items()
        }

    def weights(self) -> list[Weights]:
        """The present weights of each replicate, without the padding."""
        stacked = [np.asarray(weight) for weight in self._learner["weights"]]
        units = self._trainer.configuration.model.units
        return [unpadded([w[r] for w in stacked], self._shapes, units) for r in range(self._num_seeds)]

    def step_accuracy(self) -> NDArray[np.float64]:
        """(R, steps) of the latest test."""
        hits = np.asarray(self._steps, np.float64)[: self._num_seeds]
        return np.asarray(hits / self._data.test_exists.sum(axis=0))


def _group_bytes(compiled: Configuration, num_symbols: int, replicates: int) -> int:
    """Memory of the weights and the optimiser's state; Adam keeps two more numbers for each weight."""
    return replicates * 3 * 4 * num_weights(compiled.model, num_symbols)


def _group_size(compiled: Configuration, num_symbols: int, replicates: int) -> int:
    """How many replicates one call trains: a function of the trial alone, so that every machine gets its numbers.

    A small group runs as one native function on one core, so two groups make use of two. XLA spreads the
    operations of a larger one over the cores by itself; it only has to stay in the cache.
    """
    size = _group_bytes(compiled, num_symbols, replicates)
    if size <= 2 * ONE_FUNCTION_BYTES:
        groups = 2 if replicates >= _WORTH_TWO_THREADS else 1
    else:
        groups = -(-size // _CACHE_BYTES)
    return -(-replicates // groups)


def _shape_and_data(configuration: Configuration, task: Task, num_seeds: int) -> tuple[Shape, Data]:
    training, test = task.training_sequences(), task.test_sequences()
    window = window_length(configuration, training)
    overhang = ((0, 0), (0, -training.num_steps % window))  # the last window is filled up with padding
    weights = np.pad(loss_weights(configuration, training), overhang)
    data = Data(
        symbols=np.pad(training.symbols, overhang),
        weights=weights,
        test_symbols=test.symbols,
        test_exists=test.steps,
        test_scored=task.scored(test),
        test_last=test.last,
    )
    every_window_counts = np.any(weights.reshape(len(weights), -1, window), axis=2).all()
    compiled = _what_is_compiled(configuration)
    shape = Shape(
        configuration=compiled,
        num_symbols=task.num_symbols,
        replicates=_group_size(compiled, task.num_symbols, num_seeds),
        sequences=training.num_sequences,
        steps=weights.shape[1],
        test_sequences=test.num_sequences,
        test_steps=test.num_steps,
        window=window,
        masked=bool(configuration.training.stop_when_solved or not every_window_counts),
    )
    return shape, data


def _what_is_compiled(configuration: Configuration) -> Configuration:
    """The configuration as far as a program depends on it: whatever is a run-time input takes its default."""
    inputs = (
        "epochs",
        "learning_rate",
        "shuffle",
        "evaluate_every",
        "stop_when_solved",
        "trainer",
        "loss_on",
    )
    defaults = type(configuration.training)()
    training = configuration.training.model_copy(update={name: getattr(defaults, name) for name in inputs})
    model = configuration.model.model_copy(update={"units": bucket(configuration.model.units)})
    return configuration.model_copy(update={"model": model, "training": training})
