"""What an experiment would do: whether it can run at all, how much there is, and about how long it takes."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sweep.errors import SweepError
from sweep.experiment.checks import faults_of_configuration
from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.space import Choices, Range
from sweep.machine.backend import BACKENDS
from sweep.tasks.registry import build_task
from sweep.tasks.task import Task
from sweep.training.compiled.padding import bucket
from sweep.training.keras_model import num_weights
from sweep.training.lanes import Layout

_COMBINATIONS_CHECKED = 5_000

_CHECKED = (
    *("cell", "gate_bias", "chrono_max", "batch_size", "shuffle", "timesteps"),
    *("lags", "batch_layout", "loss_on", "last_weight"),
)
"""Parameters that may be impossible with another's value or with the task."""

_SHAPES = (
    *("cell", "units", "layers", "output", "stateful", "optimizer"),
    *("batch_size", "batch_layout", "timesteps", "lags", "loss_on"),
)
"""Parameters whose value a compiled program depends on; the others are inputs of one."""

_IDLE_WITHOUT = {"chrono_max": ("gate_bias", "chrono"), "last_weight": ("loss_on", "every")}
"""Parameter -> the other one, and its value, without which it has no effect: no fault if the search reaches that."""


@dataclass(frozen=True, kw_only=True)
class _Cost:
    """What a backend takes whatever it trains."""

    import_seconds: float
    compile_seconds: float
    base_mb: float
    loops_at_once: int | None  # replicates whose loop over time runs at a time; None: all


