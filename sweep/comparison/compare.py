"""Two sets of replicates against each other: the difference, how sure it is, and a verdict that few seeds cannot get.

Seeds that both have are paired. Where several configurations stand on each side, matched in all else, a seed counts
once, with its mean over them: what a seed's luck does to one of them it may do to the others too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sweep import stats
from sweep.errors import SweepError
from sweep.experiment.outcomes import OUTCOMES

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["better", "worse", "inconclusive", "same"]
VERDICTS: tuple[Verdict, ...] = ("better", "worse", "inconclusive", "same")

LEVEL = 0.05

WORTH_SEEDS = 0.1
"""P-value of the row alone up to which it is said how many seeds would tell: equal ones seldom show as much."""


@dataclass(frozen=True, eq=False)
class Arm:
    """A trained configuration: `replicates` as the results hold them, one row a seed.

    `trained` is how many training sequences one is shown that neither solves the task nor diverges.
    """

    trial: int
    replicates: pd.DataFrame
    trained: float
    confirmed: bool = False

    def budget(self, time: str) -> float:
        """Up to how many sequences the `time` of every replicate is known: inf where all came to it."""
        return math.inf if self.replicates[time].notna().all() else self.trained


@dataclass(frozen=True, eq=False)
class Pair:
    """What is compared under one condition. `matched`: the i-th arms of both sides differ in nothing else.

    `same`: both sides are the same computation, whatever their parameters are called. It is not tested.
    """

    condition: dict[str, Any]
    label_a: str
    label_b: str
    a: tuple[Arm, ...]
    b: tuple[Arm, ...]
    matched: bool = True
    same: bool = False


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A row of the table. `difference` is a - b; its interval is 95%, None where it is not known.

    A time to solve is the mean of the sequences until solved, or until the smaller budget of the two was
    spent. `improvement` is how likely a seed of a does better than one of b. `p_value` is corrected for all rows
    of the table. `units` are compared, of a and of b: "seed" or, where the search matched nothing, "trial".
    """

    condition: dict[str, Any]
    a: str
    b: str
    metric: str
    value_a: float | None
    """The mean; None where a seed diverged, of a score without bounds: tests count it as the worst of both sides."""
    value_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    improvement: float
    improvement_low: float
    improvement_high: float
    p_value: float
    verdict: Verdict
    seeds_to_settle_low: int | None
    """How many units a side would tell them apart four times in five, if they differ as much as 4 of 5 such do.

    None if they are told, or if equal ones show as much in one comparison of ten.
    """
    seeds_to_settle_high: int | None
    """The same, if they differ as much as 9 of 10 such do; None where no number is enough."""
    units: tuple[int, int]
    unit: Literal["seed", "trial"]
    paired: bool


def compare(pairs: Sequence[Pair], metrics: Sequence[str]) -> list[Comparison]:
    """Every pair by every metric. Equal configurations get any other verdict in 5 tables of 100, at the most.

    The same computation gets the verdict "same", whatever its seeds came to, and counts in no correction.
    """
    measured = [(pair, metric, _measured(pair, metric)) for pair in pairs for metric in metrics]
    tested = sum(not pair.same for pair, _, _ in measured)
    alone = [found.p_value(tested) for pair, _, found in measured if not pair.same]
    p_values = iter(zip(alone, stats.holm(alone), strict=True) if alone else ())
    return [
        _row(pair, metric, found, (1.0, 1.0) if pair.same else next(p_values), max(1, tested))
        for pair, metric, found in measured
    ]


