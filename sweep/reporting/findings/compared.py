"""A comparison as a reader sees it: a row for each condition and metric, and the verdict in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sweep.comparison.compare import LEVEL, Comparison
from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import plural
from sweep.reporting.look.display import (
    MISSING,
    difference_text,
    heading,
    outcome_text,
    percent,
    percent_interval,
    value_text,
)

SEEDS_ASSUME = (
    "So many would settle it four times in five: the fewest if the true difference is the nearer end of its 60% "
    "interval here, the most if it is that of its 80% interval. It may be smaller still: what few seeds show is mostly "
    "too large. No number is given where equal ones show as much in one comparison of ten."
)
"""What a range of seeds assumes."""


def comparison_table(rows: Sequence[Comparison]) -> tuple[list[str], list[list[str]]]:
    """Headings and cells: conditions, what is compared, both values, the difference, how sure it is, the verdict."""
    conditions = list(rows[0].condition) if rows else []
    head = [*conditions, "A", "B", "metric", "value of A", "value of B", "difference (95%)"]
    head += ["P(A beats B) (95%)", "p (Holm)", "verdict on A"]
    return head, [
        [
            *(value_text(row.condition[name]) for name in conditions),
            row.a,
            row.b,
            heading(row.metric),
            MISSING if row.value_a is None else outcome_text(row.metric, row.value_a),
            MISSING if row.value_b is None else outcome_text(row.metric, row.value_b),
            *([MISSING] * 3 if row.verdict == "same" else _how_sure(row)),
            _verdict(row),
        ]
        for row in rows
    ]


def reading(rows: Sequence[Comparison]) -> str:
    """How the table is to be read, in two or three sentences."""
    same = "The same computation: not tested, a difference can only be one of the seeds. "
    told = same if any(row.verdict == "same" for row in rows) else ""
    rows = [row for row in rows if row.verdict != "same"]
    if not rows:
        return told.strip()
    pairing = {True: "the same seeds, pair by pair", False: "separate seeds"}
    ways = sorted({_units(row) + " on " + pairing[row.paired] if row.unit == "seed" else _units(row) for row in rows})
    corrected = f", corrected for all {len(rows)} rows (Holm)" if len(rows) > 1 else ""
    text = f"A against B, {'; '.join(ways)}. Better or worse: p below 0.05{corrected}. "
    if any(row.verdict == "inconclusive" for row in rows):
        text += "Inconclusive is not equal. "
    if any(row.seeds_to_settle_low is not None for row in rows):
        text += SEEDS_ASSUME + " "
    for name in dict.fromkeys(row.metric for row in rows if OUTCOMES[row.metric].is_time):
        text += f"{heading(name).capitalize()}: the mean, cut off at the smaller of both budgets; "
        text += "p is the log-rank test's. "
    for name in dict.fromkeys(row.metric for row in rows if row.difference is None):
        text += (
            f"{heading(name).capitalize()}: no mean where seeds diverged; the test counts these as the worst of both. "
        )
    return (text + told).strip()


def seeds_needed(row: Comparison) -> str:
    """How many seeds would settle it, for a sentence; empty where that is not to be said."""
    low, high = row.seeds_to_settle_low, row.seeds_to_settle_high
    if low is None:
        return ""
    if high is None:
        return f"{low:,} or more {row.unit}s each"
    return f"{low:,} to {high:,} {row.unit}s each" if low < high else f"{plural(low, row.unit)} each"


def cannot_tell(rows: Sequence[Comparison]) -> str:
    """That so few seeds cannot tell any of the rows, whatever they show, with its full stop; else empty.

    Of pairs of seeds the rarest outcome is that all point one way.
    """
    tested = [row for row in rows if row.verdict != "same"]
    if not tested or not all(row.paired and row.unit == "seed" for row in tested):
        return ""
    most = max(min(row.units) for row in tested)
    least = math.ceil(1 + math.log2(len(tested) / LEVEL))
    if most >= least:
        return ""
    among = "" if len(tested) == 1 else f" among {len(tested)} comparisons"
    return (
        f"{plural(most, 'seed').capitalize()} can tell no difference{among}, however large: it takes {least} that all "
        "point one way."
    )


def _units(row: Comparison) -> str:
    a, b = row.units
    return plural(a, row.unit) if a == b else f"{plural(a, row.unit)} and {b}"


def _how_sure(row: Comparison) -> list[str]:
    return [
        _difference(row),
        f"{percent(row.improvement)} ({percent_interval(row.improvement_low, row.improvement_high)})",
        f"{row.p_value:.2g}" if row.p_value >= 0.001 else "<0.001",
    ]


def _difference(row: Comparison) -> str:
    if row.difference is None:
        return MISSING
    difference = difference_text(row.metric, row.difference)
    if row.low is None or row.high is None:
        return f"{difference} ({MISSING})"
    return f"{difference} ({difference_text(row.metric, row.low)} to {difference_text(row.metric, row.high)})"


def _verdict(row: Comparison) -> str:
    if row.verdict == "same":
        return "the same computation"
    if row.verdict != "inconclusive":
        return row.verdict
    if seeds := seeds_needed(row):
        return f"inconclusive; {seeds} would settle it"
    return f"inconclusive: {'no difference seen' if row.difference == 0 else 'equal ones differ as much'}"
