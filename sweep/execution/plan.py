"""What an experiment would do: whether it can run at all, how much there is, and about how long it takes."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sweep.experiment.checks import faults_of_configuration
from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.lines import MOST_TOLD, refusal
from sweep.experiment.space import Choices, Range
from sweep.machine.backend import BACKENDS
from sweep.tasks.registry import build_task
from sweep.tasks.task import Task
from sweep.training.compiled.padding import bucket
from sweep.training.cost import BACKEND_COSTS, TrialCost

_COMBINATIONS_CHECKED = 5_000
_CONFIGURATIONS_CHECKED = 100_000  # those combinations under all conditions: some seconds

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


def check_experiment(experiment: Experiment, where: str, text: str = "") -> None:
    """SweepError lists, one a line, what is impossible in a condition or with a value of the search.

    With the `text` that it was read from, the faults name their lines.
    """
    faults: dict[tuple[str, str], str] = {}  # (key, condition) -> what is wrong with the first such value
    for setting, configuration, task in _checked_configurations(experiment):
        for fault in faults_of_configuration(configuration, task):
            if _has_an_effect_elsewhere(experiment, fault.parameter):
                continue
            searched = fault.parameter in experiment.search
            key = f"{'search' if searched else configuration.section_of(fault.parameter)}.{fault.parameter}"
            condition = ", ".join(f"{name} = {value}" for name, value in setting.items())
            faults.setdefault((key, condition), f"{fault.sentence}{f' (where {condition})' if condition else ''}")
        if len(faults) > MOST_TOLD:
            break
    if faults:
        raise refusal(where, [f"{key}: {fault}" for (key, _), fault in faults.items()], text)


def make_plan(experiment: Experiment, backend: str = BACKENDS[0], memory_mb: float = 0.0) -> Plan:
    """Count what would run, from the file alone; no backend is needed for it, and no sequence is drawn.

    The estimates are for a `backend` on the CPU; `memory_mb` is what there is to train in.
    """
    cost = BACKEND_COSTS[backend]
    seeds, settings = len(experiment.study.replicate_seeds), experiment.condition_settings
    trials = experiment.trials * len(settings)
    top, new_seeds = _confirmation(experiment)
    updates, seconds, memory, another = 0, 0.0, 0.0, 0.0
    typical, largest = _typical(experiment), _largest(experiment)
    for setting in settings:
        usual = TrialCost(typical.replace(**setting), seeds)
        updates += usual.updates * seeds * experiment.trials
        seconds += usual.seconds * experiment.trials
        memory = max(memory, TrialCost(largest.replace(**setting), max(seeds, new_seeds)).megabytes)
        another = max(another, TrialCost(largest.replace(**setting), 1).megabytes)
        if top:
            again = TrialCost(typical.replace(**setting), new_seeds)
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
        seconds=cost.seconds(programs) + seconds,
        memory_mb=cost.megabytes(programs) + memory,
        replicates_at_once=max(0, int((memory_mb - cost.base_mb) / another)),
    )


def _confirmation(experiment: Experiment) -> tuple[int, int]:
    """How many trials of each condition are confirmed, and each from how many seeds."""
    confirm = experiment.confirm
    return (min(confirm.top, experiment.trials), confirm.seeds) if confirm else (0, 0)


def _checked_configurations(experiment: Experiment) -> Iterator[tuple[dict[str, Any], Configuration, Task]]:
    """Every condition with what the search may combine in it, as far as that is not too much."""
    names = [name for name in experiment.search if name in _CHECKED]
    values = (_checked_values(experiment, name) for name in names)
    settings = experiment.condition_settings
    most = min(_COMBINATIONS_CHECKED, max(1, _CONFIGURATIONS_CHECKED // len(settings)))
    combinations = list(itertools.islice(itertools.product(*values), most))
    for setting in settings:
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
