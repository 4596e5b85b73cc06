"""What an experiment would do: whether it can run at all, how much there is, and about how long it takes."""

import itertools
import math
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Any

from sweep.execution.sameness import idle_in_parts, same_trials, searched_in_vain
from sweep.execution.updates import grid_of, updates_of
from sweep.experiment.checks import faults_of_configuration
from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.lines import MOST_TOLD, refusal
from sweep.experiment.space import Choices, Range
from sweep.machine.backend import BACKENDS
from sweep.results.same_computation import SameComputation
from sweep.tasks.registry import build_task
from sweep.tasks.task import Task
from sweep.training.cost import BACKEND_COSTS, DECIDE_UPDATES, TrialCost

_COMBINATIONS_CHECKED = 5_000
_CONFIGURATIONS_CHECKED = 100_000  # those combinations under all conditions: some seconds

_CHECKED = (
    *("cell", "gate_bias", "chrono_max", "batch_size", "shuffle", "timesteps"),
    *("lags", "batch_layout", "loss_on", "last_weight"),
)
"""Parameters that may be impossible with another's value or with the task."""

_IDLE_WITHOUT = {"chrono_max": ("gate_bias", "chrono"), "last_weight": ("loss_on", "every")}
"""Parameter -> the other one, and its value, without which it has no effect: no fault if the search reaches that."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The extent of an experiment; `seconds` and `memory_mb` are estimates."""

    studies: int
    trials: int
    replicates: int
    confirmed: int
    """Trials that are trained again at the end, and from how many replicates in all; at most, where trials may be equal
    or pruned, or several objectives leave few that none other beats."""
    confirmed_low: int
    confirmed_replicates: int
    updates: int
    """Exact where neither the search nor chance decides how much is trained; then it equals these two, and otherwise it
    lies between them."""
    updates_low: int
    updates_high: int
    programs: int
    seconds: float
    memory_mb: float
    replicates_at_once: int
    """How many replicates of the largest configuration fit side by side into the memory that was asked about."""
    same_computations: tuple[SameComputation, ...]
    """Trials that are the same computation, as far as the trials are known: of a grid."""
    without_effect: tuple[str, ...]
    """Where values of a searched parameter are the same beside some of the others, a sentence each."""


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
    if idle := searched_in_vain(experiment):
        said = [f"search.{name}: cannot change anything: {why}; leave it out of [search]" for name, why in idle.items()]
        raise refusal(where, said, text)


def make_plan(experiment: Experiment, backend: str = BACKENDS[0], memory_mb: float = 0.0) -> Plan:
    """Count what would run, from the file alone; no backend is needed for it, and no sequence is drawn.

    The estimates are for a `backend` on the CPU; `memory_mb` is what there is to train in.
    """
    cost = BACKEND_COSTS[backend]
    seeds, settings = len(experiment.study.replicate_seeds), experiment.condition_settings
    trials = experiment.trials * len(settings)
    top, new_seeds = _confirmation(experiment)
    seconds, memory, another = 0.0, 0.0, 0.0
    typical, largest = _typical(experiment), _largest(experiment)
    for setting in settings:
        usual = TrialCost(typical.replace(**setting), seeds)
        seconds += usual.seconds * experiment.trials
        memory = max(memory, TrialCost(largest.replace(**setting), max(seeds, new_seeds)).megabytes)
        another = max(another, TrialCost(largest.replace(**setting), 1).megabytes)
        if top:
            seconds += TrialCost(typical.replace(**setting), new_seeds).seconds * top
    counts = [updates_of(experiment, setting, typical, top) for setting in settings]
    updates_low, updates, updates_high = (sum(each) for each in zip(*counts, strict=True))
    least_confirmed = top if _all_are_ranked(experiment) else min(top, 1)
    if least_confirmed < top:
        fewer = [updates_of(experiment, setting, typical, least_confirmed) for setting in settings]
        updates_low = sum(count.low for count in fewer)
    programs = sum(_programs(experiment, setting) for setting in settings)  # a confirmation finds its own there
    return Plan(
        studies=len(settings),
        trials=trials,
        replicates=trials * seeds,
        confirmed=len(settings) * top,
        confirmed_low=len(settings) * least_confirmed,
        confirmed_replicates=len(settings) * top * new_seeds,
        updates=updates,
        updates_low=updates_low,
        updates_high=updates_high,
        programs=programs,
        seconds=cost.seconds(programs) + seconds,
        memory_mb=cost.megabytes(programs) + memory,
        replicates_at_once=max(0, int((memory_mb - cost.base_mb) / another)),
        same_computations=tuple(same_trials(experiment)),
        without_effect=tuple(idle_in_parts(experiment)),
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


def _programs(experiment: Experiment, setting: dict[str, Any]) -> int:
    """How many compiled programs the trials of one condition can ask for."""
    if experiment.training.trainer != "fused":
        return 0
    base = experiment.base.replace(**setting)
    points = grid_of(experiment) or _combinations(experiment, base)
    most = max(1, _COMBINATIONS_CHECKED // len(experiment.condition_settings))
    programs = {_program(base, point) for point in itertools.islice(points, most)}
    return min(len(programs), experiment.trials)


def _combinations(experiment: Experiment, base: Configuration) -> Iterator[dict[str, Any]]:
    """Of the values that the search may combine one for each program, as far as that shows in each by itself."""
    values = {}
    for name, dimension in experiment.search.items():
        whole = isinstance(dimension, Choices) or base.number_type(name) is int
        each = _values(dimension) if whole else dimension.extremes
        alone = {_program(base, {name: value}): value for value in each}
        values[name] = each if name in DECIDE_UPDATES else tuple(alone.values())
    return (experiment.applicable(dict(zip(values, row, strict=True))) for row in itertools.product(*values.values()))


def _program(base: Configuration, parameters: dict[str, Any]) -> Hashable:
    return TrialCost(base.replace(**parameters), 1).program


def _all_are_ranked(experiment: Experiment) -> bool:
    """Whether all trials of the search are different, run to their end and are worth confirming."""
    study = experiment.study
    continuous = any(
        isinstance(dimension, Range) and not dimension.when and not dimension.step
        for name, dimension in experiment.search.items()
        if experiment.base.number_type(name) is float
    )
    return (study.sampler == "grid" or continuous) and study.pruner == "none" and len(study.objectives) == 1
