"""Text in the terminal, as wide as it is: never is a number or a word in two.

A table that is too wide gets headings of several lines; then what is the same in every row goes into a line above it;
then it is turned, each of its rows a column, as many of them side by side as there is room for.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_AS_WIDE_AS_IT_IS = 10_000
_SENTENCE = 30  # a longer cell is one, and may go on in the next line
_LINE = 24  # of a sentence, at least
_WIDE_GAP = 3  # between columns
_GAP = 2  # between columns where there is little room


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]], *, leaving: Sequence[str] = ()) -> list[str]:
    """Print a table that fits the terminal, or as itself where the output is none; the headings that it is without.

    The columns `leaving`, by their headings, may be left out, the first of them first, if the rest then fits.
    """
    console = _console(err=False)
    fitted = fit(Cells(head, [[str(cell) for cell in row] for row in rows]), console.width, leaving)
    for part in fitted.parts:
        console.print(part)
    return fitted.left_out


def forget_no_width() -> None:
    """Leave a COLUMNS out of the environment that is none, 0 for instance: rich would show nothing."""
    if not re.fullmatch(r"0*[1-9][0-9]{0,5}", os.environ.get("COLUMNS", ""), re.ASCII):
        os.environ.pop("COLUMNS", None)


def fits(head: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the terminal has room for the table as it is, or with headings and sentences of several lines."""
    return bool(_narrowed(Cells(head, rows), _console(err=False).width))


def print_text(text: str, *, err: bool = False) -> None:
    """Print a paragraph; in a terminal it goes on in the next line between two words."""
    from rich.text import Text

    _console(err=err).print(Text(text))


@dataclass(frozen=True)
class Cells:
    """The text of a table."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def columns(self) -> list[list[str]]:
        """The cells of each below its heading."""
        return [[heading, *(row[number] for row in self.rows)] for number, heading in enumerate(self.head)]

    def without(self, columns: set[int]) -> Cells:
        """The table of the other columns."""
        kept = [number for number in range(len(self.head)) if number not in columns]
        return Cells([self.head[n] for n in kept], [[row[n] for n in kept] for row in self.rows])


@dataclass(frozen=True)
class Fitted:
    """What to print of a table, and the headings of the columns that there was no room for."""

    parts: list[RenderableType]
    left_out: list[str]


def fit(cells: Cells, width: int, leaving: Sequence[str] = ()) -> Fitted:
    """The table in the first of its forms that is no wider than `width`."""
    natural = [max(map(_length, column)) for column in cells.columns]
    if sum(natural) + _WIDE_GAP * len(natural) <= width:
        return Fitted([_table(cells, natural, _WIDE_GAP)], [])
    caption: list[RenderableType] = []
    if not _narrowed(cells, width) and (same := _same_in_every_row(cells)):
        caption, cells = [_caption(cells, same)], cells.without(same)
    present = [cells.head.index(heading) for heading in leaving if heading in cells.head]
    for number in range(len(present) + 1):
        rest = cells.without(set(present[:number]))
        if widths := _narrowed(rest, width):
            return Fitted([*caption, _table(rest, widths, _GAP)], [cells.head[n] for n in sorted(present[:number])])
    return Fitted([*caption, *_turned(cells, width)], [])


def _caption(cells: Cells, same: set[int]) -> RenderableType:
    from rich.text import Text

    return Text("In every row: " + "; ".join(f"{cells.head[n]} {cells.rows[0][n]}" for n in sorted(same)))


def _same_in_every_row(cells: Cells) -> set[int]:
    """The columns that say one thing of several rows; not all of them, though."""
    if len(cells.rows) < 2:
        return set()
    same = {number for number, (_, *texts) in enumerate(cells.columns) if len(set(texts)) == 1}
    return same if len(same) < len(cells.head) else set()


def _narrowed(cells: Cells, width: int) -> list[int]:
    """Widths of the columns that together take `width`, the widest narrowed first; empty where they cannot."""
    columns = [(_least(column), max(map(_length, column))) for column in cells.columns]
    for most in range(max(natural for _, natural in columns), 0, -1):
        widths = [max(least, min(natural, most)) for least, natural in columns]
        if sum(widths) + _GAP * (len(widths) - 1) <= width:
            return widths
    return []


def _least(column: Sequence[str]) -> int:
    """How narrow a column can be: a heading breaks between words, a cell only if it is a sentence."""
    heading, *texts = column
    return max([_word(heading), *map(_least_of_cell, texts)])


def _least_of_cell(text: str) -> int:
    return max(_word(text), _LINE) if _length(text) > _SENTENCE else _length(text)


def _word(text: str) -> int:
    return max(map(_length, text.split()), default=0)


def _length(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)


def _table(cells: Cells, widths: Sequence[int], gap: int) -> RenderableType:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    wide = gap == _WIDE_GAP
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=wide, padding=(0, 1) if wide else (0, 1, 0, 0))
    for heading, width in zip(cells.head, widths, strict=True):
        table.add_column(Text(heading), width=width, overflow="fold")
    for row in cells.rows:
        table.add_row(*map(Text, row))
    return table


def _turned(cells: Cells, width: int) -> Iterator[RenderableType]:
    """Blocks of as many rows as fit beside the headings, each of them a column."""
    labels = min(max(map(_length, cells.head)), width // 2)
    room = width - labels
    block: list[Sequence[str]] = []
    taken = 0
    for row in cells.rows:
        own = min(max(map(_least_of_cell, row)), room - _GAP) + _GAP
        if block and taken + own > room:
            yield _block(cells.head, block, labels)
            yield ""
            block, taken = [], 0
        block.append(row)
        taken += own
    if block or not cells.rows:
        yield _block(cells.head, block, labels)


def _block(head: Sequence[str], rows: Sequence[Sequence[str]], labels: int) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    block = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
    block.add_column(width=labels, overflow="fold")
    for _ in rows:
        block.add_column(overflow="fold")
    for heading, *texts in zip(head, *rows, strict=True):
        block.add_row(Text(heading), *map(Text, texts))
    return block


def _console(*, err: bool) -> Console:
    from rich.console import Console

    stream = sys.stderr if err else sys.stdout
    asked = "COLUMNS" in os.environ  # rich heeds it
    return Console(stderr=err, width=None if stream.isatty() or asked else _AS_WIDE_AS_IT_IS)
