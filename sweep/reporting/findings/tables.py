"""The tables of a report: which trials did best, how well beside what needs no memory, and at what cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sweep.stats.interval import Interval
from sweep.stats.scores import mean_interval

if TYPE_CHECKING:
    from sweep.reporting.findings.findings import Findings


def accuracy_table(findings: Findings, top: int | None = 10) -> pd.DataFrame:
    """The `top` best trials of each condition (all for None), with their scores, chance and the ceiling.

    Columns: the conditions, trial, state, the searched parameters, seeds, solve_rate and recall_accuracy with
    their intervals, sequence_accuracy, loss, chance, memoryless_ceiling (of recall), epochs_to_solve,
    ert_sequences, and the objectives that are not among these; of several objectives, pareto too: whether no
    other trial is as good in all and better in one.
    """
    experiment = findings.experiment
    ranked = findings.search.ranked
    ranked = ranked if top is None else ranked[ranked["rank"] <= top]
    chance = np.zeros(len(ranked))
    ceiling = np.zeros(len(ranked))
    for condition in findings.conditions:
        rows = ranked.index.isin(condition.rows(ranked).index)
        chance[rows], ceiling[rows] = condition.chance, condition.recall_ceiling
    ranked = ranked.assign(chance=chance, memoryless_ceiling=ceiling)
    recall = dict(iter(findings.search.replicates.groupby("trial")["recall_accuracy"]))
    ends = [recall_interval(recall.get(trial, ())) for trial in ranked["trial"]]
    ranked = ranked.assign(
        recall_accuracy_low=[low for low, _ in ends], recall_accuracy_high=[high for _, high in ends]
    )
    names = [*experiment.conditions, "trial", "state", *experiment.search, "seeds"]
    names += ["solve_rate", "solve_rate_low", "solve_rate_high"]
    names += ["recall_accuracy", "recall_accuracy_low", "recall_accuracy_high", "sequence_accuracy"]
    names += ["loss", "chance", "memoryless_ceiling", "epochs_to_solve", "ert_sequences"]
    names += [objective.removeprefix("-") for objective in experiment.study.objectives]
    if len(experiment.study.objectives) > 1:
        ranked = ranked.assign(
            pareto=(ranked["layer"] == 0) & (ranked["state"] == "complete") & (ranked["diverged"] == 0)
        )
        names.append("pareto")
    table = ranked[list(dict.fromkeys(names))].reset_index(drop=True)
    return table.drop(columns="state") if (table["state"] == "complete").all() else table


def recall_interval(accuracies: ArrayLike) -> Interval:
    """The 95% interval of a mean of recall accuracies (replicates,), by a bootstrap over these.

    nan where they do not differ, or where there are fewer than two: that shows no spread.
    """
    values = np.asarray(accuracies, float)
    found = mean_interval(values) if len(values) else Interval(np.nan, np.nan)
    return found if np.isfinite(found.low) and found.low < found.high else Interval(np.nan, np.nan)


def cost_table(findings: Findings) -> pd.DataFrame:
    """What each condition took: trials, replicates, the best trial's weights, updates and seconds.

    Where trials were confirmed, each phase has a row of its own.
    """
    best = findings.search.best
    rows = []
    views = [findings.search, *([findings.again] if len(findings.again.trials) else [])]
    for number, condition in enumerate(findings.conditions):
        for view in views:
            own = condition.rows(view.trials)
            updates, training = float(own["updates"].sum()), float(own["train_seconds"].sum())
            rows.append(
                {
                    **condition.values,
                    **({"phase": str(view.phase)} if len(views) > 1 else {}),
                    "trials": len(own),
                    "replicates": int(view.replicates["trial"].isin(own["trial"]).sum()),
                    "parameters": best[number]["parameters"] if number in best else np.nan,
                    "updates": updates,
                    "train_seconds": training,
                    "compile_seconds": float(own["compile_seconds"].sum()),
                    "microseconds_per_update": 1e6 * training / updates if updates else np.nan,
                }
            )
    return pd.DataFrame(rows)
