"""How recall and solve rate change along the one numeric parameter that the conditions vary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.faults import plural
from sweep.reporting.figures.section import FigureSection
from sweep.reporting.findings.conditions import Condition, axis_of, of_trial
from sweep.reporting.look.display import MISSING, value_text
from sweep.reporting.look.drawing import INK, SERIES, Drawing, drawn, log_axis, percent_axis, ticks_at, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_LINES = len(SERIES)
_FEW = 3  # lines, up to which each has its band or its intervals drawn
_MARKERS = "osD^vP<X"
_TICKS = 8  # values that can all be named on the axis
_WIDE_RANGE = 5  # largest value over smallest, from which the axis is logarithmic
_LONG = 30  # letters of a label, above which the legend has one column


def section(findings: Findings) -> FigureSection:
    """Recall and solve rate along the conditions' numeric axis, where they have one."""
    axis = axis_of(findings.experiment)
    return FigureSection("across", f"Along {axis}", across_figures(findings, axis) if axis else [])


@dataclass(frozen=True)
class Line:
    """One configuration along the axis: a row of `table` for each value, with the trial that stands there.

    Columns: value, trial, seeds, p25, median, p75 (of recall accuracy), solve_rate with its interval.
    """

    label: str
    table: pd.DataFrame


def lines_along(findings: Findings, axis: str) -> tuple[list[Line], int]:
    """The configurations that stand at two or more values of `axis`, best-ranked first, and how many there are.

    Of more than can be drawn the first are taken. Where no configuration stands at two values, as in a
    search that draws anew for each condition, the one line is that of the conditions' best trials.
    """
    settings = findings.conditions
    places: dict[tuple[str, ...], dict[Any, pd.Series]] = {}
    ranked = findings.search.ranked
    varied = [name for name in findings.experiment.conditions if name != axis]
    for condition in settings:
        rows = condition.rows(ranked)
        for _, trial in rows[rows["state"] == "complete"].iterrows():
            key = tuple(value_text(trial[name]) for name in (*varied, *findings.experiment.search))
            places.setdefault(key, {}).setdefault(condition.values[axis], trial)
    repeated = {key: trials for key, trials in places.items() if len(trials) > 1}
    if not repeated:
        best = {settings[number].values[axis]: trial for number, trial in findings.search.best.items()}
        return ([Line("best trial of each condition", _table(findings, best))], 1) if len(best) > 1 else ([], 0)
    order = sorted(repeated, key=lambda key: _standing(repeated[key]))
    names = (*varied, *findings.experiment.search)
    telling = [place for place in range(len(names)) if len({key[place] for key in order}) > 1]
    drawn_keys = order[:_LINES]
    lines = [
        Line(
            ", ".join(f"{names[place]} = {key[place]}" for place in telling if key[place] != MISSING),
            _table(findings, repeated[key]),
        )
        for key in drawn_keys
    ]
    return lines, len(order)


