"""Figures of a search: solve rates, importances, and the objective against each parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sweep.experiment.outcomes import OUTCOMES
from sweep.experiment.space import Choices
from sweep.reporting.figures.pareto import pareto_figures
from sweep.reporting.figures.rates import of_best_trials
from sweep.reporting.figures.section import FigureSection, left_out, shown
from sweep.reporting.findings.conditions import Condition
from sweep.reporting.findings.importances import Importances, importances
from sweep.reporting.look.display import MISSING, percent, value_text
from sweep.reporting.look.drawing import BLUE, ORANGE, PAPER, Drawing, drawn, log_axis, percent_axis, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_POINTS = 400  # of one scatter plot


def section(findings: Findings) -> FigureSection:
    """What mattered in a search: importances, Pareto fronts, and the objective against each parameter."""
    found = FigureSection("search", "What mattered", of_best_trials(findings), left_out(findings))
    for condition, trials, suffix in shown(findings) if findings.experiment.search else ():
        shares = importances(findings, trials)
        if shares.shares:
            found.figures.append(importance_figure(shares, condition, suffix))
        else:
            where = f" at {condition.label}" if condition.label else ""
            found.notes.append(f"No importances{where}: {shares.why_not}.")
        found.figures.extend(pareto_figures(findings, condition, trials, suffix))
        found.figures.extend(slices(findings, condition, trials, suffix))
    return found


def importance_figure(found: Importances, condition: Condition, suffix: str = "") -> Drawing:
    """A bar for each searched parameter."""
    data = pd.DataFrame({"parameter": list(found.shares), "importance": list(found.shares.values())})
    name = f"importances{suffix}"

    def draw(axes: Axes) -> None:
        at = np.arange(len(data))
        axes.barh(at, data["importance"], height=0.55, color=BLUE)
        for row, share in enumerate(data["importance"]):
            axes.text(share + 0.012, row, percent(share), va="center", fontsize=8.5)
        axes.set_yticks(at, data["parameter"])
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(data) - 0.4, -0.6)
        axes.set_xlim(0, max(0.3, 1.18 * float(data["importance"].max())))
        axes.set_xlabel("share of the importance (%)")
        axes.grid(axis="x")
        percent_axis(axes.xaxis)
        titled(axes, "Importance", condition.label)

    return Drawing(
        name=name,
        title="Importance of each parameter",
        caption="PED-ANOVA on the complete trials: how much a parameter sets the best of them apart from the "
        "rest. It depends on the ranges searched, and the sampler's own preference leans it.",
        svg=drawn(name, (5.4, 0.95 + 0.3 * max(3, len(data))), draw),
        data=data,
        wide=True,
    )


def slices(findings: Findings, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """The first objective against each searched parameter, a dot a trial, the best one marked."""
    outcome = findings.experiment.study.objectives[0].removeprefix("-")
    trials = trials[(trials["state"] == "complete") & trials[outcome].notna()]
    if trials.empty:
        return []
    kept = trials
    if len(trials) > _POINTS:
        kept = trials.iloc[np.unique(np.linspace(0, len(trials) - 1, _POINTS).astype(int))]
    drawn_ones = []
    for parameter in findings.experiment.search:
        having = kept[[value_text(value) != MISSING for value in kept[parameter]]]  # it may need another one's value
        if len(having):
            drawn_ones.append(_slice(findings, condition, having, parameter, outcome, suffix))
    return drawn_ones


def _slice(
    findings: Findings, condition: Condition, trials: pd.DataFrame, parameter: str, outcome: str, suffix: str
) -> Drawing:
    dimension = findings.experiment.search[parameter]
    name = f"slice-{parameter.replace('_', '-')}{suffix}"
    words = outcome.replace("_", " ")

    def draw(axes: Axes) -> None:
        if isinstance(dimension, Choices):
            texts = [value_text(choice) for choice in dimension.choices]
            jitter = 0.28 * (np.arange(len(trials)) * 0.618 % 1 - 0.5)  # spreads equal values, the same each time
            x = np.array([texts.index(value_text(value)) for value in trials[parameter]]) + jitter
            axes.set_xticks(range(len(texts)), texts)
            axes.set_xlim(-0.5, len(texts) - 0.5)
        else:
            x = trials[parameter].to_numpy(float)
        y = trials[outcome].to_numpy(float)
        axes.scatter(x[1:], y[1:], s=20, color=BLUE, alpha=0.5, linewidths=0)
        axes.scatter(x[:1], y[:1], s=75, color=ORANGE, marker="D", edgecolors=PAPER, linewidths=1, zorder=3)
        if not isinstance(dimension, Choices) and dimension.log:
            log_axis(axes.xaxis)
        axes.set_xlabel(parameter)
        axes.set_ylabel(words + (" (%)" if OUTCOMES[outcome].is_share else ""))
        axes.grid(axis="y")
        if OUTCOMES[outcome].is_share:
            axes.set_ylim(-0.04, 1.06)
            percent_axis(axes.yaxis)
        titled(axes, parameter, condition.label)

    best = int(trials.iloc[0]["trial"])
    dots = "a dot a complete trial" + (" that has it" if dimension.when else "")
    return Drawing(
        name=name,
        title=parameter,
        caption=f"{words.capitalize()} against {parameter}, {dots}; diamond: the best, trial {best}.",
        svg=drawn(name, (3.75, 2.7), draw),
        data=trials[["trial", parameter, outcome]].sort_values("trial").reset_index(drop=True),
    )
