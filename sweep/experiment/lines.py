"""Where the keys of an experiment file stand: the parser does not tell, and whoever mends a fault wants to know."""

import re
from collections.abc import Iterable

from sweep.errors import SweepError
from sweep.foreign import harmless

MOST_TOLD = 20
"""Faults of one file that are told at once."""

_UNSEEN = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}' + r"|'''.*?'{3,5}" + r'|"(?:\\.|[^"\\\n])*"' + r"|'[^'\n]*'" + r"|#[^\n]*", re.DOTALL
)
"""Strings and comments: in them, brackets and equals signs mean nothing."""

_HEADER = re.compile(r"\s*+\[++([\w\s.-]++)\]")  # possessive: linear, however many spaces there are
_KEY = re.compile(r"([\w\s.-]++)=")
_UNKNOWN = re.compile(r'(?:(\S+): )?unknown [a-z ]+ "([^"]*)"')


def refusal(where: str, faults: Iterable[str], text: str = "") -> SweepError:
    """All faults of a file, one a line, each headed by `where`, with the line of the `text` that it is about."""
    faults, lines = list(faults), key_lines(text)
    told = [f"{where}: {harmless(fault)}{_said(_line_of(fault, lines))}" for fault in faults[:MOST_TOLD]]
    if len(faults) > MOST_TOLD:
        told.append(f"{where}: and {len(faults) - MOST_TOLD} more")
    return SweepError("\n".join(told))


def key_lines(text: str) -> dict[str, int]:
    """Key, with the tables that it lies in -> the line of a valid TOML file that it begins on, counted from 1.

    >>> key_lines("[search]\\nunits = { low = 1,\\n high = 8 }\\nlayers.low = 1")
    {'search': 1, 'search.units': 2, 'search.layers': 4, 'search.layers.low': 4}
    """
    lines: dict[str, int] = {}
    table, depth = "", 0
    for number, line in enumerate(_UNSEEN.sub(_bare, text).split("\n"), start=1):
        if depth == 0 and (header := _HEADER.match(line)):
            table = _dotted(header.group(1)) + "."
            lines.setdefault(table[:-1], number)
        elif depth == 0 and (key := _KEY.match(line)):
            parts = (table + _dotted(key.group(1))).split(".")
            for count in range(1, len(parts) + 1):
                lines.setdefault(".".join(parts[:count]), number)
        depth += sum(map(line.count, "[{")) - sum(map(line.count, "]}"))
    return lines


def _bare(match: re.Match[str]) -> str:
    """A quoted key as a bare one; of all else only the line breaks."""
    inner = match.group()[1:-1]
    return inner if re.fullmatch(r"[\w-]+", inner) else "\n" * match.group().count("\n")


def _dotted(key: str) -> str:
    return ".".join(part.strip() for part in key.split("."))


def _line_of(fault: str, lines: dict[str, int]) -> int | None:
    """The line of the key that a fault begins with, or that it names next: `study: seeds is 0; ...`."""
    if unknown := _UNKNOWN.match(fault):
        return lines.get(".".join(part for part in unknown.groups() if part))
    key, _, sentence = fault.partition(": ")
    named = re.match(r"\w*", sentence)
    candidates = [f"{key}.{named.group() if named else ''}", key]
    if sentence.startswith("is missing") or key.count(".") > 1:  # the table that it belongs in
        candidates.append(key.rpartition(".")[0])
    return next((lines[candidate] for candidate in candidates if candidate in lines), None)


def _said(line: int | None) -> str:
    return f" (line {line})" if line is not None else ""
