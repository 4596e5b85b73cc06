"""The experiment of stored results, recalled from its file: nothing is refused that was run once.

It was checked before it was run. What a later version refuses in a new file (a bound, a contradiction), files of data
that are gone by now and a user's own code are no reason not to read what came of it.
"""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import ValidationError

from sweep.errors import SweepError
from sweep.experiment.configuration import SECTIONS
from sweep.experiment.experiment import Experiment, settings_of
from sweep.experiment.file import LONGEST_QUESTION, huge_integers, overridden, read
from sweep.experiment.outcomes import OBJECTIVES
from sweep.experiment.space import Choices, Range
from sweep.faults import faults_of, quoted, unknown
from sweep.foreign import harmless, harmless_throughout
from sweep.frozen import Frozen
from sweep.tasks.registry import TASKS

_MOST_OF_A_NETWORK = {"units": 2**20, "layers": 1000}
_MOST_CONDITIONS, _MOST_SEEDS, _FARTHEST = 100_000, 2**20, 1e38


def _section_in(annotation: Any) -> type[Frozen] | None:
    kinds = [
        kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type) and issubclass(kind, Frozen)
    ]
    return kinds[0] if len(kinds) == 1 else None


_FIELDS = {name: field for name, field in Experiment.model_fields.items() if not field.exclude}
_SECTIONS = {name: kind for name, field in _FIELDS.items() if (kind := _section_in(field.annotation))}
"""The sections of a file that are one table of known keys, whatever sections there are by now."""


def load_stored(path: Path, overrides: Mapping[str, Any]) -> Experiment:
    """The experiment in a results folder, with what the command line replaced; SweepError if it can be none."""
    try:
        raw = harmless_throughout(read(path))
        if huge := huge_integers(raw):
            raise ValueError(huge[0])
        experiment = recalled(raw)
        experiment = recalled(overridden(experiment, **overrides)) if overrides else experiment
        _refuse_what_never_ran(experiment)
        return experiment
    except ValueError as error:
        raise SweepError(f"{path}: {error}; restore the file as it was run, or remove the results") from None


def recalled(raw: Mapping[str, Any]) -> Experiment:
    """The experiment that a file held; ValueError for the first thing in it that is not as any file has it."""
    for key in raw:
        if key not in _FIELDS:
            raise ValueError(unknown("key", key, _FIELDS))
    question, paired = raw.get("question"), isinstance(raw.get("conditions"), list)
    if not isinstance(question, str):
        raise ValueError(f"question: is {quoted(question)}; must be one sentence in quotes")
    if len(question) > LONGEST_QUESTION:
        raise ValueError(f"question: has {len(question):,} letters; at most {LONGEST_QUESTION:,} are read")
    asked = harmless(" ".join(question.split()))
    parts: dict[str, Any] = {"question": asked, "paired": paired, "conditions": _conditions(raw)}
    parts["task"] = task = _task(
        raw.get("task"), settings_of(parts["conditions"], paired=paired and bool(raw["conditions"]))
    )
    for name, values in parts["conditions"].items():
        _refuse_values(type(task), name, values, "conditions")
    for key, kind in _SECTIONS.items():
        if key in raw or _FIELDS[key].default is not None:  # [confirm] for example may be left out
            parts[key] = _section(kind, raw.get(key, {}), key)
    parts["search"] = {name: _dimension(name, value) for name, value in _table(raw.get("search", {}), "search").items()}
    return Experiment.model_construct(_fields_set=set(parts), **parts)


