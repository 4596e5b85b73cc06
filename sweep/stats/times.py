"""Times to solve a task, where some replicates never did: medians, solved curves, their comparison, and ERT.

`times` (replicates,) is when each replicate solved the task or, where `solved` (replicates,) is False, how long
it had been trained in vain. A replicate that can no longer solve it, a diverged one for example, belongs in with
the whole budget: it would count as one that might have solved it soon, if its time was cut short.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.stats.interval import Interval, numbers
from sweep.stats.rates import binomial_interval, mid_p_interval
from sweep.stats.scores import agreeing_mean_interval


@dataclass(frozen=True)
class SolvedCurve:
    """The share of replicates that solved the task by each of `times`, with its band; steps, each to the next time.

    All arrays are (T,): `times` starts at 0 and ends with the last time that anything is known of.
    """

    times: NDArray[np.float64]
    solved: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    at_risk: NDArray[np.int64]
    """Replicates not solved and still trained, just before each time."""


def censored_median(times: ArrayLike) -> float:
    """Median of `times` (replicates,), where inf stands for "not solved"; inf if half of them are not.

    Leaving the unsolved out would make a configuration look the faster, the more often it fails.

    >>> censored_median([10.0, 20.0, np.inf]), censored_median([10.0, np.inf])
    (20.0, inf)
    """
    ordered: NDArray[np.float64] = np.sort(np.asarray(times, float))
    if len(ordered) == 0:
        return np.inf
    low, high = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(low if low == high else low + (high - low) / 2)


def median_interval(times: ArrayLike, confidence: float = 0.95) -> Interval:
    """Interval of the median of `times` (replicates,), inf of those that never came to it: two of them, by rank.

    It holds whatever the distribution (Thompson 1936), as how many lie below the median is binomial; -inf and inf where
    so few cannot tell, or where the end is a replicate that never came to it.

    >>> median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), median_interval([1.0, 2.0])
    (Interval(low=1.0, high=6.0), Interval(low=-inf, high=inf))
    """
    from scipy.stats import binom

    ordered: NDArray[np.float64] = np.sort(np.asarray(times, float))
    below = int(binom.ppf((1 - confidence) / 2, len(ordered), 0.5)) if len(ordered) else 0
    if not len(ordered) or binom.cdf(below, len(ordered), 0.5) > (1 - confidence) / 2:
        below -= 1
    if below < 0:
        return Interval(-np.inf, np.inf)
    return Interval(float(ordered[below]), float(ordered[-1 - below]))


def expected_running_time(spent: ArrayLike, solved: ArrayLike) -> float:
    """Everything `spent` (replicates,) divided by the number `solved` (replicates,); inf if none is.

    The mean effort to a success when failures are started again (Auger & Hansen 2005). Success-only means
    leave the failures' effort out.

    >>> expected_running_time([100.0, 300.0], [True, False])
    400.0
    """
    successes = int(np.sum(np.asarray(solved, bool)))
    return float(np.sum(np.asarray(spent, float)) / successes) if successes else np.inf


def expected_running_time_interval(
    spent: ArrayLike,
    solved: ArrayLike,
    *,
    budget: float | None = None,
    least: float = 0.0,
    confidence: float = 0.95,
) -> Interval:
    """Interval of the ERT; where no replicate solved the task it is more than the lower end, and no more is known.

    The ERT is the mean effort of a success and, for each success, so many failures of so much effort. The first has
    Student's interval (1908), the second the rate's by mid-P; both are put together by their distances from
    what was observed (MOVER: Zou & Donner 2008). A failure costs what the failures spent on average; where none
    failed the next one may, and would spend `budget`, or if that is left out the most that any spent. No success costs
    less than `least`: what comes before the first test.

    >>> low, high = expected_running_time_interval([100.0, 300.0, 200.0, 300.0], [True, False, True, False])
    >>> round(low), round(high)
    (142, 3036)
    >>> low, high = expected_running_time_interval([100.0] * 5, [False] * 5)
    >>> round(low), high
    (122, inf)
    """
    from scipy.special import stdtrit

    effort, success = numbers(spent), np.asarray(solved, bool)
    if len(effort) == 0:
        return Interval(0.0, np.inf)
    times, failures = effort[success], effort[~success]
    most = max(float(effort.max()), budget or 0.0)
    failure = float(failures.mean()) if len(failures) else most
    rates = mid_p_interval(len(times), len(effort), confidence)
    fewest, many = (failure * (1 / rate - 1) if rate else np.inf for rate in (rates.high, rates.low))
    if len(times) == 0:
        return Interval(fewest, np.inf)  # a success may be as cheap as nothing
    mean, wasted = float(times.mean()), failure * len(failures) / len(times)
    if np.ptp(times) == 0:
        low, high = agreeing_mean_interval(mean, len(times), 0.0, most, confidence)
    else:
        reach = -float(stdtrit(len(times) - 1, (1 - confidence) / 2) * times.std(ddof=1) / np.sqrt(len(times)))
        low, high = max(mean - reach, least), min(mean + reach, most)
    return Interval(
        max(mean + wasted - float(np.hypot(mean - low, wasted - fewest)), least),
        mean + wasted + float(np.hypot(high - mean, many - wasted)),
    )


def kaplan_meier(times: ArrayLike, solved: ArrayLike, confidence: float = 0.95) -> SolvedCurve:
    """Share solved by each time, an unsolved replicate counting up to where it ended (Kaplan & Meier 1958).

    The band holds at each time by itself: Greenwood's variance on the log-log scale (Kalbfleisch & Prentice 1980),
    and the exact binomial bound where none or all are solved, of which that scale can say nothing.

    >>> curve = kaplan_meier([10.0, 20.0, 30.0, 30.0], [True, True, False, False])
    >>> curve.times.tolist(), curve.solved.tolist()
    ([0.0, 10.0, 20.0, 30.0], [0.0, 0.25, 0.5, 0.5])
    """
    from scipy.stats import CensoredData, ecdf

    at, success = numbers(times), np.asarray(solved, bool)
    ordered = np.unique(at)
    grid = np.concatenate([[0.0], ordered[ordered > 0]])
    at_risk = np.array([(at >= time).sum() for time in grid], np.int64)
    share, low, high = np.zeros(len(grid)), np.zeros(len(grid)), np.ones(len(grid))
    if success.any():
        known = ecdf(CensoredData.right_censored(at, ~success))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # of the ends without a band, which get theirs below
            band = known.cdf.confidence_interval(confidence, method="log-log")
        share, low, high = (np.asarray(part.evaluate(grid), float) for part in (known.cdf, band.low, band.high))
    for place in np.flatnonzero((share == 0) | (share == 1)):
        # None of those that were trained until then; or all that were ever seen to end.
        successes, trials = (0, at_risk[place]) if share[place] == 0 else (success.sum(), success.sum())
        low[place], high[place] = binomial_interval(int(successes), int(trials), confidence)
    return SolvedCurve(times=grid, solved=share, low=low, high=high, at_risk=at_risk)


def log_rank_scores(times: ArrayLike, solved: ArrayLike) -> NDArray[np.float64]:
    """(replicates,): 1 for a solved replicate, less the hazard that it had lived through (Peto & Peto 1972).

    High where the task was solved early, and 0 on average. The sum over a group is the numerator of its
    log-rank test: what it solved, less what it would have if all groups were equal.

    >>> log_rank_scores([10.0, 20.0, 20.0], [True, True, False]).round(3).tolist()
    [0.667, 0.167, -0.833]
    """
    at, success = numbers(times), np.asarray(solved, bool)
    when = np.unique(at[success])
    hazard = np.array([((at == time) & success).sum() / (at >= time).sum() for time in when])
    lived = np.concatenate([[0.0], np.cumsum(hazard)])[np.searchsorted(when, at, side="right")]
    return np.asarray(success - lived)
