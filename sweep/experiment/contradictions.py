"""What contradicts itself in an experiment file only when its sections are put together, one line a fault."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from pydantic import ValidationError

from sweep.experiment.asked import faults_of_answer
from sweep.experiment.experiment import ConfirmConfig, Experiment
from sweep.experiment.space import Choices, Dimension, Range, listed
from sweep.experiment.steps import MOST_STEPS, Steps
from sweep.faults import faults_of, plural, quoted, unknown
from sweep.frozen import Frozen

_LEAST_STEP = 2.0**-23  # of the numbers beside it: float32 has no more digits


def contradictions(experiment: Experiment, study_keys: set[str]) -> list[str]:
    """All of them; `study_keys` are those that the file has under [study]."""
    faults = []
    for name in experiment.search:
        section = experiment.base.section_of(name)
        if name in getattr(experiment, section).model_fields_set:
            faults.append(f"search.{name}: is fixed under [{section}] too; leave one of them out")
    fixed = experiment.task.model_dump(exclude_unset=True)
    faults += refused_with(type(experiment.task), fixed, experiment.condition_settings, "conditions")
    for name, dimension in experiment.search.items():
        if isinstance(dimension, Range) and experiment.base.number_type(name) is None:
            faults.append(f"search.{name}: is a range; this parameter takes {{ choices = [...] }}")
            continue
        owner = experiment.base.section(name)
        fixed = owner.model_dump(exclude_unset=True)
        faults += refused_with(type(owner), fixed, [{name: value} for value in dimension.extremes], "search")
        if isinstance(dimension, Choices) and experiment.base.number_type(name) is float:
            same = _alike_in_32_bits(dimension.choices)
            faults += [f"search.{name}.choices: {same}"] if same else []
        if isinstance(dimension, Range) and dimension.step is not None:
            fault = _fault_of_step(dimension, dimension.step, whole=experiment.base.number_type(name) is int)
            faults += [f"search.{name}.step: is {dimension.step}{fault}"] if fault else []
    faults += _faults_of_dependence(experiment) + _faults_of_start(experiment)
    if experiment.study.sampler == "cmaes":
        ranges = [name for name, d in experiment.search.items() if isinstance(d, Range) and not d.when]
        if len(ranges) < 2:
            faults.append('study.sampler: is "cmaes", which needs at least two ranges without `when` to learn in')
    if not experiment.search and "trials" in study_keys and experiment.study.trials != 1:
        faults.append(f"study.trials: is {experiment.study.trials}; nothing is searched, so 1 is all there is")
    if experiment.confirm is not None:
        faults += _faults_of_confirmation(experiment, experiment.confirm)
    if experiment.answer is not None:
        faults += faults_of_answer(experiment, experiment.answer)
    if experiment.study.sampler == "grid":
        try:
            size = experiment.grid_size
        except ValueError as error:
            return [*faults, str(error)]
        if experiment.study.trials is not None and experiment.search and experiment.study.trials > size:
            faults.append(f"study.trials: is {experiment.study.trials}; the grid has {plural(size, 'combination')}")
    return faults


def _fault_of_step(dimension: Range, step: float, *, whole: bool) -> str:
    """What is wrong with the step of a range; empty if it leads from its low to its high."""
    if whole and isinstance(step, float):
        return "; must be a whole number"
    steps = Steps(dimension.low, dimension.high, step)
    if not whole and steps.number > MOST_STEPS:
        return f", which makes more than {MOST_STEPS:,} values; take a larger one, or leave it out"
    low, last, high = dimension.low, dimension.last, dimension.high
    least = _LEAST_STEP * max(abs(low), abs(high))  # said a little larger: two digits may be rounded down
    if not whole and low != high and step < least:
        return f", and 32 bits cannot tell numbers of this size so close apart; must be at least {1.05 * least:.2g}"
    return "" if last == high else f", which leads from {low} to {last} and past {high}; high could be {last}"


def _alike_in_32_bits(values: Sequence[Any]) -> str:
    """What is wrong with choices of which two are one number where they are trained; empty if none are."""
    seen: dict[float, Any] = {}
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue  # it is told that this is no number
        first = seen.setdefault(float(np.float32(value)), value)
        if first is not value:
            return f"{first} and {value} are one number in 32 bits, in which is trained; leave one of them out"
    return ""


def _faults_of_dependence(experiment: Experiment) -> list[str]:
    """Faults of what `when` names: other choices of the search, which depend on nothing themselves."""
    faults = []
    known = [name for name, d in experiment.search.items() if isinstance(d, Choices) and not d.when]
    for name, dimension in experiment.search.items():
        for other, values in dimension.conditions:
            parent = experiment.search.get(other)
            if not isinstance(parent, Choices) or parent.when:
                faults.append(
                    f"search.{name}.when: {other} has no choices of its own under [search] that it could depend on; "
                    + ("it could depend on: " + ", ".join(known) if known else "leave `when` out")
                )
                continue
            wrong = [value for value in listed(values) if not _is_among(value, parent.choices)]
            if wrong or not listed(values):
                faults.append(
                    f"search.{name}.when: {other} is never {quoted(wrong[0] if wrong else values)}; "
                    f"its choices are {quoted(parent.choices)}"
                )
    return faults


def _faults_of_start(experiment: Experiment) -> list[str]:
    """Faults of the configurations to start with: each must be a point of the search space, or a part of one."""
    faults = []
    for number, start in enumerate(experiment.study.start, start=1):
        key = f"study.start: table {number}"
        for name, value in start.items():
            dimension = experiment.search.get(name)
            if dimension is None:
                faults.append(f"{key}: " + unknown("searched parameter", name, experiment.search))
            elif not dimension.applies(start):
                needed = ", ".join(f"{other} = {quoted(values)}" for other, values in dimension.conditions)
                faults.append(f"{key}: {name} is searched only where {needed}; say so in the table, or leave it out")
            elif fault := _outside(value, dimension, whole=experiment.base.number_type(name) is int):
                faults.append(f"{key}: {name} is {quoted(value)}, outside of search.{name}; must be {fault}")
    tables = len(experiment.study.start)
    if tables and tables > experiment.trials:
        faults.append(
            f"study.start: has {plural(tables, 'table')} for {plural(experiment.trials, 'trial')}; add trials"
        )
    return faults


def _is_among(value: Any, choices: Sequence[Any]) -> bool:
    """Whether it is one of them, as it is written: 1 is not 1.0, nor true."""
    return any(choice == value and type(choice) is type(value) for choice in choices)


def _outside(value: Any, dimension: Dimension, *, whole: bool) -> str | None:
    """What would be right, if the value is none that the dimension can take."""
    if isinstance(dimension, Choices):
        return None if _is_among(value, dimension.choices) else f"one of {quoted(dimension.choices)}"
    numbers = "a whole number" if whole else "a number"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float):
        return numbers
    if not dimension.low <= value <= dimension.high:
        return f"{numbers} from {dimension.low} to {dimension.high}"
    steps = (value - dimension.low) / dimension.step if dimension.step else 0.0
    return None if abs(steps - round(steps)) < 1e-8 else f"{dimension.low} and a multiple of {dimension.step}"


def _faults_of_confirmation(experiment: Experiment, confirm: ConfirmConfig) -> list[str]:
    if not experiment.search:
        return ["confirm: nothing is searched, so there is no choice to confirm; leave it out, and raise study.seeds"]
    if experiment.study.seeds_after(confirm.seeds)[-1] >= 2**32:
        return [f"confirm.seeds: is {confirm.seeds}; the seeds after those of the study would pass {2**32 - 1}"]
    return []


def refused_with(
    section: type[Frozen], fixed: Mapping[str, Any], settings: Iterable[Mapping[str, Any]], key: str
) -> list[str]:
    """Faults of a section with each of the settings in it; `key` is where the settings were written."""
    faults: list[str] = []
    for setting in settings:
        raw = {**fixed, **setting}
        try:
            section.model_validate(raw)
        except ValidationError as error:
            faults += faults_of(error, section, raw, key)
    return list(dict.fromkeys(faults))