def _refuse_what_never_ran(experiment: Experiment) -> None:
    """ValueError for what no version could run: it would take readers without end, or to where nothing is defined."""
    objectives = experiment.study.objectives
    named = [objective.removeprefix("-") for objective in objectives]
    if not named or len(set(named)) < len(named) or not set(named) <= set(OBJECTIVES):
        raise ValueError(f"study.objective: is {quoted(objectives)}; must name outcomes, each once")
    if wrong := _beyond(experiment):
        raise ValueError(wrong)
    seeds = experiment.study.seeds
    listed = range(seeds) if isinstance(seeds, int) else sorted(set(seeds))
    if not 0 < len(listed) <= _MOST_SEEDS or not 0 <= listed[0] <= listed[-1] < 2**32:
        raise ValueError(f"study.seeds: is {quoted(seeds)}; no trial has such seeds")
    for name, dimension in experiment.search.items():
        if isinstance(dimension, Range):
            least = math.ulp(0) if dimension.log else -_FARTHEST
            if not least <= dimension.low <= dimension.high <= _FARTHEST:
                raise ValueError(f"search.{name}: no range goes from {dimension.low} to {dimension.high}")


def _beyond(experiment: Experiment) -> str:
    """What is said of a network larger than any that was run, or of none; empty where there is nothing to say."""
    for name, most in _MOST_OF_A_NETWORK.items():
        values = [getattr(experiment.model, name)]
        values += experiment.search[name].extremes if name in experiment.search else ()
        for value in values:
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
                return f"model.{name}: is {quoted(value)}; no network that was run had so many, or so few"
    return ""


def _conditions(raw: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    conditions = raw.get("conditions", {})
    if not isinstance(conditions, list):
        lists = _table(conditions, "conditions").items()
        if wrong := [name for name, values in lists if not isinstance(values, list | tuple) or not values]:
            raise ValueError(f"conditions.{wrong[0]}: must be a list of at least one value")
        if math.prod(len(values) for _, values in lists) > _MOST_CONDITIONS:
            raise ValueError(f"conditions: has more than {_MOST_CONDITIONS:,} combinations")
        return {name: tuple(values) for name, values in lists}
    rows = [_table(row, "conditions") for row in conditions]
    if not rows or any(row.keys() != rows[0].keys() for row in rows):
        raise ValueError("conditions: must be tables that name the same parameters")
    return {name: tuple(row[name] for row in rows) for name in rows[0]}


def _task(raw: Any, settings: tuple[dict[str, Any], ...]) -> Frozen:
    """The task as the file fixes it: as when it was run, with the first condition's values where it needs them."""
    name = _table(raw, "task").get("name")
    if not isinstance(name, str) or name not in TASKS:
        raise ValueError("task.name: " + unknown("task", name, TASKS))
    kind = TASKS[name].parameters
    for setting in settings:
        if wrong := [key for key in setting if key not in kind.model_fields]:
            raise ValueError("conditions: " + unknown("task parameter", wrong[0], kind.model_fields))
    try:
        kind.model_validate(raw)
    except ValidationError:
        return _section(kind, {**raw, **settings[0]}, "task")
    return _section(kind, raw, "task")


def _dimension(name: str, raw: Any) -> Frozen:
    known = [parameter for section in SECTIONS.values() for parameter in section.model_fields]
    if name not in known:
        raise ValueError(f"search: {unknown('parameter', name, known)}")
    key = f"search.{name}"
    dimension = _section(Choices if "choices" in _table(raw, key) else Range, raw, key)
    assert isinstance(dimension, Choices | Range)
    owner = next(section for section in SECTIONS.values() if name in section.model_fields)
    _refuse_values(owner, name, dimension.extremes, "search")
    return dimension


def _refuse_values(kind: type[Frozen], name: str, values: Iterable[Any], key: str) -> None:
    """ValueError for the first value that is of no type which a section has under this name."""
    for value in values:
        try:
            kind.recalled({name: value})
        except ValidationError as error:
            of_it = [line for line in faults_of(error, kind, {name: value}, key) if line.startswith(f"{key}.{name}: ")]
            if of_it:  # what is missing beside it stands elsewhere
                raise ValueError(of_it[0]) from None


def _section(kind: type[Frozen], raw: Any, key: str) -> Frozen:
    try:
        return kind.recalled(_table(raw, key))
    except ValidationError as error:
        raise ValueError(faults_of(error, kind, raw, key)[0]) from None


def _table(raw: Any, key: str) -> Mapping[str, Any]:
    if not isinstance(raw, dict):
        raise ValueError(f"{key}: is {quoted(raw)}; must be a table")
    return raw