@dataclass(frozen=True)
class _Measured:
    """(units,) of each side: `a` and `b` are the metric's values, `better_a` and `better_b` high where it is good."""

    a: NDArray[np.float64]
    b: NDArray[np.float64]
    better_a: NDArray[np.float64]
    better_b: NDArray[np.float64]
    paired: bool
    unit: Literal["seed", "trial"]

    def p_value(self, rows: int) -> float:
        """Two-sided, of no difference; fine enough to be corrected for so many `rows`."""
        if not self._are_rates:
            if self.paired:
                return stats.paired_permutation_test(self.better_a - self.better_b, comparisons=rows)
            return stats.permutation_test(self.better_a, self.better_b, comparisons=rows)
        if self.paired:
            return stats.paired_rate_test(*self._discordant)
        return stats.rate_test(int(self.a.sum()), len(self.a), int(self.b.sum()), len(self.b))

    def interval(self, metric: str) -> stats.Interval | None:
        """Of the difference of the means; None where it is not known.

        That is of a score without bounds, where replicates show no spread.
        """
        if metric == "solve_rate" and self._are_rates:
            if self.paired:
                return stats.paired_rate_difference_interval(*self._discordant, len(self.a))
            return stats.rate_difference_interval(int(self.a.sum()), len(self.a), int(self.b.sum()), len(self.b))
        if self.paired and np.ptp(self.a - self.b) > 0:
            found = stats.paired_mean_difference_interval(self.a - self.b)
        else:  # of pairs that all differ by the same, each side has to say how far it may be trusted
            bounds = (0.0, 1.0) if OUTCOMES[metric].is_share else None
            found = stats.mean_difference_interval(self.a, self.b, bounds=bounds)
        if OUTCOMES[metric].is_share:  # Student's interval of few seeds knows no bounds
            found = stats.Interval(max(found.low, -1.0), min(found.high, 1.0))
        return found if math.isfinite(found.high - found.low) and found.low < found.high else None

    @property
    def _are_rates(self) -> bool:
        return all(bool(np.isin(v, (0, 1)).all()) for v in (self.a, self.b, self.better_a, self.better_b))

    @property
    def _discordant(self) -> tuple[int, int]:
        return int((self.a > self.b).sum()), int((self.a < self.b).sum())


def _row(pair: Pair, metric: str, found: _Measured, p_values: tuple[float, float], rows: int) -> Comparison:
    """`p_values`: the row's own, and corrected for all `rows`."""
    alone, corrected = p_values
    difference, interval = float(found.a.mean() - found.b.mean()), found.interval(metric)
    gain = float(found.better_a.mean() - found.better_b.mean())
    verdict: Verdict = "same" if pair.same else "inconclusive"
    # A time's test and its mean may point in two directions, where curves cross: then neither is the sooner one.
    agree = gain * difference * _sign(metric) > 0
    if corrected < LEVEL and agree:
        verdict = "better" if gain > 0 else "worse"
    needed = stats.Seeds(math.inf, math.inf)
    if verdict == "inconclusive" and agree and alone <= WORTH_SEEDS:
        needed = stats.seeds_to_settle(found.better_a, found.better_b, paired=found.paired, level=LEVEL / rows)
    more = min(len(found.a), len(found.b)) + 1
    likely = stats.improvement_interval(found.better_a, found.better_b)
    lost = _has_diverged(pair.a, metric), _has_diverged(pair.b, metric)
    return Comparison(
        condition=pair.condition,
        a=pair.label_a,
        b=pair.label_b,
        metric=metric,
        value_a=None if lost[0] else float(found.a.mean()),
        value_b=None if lost[1] else float(found.b.mean()),
        difference=None if any(lost) else difference,
        low=interval.low if interval and not any(lost) else None,
        high=interval.high if interval and not any(lost) else None,
        improvement=stats.probability_of_improvement(found.better_a, found.better_b),
        improvement_low=likely.low,
        improvement_high=likely.high,
        p_value=corrected,
        verdict=verdict,
        seeds_to_settle_low=max(int(needed.fewest), more) if math.isfinite(needed.fewest) else None,
        seeds_to_settle_high=max(int(needed.most), more) if math.isfinite(needed.most) else None,
        units=(len(found.a), len(found.b)),
        unit=found.unit,
        paired=found.paired,
    )


def _measured(pair: Pair, metric: str) -> _Measured:
    if not pair.matched:
        limits = limits_of((*pair.a, *pair.b), metric)
        a, b = (np.array([_values(arm, metric, limits)[0].mean() for arm in side]) for side in (pair.a, pair.b))
        return _Measured(a, b, _sign(metric) * a, _sign(metric) * b, paired=False, unit="trial")
    seeds_a, seeds_b = (common_seeds(side) for side in (pair.a, pair.b))
    every = {tuple(arm.replicates["seed"]) for arm in (*pair.a, *pair.b)}
    sums = [np.zeros(len(seeds)) for seeds in (seeds_a, seeds_b, seeds_a, seeds_b)]
    for arm_a, arm_b in zip(pair.a, pair.b, strict=True):
        limits = limits_of((arm_a, arm_b), metric)
        parts = [of_seeds(arm, metric, limits, seeds) for arm, seeds in ((arm_a, seeds_a), (arm_b, seeds_b))]
        better = [_sign(metric) * values for values, _ in parts]
        if OUTCOMES[metric].is_time:
            times, solved = (np.concatenate(both) for both in zip(*parts, strict=True))
            better = np.split(stats.log_rank_scores(times, solved), [len(seeds_a)])
        for total, values in zip(sums, (parts[0][0], parts[1][0], *better), strict=True):
            total += values / len(pair.a)
    a, b, better_a, better_b = sums
    return _Measured(a, b, better_a, better_b, paired=len(every) == 1, unit="seed")


