"""The Pareto picture of a study with several objectives: what one of them costs in another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sweep.experiment.outcomes import OUTCOMES
from sweep.reporting.findings.conditions import Condition
from sweep.reporting.look.display import heading_of_trials
from sweep.reporting.look.drawing import BLUE, ORANGE, PAPER, Drawing, drawn, log_axis, percent_axis, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_WIDE = 20  # largest value over smallest, from which an axis is logarithmic


def pareto_figures(findings: Findings, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """The first objective against each other one: the complete ones of `trials` (ranked, all of one condition)."""
    objectives = findings.experiment.study.objectives
    complete = trials[trials["state"] == "complete"]
    if len(objectives) < 2 or complete.empty:
        return []
    return [_figure(complete, condition, objectives[0], other, suffix) for other in objectives[1:]]


def _figure(trials: pd.DataFrame, condition: Condition, objective: str, other: str, suffix: str) -> Drawing:
    y, x = objective.removeprefix("-"), other.removeprefix("-")
    known = trials[trials[x].notna() & trials[y].notna()]
    data = known[["trial", x, y]].assign(on_front=known["layer"] == 0).sort_values("trial").reset_index(drop=True)
    front = data[data["on_front"]].sort_values([x, y])
    name = f"pareto-{x.replace('_', '-')}{suffix}"

    def draw(axes: Axes) -> None:
        rest = data[~data["on_front"]]
        axes.scatter(rest[x], rest[y], s=20, color=BLUE, alpha=0.5, linewidths=0, clip_on=False, label="other trials")
        axes.plot(
            *(front[x], front[y]), "D--", color=ORANGE, markersize=6.5, markeredgecolor=PAPER, linewidth=1,
            clip_on=False, label="Pareto front",
        )  # fmt: skip
        values = data[x].astype(float)
        if len(values) and values.min() > 0 and values.max() > _WIDE * values.min():
            log_axis(axes.xaxis)
        for axis, outcome, label in ((axes.xaxis, x, other), (axes.yaxis, y, objective)):
            better = "less is better" if label.startswith("-") else "more is better"
            unit = "%, " if OUTCOMES[outcome].is_share else ""
            axis.set_label_text(f"{heading_of_trials(outcome)} ({unit}{better})")
            if OUTCOMES[outcome].is_share:
                percent_axis(axis)
        if OUTCOMES[y].is_share:
            axes.set_ylim(-0.03, 1.04)
        axes.grid()
        titled(axes, "Pareto front", condition.label)
        figure = axes.get_figure(root=True)
        if figure is not None:
            figure.legend(loc="outside lower center", ncols=2)

    return Drawing(
        name=name,
        title=f"{heading_of_trials(y)} against {heading_of_trials(x)}",
        caption=f"Each dot is a complete trial; no trial is better than one on the front (diamonds: "
        f"{len(front)} of {len(data)}) by every objective. Chance moves these dots too: a trial next to "
        "the front may belong on it.",
        svg=drawn(name, (5.4, 3.4), draw),
        data=data.astype({x: float, y: float}) if len(data) else data,
        wide=True,
    )
