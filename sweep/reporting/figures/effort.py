"""How much training it takes: the share of seeds that have solved the task, against the sequences shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.faults import plural
from sweep.reporting.figures.section import FigureSection, left_out, shown
from sweep.reporting.findings.conditions import Condition, epochs_of, of_trial
from sweep.reporting.look.display import joined
from sweep.reporting.look.drawing import SERIES, Drawing, drawn, log_axis, percent_axis, shortened, titled
from sweep.stats.times import SolvedCurve, kaplan_meier

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.labels import trial_labels

_LINES = len(SERIES)
_TRIALS = 3  # of one condition's trials, the best
_BANDS = 3  # lines, up to which each has its band
_WIDE = 30  # last time over the first success, from which the axis is logarithmic


def section(findings: Findings) -> FigureSection:
    """The solved curves of the conditions' best trials, and of the best trials of each condition."""
    found = FigureSection("effort", "Solved against training", notes=left_out(findings))
    if len(findings.search.best) > 1:
        found.figures.extend(effort_by_condition(findings))
    for each in shown(findings):
        if len(findings.conditions) == 1 or len(each.trials) > 1:
            found.figures.extend(effort_figures(findings, *each))
    return found


def curves(findings: Findings) -> set[int]:
    """The trials whose solved curves are drawn."""
    best = [trial["trial"] for trial in list(findings.search.best.values())[:_LINES]]
    drawn_trials = [trial for each in shown(findings) for trial in drawn_curves(each.trials)["trial"]]
    return {int(trial) for trial in (*best, *drawn_trials)}


def solved_curve(findings: Findings, condition: Condition, trial: pd.Series) -> SolvedCurve:
    """The share of the trial's seeds that had solved the task once, by the sequences of their training.

    A seed that never did counts as not solved up to its last test, one whose loss diverged up to the whole
    budget: it can no longer solve it.
    """
    number = int(trial["trial"])
    replicates = of_trial(findings.search.replicates, number)
    times = replicates["sequences_to_solve"].to_numpy(float)
    solved = np.isfinite(times)
    budget = epochs_of(findings.experiment, condition, trial) * condition.task.num_sequences
    trained = of_trial(findings.search.curves, number).groupby("seed")["sequences"].max()
    last = replicates["seed"].map(trained).fillna(0).to_numpy(float)
    ended = np.where(replicates["diverged"].astype(bool), budget, last)
    return kaplan_meier(np.where(solved, times, ended), solved)


def drawn_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Which of `trials` (ranked) have their solved curves drawn."""
    return trials[trials["state"] == "complete"].head(_TRIALS)


def effort_figures(findings: Findings, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """The solved curves of the best of `trials` (ranked, all of one condition)."""
    complete = drawn_curves(trials)
    if complete.empty:
        return []
    rows = [trial for _, trial in complete.iterrows()]
    labels = trial_labels(findings, complete)
    curves = [solved_curve(findings, condition, trial) for trial in rows]
    seeds = plural(int(rows[0]["seeds"]), "seed")
    numbers = joined([str(trial["trial"]) for trial in rows])
    which = f"{seeds} each of {plural(len(rows), 'configuration')}, best first (trials {numbers})"
    return [
        _figure(f"effort{suffix}", condition.label, labels, curves, "configuration", which if len(rows) > 1 else seeds)
    ]


def effort_by_condition(findings: Findings) -> list[Drawing]:
    """The solved curve of each condition's best trial, the first eight of them."""
    best, settings = findings.search.best, findings.conditions
    numbers = list(best)[:_LINES]
    curves = [solved_curve(findings, settings[number], best[number]) for number in numbers]
    which = "the best trial of each condition" if findings.experiment.search else "each condition"
    if len(best) > len(numbers):
        which += f", the first {len(numbers)} of {len(best)}"
    return [_figure("effort", "", [settings[number].label for number in numbers], curves, "condition", which)]


def _figure(
    name: str, condition: str, labels: list[str], curves: list[SolvedCurve], column: str, which: str
) -> Drawing:
    parts = [
        pd.DataFrame(
            {
                column: label,
                "sequences": curve.times,
                "solved": curve.solved,
                "low": curve.low,
                "high": curve.high,
                "at_risk": curve.at_risk,
            }
        )
        for label, curve in zip(labels, curves, strict=True)
    ]
    bands = len(curves) <= _BANDS
    first = min((curve.times[curve.solved > 0][0] for curve in curves if curve.solved.any()), default=0.0)
    last = max(float(curve.times[-1]) for curve in curves)
    wide = first > 0 and last > _WIDE * first

    def draw(axes: Axes) -> None:
        for place, (label, curve) in enumerate(zip(labels, curves, strict=True)):
            look: dict[str, Any] = {"color": SERIES[place], "linewidth": 2 if place == 0 else 1.4}
            x = _from(curve.times, first * 0.7) if wide else curve.times
            axes.step(x, curve.solved, where="post", label=shortened(label), zorder=2.5 - 0.01 * place, **look)
            axes.plot(x[-1:], curve.solved[-1:], "|", color=SERIES[place], markersize=8, clip_on=False)
            if bands:
                fill: dict[str, Any] = {"step": "post", "color": SERIES[place], "alpha": 0.12, "linewidth": 0}
                axes.fill_between(x, curve.low, curve.high, **fill)
        if wide:
            log_axis(axes.xaxis)
        else:
            axes.set_xlim(left=0)
            axes.ticklabel_format(axis="x", style="plain")
        axes.set_xlabel("training sequences shown")
        axes.set_ylabel("seeds that have solved the task (%)")
        axes.set_ylim(-0.02, 1.02)
        axes.grid(axis="y")
        percent_axis(axes.yaxis)
        titled(axes, "Solved against training", condition)
        figure = axes.get_figure(root=True)
        if figure is not None and len(labels) > 1:
            figure.legend(loc="outside lower center", ncols=1 if max(map(len, labels)) > 24 else 2)

    band = " Band: 95% at each point by itself." if bands else ""
    return Drawing(
        name=name,
        title="Solved against training",
        caption="Share of the seeds that have solved the task at least once, by the sequences shown to them "
        f"(Kaplan-Meier; a seed that never did counts until its training ended, at the tick): {which}.{band}",
        svg=drawn(name, (5.4, 3.1 + (0.16 * len(labels) if len(labels) > 1 else 0)), draw),
        data=pd.concat(parts, ignore_index=True),
        wide=True,
    )


def _from(times: NDArray[np.float64], start: float) -> NDArray[np.float64]:
    """Times for a logarithmic axis, which has no 0: the curve begins at `start`."""
    return np.maximum(times, start)
