"""Learning curves: recall, solved seeds and loss over the epochs, as a median with its bands over seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.experiment.trials import TrialNumber
from sweep.faults import plural
from sweep.reporting.figures.section import FigureSection, left_out, shown
from sweep.reporting.findings.conditions import Condition, of_trial
from sweep.reporting.look.drawing import (
    BLUE,
    FAINT,
    GREEN,
    ORANGE,
    Drawing,
    drawn,
    log_axis,
    percent_axis,
    reference_line,
    score_references,
    titled,
)
from sweep.stats import binomial_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings

_SIZE = (3.75, 2.8)
_POINTS = 250  # of one curve; more cannot be told apart
_OTHERS = 60  # other trials drawn behind the best one
_QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


def section(findings: Findings) -> FigureSection:
    """The learning curves of each condition's best trial."""
    found = FigureSection("curves", "Learning curves", notes=left_out(findings))
    for each in shown(findings):
        found.figures.extend(learning_curves(findings, *each))
    return found


def curves(findings: Findings) -> set[int]:
    """The trials whose curves are drawn: the best of each condition, and others faint behind it."""
    return {
        int(trial)
        for each in shown(findings)
        for trial in (each.trials.iloc[0]["trial"], *drawn_beside(each.trials.iloc[1:]))
    }


