"""What the training of a trial takes: updates, seconds and memory, known from its configuration alone.

No backend is loaded for it, and no sequence is drawn. How a trial is trained is imported from where it is decided;
what is written here are the measured times and sizes.
"""

from dataclasses import dataclass

from sweep.experiment.configuration import Configuration
from sweep.tasks.registry import build_task
from sweep.training.compiled.programs import PROGRAMS_KEPT
from sweep.training.compiled.shape import ALONE_BEYOND, THREADS, UNROLLED
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


class TrialCost:
    """What one trial of a configuration takes, from `seeds` seeds."""

    def __init__(self, configuration: Configuration, seeds: int) -> None:
        self._model, self._training, self._seeds = configuration.model, configuration.training, seeds
        self._task = build_task(configuration.task)
        self._layout = Layout(configuration, self._task)
        self._steps = self._layout.row_steps(max(1, round(self._task.expected_length) - 1))
        self._batches = max(1, self._task.num_sequences * self._layout.rows_per_sequence // self._training.batch_size)
        self._test_sequences = getattr(configuration.task, "test_sequences", self._task.num_sequences)
        self._other_lengths: tuple[int, ...] = getattr(configuration.task, "test_lengths", ())
        self._weights = num_weights(self._model, self._task.num_symbols, self._training.lags)

    @property
    def updates(self) -> int:
        """Updates of one replicate."""
        windows = 1 if self._training.loss_on == "last" else -(-self._steps // self._layout.window)
        return self._training.epochs * windows * self._batches

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
        seconds += self.updates * (_WINDOW_SECONDS + self._seeds * self._weights * _WEIGHT_SECONDS)
        if self._is_a_loop:
            seconds += self._seeds * training.epochs * self._task.num_sequences * self._steps * a_step
        return seconds

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
