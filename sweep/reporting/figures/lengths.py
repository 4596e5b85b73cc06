"""How far what was learnt carries: recall accuracy at lengths that no training showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sweep.faults import plural
from sweep.reporting.figures.section import FigureSection, left_out, shown
from sweep.reporting.findings.conditions import Condition, of_trial
from sweep.reporting.findings.lengths import by_length, lengths_table
from sweep.reporting.look.drawing import (
    BLUE,
    FAINT,
    ORANGE,
    PAPER,
    Drawing,
    drawn,
    log_axis,
    percent_axis,
    score_references,
    ticks_at,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_OTHERS = 60  # other trials drawn behind the best one
_TICKS = 8  # lengths that can all be named on the axis


def section(findings: Findings) -> FigureSection:
    """Recall at other lengths than that of the training."""
    found = FigureSection("lengths", "Other lengths", notes=left_out(findings))
    table = lengths_table(findings)
    if len(table):
        found.tables["lengths"] = table
    for each in shown(findings):
        found.figures.extend(length_figures(findings, *each))
    return found


def length_figures(findings: Findings, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """Recall accuracy against length, of the best of `trials` (ranked, all of one condition); none without data."""
    best = int(trials.iloc[0]["trial"])
    table = by_length(findings, condition, best)
    if table.empty:
        return []
    name = f"recall-by-length{suffix}"
    own = table[table["trained"]]
    others = _others(findings, trials.iloc[1:])

    def draw(axes: Axes) -> None:
        for rows in others:
            axes.plot(rows.index, rows.to_numpy(), color=FAINT, linewidth=0.7, alpha=0.5, zorder=1)
        axes.fill_between(table["length"], table["p10"], table["p90"], color=BLUE, alpha=0.13, linewidth=0)
        axes.fill_between(table["length"], table["p25"], table["p75"], color=BLUE, alpha=0.22, linewidth=0)
        axes.plot(table["length"], table["median"], "o-", color=BLUE, linewidth=2, markersize=4)
        axes.axvline(condition.length, color=ORANGE, linestyle=":", linewidth=1)
        axes.plot(own["length"], own["median"], "D", color=ORANGE, markersize=8, markeredgecolor=PAPER, zorder=3)
        score_references(axes, condition.recall_ceiling, condition.chance)
        log_axis(axes.xaxis)
        if len(table) <= _TICKS:
            ticks_at(axes.xaxis, table["length"].to_list())
        axes.set_xlabel("symbols in a sequence")
        axes.set_ylabel("right at the final element (%)")
        axes.set_ylim(-0.02, 1.02)
        axes.grid(axis="y")
        percent_axis(axes.yaxis)
        titled(axes, "Recall accuracy by length", condition.label)

    whose = plural(int(table["seeds"].max()), "seed")
    whose += f" of the best trial, {best}" if findings.experiment.search else ""
    behind = " Grey: medians of the other trials." if others else ""
    return [
        Drawing(
            name=name,
            title="Recall accuracy by length",
            caption=f"Recall accuracy on sequences of each length ({whose}), the trained networks as they are. Line: "
            "median; bands: the middle half and the middle 80% of the seeds. Diamond: the length of the training, "
            f"on its own test sequences.{behind}",
            svg=drawn(name, (5.4, 3.1), draw),
            data=table,
            wide=True,
        )
    ]


def _others(findings: Findings, trials: pd.DataFrame) -> list[pd.Series]:
    """Length -> median recall accuracy, of the best of the other trials."""
    numbers = trials[trials["state"] == "complete"]["trial"].to_list()[:_OTHERS]
    rows = [of_trial(findings.search.lengths, number) for number in numbers]
    return [each.groupby("length")["recall_accuracy"].median() for each in rows if len(each)]
