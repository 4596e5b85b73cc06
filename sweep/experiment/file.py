"""Reading an experiment file: every fault is found before anything runs, one line each."""

import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweep.errors import SweepError
from sweep.experiment.answer import AnswerConfig
from sweep.experiment.configuration import SECTIONS
from sweep.experiment.contradictions import contradictions, refused_with
from sweep.experiment.experiment import MOST_SEEDS, SEARCHABLE, ConfirmConfig, Experiment, StudyConfig, settings_of
from sweep.experiment.lines import refusal
from sweep.experiment.space import Choices, Dimension, Range, alike, said_of_alike
from sweep.faults import faults_of, nearest, quoted, unknown
from sweep.foreign import MOST_BYTES, TooMuchError, harmless, harmless_throughout, refuse_long_keys
from sweep.frozen import Frozen
from sweep.tasks.registry import TASKS

ENDING = ".toml"
"""Of an experiment file, in letters of either size."""

LONGEST_QUESTION = 2_000
"""Letters: it is printed above every table."""

_KEYS = tuple(name for name, field in Experiment.model_fields.items() if not field.exclude)
_MOST_STUDIES = 10_000
_WHOLE = "whole numbers must fit into 64 bits"
_SYMBOL_BITS = 10_000  # a symbol is a name, which only has to be printed
_REPORTS = ("report.html", "report.md")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True)
class ExperimentFile:
    """An experiment file as it was read, once: what was checked is then what is run, and the text that is stored."""

    path: Path
    text: str
    experiment: Experiment

    @property
    def name(self) -> str:
        """The name that its results go by."""
        return name_of(self.path)


def read_checked(path: Path) -> ExperimentFile:
    """Read and check an experiment file; SweepError names every fault, one a line."""
    text = _text(path)
    return ExperimentFile(path, text, parse(_parsed(path, text), str(path), text))


def load(path: Path) -> Experiment:
    """The experiment of a file; SweepError names every fault, one a line."""
    return read_checked(path).experiment


def read(path: Path) -> dict[str, Any]:
    """What an experiment file holds, unchecked; SweepError if it is no TOML."""
    return _parsed(path, _text(path))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:  # a pipe may have no end
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise SweepError(f"{path}: is longer than {MOST_BYTES:,} bytes, which no experiment is")
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        hint = nearest(path.stem, [other.stem for other in files_in(path.parent)])
        raise SweepError(
            f"{path}: no such file; {hint or '`sweep list` names the experiments that there are'}"
        ) from None
    except IsADirectoryError:
        raise SweepError(f"{path}: is a folder; give an experiment file, tutorial.toml for example") from None
    except OSError as error:
        raise SweepError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SweepError(f"{path}: is not a text file; an experiment is written in TOML, in UTF-8") from None


def _parsed(path: Path, text: str) -> dict[str, Any]:
    try:
        refuse_long_keys(text)
        raw = tomllib.loads(text)
        harmless_throughout(raw)  # it refuses what is nested too deep; texts are looked at where they are used
    except (tomllib.TOMLDecodeError, RecursionError, TooMuchError) as error:
        raise SweepError(f"{path}: is not valid TOML: {harmless(str(error))}") from None
    except ValueError:  # of Python's own: it reads no number of so many digits
        raise SweepError(f"{path}: has a number of thousands of digits; {_WHOLE}") from None
    return raw


def override(
    experiment: Experiment, *, seeds: int | None = None, trials: int | None = None, trainer: str | None = None
) -> Experiment:
    """The experiment with what the command line replaces, checked again."""
    return parse(overridden(experiment, seeds=seeds, trials=trials, trainer=trainer), where="command line")


def overridden(
    experiment: Experiment, *, seeds: int | None = None, trials: int | None = None, trainer: str | None = None
) -> dict[str, Any]:
    """What a file would hold that says what the command line replaces, too.

    Where the file lists its seeds, `seeds` are so many from the first of the list on: a file that begins at 10 because
    its configuration was chosen on the seeds before keeps to that.
    """
    raw = experiment.model_dump(exclude_unset=True)
    listed = experiment.study.seeds
    first = 0 if isinstance(listed, int) else listed[0]
    if seeds and first and seeds <= MOST_SEEDS:  # more are refused as a number, not listed
        asked: int | list[int] | None = list(range(first, first + seeds))
    else:
        asked = seeds
    study = {"seeds": asked, "trials": trials}
    raw["study"] = raw.get("study", {}) | {key: value for key, value in study.items() if value is not None}
    raw["training"] = raw.get("training", {}) | ({"trainer": trainer} if trainer else {})
    return raw


