"""What `sweep compare` prints of three or more sides, and the page that it writes of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sweep.cli.table import print_table, print_text

if TYPE_CHECKING:
    from sweep.comparison.several import Several
    from sweep.reporting.look.display import Column

_LONG_NAME = 20  # letters of a side's name, above which it stands above the tables and only its letter in them


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

    long = max(map(len, found.sides)) > _LONG_NAME
    if long:
        print_table(["", "side"], list(zip(lettered(found), found.sides, strict=True)))
    left_out: dict[str, None] = {}

    def printed(title: str, columns: list[Column], leaving: list[str]) -> None:
        print_text(title if title == titles[0] and not long else f"\n{title}")
        sides, *others = (column.texts for column in columns)
        rows = list(zip(lettered(found) if long else sides, *others, strict=True))
        left_out.update(dict.fromkeys(print_table([column.heading for column in columns], rows, leaving=leaving)))

    titles = [*(sentence(found, metric) for metric in found.metrics), f"{PROFILES}:"]
    for title, metric in zip(titles, found.metrics, strict=False):
        columns = standing_columns(found, metric)
        printed(title, columns, [column.heading for column in columns[len(found.conditions) : 0 : -1]])
    printed(titles[-1], profile_columns(found), [])
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
