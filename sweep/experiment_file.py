"""Reading an experiment file: every fault is found before anything runs, one line each."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep.config import SECTIONS, TASKS, Frozen
from sweep.errors import SweepError
from sweep.experiment import SEARCHABLE, Choices, Dimension, Experiment, Range, StudyConfig
from sweep.faults import faults_of, quoted, unknown

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def load(path: Path) -> Experiment:
    """Read and check an experiment file; SweepError names every fault, one a line."""
    try:
        text = path.read_bytes().decode()
    except FileNotFoundError:
        raise SweepError(f"{path}: no such file; `sweep list` names the experiments that there are") from None
    except IsADirectoryError:
        raise SweepError(f"{path}: is a folder; give an experiment file, tutorial.toml for example") from None
    except OSError as error:
        raise SweepError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SweepError(f"{path}: is not a text file; an experiment is written in TOML, in UTF-8") from None
    try:
        raw = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SweepError(f"{path}: is not valid TOML: {error}") from None
    return parse(raw, where=str(path))


def override(
    experiment: Experiment, *, seeds: int | None = None, trials: int | None = None, trainer: str | None = None
) -> Experiment:
    """The experiment with what the command line replaces, checked again."""
    raw = experiment.model_dump(exclude_unset=True)
    study = {"seeds": seeds, "trials": trials}
    raw["study"] = raw.get("study", {}) | {key: value for key, value in study.items() if value is not None}
    raw["training"] = raw.get("training", {}) | ({"trainer": trainer} if trainer else {})
    return parse(raw, where="command line")


def name_of(path: Path) -> str:
    """The name that an experiment's results go by: the file's stem, checked to be a safe folder name."""
    return checked_name(path.stem)


def checked_name(name: str) -> str:
    """`name` itself, if it can be a folder under the results and nothing else; SweepError otherwise."""
    if not _NAME.fullmatch(name):
        raise SweepError(
            f"{quoted(name)} is no name for an experiment; use letters, digits, '-', '_' and '.', "
            "at most 100 of them, a letter or a digit first"
        )
    return name


def parse(raw: Mapping[str, Any], where: str) -> Experiment:
    """Check what a file holds, section by section; SweepError lists all faults, each headed by `where`."""
    faults = [unknown("key", key, Experiment.model_fields) for key in raw if key not in Experiment.model_fields]
    parts: dict[str, Any] = {}
    if not isinstance(raw.get("question"), str) or not raw["question"].strip():
        arrived = quoted(raw["question"]) if "question" in raw else "missing"
        faults.append(f"question: is {arrived}; must be one sentence in quotes")
    for key, section in (("task", _task_of(raw)), *SECTIONS.items(), ("study", StudyConfig)):
        if isinstance(section, str):
            faults.append(section)
        else:
            parts[key] = _section(raw.get(key, {}), section, key, faults)
    parts["conditions"] = _conditions(raw.get("conditions", {}), parts.get("task"), faults)
    parts["search"] = _search(raw.get("search", {}), faults)
    if not faults:
        experiment = Experiment(question=raw["question"].strip(), **parts)
        faults = _contradictions(experiment, set(raw.get("study", {})))
    if faults:
        raise SweepError("\n".join(f"{where}: {fault}" for fault in faults))
    return experiment


def _task_of(raw: Mapping[str, Any]) -> type[Frozen] | str:
    task = raw.get("task")
    if not isinstance(task, dict):
        return f"task: is {quoted(task) if task is not None else 'missing'}; must be a table with a name"
    if "name" not in task:
        return "task.name: is missing; known: " + ", ".join(TASKS)
    if not isinstance(task["name"], str) or task["name"] not in TASKS:
        return "task.name: " + unknown("task", task["name"], TASKS)
    return TASKS[task["name"]]


def _section(raw: Any, section: type[Frozen], key: str, faults: list[str]) -> Frozen | None:
    if not isinstance(raw, dict):
        faults.append(f"{key}: is {quoted(raw)}; must be a table")
        return None
    try:
        return section.model_validate(raw)
    except ValidationError as error:
        faults.extend(faults_of(error, section, raw, key))
        return None


def _conditions(raw: Any, task: Frozen | None, faults: list[str]) -> dict[str, tuple[Any, ...]]:
    if not isinstance(raw, dict):
        faults.append(f"conditions: is {quoted(raw)}; must be a table of lists")
        return {}
    known = [name for name in type(task).model_fields if name != "name"] if task else None
    conditions = {}
    for name, values in raw.items():
        if known is not None and name not in known:
            hint = "; what is no part of the problem goes under [search]" if name in SEARCHABLE else ""
            faults.append(f"conditions: {unknown('task parameter', name, known)}{hint}")
        elif not isinstance(values, list | tuple) or not values:
            faults.append(f"conditions.{name}: is {quoted(values)}; must be a list of at least one value")
        elif len(set(map(repr, values))) < len(values):
            faults.append(f"conditions.{name}: holds a value twice: {quoted(values)}")
        else:
            conditions[name] = tuple(values)
    return conditions


def _search(raw: Any, faults: list[str]) -> dict[str, Dimension]:
    if not isinstance(raw, dict):
        faults.append(f"search: is {quoted(raw)}; must be a table of ranges and choices")
        return {}
    search: dict[str, Dimension] = {}
    for name, value in raw.items():
        if any(name in task.model_fields for task in TASKS.values()):
            faults.append(f"search.{name}: is part of the problem, which is measured, not optimised; use [conditions]")
        elif name not in SEARCHABLE:
            faults.append(f"search: {unknown('parameter', name, SEARCHABLE)}")
        elif not isinstance(value, dict):
            faults.append(f"search.{name}: is {quoted(value)}; must be {{ low, high }} or {{ choices = [...] }}")
        else:
            kind: type[Choices | Range] = Choices if "choices" in value else Range
            dimension = _section(value, kind, f"search.{name}", faults)
            if dimension is not None:
                search[name] = dimension  # type: ignore[assignment]
    return search


def _contradictions(experiment: Experiment, study_keys: set[str]) -> list[str]:
    """Faults that only show when the sections are put together."""
    faults = []
    for name in experiment.search:
        section = experiment.base.section_of(name)
        if name in getattr(experiment, section).model_fields_set:
            faults.append(f"search.{name}: is fixed under [{section}] too; leave one of them out")
    faults += _refused(experiment.task, experiment.condition_settings, "conditions")
    for name, dimension in experiment.search.items():
        if isinstance(dimension, Range) and not _is_numeric(experiment, name):
            faults.append(f"search.{name}: is a range; this parameter takes {{ choices = [...] }}")
            continue
        owner = experiment.base.section(name)
        faults += _refused(owner, [{name: value} for value in dimension.extremes], "search")
        step = dimension.step if isinstance(dimension, Range) else None
        if isinstance(step, float) and isinstance(getattr(owner, name), int):
            faults.append(f"search.{name}.step: is {step}; must be a whole number")
    if not experiment.search and "trials" in study_keys and experiment.study.trials != 1:
        faults.append(f"study.trials: is {experiment.study.trials}; nothing is searched, so 1 is all there is")
    if experiment.study.sampler == "grid":
        try:
            size = experiment.grid_size
        except ValueError as error:
            return [*faults, str(error)]
        if experiment.study.trials is not None and experiment.search and experiment.study.trials > size:
            faults.append(f"study.trials: is {experiment.study.trials}; the grid has {size} combinations")
    return faults


def _refused(section: Frozen, settings: Iterable[Mapping[str, Any]], key: str) -> list[str]:
    """Faults of a section with each of the settings in it; `key` is where the settings were written."""
    faults: list[str] = []
    for setting in settings:
        raw = section.model_dump(exclude_unset=True) | dict(setting)
        try:
            type(section).model_validate(raw)
        except ValidationError as error:
            faults += faults_of(error, type(section), raw, key)
    return list(dict.fromkeys(faults))


def _is_numeric(experiment: Experiment, name: str) -> bool:
    default = getattr(getattr(experiment.base, experiment.base.section_of(name)), name)
    return isinstance(default, int | float) and not isinstance(default, bool)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file, for editors that complete and check TOML."""
    schema = Experiment.model_json_schema()
    dimension = schema["properties"]["search"].pop("additionalProperties")
    axes = {name for task in TASKS.values() for name in task.model_fields} - {"name"}
    schema["properties"]["search"] |= {
        "properties": dict.fromkeys(SEARCHABLE, dimension),
        "additionalProperties": False,
    }
    schema["properties"]["conditions"] |= {
        "properties": {name: {"type": "array", "minItems": 1} for name in sorted(axes)},
        "additionalProperties": False,
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sweep experiment"} | schema