# Measured on two cores (Keras 3.15, TensorFlow 2.21, JAX 0.10); they only have to give the right order of magnitude.
_COSTS = {
    "tensorflow": _Cost(import_seconds=6.5, compile_seconds=2.0, base_mb=960, loops_at_once=2),
    "jax": _Cost(import_seconds=4.0, compile_seconds=2.0, base_mb=500, loops_at_once=None),
}
_MODEL_SECONDS = 0.004
_FIT_CALL_SECONDS = 0.05
_WINDOW_SECONDS = 5e-6
_WEIGHT_SECONDS = 0.6e-9
_STEP_SECONDS = 1.3e-6  # of one replicate in a loop over time, up to 20 units; a test takes a third of it
_PROGRAM_MB = 35
_PROGRAMS_KEPT = 32  # by a process; the one that was used longest ago goes first
_LONGEST_UNROLLED = 16  # steps of a window; longer ones are loops over time, which keep every step for the gradient
_LOOP_BYTES = 4 * 16  # for each unit and step that a loop keeps
_TABLE_BYTES = 12  # for each step of the sequences of a call


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The extent of an experiment; `seconds` and `memory_mb` are estimates."""

    studies: int
    trials: int
    replicates: int
    confirmed: int
    """Trials that are trained again at the end, and from how many replicates in all."""
    confirmed_replicates: int
    updates: int
    programs: int
    seconds: float
    memory_mb: float
    replicates_at_once: int
    """How many replicates of the largest configuration fit side by side into the memory that was asked about."""


def check_experiment(experiment: Experiment, where: str) -> None:
    """SweepError lists, one a line, what is impossible in a condition or with a value of the search."""
    faults: dict[tuple[str, str], str] = {}  # (key, condition) -> what is wrong with the first such value
    for setting, configuration, task in _checked_configurations(experiment):
        for fault in faults_of_configuration(configuration, task):
            if _has_an_effect_elsewhere(experiment, fault.parameter):
                continue
            searched = fault.parameter in experiment.search
            key = f"{'search' if searched else configuration.section_of(fault.parameter)}.{fault.parameter}"
            condition = ", ".join(f"{name} = {value}" for name, value in setting.items())
            faults.setdefault((key, condition), f"{fault.sentence}{f' (where {condition})' if condition else ''}")
    if faults:
        raise SweepError("\n".join(f"{where}: {key}: {fault}" for (key, _), fault in faults.items()))


def make_plan(experiment: Experiment, backend: str = BACKENDS[0], memory_mb: float = 0.0) -> Plan:
    """Count what would run, from the file alone; no backend is needed for it, and no sequence is drawn.

    The estimates are for a `backend` on the CPU; `memory_mb` is what there is to train in.
    """
    cost = _COSTS[backend]
    seeds, settings = len(experiment.study.replicate_seeds), experiment.condition_settings
    trials = experiment.trials * len(settings)
    top, new_seeds = _confirmation(experiment)
    updates, seconds, memory, another = 0, 0.0, 0.0, 0.0
    typical, largest = _typical(experiment), _largest(experiment)
    for setting in settings:
        extent = _Extent(typical.replace(**setting), seeds)
        updates += extent.updates * seeds * experiment.trials
        seconds += extent.seconds * experiment.trials
        largest_here = _Extent(largest.replace(**setting), max(seeds, new_seeds))
        memory = max(memory, largest_here.bytes(cost.loops_at_once or max(seeds, new_seeds)))
        another = max(another, _Extent(largest.replace(**setting), 1).bytes(1))
        if top:
            again = _Extent(typical.replace(**setting), new_seeds)
            updates += again.updates * new_seeds * top
            seconds += again.seconds * top
    fused = experiment.training.trainer == "fused"
    shapes = _programs(experiment)
    programs = len(settings) * min(shapes, experiment.trials) if fused else 0  # a confirmation finds its own there
    return Plan(
        studies=len(settings),
        trials=trials,
        replicates=trials * seeds,
        confirmed=len(settings) * top,
        confirmed_replicates=len(settings) * top * new_seeds,
        updates=updates,
        programs=programs,
        seconds=cost.import_seconds + seconds + programs * cost.compile_seconds,
        memory_mb=cost.base_mb + min(programs, _PROGRAMS_KEPT) * _PROGRAM_MB + memory / 1e6,
        replicates_at_once=max(0, int((memory_mb - cost.base_mb) * 1e6 / another)),
    )


def _confirmation(experiment: Experiment) -> tuple[int, int]:
    """How many trials of each condition are confirmed, and each from how many seeds."""
    confirm = experiment.confirm
    return (min(confirm.top, experiment.trials), confirm.seeds) if confirm else (0, 0)


class _Extent:
    """What one trial of a configuration takes."""

    def __init__(self, configuration: Configuration, seeds: int) -> None:
        self._model, self._training, self._seeds = configuration.model, configuration.training, seeds
        self._task = build_task(configuration.task)
        self._layout = Layout(configuration, self._task)
        self._steps = self._layout.row_steps(max(1, round(self._task.expected_length) - 1))
        self._batches = max(1, self._task.num_sequences * self._layout.rows_per_sequence // self._training.batch_size)
        self._test_sequences = getattr(configuration.task, "test_sequences", self._task.num_sequences)
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

    def bytes(self, loops_at_once: int) -> int:
        """Weights and optimiser of all replicates, what a loop over time keeps, and the sequences of a call."""
        learners = self._weights * self._seeds * 4 * 6
        sequences = self._task.num_sequences + self._test_sequences
        drawn = 1 if self._task.same_for_all_seeds else self._seeds
        steps = self._layout.num_steps * self._layout.rows_per_sequence
        tables = _TABLE_BYTES * steps * sequences * drawn
        if not self._is_a_loop:
            return learners + tables
        kept = self._model.units * self._model.layers * self._layout.window * self._training.batch_size
        return learners + tables + _LOOP_BYTES * kept * loops_at_once

    @property
    def _is_a_loop(self) -> bool:
        return self._layout.window > _LONGEST_UNROLLED


def _checked_configurations(experiment: Experiment) -> Iterator[tuple[dict[str, Any], Configuration, Task]]:
    """Every condition with what the search may combine in it, as far as that is not too much."""
    names = [name for name in experiment.search if name in _CHECKED]
    values = (_checked_values(experiment, name) for name in names)
    combinations = list(itertools.islice(itertools.product(*values), _COMBINATIONS_CHECKED))
    for setting in experiment.condition_settings:
        base = experiment.base.replace(**setting)
        task = build_task(base.task)
        for combination in combinations:
            parameters = experiment.applicable(dict(zip(names, combination, strict=True)))
            yield setting, base.replace(**parameters), task


def _checked_values(experiment: Experiment, name: str) -> tuple[Any, ...]:
    """All batch sizes, of which any may fail to fit; of other ranges the ends, which are at fault if any value is."""
    dimension = experiment.search[name]
    if name == "batch_size" or isinstance(dimension, Choices):
        return _values(dimension)
    return dimension.extremes if name == "last_weight" else _values(dimension)[:2]


def _has_an_effect_elsewhere(experiment: Experiment, parameter: str) -> bool:
    other, value = _IDLE_WITHOUT.get(parameter, ("", None))
    dimension = experiment.search.get(other)
    return isinstance(dimension, Choices) and value in dimension.choices


def _values(dimension: Choices | Range) -> tuple[Any, ...]:
    """The values that a whole number may take, a range's ends first."""
    if isinstance(dimension, Choices):
        return dimension.choices
    between = range(int(dimension.low), int(dimension.high) + 1, int(dimension.step or 1))
    return tuple(dict.fromkeys([dimension.low, *between[-1:], *between[:_COMBINATIONS_CHECKED]]))


def _typical(experiment: Experiment) -> Configuration:
    """The configuration in the middle of the search space."""
    middle = {
        name: d.choices[len(d.choices) // 2]
        if isinstance(d, Choices)
        else _middle(d, whole=experiment.base.number_type(name) is int)
        for name, d in experiment.search.items()
    }
    return experiment.base.replace(**experiment.applicable(middle))


def _middle(dimension: Range, *, whole: bool) -> float | int:
    middle = (dimension.low * dimension.high) ** 0.5 if dimension.log else (dimension.low + dimension.high) / 2
    return round(middle) if whole else float(middle)


def _largest(experiment: Experiment) -> Configuration:
    """The configuration of the search space that takes most memory."""
    sizes = [name for name in ("units", "layers", "batch_size", "timesteps", "lags") if name in experiment.search]
    largest = {
        name: max(experiment.search[name].extremes, key=lambda value: math.inf if value == "full" else value)
        for name in sizes
    }
    return experiment.base.replace(**largest)


def _programs(experiment: Experiment) -> int:
    """How many shapes of program the search space can ask for, within one condition."""
    searched = {name: _values(experiment.search[name]) for name in _SHAPES if name in experiment.search}
    return math.prod(len(set(map(bucket, v) if name == "units" else v)) for name, v in searched.items())
