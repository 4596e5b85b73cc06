"""Solve rates side by side: of the conditions' best trials, or of a search's best trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sweep.reporting.figures.section import FigureSection
from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.display import value_text
from sweep.reporting.look.drawing import BLUE, PAPER, Drawing, drawn, rate_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_TOP = 15  # trials whose solve rates are set side by side


_INTERVALS = 40  # rows of the interval plot


def section(findings: Findings) -> FigureSection:
    """The conditions' best trials; those of a single condition are drawn beside the importances."""
    best, settings = findings.search.best, findings.conditions
    found = FigureSection("rates", "Solve rates")
    if len(best) > 1:
        rows = pd.DataFrame(list(best.values()))
        axes = list(findings.experiment.conditions)
        axis = axes[0] if len(axes) == 1 else ""
        labels = [value_text(settings[n].values[axis]) if axis else settings[n].label for n in best]
        found.figures.append(solve_rates(rows, labels, axis, "Solve rate by condition"))
    return found


def of_best_trials(findings: Findings) -> list[Drawing]:
    """The best trials of the only condition."""
    complete = findings.search.ranked[findings.search.ranked["state"] == "complete"]
    if len(findings.conditions) > 1 or len(complete) < 2:
        return []
    top = complete.head(_TOP)
    labels = [str(number) for number in top["trial"]]
    return [solve_rates(top, labels, "trial", "Solve rate of the best trials")]


def solve_rates(table: pd.DataFrame, labels: list[str], rows: str, title: str) -> Drawing:
    """Solve rates of the rows of `table` with their 95% intervals; `rows` says what the `labels` are."""
    cut = f" The first {_INTERVALS} of {len(table):,} rows." if len(table) > _INTERVALS else ""
    table, labels = table.head(_INTERVALS), labels[:_INTERVALS]
    names = ["trial", "solve_rate", "solve_rate_low", "solve_rate_high", "seeds"]
    data = table[names].astype({"solve_rate": float, "solve_rate_low": float, "solve_rate_high": float})
    name = "solve-rates"
    data.insert(0, "row", labels)

    def draw(axes: Axes) -> None:
        rate_rows(axes, data, labels, title)
        axes.set_ylabel(rows)
        at = range(len(data))
        axes.plot(data["solve_rate"], at, "o", color=BLUE, markersize=6, markeredgecolor=PAPER, clip_on=False)

    return Drawing(
        name=name,
        title=title,
        caption="Solve rate of each row with its 95% interval (exact, Clopper-Pearson). "
        f"Where intervals overlap widely, the order of the rows says little.{cut}",
        svg=drawn(name, (5.4, 0.95 + 0.22 * max(3, len(data))), draw),
        data=data,
        wide=True,
    )
