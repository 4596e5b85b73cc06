"""What was learnt of lengths that no training showed: recall at each, over the seeds."""

from __future__ import annotations

import pandas as pd

from sweep.reporting.findings.conditions import Condition, of_trial
from sweep.reporting.findings.findings import Findings

_QUANTILES = {"p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9}


def lengths_table(findings: Findings) -> pd.DataFrame:
    """The best trial of each condition at each length: its recall over the seeds, beside chance and the ceiling.

    Columns: the conditions, trial, length, trained (whether that is the length of its training), seeds,
    recall_median with recall_median_low and recall_median_high (10% and 90% of the seeds are below), chance,
    memoryless_ceiling. Without a row where no trial was tested at other lengths.
    """
    parts = []
    settings = findings.conditions
    for number, trial in findings.search.best.items():
        condition = settings[number]
        table = by_length(findings, condition, int(trial["trial"]))
        part = table[["length", "trained", "seeds"]].assign(
            recall_median=table["median"], recall_median_low=table["p10"], recall_median_high=table["p90"]
        )
        part = part.assign(chance=condition.chance, memoryless_ceiling=condition.recall_ceiling)
        for place, (name, value) in enumerate([*condition.values.items(), ("trial", int(trial["trial"]))]):
            part.insert(place, name, [value] * len(part))
        parts.append(part)
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def by_length(findings: Findings, condition: Condition, trial: int) -> pd.DataFrame:
    """Quantiles of recall accuracy over the seeds of `trial` at each length, that of its training among them.

    Columns: length, trained, seeds, p10, p25, median, p75, p90; no row where there are no other lengths.
    """
    columns = ["length", "seed", "recall_accuracy"]
    rows = of_trial(findings.search.lengths, trial)[columns]
    trained = condition.length
    if len(rows) and trained not in set(rows["length"]):
        own = of_trial(findings.search.replicates, trial).assign(length=trained)[columns]
        rows = pd.concat([rows, own], ignore_index=True)
    grouped = rows.astype({"recall_accuracy": float}).groupby("length")["recall_accuracy"]
    table = pd.DataFrame({name: grouped.quantile(share) for name, share in _QUANTILES.items()})
    table.insert(0, "seeds", grouped.count())
    table = table.rename_axis("length").reset_index()
    table.insert(1, "trained", table["length"] == trained)
    return table
