"""What was confirmed: the best configurations, trained again from seeds that the search never saw."""

from __future__ import annotations

import pandas as pd

from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import plural
from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.display import joined, objective_text


def confirmed_table(findings: Findings) -> pd.DataFrame:
    """Every confirmed configuration, the best of each condition first by its confirmed scores.

    Columns: the conditions, rank, trial, the searched parameters, searched_seeds, seeds (of the confirmation),
    the first objective as `searched_X` and as `confirmed_X`, optimism (how much better the search's score was;
    optimism_points, in percentage points, of a share), solve_rate (confirmed) with its interval. Without a row
    where nothing was confirmed.
    """
    again = findings.again.ranked
    if again.empty:
        return again
    before = findings.search.ranked.set_index("trial")
    objective = findings.experiment.study.objectives[0]
    outcome, sign = objective.removeprefix("-"), -1.0 if objective.startswith("-") else 1.0
    searched = before[outcome].reindex(again["trial"]).astype(float).to_numpy()
    found = again[outcome].astype(float).to_numpy()
    excess, gain = ("optimism_points", 100.0 * sign) if OUTCOMES[outcome].is_share else ("optimism", sign)
    table = again.assign(
        searched_seeds=before["seeds"].reindex(again["trial"]).to_numpy(),
        **{f"searched_{outcome}": searched, f"confirmed_{outcome}": found, excess: gain * (searched - found)},
    )
    names = [*findings.experiment.conditions, "rank", "trial", *findings.experiment.search, "searched_seeds", "seeds"]
    names += [f"searched_{outcome}", f"confirmed_{outcome}", excess]
    return table[[*names, "solve_rate", "solve_rate_low", "solve_rate_high"]].reset_index(drop=True)


def with_confirmed(findings: Findings, table: pd.DataFrame) -> pd.DataFrame:
    """The accuracy table with the confirmed scores beside the search's: `confirmed_X`, missing where none are.

    X is seeds, solve_rate with its interval, recall_accuracy, sequence_accuracy, loss, ert_sequences, and the
    objectives that are not among these. The table itself where nothing was confirmed.
    """
    again = findings.again.trials
    if again.empty:
        return table
    names = ["seeds", "solve_rate", "solve_rate_low", "solve_rate_high", "recall_accuracy", "sequence_accuracy"]
    names += ["loss", "ert_sequences", *(o.removeprefix("-") for o in findings.experiment.study.objectives)]
    scores = again.set_index("trial")[list(dict.fromkeys(names))].add_prefix("confirmed_")
    return table.join(scores, on="trial")


def optimism(findings: Findings) -> str:
    """How far the search's scores were from the confirmed ones, in a sentence; empty where nothing was confirmed."""
    table = confirmed_table(findings)
    if table.empty:
        return ""
    outcome = findings.experiment.study.objectives[0].removeprefix("-")
    excess = table["optimism_points" if OUTCOMES[outcome].is_share else "optimism"].astype(float)
    size = f"{abs(excess.mean()):.1f} points" if OUTCOMES[outcome].is_share else f"{abs(excess.mean()):.3g}"
    is_none = not float(size.split()[0])
    how = "right" if is_none else f"too {'optimistic' if excess.mean() > 0 else 'pessimistic'} by {size}"
    worse = int((excess > 0).sum())
    return (
        f"{plural(len(table), 'configuration')} trained again from seeds that the search never saw: {worse} of "
        f"{len(table)} did worse by {objective_text(outcome)} than the search had said, which was {how} "
        "on average."
    )


def confirmed_where(findings: Findings) -> str:
    """Which conditions have nothing confirmed, in a sentence; empty where all or none have."""
    again = findings.again
    if again.trials.empty:
        return ""
    missing = [c.label for c in findings.conditions if c.rows(again.trials).empty]
    return f"Nothing was confirmed at {joined(missing)}." if missing else ""