def files_in(folder: Path) -> list[Path]:
    """The experiment files that lie there, in the order of their names; none where there is no such folder."""
    return sorted(path for path in folder.glob("*") if path.suffix.lower() == ENDING)


def file_named(name: str, folder: Path) -> Path:
    """The file there of the experiment `name`; where there is none, the one that would be it."""
    usual = folder / f"{checked_name(name)}{ENDING}"
    return next((path for path in [usual, *files_in(folder)] if path.stem == name and path.exists()), usual)


def name_of(path: Path) -> str:
    """The name that an experiment's results go by: the file's stem, checked to be a safe folder name."""
    if path.stem.lower() in _REPORTS:
        raise SweepError(f"{path}: `sweep report` writes a file {path.stem.lower()} among the results; rename this one")
    return checked_name(path.stem)


def checked_name(name: str) -> str:
    """`name` itself, if it can be a folder under the results and nothing else; SweepError otherwise."""
    if not _NAME.fullmatch(name):
        raise SweepError(
            f"{quoted(name)} is no name for an experiment; use letters, digits, '-', '_' and '.', "
            "at most 100 of them, a letter or a digit first"
        )
    return name


def parse(raw: Mapping[str, Any], where: str, text: str = "") -> Experiment:
    """Check what a file holds, section by section; SweepError lists all faults, each headed by `where`.

    With the `text` that it was read from, the faults name their lines.
    """
    if faults := huge_integers(raw):
        raise refusal(where, faults, text)
    faults = [unknown("key", key, _KEYS) for key in raw if key not in _KEYS]
    if not isinstance(raw.get("question"), str) or not raw["question"].strip():
        arrived = quoted(raw["question"]) if "question" in raw else "missing"
        faults.append(f"question: is {arrived}; must be one sentence in quotes")
    elif len(raw["question"]) > LONGEST_QUESTION:
        faults.append(f"question: has {len(raw['question']):,} letters; must have at most {LONGEST_QUESTION:,}")
    task = _task_type(raw)
    paired = isinstance(raw.get("conditions"), list)
    faults_of_conditions: list[str] = []
    conditions = (_paired if paired else _combined)(raw.get("conditions", {}), task, faults_of_conditions)
    parts: dict[str, Any] = {"conditions": conditions, "paired": paired}
    if isinstance(task, str):
        faults.append(task)
    else:
        parts["task"] = _task(raw["task"], task, settings_of(conditions, paired=paired and bool(conditions)), faults)
    sections: dict[str, type[Frozen]] = {**SECTIONS, "study": StudyConfig}
    for key, section in sections.items():
        parts[key] = _section(raw.get(key, {}), section, key, faults)
    for key, section in (("confirm", ConfirmConfig), ("answer", AnswerConfig)):
        if key in raw:
            parts[key] = _section(raw[key], section, key, faults)
    faults += faults_of_conditions
    parts["search"] = _search(raw.get("search", {}), faults)
    if not faults:
        experiment = Experiment(question=harmless(" ".join(raw["question"].split())), **parts)
        faults = contradictions(experiment, set(raw.get("study", {})))
    if faults:
        raise refusal(where, faults, text)
    return experiment


def huge_integers(raw: Mapping[str, Any]) -> list[str]:
    """Faults of whole numbers that no column of the results could hold, wherever they stand."""
    faults, left = [], list[tuple[str, Any]](raw.items())
    while left:
        key, value = left.pop()
        if isinstance(value, Mapping):
            left += [(f"{key}.{name}", inner) for name, inner in value.items()]
        elif isinstance(value, list | tuple):
            left += [(key, inner) for inner in value]
        elif isinstance(value, int) and value.bit_length() > (_SYMBOL_BITS if key.endswith("sequences") else 63):
            faults.append(f"{key}: is a whole number of {value.bit_length()} bits; {_WHOLE}")
    return faults


def _task_type(raw: Mapping[str, Any]) -> type[Frozen] | str:
    task = raw.get("task")
    if not isinstance(task, dict):
        return f"task: is {quoted(task) if task is not None else 'missing'}; must be a table with a name"
    if "name" not in task:
        return "task.name: is missing; known: " + ", ".join(TASKS)
    if not isinstance(task["name"], str) or task["name"] not in TASKS:
        return "task.name: " + unknown("task", task["name"], TASKS)
    return TASKS[task["name"]].parameters


