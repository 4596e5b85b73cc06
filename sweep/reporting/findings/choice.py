"""Which configuration to use under each condition: the best one, by its confirmed scores where there are any."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from sweep.reporting.findings.conditions import Condition, axis_of, of_trial
from sweep.reporting.findings.findings import Findings, found_once
from sweep.reporting.findings.tables import recall_interval
from sweep.reporting.look.display import joined, value_text

if TYPE_CHECKING:
    from sweep.results.phase_view import PhaseView


@dataclass(frozen=True)
class Choice:
    """The best configuration under one condition: `trial` is its row, with the scores that are to be believed.

    Those are of its confirmation where it was trained again from seeds that the search never saw. `source`
    holds them, and the trials that it was chosen from.
    """

    condition: Condition
    source: PhaseView
    trial: pd.Series
    confirmed: bool

    @property
    def replicates(self) -> pd.DataFrame:
        """The replicates behind its scores."""
        return of_trial(self.source.replicates, int(self.trial["trial"]))


@found_once
def choices(findings: Findings) -> dict[int, Choice]:
    """Number of the condition -> its choice; a condition without a complete trial is left out."""
    settings, again = findings.conditions, findings.again
    found = {n: Choice(settings[n], findings.search, trial, False) for n, trial in findings.search.best.items()}
    confirmed = {n: Choice(settings[n], again, trial, True) for n, trial in again.best.items()}
    return {number: confirmed.get(number, choice) for number, choice in found.items()}


def choice_table(findings: Findings) -> pd.DataFrame:
    """The choice for each condition, with its scores and what needs no memory beside them.

    Columns: the conditions, trial, the searched parameters, scores (search or confirmed, where any are), seeds,
    solve_rate and recall_accuracy with their 95% intervals, chance, memoryless_ceiling.
    """
    rows = []
    chosen = choices(findings).values()
    mixed = any(choice.confirmed for choice in chosen)
    for choice in chosen:
        trial = choice.trial
        low, high = recall_interval(choice.replicates["recall_accuracy"])
        rows.append(
            {
                **choice.condition.values,
                "trial": int(trial["trial"]),
                **{name: trial[name] for name in findings.experiment.search},
                **({"scores": "confirmed" if choice.confirmed else "search"} if mixed else {}),
                "seeds": int(trial["seeds"]),
                **{name: float(trial[name]) for name in ("solve_rate", "solve_rate_low", "solve_rate_high")},
                "recall_accuracy": float(trial["recall_accuracy"]),
                "recall_accuracy_low": low,
                "recall_accuracy_high": high,
                "chance": choice.condition.chance,
                "memoryless_ceiling": choice.condition.recall_ceiling,
            }
        )
    return pd.DataFrame(rows)


def measured_where(findings: Findings) -> str:
    """What was measured along the conditions' numeric axis, and that nothing else was; empty without an axis."""
    axis = axis_of(findings.experiment)
    if axis is None:
        return ""
    values = sorted({choice.condition.values[axis] for choice in choices(findings).values()})
    if not values:
        return ""
    where = joined([value_text(value) for value in values])
    return (
        f"Measured at {axis} = {where}, and nowhere else: what to use between or beyond these values is not known. "
        "Add the value to the conditions and run it."
    )
