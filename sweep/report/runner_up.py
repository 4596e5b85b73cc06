"""How sure a choice is: the best configuration of each condition against the next best, on the same seeds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.ranking import ranking
from sweep.report.choice import Choice, choices
from sweep.report.conditions import of_trial
from sweep.report.display import MISSING, heading, joined, plural, value_text
from sweep.stats.scores import paired_mean_difference_interval, probability_of_improvement
from sweep.stats.significance import holm, paired_permutation_test, seeds_to_settle

if TYPE_CHECKING:
    from sweep.store import Results

_LEVEL = 0.05
_SAID = 6  # conditions that have a sentence each
_SCORES = ("recall_accuracy", "sequence_accuracy", "accuracy")  # that every replicate has


@dataclass(frozen=True, kw_only=True)
class Duel:
    """A choice against the runner-up, seed by seed: `difference` > 0 where the choice scores better by `outcome`."""

    choice: Choice
    runner_up: int
    apart: str
    """The settings of the runner-up that are not those of the choice."""
    outcome: str
    difference: float
    low: float
    high: float
    probability: float
    """That a seed of the choice scores better than one of the runner-up, a tie counting half."""
    p: float
    """Of no difference, corrected for the number of conditions (Holm)."""
    seeds: float
    """That would probably settle it, if the difference is what it seems; inf where there is none."""

    @property
    def verdict(self) -> str:
        """Whether the choice is better or worse than the runner-up, or that this is inconclusive."""
        if self.p > _LEVEL:
            return "inconclusive"
        return "better" if self.difference > 0 else "worse"


def duels(results: Results) -> dict[int, Duel]:
    """Number of the condition -> its duel; a condition without a second configuration is left out.

    By the first objective where every replicate has it, otherwise by recall accuracy: a loss that diverged has no
    mean. A condition whose two best share fewer than two seeds is left out too.
    """
    objective = results.experiment.study.objectives[0]
    outcome = objective.removeprefix("-")
    finite = np.isfinite(results.replicates["loss"].to_numpy(float)).all()
    known = (*_SCORES, "solve_rate", *(["loss"] if finite else []))
    outcome = outcome if outcome in known else "recall_accuracy"
    sign = -1.0 if outcome == "loss" and objective.startswith("-") else 1.0
    pairs = {}
    for number, choice in choices(results).items():
        other = _runner_up(results, choice)
        if other is not None:
            a, b = (_scores(choice.source, int(t["trial"]), outcome) for t in (choice.trial, other))
            common = a.index.intersection(b.index)
            if len(common) > 1:
                pairs[number] = (choice, other, sign * a[common].to_numpy(float), sign * b[common].to_numpy(float))
    corrected = holm([paired_permutation_test(a - b) for _, _, a, b in pairs.values()])
    return {
        number: _duel(results, choice, other, outcome, a, b, float(p))
        for (number, (choice, other, a, b)), p in zip(pairs.items(), corrected, strict=True)
    }


def _duel(
    results: Results,
    choice: Choice,
    other: pd.Series,
    outcome: str,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    p: float,
) -> Duel:
    search = results.experiment.search
    differing = [name for name in search if value_text(choice.trial[name]) != value_text(other[name])]
    low, high = paired_mean_difference_interval(a - b)
    return Duel(
        choice=choice,
        runner_up=int(other["trial"]),
        apart=", ".join(_setting(name, value_text(other[name])) for name in differing),
        outcome=outcome,
        difference=float(np.mean(a - b)),
        low=low,
        high=high,
        probability=probability_of_improvement(a, b),
        p=p,
        seeds=seeds_to_settle(a, b, paired=True),
    )


def duel_table(results: Results) -> pd.DataFrame:
    """A row for each duel.

    Columns: the conditions, trial, runner_up, its differing settings, difference (difference_points, in percentage
    points, of a share) with its 95% interval, the probability of improvement, p_value (Holm), verdict,
    seeds_to_settle.
    """
    found = duels(results)
    is_loss = any(duel.outcome == "loss" for duel in found.values())
    name, factor = ("difference", 1) if is_loss else ("difference_points", 100)
    return pd.DataFrame(
        [
            {
                **duel.choice.condition.values,
                "trial": int(duel.choice.trial["trial"]),
                "runner_up": duel.runner_up,
                "differs_in": duel.apart,
                name: factor * duel.difference,
                f"{name}_low": factor * duel.low if duel.low < duel.high else np.nan,
                f"{name}_high": factor * duel.high if duel.low < duel.high else np.nan,
                "probability_of_improvement": duel.probability,
                "p_value": duel.p,
                "verdict": duel.verdict,
                "seeds_to_settle": duel.seeds,
            }
            for duel in found.values()
        ]
    )


def how_sure(results: Results) -> list[str]:
    """A sentence for each condition, of the first six: whether the choice is better than the next best."""
    found = duels(results)
    said = [_sentence(duel) for duel in list(found.values())[:_SAID]]
    if len(found) > _SAID:
        said.append(f"The table has the other {plural(len(found) - _SAID, 'condition')}.")
    return said


def told_apart(results: Results) -> str:
    """In how many conditions the choice is told from the runner-up, in a sentence; empty without a duel."""
    found = duels(results)
    if not found:
        return ""
    better = [duel.choice.condition.label for duel in found.values() if duel.verdict == "better"]
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
    label = duel.choice.condition.label
    where = f"At {label}, trial" if label else "Trial"
    other = f"the next best configuration, trial {duel.runner_up} ({duel.apart})"
    score, seeds = heading(duel.outcome), int(duel.choice.trial["seeds"])
    size = f"by {_points(duel, duel.difference)} ({_interval(duel)})"
    origin = "" if duel.choice.confirmed else " by the scores that it was picked by"
    if duel.verdict != "inconclusive":
        return f"{where} {duel.choice.trial['trial']} is {duel.verdict} than {other}{origin}: {score} differs {size}."
    if duel.difference == 0:
        return (
            f"{where} {duel.choice.trial['trial']} and {other} score the same on {plural(seeds, 'seed')}: "
            "which is better is open."
        )
    more = f"about {plural(int(duel.seeds), 'seed')} each would probably settle it"
    return (
        f"{where} {duel.choice.trial['trial']} leads {other} {size} in {score}, which may be chance: "
        f"which is better is open, and {more}."
    )


def _setting(name: str, text: str) -> str:
    return f"no {name}" if text == MISSING else f"{name} = {text}"


def _points(duel: Duel, size: float) -> str:
    return f"{size:.3g}" if duel.outcome == "loss" else f"{100 * size:.0f} points"


def _interval(duel: Duel) -> str:
    if duel.low == duel.high:
        return "on every seed alike"
    if not math.isfinite(duel.low):
        return "no interval from so few seeds"
    factor = 1 if duel.outcome == "loss" else 100
    return f"95% interval {factor * duel.low:.3g} to {factor * duel.high:.3g}"


def _runner_up(results: Results, choice: Choice) -> pd.Series | None:
    """The best complete trial of the same condition whose configuration is another one."""
    ranked = ranking(choice.source)
    rows = choice.condition.rows(ranked[ranked["state"] == "complete"])
    for _, row in rows.iterrows():
        if any(value_text(row[name]) != value_text(choice.trial[name]) for name in results.experiment.search):
            return row
    return None


def _scores(source: Results, trial: int, outcome: str) -> pd.Series:
    """Seed -> score of the trial's replicates."""
    rows = of_trial(source.replicates, trial).set_index("seed")
    return rows["solved" if outcome == "solve_rate" else outcome].astype(float)