def _section(raw: Any, section: type[Frozen], key: str, faults: list[str]) -> Frozen | None:
    if not isinstance(raw, dict):
        faults.append(f"{key}: is {quoted(raw)}; must be a table")
        return None
    try:
        return section.model_validate(raw)
    except ValidationError as error:
        faults.extend(faults_of(error, section, raw, key))
        return None


def _task(
    raw: Mapping[str, Any], task: type[Frozen], settings: tuple[dict[str, Any], ...], faults: list[str]
) -> Frozen | None:
    """The task as the file fixes it; what only fits with a condition's values is taken with the first one's."""
    try:
        return task.model_validate(raw)
    except ValidationError as error:
        conditions = settings[0].keys()
        of_single_keys = [fault for fault in error.errors() if fault["loc"]]
        if not all(fault["type"] == "missing" and fault["loc"][0] in conditions for fault in of_single_keys):
            faults += faults_of(error, task, raw, "task")
            return None
    refused = refused_with(task, raw, settings, "conditions" if conditions else "task")
    faults += refused
    return None if refused else task.model_validate({**raw, **settings[0]})


def _combined(raw: Any, task: type[Frozen] | str, faults: list[str]) -> dict[str, tuple[Any, ...]]:
    """`[conditions]`: name -> values."""
    if not isinstance(raw, dict):
        faults.append(f"conditions: is {quoted(raw)}; must be a table of lists")
        return {}
    unknown_names = _unknown_conditions(raw, task)
    faults += unknown_names.values()
    conditions = {}
    for name, values in raw.items():
        if name in unknown_names:
            continue
        if not isinstance(values, list | tuple) or not values:
            faults.append(f"conditions.{name}: is {quoted(values)}; must be a list of at least one value")
        elif twice := said_of_alike(values):
            faults.append(f"conditions.{name}: {twice}")
        else:
            conditions[name] = tuple(values)
    studies = math.prod(map(len, conditions.values()))
    if studies > _MOST_STUDIES:
        faults.append(f"conditions: make {studies:,} studies, one a combination; at most {_MOST_STUDIES:,} are run")
        return {}
    return conditions


def _paired(raw: list[Any], task: type[Frozen] | str, faults: list[str]) -> dict[str, tuple[Any, ...]]:
    """`[[conditions]]`: name -> its value in each of the tables; empty if anything is wrong with them."""
    wrong = _faults_of_tables(raw) or list(_unknown_conditions(raw[0], task).values())
    faults += wrong
    return {} if wrong else {name: tuple(row[name] for row in raw) for name in raw[0]}


def _faults_of_tables(rows: list[Any]) -> list[str]:
    if not rows or not all(isinstance(row, dict) and row for row in rows):
        return [f"conditions: is {quoted(rows)}; must be a table of lists, or [[conditions]] tables of single values"]
    for number, row in enumerate(rows, start=1):
        if row.keys() != rows[0].keys():
            return [
                f"conditions: table {number} names {', '.join(row)}, and table 1 names {', '.join(rows[0])}; "
                "all must name the same parameters"
            ]
    if places := alike([dict(sorted(row.items())) for row in rows]):
        first, second = (place + 1 for place in places)
        return [f"conditions: tables {first} and {second} are equal: {quoted(rows[places[1]])}; leave one of them out"]
    return []


def _unknown_conditions(names: Iterable[str], task: type[Frozen] | str) -> dict[str, str]:
    """Name -> fault, of the names that are no parameters of the task."""
    if isinstance(task, str):
        return {}
    known = [name for name in task.model_fields if name != "name"]
    hints = dict.fromkeys(SEARCHABLE, "; what is no part of the problem goes under [search]")
    return {
        name: f"conditions: {unknown('task parameter', name, known)}{hints.get(name, '')}"
        for name in names
        if name not in known
    }


def _search(raw: Any, faults: list[str]) -> dict[str, Dimension]:
    if not isinstance(raw, dict):
        faults.append(f"search: is {quoted(raw)}; must be a table of ranges and choices")
        return {}
    search: dict[str, Dimension] = {}
    for name, value in raw.items():
        if any(name in task.parameters.model_fields for task in TASKS.values()):
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
