"""What the training of a trial takes: updates, seconds and memory, known from its configuration alone.

No backend is loaded for it, and no random sequence is drawn. How a trial is trained is imported from where it is
decided; what is written here are the measured times and sizes.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.configuration import Configuration
from sweep.tasks.registry import build_task
from sweep.training.compiled.programs import PROGRAMS_KEPT
from sweep.training.compiled.shape import ALONE_BEYOND, THREADS, UNROLLED, read_by_programs
from sweep.training.keras_model import num_weights
from sweep.training.lanes import Layout


@dataclass(frozen=True, kw_only=True)
class BackendCost:
    """What a backend takes whatever it trains."""

    import_seconds: float
    compile_seconds: float
    base_mb: float

    def seconds(self, programs: int) -> float:
        """Before anything is trained with so many programs."""
        return self.import_seconds + programs * self.compile_seconds

    def megabytes(self, programs: int) -> float:
        """Of a process that has compiled so many programs."""
        return self.base_mb + min(programs, PROGRAMS_KEPT) * _PROGRAM_MB


# Measured on two cores (Keras 3.15, TensorFlow 2.21, JAX 0.10); they only have to give the right order of magnitude.
BACKEND_COSTS = {
    "tensorflow": BackendCost(import_seconds=6.5, compile_seconds=2.0, base_mb=960),
    "jax": BackendCost(import_seconds=4.0, compile_seconds=2.0, base_mb=500),
}
_MODEL_SECONDS = 0.004
_FIT_CALL_SECONDS = 0.05
_WINDOW_SECONDS = 5e-6
_WEIGHT_SECONDS = 0.6e-9
_STEP_SECONDS = 1.3e-6  # of one replicate in a loop over time, up to 20 units; a test takes a third of it
_PROGRAM_MB = 35
_LOOP_BYTES = 4 * 16  # for each unit and step that a loop keeps for the gradient
_TABLE_BYTES = 12  # for each step of the sequences of a call


DECIDE_UPDATES = ("epochs", "batch_size", "timesteps", "loss_on", "batch_layout", "shuffle")
"""Searchable parameters that the number of updates depends on; on those that are numbers, in one direction."""


class Count(NamedTuple):
    """A number that lies between `low` and `high`; where they are equal it is known."""

    low: int
    about: int
    high: int

    def times(self, number: int) -> "Count":
        """So many of them."""
        return Count(*(number * each for each in self))


class TrialCost:
    """What one trial of a configuration takes, from `seeds` seeds."""

    def __init__(self, configuration: Configuration, seeds: int) -> None:
        self._configuration = configuration
        self._model, self._training, self._seeds = configuration.model, configuration.training, seeds
        self._task = build_task(configuration.task)
        self._layout = Layout(configuration, self._task)
        self._steps = self._layout.row_steps(max(1, round(self._task.expected_length) - 1))
        self._batches = max(1, self._task.num_sequences * self._layout.rows_per_sequence // self._training.batch_size)
        self._test_sequences = getattr(configuration.task, "test_sequences", self._task.num_sequences)
        self._other_lengths: tuple[int, ...] = getattr(configuration.task, "test_lengths", ())
        self._weights = num_weights(self._model, self._task.num_symbols, self._training.lags)

    def updates(self, least_epochs: int | None = None) -> Count:
        """Of one replicate, which may end after `least_epochs` already."""
        low, about, high = self._windows
        epochs = self._training.epochs
        return Count((epochs if least_epochs is None else least_epochs) * low, epochs * about, epochs * high)

    @property
    def _windows(self) -> Count:
        """Windows of an epoch that have something to learn from; each is an update."""
        last, longest = self._training.loss_on == "last", -(-self._layout.num_steps // self._layout.window)
        if self._task.step_counts == frozenset({self._task.num_steps}):
            windows = self._batches * (1 if last else longest)
            return Count(windows, windows, windows)
        if self._task.step_counts is not None:
            return self._windows_as_written(last)
        in_a_batch = self._training.batch_size // self._layout.rows_per_sequence
        usual = 1 if last else -(-self._steps // self._layout.window)
        return Count(1, usual, min(longest, in_a_batch) if last else longest).times(self._batches)

    def _windows_as_written(self, last: bool) -> Count:
        """Of sequences of several lengths: a batch goes on until its longest one ends."""
        lengths = self._task.training_sequences(0, 1).lengths
        windows = np.array([-(-self._layout.row_steps(int(length) - 1) // self._layout.window) for length in lengths])
        in_a_batch = self._training.batch_size // self._layout.rows_per_sequence

        def updates(order: NDArray[np.int64]) -> int:
            batches = order[: self._batches * in_a_batch].reshape(self._batches, in_a_batch)
            return sum(len(set(batch.tolist())) if last else int(batch.max()) for batch in batches)

        as_written = updates(windows)
        if not self._training.shuffle or in_a_batch == 1:
            return Count(as_written, as_written, as_written)
        if last:
            return Count(self._batches, as_written, self._batches * min(in_a_batch, len(set(windows.tolist()))))
        descending = np.sort(windows)[::-1]
        return Count(updates(descending), as_written, int(descending[: self._batches].sum()))

    @property
    def seconds(self) -> float:
        """Of all replicates, without compilation."""
        training = self._training
        tests = -(-training.epochs // training.evaluate_every)
        if training.trainer == "fit":
            test_batches = -(-self._test_sequences // training.batch_size)
            return self._seeds * (training.epochs * self._batches + tests * test_batches) * _FIT_CALL_SECONDS
        a_step = _STEP_SECONDS * self._model.layers * max(1, self._model.units / 20)
        tested = tests * self._test_sequences + (self._task.criterion_sequences or 0)
        seconds = self._seeds * (_MODEL_SECONDS + tested * self._steps * a_step / 3)
        seconds += self.updates().about * (_WINDOW_SECONDS + self._seeds * self._weights * _WEIGHT_SECONDS)
        if self._is_a_loop:
            seconds += self._seeds * training.epochs * self._task.num_sequences * self._steps * a_step
        return seconds

    @property
    def program(self) -> Hashable:
        """What tells its program from those of other trials of the same task."""
        return read_by_programs(self._configuration), self._layout.window, self._layout.rows_per_sequence

    @property
    def megabytes(self) -> float:
        """Weights and optimiser of all replicates, what a loop over time keeps, and the sequences of a call."""
        learners = self._weights * self._seeds * 4 * 6
        sequences = self._task.num_sequences + self._test_sequences
        drawn = 1 if self._task.same_for_all_seeds else self._seeds
        steps = self._layout.num_steps * self._layout.rows_per_sequence
        tables = _TABLE_BYTES * drawn * (steps * sequences + sum(self._other_lengths) * self._test_sequences)
        if not self._is_a_loop:
            return (learners + tables) / 1e6
        kept = self._model.units * self._model.layers * self._layout.window * self._training.batch_size
        return (learners + tables + _LOOP_BYTES * kept * self._loops_at_once) / 1e6

    @property
    def _is_a_loop(self) -> bool:
        return self._layout.window > UNROLLED

    @property
    def _loops_at_once(self) -> int:
        """Replicates that go through a window at the same time."""
        return min(THREADS, self._seeds) if self._layout.window > ALONE_BEYOND else self._seeds
