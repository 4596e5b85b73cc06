"""Which trials of an experiment are the same computation, and what is searched in vain, before anything is trained.

Nothing is left out because of it: trials that are the same are trained all the same, since the file asks for them.
"""

import itertools
from collections.abc import Hashable, Iterator
from typing import Any, NamedTuple

from sweep.execution.updates import grid_of
from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.grid import shuffled
from sweep.experiment.normal_form import READ, RULED, computation, why_same
from sweep.experiment.trials import numbered
from sweep.results.same_computation import SameComputation
from sweep.tasks.registry import build_task
from sweep.tasks.task import Task

_MOST_LOOKED_AT = 5_000  # configurations: half a second


def same_trials(experiment: Experiment) -> list[SameComputation]:
    """The trials of a grid that are the same computation; none of a search whose trials nobody knows yet."""
    if not _ruled(experiment) or not grid_of(experiment):
        return []
    points, settings = shuffled(experiment.grid_points, experiment.study.seed), experiment.condition_settings
    bases = [experiment.base.replace(**setting) for setting in settings]
    tasks = [build_task(base.task) for base in bases]
    groups: dict[tuple[int, Hashable], list[tuple[int, Configuration]]] = {}
    for trial, (number, condition) in numbered(0, min(experiment.trials, len(points)), len(settings)):
        configuration = bases[condition].replace(**points[number])
        groups.setdefault((condition, computation(configuration, tasks[condition])), []).append((trial, configuration))
    return [
        SameComputation(tuple(trial for trial, _ in group), why_same([each for _, each in group], tasks[condition]))
        for (condition, _), group in groups.items()
        if len(group) > 1
    ]


def idle_in_parts(experiment: Experiment) -> list[str]:
    """Where values of a searched parameter are the same beside some of the others, a sentence each."""
    found: dict[str, None] = {}
    for choices in _choices(experiment):
        for one, other in itertools.combinations(choices.made, 2):
            if one[0] == other[0]:
                found[why_same([one[1], other[1]], choices.task)] = None
    return list(found)


def searched_in_vain(experiment: Experiment) -> dict[str, str]:
    """Parameter whose values are all the same, under every condition and beside all of the others -> why."""
    in_vain: dict[str, str] = {}
    useful: set[str] = set()
    for choices in _choices(experiment):
        if len({key for key, _ in choices.made}) > 1:
            useful.add(choices.parameter)
        elif len(choices.made) > 1:
            in_vain.setdefault(choices.parameter, why_same([each for _, each in choices.made[:2]], choices.task))
    return {name: why for name, why in in_vain.items() if name not in useful}


class _Choices(NamedTuple):
    """What the values of `parameter` make of one choice of all else under one condition: (computation, it itself)."""

    parameter: str
    task: Task
    made: list[tuple[Hashable, Configuration]]


def _choices(experiment: Experiment) -> Iterator[_Choices]:
    """For each parameter that a rule is about, and each choice of all else that the rules read.

    Of a range its ends stand for all of it: an effect that any of its values has one of them has too. Nothing where
    that is too much to look at.
    """
    ruled, settings = _ruled(experiment), experiment.condition_settings
    names = [name for name in experiment.search if name in READ or name in _others(experiment, ruled)]
    values = [tuple(dict.fromkeys(experiment.search[name].extremes)) for name in names]
    rows = [dict(zip(names, row, strict=True)) for row in itertools.islice(itertools.product(*values), _MOST_LOOKED_AT)]
    if not ruled or len(rows) * len(settings) >= _MOST_LOOKED_AT:
        return
    for setting in settings:
        base = experiment.base.replace(**setting)
        task = build_task(base.task)
        made = []
        for row in rows:
            parameters = experiment.applicable(row)
            configuration = base.replace(**parameters)
            made.append((row, parameters, (computation(configuration, task), configuration)))
        for parameter in ruled:
            groups: dict[str, dict[str, tuple[Hashable, Configuration]]] = {}
            for row, parameters, each in made:
                if parameter in parameters:
                    beside = repr([value for name, value in row.items() if name != parameter])
                    groups.setdefault(beside, {})[repr(row[parameter])] = each
            yield from (_Choices(parameter, task, list(group.values())) for group in groups.values())


def _ruled(experiment: Experiment) -> list[str]:
    return [name for name in experiment.search if name in RULED]


def _others(experiment: Experiment, names: list[str]) -> set[str]:
    """What these are searched beside, and what those are."""
    found: set[Any] = set()
    wanted = {*names, *(name for name in experiment.search if name in READ)}
    while wanted:
        dimension = experiment.search.get(wanted.pop())
        new = {other for other, _ in dimension.conditions} - found if dimension else set()
        found |= new
        wanted |= new
    return found
