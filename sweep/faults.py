"""Faults in an experiment file as sentences: key, what arrived, what would be right."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

_KINDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a string in quotes",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}
_BOUNDS = {
    "greater_than": ("gt", "greater than {}"),
    "greater_than_equal": ("ge", "at least {}"),
    "less_than": ("lt", "less than {}"),
    "less_than_equal": ("le", "at most {}"),
    "too_short": ("min_length", "a list of at least {}"),
    "string_too_short": ("min_length", "a text of at least {} character"),
}


_ALSO_CALLED = {
    **dict.fromkeys(("bayes", "bayesian", "bayesian_optimization", "bo", "gp"), "tpe"),
    **dict.fromkeys(("sobol", "quasi_random", "halton"), "qmc"),
    **dict.fromkeys(("genetic", "evolution", "ga"), "nsga2"),
    **dict.fromkeys(("grid_search", "gridsearch"), "grid"),
    **dict.fromkeys(("units", "weights", "size", "network_size"), "parameters"),
}
"""What people write -> our word for it, where the letters are not alike."""


def quoted(value: Any) -> str:
    r"""A value as TOML writes it, shortened where it is long; of its letters, those that can be shown stay.

    >>> quoted(True), quoted("é\n"), quoted([1, "full"])
    ('true', '"é\\n"', '[1, "full"]')
    """
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, str):
        text = '"' + "".join(map(_written, value)) + '"'
    elif isinstance(value, list | tuple):
        text = "[" + ", ".join(quoted(v) for v in value) + "]"
    elif isinstance(value, dict):
        text = "{ " + ", ".join(f"{_key(k)} = {quoted(v)}" for k, v in value.items()) + " }" if value else "{}"
    else:
        text = str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def four_digits(number: float) -> str:
    """A real number as tables have it; from ten thousand to ten million all that is before the point.

    >>> four_digits(0.00873219), four_digits(10_000.0), four_digits(1e30)
    ('0.008732', '10000', '1e+30')
    """
    return f"{number:.0f}" if 1e4 <= abs(number) < 1e7 else f"{number:.4g}"


def _written(letter: str) -> str:
    if letter in '"\\':
        return "\\" + letter
    return letter if letter.isprintable() else letter.encode("unicode_escape").decode()


def _key(key: str) -> str:
    return key if key.replace("_", "").replace("-", "").isalnum() else quoted(key)


def plural(number: int, noun: str, nouns: str = "") -> str:
    """A count with its noun; `nouns` is its plural where an s does not make it.

    >>> plural(1, "seed"), plural(1200, "seed"), plural(2, "study", "studies")
    ('1 seed', '1,200 seeds', '2 studies')
    """
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def unknown(what: str, arrived: Any, known: Iterable[str]) -> str:
    """Say that `arrived` is no known name, with the nearest right one, or all of them.

    >>> unknown("key", "unit", ["units", "layers"])
    'unknown key "unit"; did you mean "units"?'
    """
    names = list(known)
    return f"unknown {what} {quoted(arrived)}; {nearest(arrived, names) or 'known: ' + ', '.join(names)}"


def nearest(arrived: Any, names: Iterable[str]) -> str:
    """A question for the name that looks most like what arrived; empty where none does."""
    name, known = str(arrived).lower(), {each.lower(): each for each in names}
    meant = name[: name.startswith("-")] + _ALSO_CALLED.get(name.removeprefix("-"), "")
    near = [meant] if meant in known else difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f'did you mean "{known[near[0]]}"?' if near else ""


def faults_of(error: ValidationError, section: type[BaseModel], arrived: Mapping[str, Any], key: str) -> list[str]:
    """One line for each key of a section that pydantic refused; `key` is the section's own, "" at the top."""
    by_field: dict[str, list[Mapping[str, Any]]] = {}
    for fault in error.errors():
        by_field.setdefault(str(fault["loc"][0]) if fault["loc"] else "", []).append(dict(fault))
    return [_line(field, faults, section, arrived, key) for field, faults in by_field.items()]


def _line(
    field: str,
    faults: list[Mapping[str, Any]],
    section: type[BaseModel],
    arrived: Mapping[str, Any],
    key: str,
) -> str:
    path = ".".join(part for part in (key, field) if part)
    kind = faults[0]["type"]
    if kind == "extra_forbidden":
        line = unknown("key", field, section.model_fields)
        return f"{key}: {line}" if key else line
    if kind == "missing":
        return f"{path}: is missing; {_purpose(section, field)}"
    if kind == "value_error":
        return f"{path}: {faults[0]['ctx']['error']}"
    # The branches of a union are one fault: what arrived fits none of them.
    wanted = list(dict.fromkeys(_wanted(fault) for fault in faults))
    value = arrived.get(field)
    choices = [name for fault in faults if fault["type"] == "literal_error" for name in _choices(fault)]
    hint = nearest(value, choices) if isinstance(value, str) else ""
    return f"{path}: is {quoted(value)}; must be {' or '.join(wanted)}{'; ' + hint if hint else ''}"


def _wanted(fault: Mapping[str, Any]) -> str:
    kind, context = fault["type"], fault.get("ctx", {})
    if kind == "literal_error":
        return str(context["expected"]).replace("'", '"')
    if kind in _BOUNDS:
        name, text = _BOUNDS[kind]
        return text.format(context[name])
    return _KINDS.get(kind, str(fault["msg"]))


def _choices(fault: Mapping[str, Any]) -> list[str]:
    return re.findall(r"'([^']*)'", str(fault["ctx"]["expected"]))


def _purpose(section: type[BaseModel], field: str) -> str:
    description = section.model_fields[field].description
    return f"it says: {description}" if description else "it has no default"
