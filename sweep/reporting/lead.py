"""What a page shows before all else: the figure and the table that the answer rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from sweep.reporting.figures.section import FigureSection
from sweep.reporting.findings.answer import asked_kind
from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.display import Column, columns, without_constants
from sweep.reporting.look.drawing import Drawing

_ROWS = 12  # of a table that is seen at once; longer ones are among what is folded


@dataclass(frozen=True, kw_only=True)
class Lead:
    """The first section of a page; `name` is that of the table's file, `constants` what all of its rows share."""

    heading: str
    figures: list[Drawing]
    table: list[Column]
    name: str
    constants: str
    about: str = ""


def lead(findings: Findings, sections: Sequence[FigureSection], choice: pd.DataFrame, accuracy: pd.DataFrame) -> Lead:
    """Of a comparison what each value does, and the differences; else the first figure, and which trials did best."""
    first = sections[0] if sections else None
    if asked_kind(findings) == "compare" and first is not None and first.id == "effects":
        table = first.tables.get("effects", pd.DataFrame())
        figures = [drawing for drawing in first.figures if not drawing.name.endswith("-updates")]
        about = "a and b are the values that are compared, and the difference is that of b from a."
        heading, name = first.heading, "effects"
    else:
        figures = first.figures[:1] if first is not None else []
        searched_or_several = bool(findings.experiment.search) or len(findings.conditions) > 1
        table = choice if searched_or_several else accuracy
        heading, about = "What was seen", ""
        name = "choice" if searched_or_several else "accuracy"
    if len(table) > _ROWS:
        table = table.head(0)
    shown, constants = without_constants(columns(table)) if len(table) else ([], "")
    return Lead(heading=heading, figures=figures, table=shown, name=name, constants=constants, about=about)


def without(sections: Sequence[FigureSection], first: Lead) -> list[FigureSection]:
    """The sections without what is shown already; one of which nothing is left goes."""
    shown = {drawing.name for drawing in first.figures}
    left = []
    for section in sections:
        figures = [drawing for drawing in section.figures if drawing.name not in shown]
        tables = {name: table for name, table in section.tables.items() if name != first.name or not first.table}
        if figures or tables:
            heading = "Differences in full" if section.id == "effects" else section.heading
            left.append(replace(section, heading=heading, figures=figures, tables=tables))
    return left
