"""Which steps come out right: bars over the steps, and a map of seeds or trials by step."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.faults import plural
from sweep.reporting.figures.section import FigureSection, left_out, shown
from sweep.reporting.findings.conditions import Condition, of_trial
from sweep.reporting.look.display import percent
from sweep.reporting.look.drawing import BLUE, LEVELS, ORANGE, Drawing, drawn, percent_axis, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_BARS = 40  # steps of which each gets a bar; of more, a line
_COLUMNS, _ROWS = 60, 64  # of a map; neighbouring steps are averaged, and rows picked evenly, beyond these
_MAPPED_TRIALS = 24


def section(findings: Findings) -> FigureSection:
    """Accuracy at each step, condition by condition."""
    found = FigureSection("steps", "Step by step", notes=left_out(findings))
    for each in shown(findings):
        found.figures.extend(step_figures(findings, *each))
    return found


def step_figures(findings: Findings, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """Accuracy at each step of the best of `trials` (ranked, all of one condition), and what it averages.

    None where a single step is scored, or where the seeds have sequences of various lengths of their own: no
    step is then the same to all of them.
    """
    best = int(trials.iloc[0]["trial"])
    rows = of_trial(findings.search.steps, best)
    rows = rows[rows["scored"].astype(bool) & rows["accuracy"].notna()]
    if rows["step"].nunique() < 2 or not (condition.one_length or condition.task.same_for_all_seeds):
        return []
    name = f"steps{suffix}"
    by_step = rows.groupby("step")["accuracy"].agg(["mean", "min", "max"]).reset_index()
    final = (
        f" Orange: the final element, of which a predictor without memory gets at most "
        f"{percent(condition.recall_ceiling)} right."
        if condition.one_length
        else ""
    )
    whose = plural(rows["seed"].nunique(), "seed") + (
        f" of the best trial, {best}" if findings.experiment.search else ""
    )

    def draw_bars(axes: Axes) -> None:
        colours = [BLUE] * (len(by_step) - 1) + [ORANGE if condition.one_length else BLUE]
        if len(by_step) <= _BARS:
            axes.bar(by_step["step"], by_step["mean"], width=0.62, color=colours)
            for step, mean in zip(by_step["step"], by_step["mean"], strict=True):
                if len(by_step) <= 10:
                    axes.text(step, mean + 0.015, percent(mean), ha="center", va="bottom", fontsize=8.5)
        else:
            axes.plot(by_step["step"], by_step["mean"], color=BLUE, linewidth=1.2)
            axes.plot(by_step["step"].iloc[-1:], by_step["mean"].iloc[-1:], "o", color=colours[-1])
        _whole_numbers(axes, len(by_step))
        axes.set_ylim(0, 1.09)
        axes.set_yticks(np.linspace(0, 1, 6))
        axes.set_ylabel("right answers (%)")
        axes.grid(axis="y")
        titled(axes, "Accuracy by step", condition.label)
        percent_axis(axes.yaxis)

    return [
        Drawing(
            name=name,
            title="Accuracy by step",
            caption=f"Share of right answers at each step after the last epoch, the mean over {whose}.{final}",
            svg=drawn(name, (5.4, 3.1), draw_bars),
            data=by_step,
            wide=True,
        ),
        _map(findings, condition, trials, rows, suffix),
    ]


def _map(findings: Findings, condition: Condition, trials: pd.DataFrame, rows: pd.DataFrame, suffix: str) -> Drawing:
    name = f"step-map{suffix}"
    search = len(trials) > 1
    if search:
        complete = trials[trials["state"] == "complete"]["trial"].to_list()
        shown = np.unique(np.linspace(0, len(complete) - 1, min(len(complete), _MAPPED_TRIALS)).astype(int))
        numbers = [complete[index] for index in shown]
        steps = findings.search.steps
        rows = steps[steps["trial"].isin(numbers) & steps["scored"].astype(bool)]
        wide = rows.pivot_table(index="trial", columns="step", values="accuracy").reindex(numbers)
        some = "" if len(numbers) == len(complete) else f"{len(numbers)} of them, evenly through the ranking. "
        caption = f"The complete trials, best on top: share of right answers at each step. {some}".strip()
    else:
        wide = rows.pivot_table(index="seed", columns="step", values="accuracy")
        wide = wide.loc[wide.mean(axis=1).sort_values(ascending=False, kind="stable").index]
        caption = "One row a seed, the best on top: share of the test sequences right at each step."
    if len(wide) > _ROWS:
        wide = wide.iloc[np.linspace(0, len(wide) - 1, _ROWS).astype(int)]
        caption += f" {_ROWS} rows, evenly through all."
    first, last = int(wide.columns.min()), int(wide.columns.max())
    cells, edges = _binned(wide.reindex(columns=range(first, last + 1)).to_numpy(float))
    edges += first - 1
    if cells.shape[1] <= last - first:
        caption += " Neighbouring steps are averaged."

    def draw(axes: Axes) -> None:
        from matplotlib.colors import ListedColormap

        colours = ListedColormap(LEVELS)
        mesh = axes.pcolormesh(edges, np.arange(len(cells) + 1), cells, cmap=colours, vmin=0, vmax=1)
        mesh.set_edgecolor("face")
        mesh.set_linewidth(0.3)
        axes.invert_yaxis()
        _whole_numbers(axes, last - first + 1)
        if search:
            axes.set_yticks(np.arange(len(wide)) + 0.5, [str(number) for number in wide.index], fontsize=7)
            axes.set_ylabel("trial")
        else:
            axes.set_yticks([])
            axes.set_ylabel(plural(len(wide), "seed"))
        titled(axes, "Steps right, by trial" if search else "Steps right, by seed", condition.label)
        bar = axes.figure.colorbar(mesh, ax=axes, label="right answers (%)", pad=0.02)
        bar.outline.set_visible(False)
        percent_axis(bar.ax.yaxis)

    data = wide.reset_index()
    data.columns = pd.Index([str(label) for label in data.columns])
    return Drawing(
        name=name,
        title="Steps right, row by row",
        caption=caption,
        svg=drawn(name, (5.4, 3.1), draw),
        data=data,
        wide=True,
    )


def _binned(cells: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(rows, columns) averaged over neighbouring columns to at most so many, and the edges between these.

    nan, where a step is not scored, is left out of the average, and stays where there is nothing else.
    """
    bounds = np.unique(np.linspace(0, cells.shape[1], min(_COLUMNS, cells.shape[1]) + 1).astype(int))
    parts = [cells[:, low:high] for low, high in itertools.pairwise(bounds)]
    sums, numbers = [np.nansum(part, axis=1) for part in parts], [(~np.isnan(part)).sum(axis=1) for part in parts]
    with np.errstate(invalid="ignore"):
        return np.stack(sums, axis=1) / np.stack(numbers, axis=1), bounds + 0.5


def _whole_numbers(axes: Axes, steps: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=min(steps, 10), integer=True, min_n_ticks=1))
    axes.set_xlabel("step")
