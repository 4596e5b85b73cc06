"""What `sweep compare` prints of three or more sides, and the page that it writes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.cli.table import fits, print_table, print_text

if TYPE_CHECKING:
    from sweep.comparison.several import Several


def print_several(found: Several) -> None:
    """Print a table for each metric, the performance profiles, and on stderr how they are to be read."""
    from sweep.reporting.findings.several import (
        PROFILES,
        about_profiles,
        lettered,
        profile_columns,
        readings,
        sentence,
        standing_columns,
    )

    tables = [standing_columns(found, metric) for metric in found.metrics] + [profile_columns(found)]
    heads = [[column.heading for column in columns] for columns in tables]
    cells = [list(zip(*(column.texts for column in columns), strict=True)) for columns in tables]
    titles = [*(sentence(found, metric) for metric in found.metrics), f"{PROFILES}:"]
    if not all(map(fits, heads, cells)):  # without the names there may be room
        print_table(["", "side"], list(zip(lettered(found), found.sides, strict=True)))
        cells = [[(letter, *row[1:]) for letter, row in zip(lettered(found), rows, strict=True)] for rows in cells]
    left_out: dict[str, None] = {}
    for title, head, rows in zip(titles, heads, cells, strict=True):
        print_text(title if title is titles[0] else f"\n{title}")
        conditions = head[len(found.conditions) : 0 : -1] if head is not heads[-1] else []
        left_out.update(dict.fromkeys(print_table(head, rows, leaving=conditions)))
    if left_out:
        print_text(f"No room for {', '.join(left_out)}: --json has every number.")
    for fact in readings(found):
        print_text(f"{fact.about}: {fact.said}", err=True)
    for note in (about_profiles(found), *found.notes):
        print_text(note, err=True)


def write_page(path: Path, found: Several) -> None:
    """Write the page whole or not at all; a link of that name is replaced, and never written through."""
    from sweep.files import write_whole
    from sweep.reporting.several import several_html

    write_whole(path, several_html(found).encode())
    print_text(f"{path} has the page.", err=True)
