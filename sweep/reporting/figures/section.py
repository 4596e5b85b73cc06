"""What a section of figures is, and which conditions are drawn one by one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import pandas as pd

from sweep.faults import plural
from sweep.reporting.findings.conditions import Condition
from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.drawing import Drawing

_CONDITIONS = 6  # drawn one by one; those beyond have their rows in the tables


@dataclass(frozen=True)
class FigureSection:
    """Figures under one heading, the tables that go with them, and what else is to be said there."""

    id: str
    heading: str
    figures: list[Drawing] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


class Shown(NamedTuple):
    """A condition that is drawn by itself: its ranked trials, and what its figures' names end in."""

    condition: Condition
    trials: pd.DataFrame
    suffix: str


def shown(findings: Findings) -> list[Shown]:
    """The first of the conditions that have a complete trial."""
    several = len(findings.conditions) > 1
    return [
        Shown(condition, condition.rows(findings.search.ranked), f"-{condition.number + 1}" if several else "")
        for condition in (findings.conditions[number] for number in list(findings.search.best)[:_CONDITIONS])
    ]


def left_out(findings: Findings) -> list[str]:
    """That not all conditions are drawn, where that is so."""
    best = len(findings.search.best)
    if best <= _CONDITIONS:
        return []
    return [f"Of {plural(best, 'condition')} the first {_CONDITIONS} are drawn; the tables have all."]