@dataclass(frozen=True, eq=False)
class Measured:
    """(replicates,) each: an arm's `seeds`, a metric of them, and `better`, high where it is good."""

    seeds: NDArray[np.int64]
    values: NDArray[np.float64]
    better: NDArray[np.float64]
    has_diverged: bool
    """Whether the mean of the values would be made up."""


def measured_alike(arms: Sequence[Arm], metric: str) -> list[Measured]:
    """The metric of each arm, as all of them can be compared: times are cut off at the smallest budget of any.

    A replicate that had not come to it by then is worse than any that had, and as bad as the others.
    """
    limits, found = limits_of(arms, metric), []
    for arm in arms:
        values, solved = _values(arm, metric, limits)
        better = _sign(metric) * values
        if OUTCOMES[metric].is_time:
            better = np.where(solved, better, -np.inf)
        seeds = arm.replicates["seed"].to_numpy(np.int64)
        found.append(Measured(seeds, values, better, _has_diverged([arm], metric)))
    return found


def cut_off(arms: Sequence[Arm], metric: str) -> float:
    """The smallest budget of the arms, at which a time is cut off; inf where all replicates came to it."""
    return limits_of(arms, metric).horizon


def _sign(metric: str) -> float:
    return -1.0 if OUTCOMES[metric].better == "lower" else 1.0


def common_seeds(arms: Sequence[Arm]) -> list[int]:
    """The seeds that every arm has, in order."""
    return sorted(set.intersection(*(set(map(int, arm.replicates["seed"])) for arm in arms)))


def of_seeds(arm: Arm, metric: str, limits: Limits, seeds: list[int]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(seeds,) each: the metric of these `seeds`, and whether the task was solved within the horizon."""
    values, solved = _values(arm, metric, limits)
    place = {int(seed): index for index, seed in enumerate(arm.replicates["seed"])}
    chosen = [place[seed] for seed in seeds]
    return values[chosen], solved[chosen]


class Limits(NamedTuple):
    """What stands in for a value that is missing: of times the `horizon`, of scores the `worst` one."""

    horizon: float
    worst: float


def limits_of(arms: Sequence[Arm], metric: str) -> Limits:
    """Of arms that are compared: the smallest budget, and the worst score that any of their replicates has.

    A replicate that diverged has nothing right, and of a score that may be below 0 it is as bad as the worst.
    SweepError for an outcome that the first versions did not measure, in their results.
    """
    measure = OUTCOMES[metric]
    if measure.since > 1 and any(arm.replicates["solved_with_margin"].isna().any() for arm in arms):
        raise SweepError(
            f"{metric}: was not measured in results of an earlier version; run them anew under another name, or "
            "compare by another metric"
        )
    horizon = min(arm.budget(_time_of(metric)) for arm in arms)
    found = _unbounded_scores(arms, metric)
    found = found[np.isfinite(found)]
    worst = (found.min() if measure.better == "higher" else found.max()) if len(found) else 0.0
    return Limits(horizon, float(worst))


def _has_diverged(arms: Sequence[Arm], metric: str) -> bool:
    """Whether a replicate has no number of a score without bounds, so that their mean would be made up."""
    return not np.isfinite(_unbounded_scores(arms, metric)).all()


def _unbounded_scores(arms: Sequence[Arm], metric: str) -> NDArray[np.float64]:
    """(replicates of all arms,): the metric, if it is a score that a diverged replicate has no number of; else none."""
    if OUTCOMES[metric].diverged is None:
        return np.empty(0)
    return np.concatenate([arm.replicates[metric].to_numpy(float, na_value=np.nan) for arm in arms])


def _time_of(metric: str) -> str:
    return metric if OUTCOMES[metric].is_time else "sequences_to_solve"


def _values(arm: Arm, metric: str, limits: Limits) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """(replicates,) each: the metric, and whether the task was solved within the horizon."""
    rows = arm.replicates
    times = rows[_time_of(metric)].to_numpy(float, na_value=np.nan)
    solved = times <= limits.horizon  # nan is not
    if OUTCOMES[metric].is_time:
        return np.where(solved, times, limits.horizon), solved
    column = rows["solved" if metric == "solve_rate" else metric].to_numpy(float, na_value=np.nan)
    return np.where(np.isfinite(column), column, limits.worst), solved
