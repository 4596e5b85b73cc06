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
from sweep.reporting.findings.effects import effect_levels
from sweep.reporting.findings.importances import Importances, importances
from sweep.reporting.look.display import MISSING, joined, percent, value_text
from sweep.reporting.look.drawing import (
    BLUE,
    FAINT,
    GRID,
    INK,
    MUTED,
    ORANGE,
    PAPER,
    Drawing,
    drawn,
    log_axis,
    percent_axis,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_POINTS = 400  # of one scatter plot


def section(findings: Findings) -> FigureSection:
    """What mattered in a search: importances, Pareto fronts, and the objective against each parameter."""
    found = FigureSection("search", "What mattered", of_best_trials(findings), left_out(findings))
    for condition, trials, suffix in shown(findings) if findings.experiment.search else ():
        shares = importances(findings, trials)
        if shares.of:
            found.figures.append(importance_figure(shares, condition, suffix))
        else:
            where = f" at {condition.label}" if condition.label else ""
            found.notes.append(f"No importances{where}: {shares.why_not}.")
        found.figures.extend(pareto_figures(findings, condition, trials, suffix))
        if not effect_levels(findings):  # these have a figure for each parameter
            found.figures.extend(slices(findings, condition, trials, suffix))
    return found


def importance_figure(found: Importances, condition: Condition, suffix: str = "") -> Drawing:
    """A bar for each searched parameter, before how far chance alone takes one."""
    data = pd.DataFrame(
        {
            "parameter": list(found.of),
            "importance": [each.share for each in found.of.values()],
            "by_chance": [each.by_chance for each in found.of.values()],
            "told_from_chance": [each.told for each in found.of.values()],
            "changes_updates": [each.changes_updates for each in found.of.values()],
        }
    )
    name = f"importances{suffix}"
    changing = [parameter for parameter, each in found.of.items() if each.changes_updates]
    longest = max(data["importance"].max(), min(1.0, data["by_chance"].max()))

    def draw(axes: Axes) -> None:
        at = np.arange(len(data))
        axes.barh(at, data["by_chance"], height=0.8, color=GRID, label="by chance alone (95% of searches)")
        told = data["told_from_chance"].to_numpy(bool)
        axes.barh(at[told], data["importance"][told], height=0.4, color=BLUE)
        axes.barh(at[~told], data["importance"][~told], height=0.4, color=FAINT)
        for row, (share, chance) in enumerate(zip(data["importance"], data["by_chance"], strict=True)):
            said = percent(share) if told[row] else f"{percent(share)}, not told from chance"
            beside = min(max(share, chance), 1.02 * longest) + 0.02 * longest
            axes.text(beside, row, said, va="center", fontsize=8.5, color=INK if told[row] else MUTED)
        marks = [f"{parameter} *" if parameter in changing else parameter for parameter in found.of]
        axes.set_yticks(at, marks)
        axes.tick_params(axis="y", length=0)
        axes.set_ylim(len(data) - 0.4, -0.6)
        axes.set_xlim(0, (1.15 if told.all() else 1.75) * longest)
        axes.set_xlabel("share of the importance (%)")
        percent_axis(axes.xaxis)
        titled(axes, "Importance", condition.label)
        if changing:
            axes.plot([], [], linestyle="none", label="* also changes the number of updates")
        figure = axes.get_figure(root=True)
        if figure is not None:
            figure.legend(loc="outside lower center", ncols=2)

    return Drawing(
        name=name,
        title="Importance of each parameter",
        caption=f"PED-ANOVA on the complete trials: how much a parameter sets the best {found.best} of them apart from "
        "the rest. Grey behind a bar: how far chance alone takes it; where no parameter matters, all bars end within "
        f"that in 95 of 100 searches. {_told(found)}{_changing(changing)}Importance depends on the ranges searched, "
        "and the sampler's own preference leans it.",
        svg=drawn(name, (5.4, 1.2 + 0.32 * max(3, len(data))), draw),
        data=data,
        wide=True,
    )


def _told(found: Importances) -> str:
    """Which bars chance could have made."""
    names = [name for name, each in found.of.items() if not each.told]
    if not names:
        return ""
    return f"Not told from chance: {joined(names)}. "


def _changing(names: list[str]) -> str:
    """Of which parameters something else may be what matters."""
    if not names:
        return ""
    return f"* {joined(names)} also {'changes' if len(names) == 1 else 'change'} the number of updates. "


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