def learning_curves(findings: Findings, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """Three panels of the best of `trials` (ranked, all of one condition), the others faint behind it."""
    best = int(trials.iloc[0]["trial"])
    curves = of_trial(findings.search.curves, best)
    if curves.empty:
        return []
    seeds = plural(curves["seed"].nunique(), "seed")
    whose = f"{seeds} of the best trial, {best}" if findings.experiment.search else seeds
    others = _others(findings, trials.iloc[1:])
    behind = f" Grey: {_behind(len(others), int((trials.iloc[1:]['state'] != 'failed').sum()))}." if others else ""
    as_before = "Line, bands and grey" if others else "Line and bands"
    right = "every step right" if condition.task.same_for_all_seeds else "every scored step right"
    more = " To solve the task takes more than that." if condition.is_strict else ""
    bands = "Line: median; bands: the middle half and the middle 80% of the seeds; thin line: mean."
    recall, solved, loss = (
        quantiles(curves, "recall_accuracy"),
        solved_share(curves),
        quantiles(curves, "loss"),
    )

    tests = len(recall)
    thinned = f" Drawn: {_POINTS} of {tests:,} tests, evenly; the CSV has all." if tests > _POINTS else ""

    def draw_recall(axes: Axes) -> None:
        _faint(axes, others, "recall_accuracy")
        _band(axes, recall, BLUE)
        score_references(axes, condition.recall_ceiling, condition.chance)
        _finish(axes, "Recall accuracy", condition, "right at the final element", share=True)

    def draw_solved(axes: Axes) -> None:
        at = _thinned(solved)
        axes.fill_between(at["epoch"], at["low"], at["high"], color=GREEN, alpha=0.16, linewidth=0)
        axes.plot(at["epoch"], at["share"], color=GREEN, linewidth=2)
        _finish(axes, f"Seeds with {right}", condition, "share of the seeds", share=True)

    unseen = None if condition.task.tested_on_training_sequences else _of_the_test(curves)
    bound = float(trials.iloc[0].get("memoryless_loss", np.nan))
    expected = "" if condition.task.same_for_all_seeds else ", in expectation over new sequences"

    def draw_loss(axes: Axes) -> None:
        _faint(axes, others, "loss")
        _band(axes, loss, ORANGE)
        values = loss["median"][loss["median"] > 0]
        if unseen is not None:
            at = _thinned(unseen)
            axes.plot(at["epoch"], at["test_median"], color=BLUE, linewidth=2, linestyle="--")
            values = pd.concat([values, unseen["test_median"][unseen["test_median"] > 0]])
        if len(values) and values.max() > 8 * values.min():
            log_axis(axes.yaxis)
        _finish(axes, "Loss" if unseen is not None else "Training loss", condition, "mean loss", share=False)
        if np.isfinite(bound):
            reference_line(axes, bound, "without\nmemory", "--", written=f"{bound:.3g}")

    return [
        Drawing(
            name=f"recall{suffix}",
            title="Recall accuracy",
            caption=f"Recall accuracy over the epochs ({whose}). {bands}{behind}{thinned}",
            svg=drawn(f"recall{suffix}", _SIZE, draw_recall),
            data=recall,
        ),
        Drawing(
            name=f"solved{suffix}",
            title=f"Seeds with {right}",
            caption=f"Share of the seeds with {right} at that epoch ({whose}). Band: 95% interval.{more}{thinned}",
            svg=drawn(f"solved{suffix}", _SIZE, draw_solved),
            data=solved,
        ),
        Drawing(
            name=f"loss{suffix}",
            title="Training loss",
            caption=f"Training loss, the mean over an epoch ({whose}). {as_before} as for recall."
            + (
                " Blue, dashed: the median on the test's sequences, which no training shows."
                if unseen is not None
                else ""
            )
            + (
                f" Weights that stand still have at least {bound:.3g} without memory{expected}."
                if np.isfinite(bound)
                else ""
            )
            + thinned,
            svg=drawn(f"loss{suffix}", _SIZE, draw_loss),
            data=loss if unseen is None else loss.merge(unseen, on="epoch", how="left"),
        ),
    ]


def trial_curve(findings: Findings, trial: int) -> str:
    """The recall curve of one trial of the search, as SVG; LookupError if it has none."""
    ranked = findings.search.ranked
    settings = findings.conditions
    drawings = learning_curves(
        findings, settings[TrialNumber.of(trial, len(settings)).condition], ranked[ranked["trial"] == trial]
    )
    return drawings[0].svg


def by_seed(curves: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """(epochs, seeds) of one outcome, inf where it is no number; a replicate that ended early keeps its last."""
    curves = curves.assign(**{outcome: curves[outcome].fillna(np.inf)})
    return curves.pivot_table(index="epoch", columns="seed", values=outcome, dropna=False).ffill()


def quantiles(curves: pd.DataFrame, outcome: str) -> pd.DataFrame:
    """For each epoch the 10%, 25%, 50%, 75% and 90% quantiles and the mean over seeds, of finite values."""
    wide = by_seed(curves, outcome).astype(float)
    wide = wide.mask(~np.isfinite(wide))
    table = wide.quantile(list(_QUANTILES.values()), axis=1).T
    table.columns = pd.Index(list(_QUANTILES))
    return table.assign(mean=wide.mean(axis=1), seeds=wide.notna().sum(axis=1)).reset_index()


def _of_the_test(curves: pd.DataFrame) -> pd.DataFrame | None:
    """The quantiles of the test's loss, in columns `test_...`; None where it was not measured."""
    if "test_loss" not in curves or curves["test_loss"].isna().all():
        return None
    table = quantiles(curves, "test_loss")
    return table.rename(columns={name: f"test_{name}" for name in table.columns if name != "epoch"})


def solved_share(curves: pd.DataFrame) -> pd.DataFrame:
    """For each epoch the share of seeds whose every step is right, with its 95% interval."""
    right = by_seed(curves, "sequence_accuracy") == 1
    number, seeds = right.sum(axis=1).to_numpy(), right.shape[1]
    intervals = {n: binomial_interval(n, seeds) for n in {int(n) for n in number}}
    ends = np.array([intervals[int(n)] for n in number])
    columns = {"epoch": right.index, "share": number / seeds, "low": ends[:, 0], "high": ends[:, 1]}
    return pd.DataFrame(columns | {"seeds": seeds})


def drawn_beside(trials: pd.DataFrame) -> NDArray[np.int64]:
    """Which of the other `trials` (ranked) have their mean curves drawn: all, or evenly through the ranking."""
    numbers = trials[trials["state"] != "failed"]["trial"].to_numpy()
    if len(numbers) > _OTHERS:
        numbers = numbers[np.linspace(0, len(numbers) - 1, _OTHERS).astype(int)]
    return numbers.astype(np.int64)


def _others(findings: Findings, trials: pd.DataFrame) -> list[pd.DataFrame]:
    """Mean curves of the other trials."""
    numbers, curves = drawn_beside(trials), findings.search.curves
    curves = curves[curves["trial"].isin(numbers)]
    means = curves.groupby(["trial", "epoch"])[["recall_accuracy", "loss"]].mean().reset_index()
    return [_thinned(rows, 60) for _, rows in means.groupby("trial")]


def _behind(drawn_trials: int, trials: int) -> str:
    if drawn_trials == trials:
        return f"means of the other {plural(trials, 'trial')}"
    return f"means of {drawn_trials} of the other {trials:,} trials, evenly through the ranking"


def _thinned(rows: pd.DataFrame, points: int = _POINTS) -> pd.DataFrame:
    if len(rows) <= points:
        return rows
    kept: NDArray[np.int64] = np.unique(np.linspace(0, len(rows) - 1, points).astype(int))
    return rows.iloc[kept]


def _faint(axes: Axes, others: list[pd.DataFrame], outcome: str) -> None:
    from matplotlib.collections import LineCollection

    lines = [np.column_stack([rows["epoch"], rows[outcome]]) for rows in others]
    axes.add_collection(LineCollection(lines, colors=FAINT, linewidths=0.7, alpha=0.5, zorder=1))


def _band(axes: Axes, table: pd.DataFrame, colour: str) -> None:
    at = _thinned(table)
    axes.fill_between(at["epoch"], at["p10"], at["p90"], color=colour, alpha=0.13, linewidth=0)
    axes.fill_between(at["epoch"], at["p25"], at["p75"], color=colour, alpha=0.22, linewidth=0)
    axes.plot(at["epoch"], at["mean"], color=colour, linewidth=0.9)
    axes.plot(at["epoch"], at["median"], color=colour, linewidth=2)


def _finish(axes: Axes, title: str, condition: Condition, label: str, *, share: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    titled(axes, title, condition.label)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(nbins="auto", integer=True, min_n_ticks=1))
    axes.set_ylabel(label + (" (%)" if share else ""))
    axes.grid(axis="y")
    axes.margins(x=0)
    if share:
        axes.set_ylim(-0.02, 1.02)
        percent_axis(axes.yaxis)
    else:
        axes.autoscale_view()
