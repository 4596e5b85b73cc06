"""The page of `sweep compare --html`: one file that needs no other, in the report's own look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.reporting.figures.several import profile_figure, rank_figure
from sweep.reporting.findings.compared import comparison_table
from sweep.reporting.findings.several import (
    PROFILES,
    profile_columns,
    readings,
    sentence,
    standing_columns,
)
from sweep.reporting.look.display import Column, heading
from sweep.reporting.look.rendering import rendered

if TYPE_CHECKING:
    from sweep.comparison.several import Several


def several_html(found: Several) -> str:
    """The page; the same comparison gives the same bytes."""
    head, rows = comparison_table(found.rows)
    metrics = [
        {
            "id": metric.replace("_", "-"),
            "heading": heading(metric),
            "sentence": sentence(found, metric),
            "table": standing_columns(found, metric),
            "figure": rank_figure(found, metric),
        }
        for metric in found.metrics
    ]
    shown = {
        "found": found,
        "metrics": metrics,
        "profiles": profile_columns(found),
        "profiles_heading": PROFILES,
        "profile_figure": profile_figure(found),
        "readings": readings(found),
        "pairs": [
            Column(name, [row[place] for row in rows], [None] * len(rows), False) for place, name in enumerate(head)
        ],
    }
    return rendered("several.html.j2", shown)
