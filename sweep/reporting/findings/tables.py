"""The tables of a report: which trials did best, how well beside what needs no memory, and at what cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from sweep.errors import SweepError
from sweep.experiment.outcomes import OUTCOMES
from sweep.experiment.trials import TrialNumber
from sweep.faults import unknown
from sweep.reporting.findings.conditions import epochs_of, trained_with
from sweep.stats.interval import Interval
from sweep.stats.scores import mean_interval
from sweep.stats.times import expected_running_time_interval

if TYPE_CHECKING:
    from sweep.reporting.findings.findings import Findings


def accuracy_table(findings: Findings, top: int | None = 10) -> pd.DataFrame:
    """The `top` best trials of each condition (all for None), with their scores, chance and the ceiling.

    Columns: the conditions, trial, state, the searched parameters, seeds, solve_rate and recall_accuracy with
    their intervals, sequence_accuracy, loss, chance, memoryless_ceiling (of recall), epochs_to_solve (median),
    mean_sequences_to_solve (cut off at the budget), ert_sequences with its interval, solved_with_margin and
    below_memoryless_loss (shares), recall_bits, test_loss, memoryless_loss and ert_sequences_to_keep where they were
    measured, and the objectives that are not among these (of a time the median); of several objectives, pareto too:
    whether no other trial is as good in all and better in one.
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
    replicates = dict(iter(findings.search.replicates.groupby("trial")))
    nothing = findings.search.replicates.head(0)
    own = [replicates.get(number, nothing) for number in ranked["trial"]]
    of_recall = [recall_interval(rows["recall_accuracy"]) for rows in own]
    of_ert = [ert_interval(findings, trial, rows) for (_, trial), rows in zip(ranked.iterrows(), own, strict=True)]
    of_effort = [
        mean_until_solved(findings, trial, rows) for (_, trial), rows in zip(ranked.iterrows(), own, strict=True)
    ]
    ranked["mean_sequences_to_solve"] = np.array(of_effort, float)
    for name, intervals in (("recall_accuracy", of_recall), ("ert_sequences", of_ert)):
        ranked[f"{name}_low"], ranked[f"{name}_high"] = [i.low for i in intervals], [i.high for i in intervals]
    names = [*experiment.conditions, "trial", "state", *experiment.search, "seeds"]
    names += ["solve_rate", "solve_rate_low", "solve_rate_high"]
    names += ["recall_accuracy", "recall_accuracy_low", "recall_accuracy_high", "sequence_accuracy"]
    names += ["loss", "chance", "memoryless_ceiling", "epochs_to_solve"]
    names += ["mean_sequences_to_solve", "ert_sequences", "ert_sequences_low", "ert_sequences_high"]
    ranked, measured = _with_later_outcomes(ranked, own)
    names += measured
    names += [objective.removeprefix("-") for objective in experiment.study.objectives]
    if len(experiment.study.objectives) > 1:
        ranked = ranked.assign(
            pareto=(ranked["layer"] == 0) & (ranked["state"] == "complete") & (ranked["diverged"] == 0)
        )
        names.append("pareto")
    table = ranked[list(dict.fromkeys(names))].reset_index(drop=True)
    return table.drop(columns="state") if (table["state"] == "complete").all() else table


_LATER = (
    *("solved_with_margin", "below_memoryless_loss", "recall_bits", "test_loss", "memoryless_loss"),
    *("ert_sequences_to_keep", "ert_sequences_to_keep_low", "ert_sequences_to_keep_high"),
)
"""Columns of what the first versions did not measure."""


def _with_later_outcomes(ranked: pd.DataFrame, replicates: list[pd.DataFrame]) -> tuple[pd.DataFrame, list[str]]:
    """The trials with the shares of `replicates` that solved it by the margin, and whose test loss needs memory.

    And `_LATER`, where any of the trials is of a version that measured it.
    """
    shares = [
        rows["solved_with_margin"].astype(float).mean() if "solved_with_margin" in rows else np.nan
        for rows in replicates
    ]
    bounds = ranked["memoryless_loss"] if "memoryless_loss" in ranked else [np.nan] * len(ranked)
    below = [
        np.nan if pd.isna(bound) or not len(rows) else (rows["test_loss"] < bound).mean()
        for bound, rows in zip(bounds, replicates, strict=True)
    ]
    ranked = ranked.assign(solved_with_margin=np.array(shares, float), below_memoryless_loss=np.array(below, float))
    ends = [name for name in _LATER if name in ranked and name.startswith("ert_")]
    ranked[ends] = ranked[ends].astype(float).where(ranked["state"] == "complete", axis=0)  # as `ert_interval` has it
    measured = "recall_bits" in ranked and ranked["recall_bits"].notna().any()
    return ranked, [name for name in _LATER if measured]