def across_figures(findings: Findings, axis: str) -> list[Drawing]:
    """Recall accuracy against `axis`, a line for each configuration; of several lines, their solve rates too.

    The solve rates of a single line stand in the figure of the conditions' best trials already.
    """
    lines, number = lines_along(findings, axis)
    if not lines:
        return []
    which = f" The {len(lines)} best-ranked of {plural(number, 'configuration')}." if number > len(lines) else ""
    alone = len(lines) == 1 and lines[0].label
    which += " Each point is another configuration, the best found there." if alone else ""
    data = pd.concat([line.table.assign(configuration=line.label) for line in lines], ignore_index=True)
    data = data.rename(columns={"value": axis})
    values = sorted(set(data[axis]))
    bands = " Band: the middle half of the seeds." if len(lines) <= _FEW else ""
    intervals = " Bars: 95% intervals." if len(lines) <= _FEW else ""
    apart = " The lines are drawn a little beside each other, or they would hide one another." if len(lines) > 1 else ""
    size = (5.4, 3.0 + 0.19 * -(-(len(lines) + 2) // _legend_columns(lines)))
    slug = axis.replace("_", "-")

    def draw_recall(axes: Axes) -> None:
        for place, line in enumerate(lines):
            x, at = _beside(line, place - (len(lines) - 1) / 2, values), line.table
            axes.plot(x, at["median"], **_look(line, place))
            if len(lines) <= _FEW:
                axes.fill_between(x, at["p25"], at["p75"], color=SERIES[place], alpha=0.15, linewidth=0)
        for name, style, scores in _references(findings.conditions, axis):
            axes.plot(values, [scores[value] for value in values], style, color=INK, linewidth=1, label=name)
        _finish(axes, axis, values, "right at the final element (%)", "Recall accuracy", _legend_columns(lines))

    def draw_solved(axes: Axes) -> None:
        for place, line in enumerate(lines):
            x, at = _beside(line, place - (len(lines) - 1) / 2, values), line.table
            axes.plot(x, at["solve_rate"], **_look(line, place))
            if len(lines) <= _FEW:
                axes.vlines(x, at["solve_rate_low"], at["solve_rate_high"], color=SERIES[place], alpha=0.45)
        _finish(axes, axis, values, "seeds that solve the task (%)", "Solve rate", _legend_columns(lines))

    recall = Drawing(
        name=f"recall-by-{slug}",
        title=f"Recall accuracy by {axis}",
        caption=f"Median recall accuracy over the seeds against {axis}.{bands}{apart}{which}",
        svg=drawn(f"recall-by-{slug}", size, draw_recall),
        data=data[["configuration", axis, "trial", "seeds", "p25", "median", "p75"]],
        wide=True,
    )
    if len(lines) == 1:
        return [recall]
    solved = Drawing(
        name=f"solved-by-{slug}",
        title=f"Solve rate by {axis}",
        caption=f"Share of the seeds that solve the task against {axis}.{intervals}{apart}{which}",
        svg=drawn(f"solved-by-{slug}", size, draw_solved),
        data=data[["configuration", axis, "trial", "seeds", "solve_rate", "solve_rate_low", "solve_rate_high"]],
        wide=True,
    )
    return [recall, solved]


def _standing(trials: dict[Any, pd.Series]) -> tuple[int, float, int]:
    """What is to be small for a configuration to come first: values missed, mean rank, its first trial."""
    ranks = [float(trial["rank"]) for trial in trials.values()]
    return -len(trials), float(np.mean(ranks)), min(int(trial["trial"]) for trial in trials.values())


def _table(findings: Findings, trials: dict[Any, pd.Series]) -> pd.DataFrame:
    rows = []
    for value in sorted(trials):
        trial = trials[value]
        recall = of_trial(findings.search.replicates, int(trial["trial"]))["recall_accuracy"].astype(float)
        quarters = dict(zip(("p25", "median", "p75"), recall.quantile([0.25, 0.5, 0.75]), strict=True))
        solved = {name: float(trial[name]) for name in ("solve_rate", "solve_rate_low", "solve_rate_high")}
        rows.append({"value": value, "trial": int(trial["trial"]), "seeds": len(recall)} | quarters | solved)
    return pd.DataFrame(rows)


def _references(settings: list[Condition], axis: str) -> list[tuple[str, str, dict[Any, float]]]:
    """Name, line style and value -> score, of what needs no memory; of conditions at one value, the highest."""
    ceiling: dict[Any, float] = {}
    chance: dict[Any, float] = {}
    for condition in settings:
        value = condition.values[axis]
        ceiling[value] = max(condition.recall_ceiling, ceiling.get(value, 0.0))
        chance[value] = max(condition.chance, chance.get(value, 0.0))
    return [("memoryless ceiling", "--", ceiling), ("chance", ":", chance)]


def _look(line: Line, place: int) -> dict[str, Any]:
    style = {"color": SERIES[place], "marker": _MARKERS[place], "markersize": 4.5, "linewidth": 1.6}
    return style | {"label": line.label or "median", "clip_on": False}


def _is_wide(values: list[Any]) -> bool:
    return bool(values[0] > 0 and values[-1] >= _WIDE_RANGE * values[0])


def _beside(line: Line, place: float, values: list[Any]) -> NDArray[np.float64]:
    """The line's values, moved by `place` hundredths of the axis: lines through the same scores stay apart."""
    x = line.table["value"].to_numpy(float)
    if _is_wide(values):
        return np.asarray(x * (values[-1] / values[0]) ** (0.01 * place))
    return np.asarray(x + 0.01 * place * (values[-1] - values[0]))


def _legend_columns(lines: list[Line]) -> int:
    return 1 if max(len(line.label) for line in lines) > _LONG else 2


def _finish(axes: Axes, axis: str, values: list[Any], label: str, title: str, columns: int) -> None:
    if _is_wide(values):
        log_axis(axes.xaxis)
    if len(values) <= _TICKS:
        ticks_at(axes.xaxis, values)
    axes.set_xlabel(axis)
    axes.set_ylabel(label)
    axes.set_ylim(-0.02, 1.02)
    axes.grid(axis="y")
    percent_axis(axes.yaxis)
    titled(axes, f"{title} by {axis}")
    figure = axes.get_figure(root=True)
    if figure is not None and len(axes.get_legend_handles_labels()[1]) > 1:
        figure.legend(loc="outside lower center", ncols=columns)
