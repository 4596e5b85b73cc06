"""How far what was learnt carries: recall accuracy at lengths that no training showed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sweep.reporting.findings.conditions import Condition, conditions, of_trial
from sweep.reporting.look.display import plural
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
from sweep.results.ranking import best_trials

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.results.results import Results

_QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}
_OTHERS = 60  # other trials drawn behind the best one
_TICKS = 8  # lengths that can all be named on the axis


def lengths_table(results: Results) -> pd.DataFrame:
    """The best trial of each condition at each length: its recall over the seeds, beside chance and the ceiling.

    Columns: the conditions, trial, length, trained (whether that is the length of its training), seeds,
    recall_median with recall_median_low and recall_median_high (10% and 90% of the seeds are below), chance,
    memoryless_ceiling. Without a row where no trial was tested at other lengths.
    """
    parts = []
    settings = conditions(results)
    for number, trial in best_trials(results).items():
        condition = settings[number]
        table = by_length(results, condition, int(trial["trial"]))
        part = table[["length", "trained", "seeds"]].assign(
            recall_median=table["median"], recall_median_low=table["p10"], recall_median_high=table["p90"]
        )
        part = part.assign(chance=condition.chance, memoryless_ceiling=condition.recall_ceiling)
        for place, (name, value) in enumerate([*condition.values.items(), ("trial", int(trial["trial"]))]):
            part.insert(place, name, [value] * len(part))
        parts.append(part)
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def by_length(results: Results, condition: Condition, trial: int) -> pd.DataFrame:
    """Quantiles of recall accuracy over the seeds of `trial` at each length, that of its training among them.

    Columns: length, trained, seeds, p10, p25, median, p75, p90; no row where there are no other lengths.
    """
    columns = ["length", "seed", "recall_accuracy"]
    rows = of_trial(results.lengths, trial)[columns]
    trained = condition.length
    if len(rows) and trained not in set(rows["length"]):
        own = of_trial(results.replicates, trial).assign(length=trained)[columns]
        rows = pd.concat([rows, own], ignore_index=True)
    grouped = rows.astype({"recall_accuracy": float}).groupby("length")["recall_accuracy"]
    table = pd.DataFrame({name: grouped.quantile(share) for name, share in _QUANTILES.items()})
    table.insert(0, "seeds", grouped.count())
    table = table.rename_axis("length").reset_index()
    table.insert(1, "trained", table["length"] == trained)
    return table


def length_figures(results: Results, condition: Condition, trials: pd.DataFrame, suffix: str = "") -> list[Drawing]:
    """Recall accuracy against length, of the best of `trials` (ranked, all of one condition); none without data."""
    best = int(trials.iloc[0]["trial"])
    table = by_length(results, condition, best)
    if table.empty:
        return []
    name = f"recall-by-length{suffix}"
    own = table[table["trained"]]
    others = _others(results, trials.iloc[1:])

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
    whose += f" of trial {best}" if results.experiment.search else ""
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


def _others(results: Results, trials: pd.DataFrame) -> list[pd.Series]:
    """Length -> median recall accuracy, of the best of the other trials."""
    numbers = trials[trials["state"] == "complete"]["trial"].to_list()[:_OTHERS]
    rows = [of_trial(results.lengths, number) for number in numbers]
    return [each.groupby("length")["recall_accuracy"].median() for each in rows if len(each)]