def arranged(table: pd.DataFrame, sort: str | None, chosen: Sequence[str] | None) -> pd.DataFrame:
    """The table in the order of one column, what is better or else smaller first, and of `chosen` columns alone.

    A chosen outcome keeps its interval beside it. SweepError names a column that there is not.
    """
    for option, names in (("--sort", [sort] if sort is not None else []), ("--columns", chosen or [])):
        for name in names:
            if name not in table:
                raise SweepError(f"{option}: " + unknown("column", name, list(table.columns)))
    if sort is not None:
        ascending = sort not in OUTCOMES or OUTCOMES[sort].better != "higher"
        key = None if pd.api.types.is_numeric_dtype(table[sort]) else lambda column: column.astype(str)
        table = table.sort_values(sort, ascending=ascending, kind="stable", na_position="last", key=key)
    if chosen is None:
        return table
    ends = {name: [f"{name}_low", f"{name}_high"] for name in chosen if f"{name}_low" in table}
    return table[list(dict.fromkeys(each for name in chosen for each in (name, *ends.get(name, ()))))]


def recall_interval(accuracies: ArrayLike) -> Interval:
    """The 95% interval of a mean of recall accuracies (replicates,): nan without any.

    By a bootstrap over these, Student's for few; where all agree, the bound of what so few could have shown.
    """
    values = np.asarray(accuracies, float)
    return mean_interval(values, bounds=(0.0, 1.0)) if len(values) else Interval(np.nan, np.nan)


def mean_until_solved(findings: Findings, trial: pd.Series, replicates: pd.DataFrame) -> float:
    """The mean of the sequences until each of a trial's `replicates` solved the task, or until its budget was spent.

    It is what `compare` compares, there cut off at the smaller of both budgets; nan where the trial did not complete.
    """
    if trial["state"] != "complete" or not len(replicates):
        return float("nan")
    times = replicates["sequences_to_solve"].to_numpy(float, na_value=np.nan)
    return float(np.where(np.isfinite(times), times, _budget(findings, trial)).mean())


def _budget(findings: Findings, trial: pd.Series) -> float:
    """The most training sequences that a replicate of the trial is shown."""
    conditions = findings.conditions
    condition = conditions[TrialNumber.of(int(trial["trial"]), len(conditions)).condition]
    return float(epochs_of(findings.experiment, condition, trial) * condition.task.num_sequences)


def ert_interval(findings: Findings, trial: pd.Series, replicates: pd.DataFrame) -> Interval:
    """The 95% interval of a trial's ERT in sequences, of its `replicates`; nan for the end that it has not.

    It has no upper end where no replicate solved the task, and neither end where the trial was not trained to its
    own. Records of the first versions have no intervals, so it is computed here, and of all records: what a failure
    spent follows from the ERT where there is one, and else is the whole budget.
    """
    if trial["state"] != "complete" or not len(replicates):
        return Interval(np.nan, np.nan)
    experiment, conditions = findings.experiment, findings.conditions
    condition = conditions[TrialNumber.of(int(trial["trial"]), len(conditions)).condition]
    times = replicates["sequences_to_solve"].to_numpy(float, na_value=np.nan)
    solved = np.isfinite(times)
    budget = _budget(findings, trial)
    failure = budget
    if solved.any() and not solved.all():
        failure = float((float(trial["ert_sequences"]) * solved.sum() - times[solved].sum()) / (~solved).sum())
    tested = int(trained_with(experiment, condition, trial, "evaluate_every"))
    least = float(min(tested * condition.task.num_sequences, budget))
    low, high = expected_running_time_interval(np.where(solved, times, failure), solved, budget=budget, least=least)
    return Interval(low, high if np.isfinite(high) else np.nan)


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
