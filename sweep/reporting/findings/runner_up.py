"""How sure a choice is: the best configuration of each condition against the next best, on the same seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sweep.comparison.compare import Comparison, Pair, compare, cut_off
from sweep.comparison.replicate_sets import arm_of
from sweep.experiment.outcomes import METRICS, OUTCOMES
from sweep.faults import plural
from sweep.reporting.findings.choice import Choice, choices
from sweep.reporting.findings.compared import SEEDS_ASSUME, seeds_needed
from sweep.reporting.findings.computations import computations
from sweep.reporting.findings.findings import Findings, found_once
from sweep.reporting.look.display import MISSING, heading, joined, value_text

_SAID = 6  # conditions that have a sentence each


@dataclass(frozen=True, kw_only=True)
class Duel:
    """A choice against the runner-up: `compared` has the choice as a, and what came of it."""

    choice: Choice
    runner_up: int
    apart: str
    """The settings of the runner-up that are not those of the choice."""
    compared: Comparison
    budget: float
    """Where a time is cut off; inf where all came to it, and of other metrics."""


@found_once
def duels(findings: Findings) -> dict[int, Duel]:
    """Number of the condition -> its duel; a condition without a second configuration is left out.

    By the first objective where it can be compared, otherwise by recall accuracy. The p-values are corrected for
    the number of conditions.
    """
    metric = findings.experiment.study.objectives[0].removeprefix("-")
    rivals = _rivals(findings)
    pairs = [
        Pair(
            choice.condition.values,
            f"trial {choice.trial['trial']}",
            f"trial {other['trial']}",
            (arm_of(choice.source, int(choice.trial["trial"])),),
            (arm_of(choice.source, int(other["trial"])),),
        )
        for choice, other in rivals.values()
    ]
    rows = compare(pairs, [metric if metric in METRICS else "recall_accuracy"]) if pairs else []
    return {
        number: Duel(
            choice=choice,
            runner_up=int(other["trial"]),
            apart=_apart(findings, choice, other),
            compared=row,
            budget=cut_off((*pair.a, *pair.b), row.metric) if OUTCOMES[row.metric].is_time else math.inf,
        )
        for (number, (choice, other)), pair, row in zip(rivals.items(), pairs, rows, strict=True)
    }


@found_once
def _rivals(findings: Findings) -> dict[int, tuple[Choice, pd.Series]]:
    found = {number: (choice, _runner_up(findings, choice)) for number, choice in choices(findings).items()}
    return {number: (choice, other) for number, (choice, other) in found.items() if other is not None}


def _apart(findings: Findings, choice: Choice, other: pd.Series) -> str:
    texts = {n: (value_text(choice.trial[n]), value_text(other[n])) for n in findings.experiment.search}
    return ", ".join(_setting(name, text) for name, (own, text) in texts.items() if own != text)


def duel_table(findings: Findings) -> pd.DataFrame:
    """A row for each duel.

    Columns: the conditions, trial, runner_up, its differing settings, the difference (difference_points, in
    percentage points, of a share) with its 95% interval, the probability of improvement with its own, p_value
    (Holm), verdict, seeds_to_settle_low and _high. nan where there is no interval, and where no number of seeds is
    said.
    """
    rows = []
    for duel in duels(findings).values():
        found = duel.compared
        name, factor = ("difference_points", 100) if _is_share(found) else ("difference", 1)
        ends = [np.nan if end is None else factor * end for end in (found.low, found.high)]
        rows.append(
            {
                **duel.choice.condition.values,
                "trial": int(duel.choice.trial["trial"]),
                "runner_up": duel.runner_up,
                "differs_in": duel.apart,
                name: np.nan if found.difference is None else factor * found.difference,
                f"{name}_low": ends[0],
                f"{name}_high": ends[1],
                "probability_of_improvement": found.improvement,
                "probability_of_improvement_low": found.improvement_low,
                "probability_of_improvement_high": found.improvement_high,
                "p_value": found.p_value,
                "verdict": found.verdict,
                "seeds_to_settle_low": _or_nan(found.seeds_to_settle_low),
                "seeds_to_settle_high": _or_nan(found.seeds_to_settle_high),
            }
        )
    return pd.DataFrame(rows)


def how_sure(findings: Findings) -> list[str]:
    """A sentence for each condition, of the first six: whether the choice is better than the next best.

    And one on what is assumed, where it is said how many seeds would tell.
    """
    found = duels(findings)
    said = [_sentence(duel) for duel in list(found.values())[:_SAID]]
    if len(found) > _SAID:
        said.append(f"The table has the other {plural(len(found) - _SAID, 'condition')}.")
    if any(duel.compared.seeds_to_settle_low is not None for duel in found.values()):
        said.append(SEEDS_ASSUME)
    return said


def told_apart(findings: Findings) -> str:
    """In how many conditions the choice is told from the runner-up, in a sentence; empty without a duel."""
    found = duels(findings)
    if not found:
        return ""
    better = [duel.choice.condition.label for duel in found.values() if duel.compared.verdict == "better"]
    if len(found) == 1:
        return _sentence(next(iter(found.values())))
    if not better:
        return "In no condition can the best configuration be told from the next best with these seeds."
    where = "" if len(better) > 3 else f": at {joined(better)}"
    return (
        f"In {len(better)} of {len(found)} conditions the best configuration can be told from the next best with "
        f"these seeds{where}."
    )


def _sentence(duel: Duel) -> str:
    found, label = duel.compared, duel.choice.condition.label
    whose = f"At {label}, trial" if label else "Trial"
    whose += f" {duel.choice.trial['trial']}"
    other = f"the next best configuration, trial {duel.runner_up} ({duel.apart})"
    seeds = plural(found.units[0], found.unit)
    if found.difference is None:
        return f"{whose} stands before {other}, of which seeds diverged, so that no difference of means can be said."
    if found.difference == 0:
        alike = "score the same"
        if OUTCOMES[found.metric].is_time:
            alike = f"have the same mean of {heading(found.metric)}, cut off at the budget,"
        return f"{whose} and {other} {alike} on {seeds}: which is better is open."
    size = f"by {_size(found, found.difference)} ({_interval(found)}) in {_metric(duel)}"
    if found.verdict != "inconclusive":
        origin = "" if duel.choice.confirmed else ", by the scores that it was picked by"
        return f"{whose} is {found.verdict} than {other}{origin}: it differs {size}."
    needed = seeds_needed(found)
    more = f", and {needed} would probably settle it" if needed else ""
    size = f"by {_size(found, abs(found.difference))} ({_interval(found, found.difference)}) in {_metric(duel)}"
    ahead = (found.difference > 0) == (OUTCOMES[found.metric].better == "higher")
    return (
        f"{whose} {'leads' if ahead else 'trails'} {other} {size} on {seeds}, which may be chance: which is better "
        f"is open{more}."
    )


def _metric(duel: Duel) -> str:
    """What is compared; of a time both means, as tables of trials also have its medians."""
    found = duel.compared
    if not OUTCOMES[found.metric].is_time or found.value_a is None or found.value_b is None:
        return heading(found.metric)
    cut = f", cut off at {duel.budget:,.0f}" if math.isfinite(duel.budget) else ""
    means = f"{_number(found, found.value_a)} against {_number(found, found.value_b)}"
    return f"the mean of {heading(found.metric)}, {means}{cut}"


def _or_nan(number: int | None) -> float:
    return np.nan if number is None else float(number)


def _setting(name: str, text: str) -> str:
    return f"no {name}" if text == MISSING else f"{name} = {text}"


def _size(found: Comparison, size: float) -> str:
    return f"{100 * size:.3g} points" if _is_share(found) else _number(found, size)


def _interval(found: Comparison, sign: float = 1.0) -> str:
    """Of the difference, or of how far the one leads or trails where that is negative (`sign`)."""
    if found.low is None or found.high is None:
        return "how sure is not known: the seeds show no spread"
    factor = (100 if _is_share(found) else 1) * (1 if sign > 0 else -1)
    low, high = sorted((factor * found.low, factor * found.high))
    return f"95% interval {_number(found, low)} to {_number(found, high)}"


def _number(found: Comparison, number: float) -> str:
    return f"{number:,.0f}" if OUTCOMES[found.metric].is_time else f"{number:,.3g}"


def _is_share(found: Comparison) -> bool:
    return OUTCOMES[found.metric].is_share


def _runner_up(findings: Findings, choice: Choice) -> pd.Series | None:
    """The best complete trial of the same condition whose configuration is another one, and no other name of it."""
    ranked, best = choice.source.ranked, int(choice.trial["trial"])
    rows = choice.condition.rows(ranked[ranked["state"] == "complete"])
    for _, row in rows.iterrows():
        differs = any(value_text(row[name]) != value_text(choice.trial[name]) for name in findings.experiment.search)
        if differs and not computations(findings).same(best, int(row["trial"])):
            return row
    return None
