"""What each compared value does, all else equal: a figure a parameter, its conditions side by side on one scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sweep.experiment.outcomes import OUTCOMES
from sweep.reporting.figures.section import FigureSection
from sweep.reporting.findings.effects import effect_levels, effects_table
from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.display import heading, settings_text, value_text
from sweep.reporting.look.drawing import BLUE, PAPER, SERIES, Drawing, panels, percent_axis, shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.comparison.effects import Level

HEADING = "What each value does"
_PANELS = 6  # conditions of one figure; those beyond have their rows in the table
CHANGE_UPDATES = ("epochs", "batch_size", "timesteps", "batch_layout")
"""Parameters beside which the number of updates is another one."""


def section(findings: Findings) -> FigureSection:
    """A figure for each compared parameter, and the differences behind it."""
    found = FigureSection("effects", HEADING)
    every = effect_levels(findings)
    for parameter in dict.fromkeys(level.parameter for level in every):
        own = [level for level in every if level.parameter == parameter]
        found.figures.append(_values(parameter, own))
        if parameter in CHANGE_UPDATES:
            found.figures.append(_updates(findings, parameter, own))
    if found.figures and len(table := effects_table(findings)):
        found.tables["effects"] = table
    return found


def _values(parameter: str, levels: Sequence[Level]) -> Drawing:
    metric = levels[0].metric
    shown = _conditions(levels)
    name = f"effect-{parameter.replace('_', '-')}"

    def draw(axes: Sequence[Axes]) -> None:
        for place, (label, own) in zip(axes, shown, strict=True):
            at = np.arange(len(own))
            figures = np.array([level.figure for level in own])
            low, high = (np.array([getattr(level, end) for level in own]) for end in ("low", "high"))
            place.vlines(at, low, high, color=BLUE, linewidth=2, alpha=0.45)
            place.plot(at, figures, "o", color=BLUE, markersize=6.5, markeredgecolor=PAPER, clip_on=False, zorder=3)
            place.set_xticks(at, [value_text(level.value) for level in own])
            place.set_xlim(-0.6, len(own) - 0.4)
            _headed(place, parameter, label)
            _outcome_axis(place, metric, first=place is axes[0])

    unmatched = "" if all(level.matched for level in levels) else " Not all of them differ in nothing else."
    return Drawing(
        name=name,
        title=f"{parameter}: what each value does",
        caption=f"{heading(metric).capitalize()} with each value of {parameter}, the mean over trials that agree in "
        f"all else and over their seeds, with its 95% interval{_where(shown)}.{unmatched} Whether two differ is told "
        "seed by seed in the table: intervals may overlap where the same seeds differ all alike.",
        svg=panels(name, (1.1 + _width(shown), 2.9), len(shown), draw),
        data=_data(levels),
        wide=True,
    )


def _updates(findings: Findings, parameter: str, levels: Sequence[Level]) -> Drawing:
    """The same against the updates that each network was trained for: what is then left of the difference."""
    metric = levels[0].metric
    shown = _conditions(levels)
    name = f"effect-{parameter.replace('_', '-')}-updates"
    trials = {int(row["trial"]): row for row in findings.search.trials.to_dict("records")}
    data = pd.DataFrame(
        [
            {
                **level.condition,
                "trial": trial,
                parameter: value_text(level.value),
                "updates": trials[trial]["updates"] / max(1, trials[trial]["seeds"]),
                metric: trials[trial].get(metric, np.nan),
            }
            for level in levels
            for trial in level.trials
        ]
    )
    values = list(dict.fromkeys(value_text(level.value) for level in levels))

    def draw(axes: Sequence[Axes]) -> None:
        for place, (label, own) in zip(axes, shown, strict=True):
            for value, colour, mark in zip(values, SERIES * 2, "osD^vPX*", strict=False):
                chosen = {trial for level in own if value_text(level.value) == value for trial in level.trials}
                points = data[data["trial"].isin(chosen)].sort_values("updates")
                place.plot(
                    points["updates"],
                    points[metric].astype(float),
                    mark,
                    label=value,
                    color=colour,
                    markersize=5,
                    markeredgecolor=PAPER,
                    clip_on=False,
                )
            place.set_xscale("log")
            place.set_xlabel("updates of a network")
            place.set_title(shortened(label).replace(", ", ",\n") if label else parameter, fontsize=9)
            _outcome_axis(place, metric, first=place is axes[0])
        figure = axes[0].get_figure(root=True)
        if figure is not None:
            handles, texts = axes[0].get_legend_handles_labels()
            figure.legend(handles, texts, title=parameter, loc="outside lower center", ncols=len(values))

    return Drawing(
        name=name,
        title=f"{parameter}: against updates",
        caption=f"{heading(metric).capitalize()} of each trial against the updates that each of its networks was "
        f"trained for, marked by {parameter}, which changes their number{_where(shown)}. Where marks of two values lie "
        "on one line, the updates are what makes the difference.",
        svg=panels(name, (1.1 + _width(shown), 3.2), len(shown), draw),
        data=data,
        wide=True,
    )


def _conditions(levels: Sequence[Level]) -> list[tuple[str, list[Level]]]:
    found: dict[str, list[Level]] = {}
    for level in levels:
        found.setdefault(settings_text(level.condition), []).append(level)
    return list(found.items())[:_PANELS]


def _width(shown: Sequence[tuple[str, list[Level]]]) -> float:
    """Of all panels together, in inches."""
    return sum(max(2.1, 0.55 * len(own) + 0.5) for _, own in shown) if len(shown) > 1 else 3.6


def _headed(place: Axes, parameter: str, label: str) -> None:
    place.set_title(shortened(label).replace(", ", ",\n") if label else parameter, fontsize=9)
    place.set_xlabel(parameter)


def _outcome_axis(place: Axes, metric: str, *, first: bool) -> None:
    share = OUTCOMES[metric].is_share
    if first:
        place.set_ylabel(f"{heading(metric)}{' (%)' if share else ''}")
    if share:
        place.set_ylim(-0.03, 1.03)
        percent_axis(place.yaxis)
    place.grid(axis="y")


def _where(shown: Sequence[tuple[str, list[Level]]]) -> str:
    return (
        f", under {'each condition' if len(shown) < _PANELS else f'the first {_PANELS} conditions'}"
        if (len(shown) > 1)
        else ""
    )


def _data(levels: Sequence[Level]) -> pd.DataFrame:
    rows = [
        {
            **level.condition,
            level.parameter: value_text(level.value),
            level.metric: level.figure,
            f"{level.metric}_low": level.low,
            f"{level.metric}_high": level.high,
            "trials": len(level.trials),
        }
        for level in levels
    ]
    return pd.DataFrame(rows)
