"""Scores of replicates: means with bootstrap intervals, and the probability of improvement (Agarwal et al. 2021).

Scores of several conditions come as strata, one array a condition, which may differ in length: every draw of
the bootstrap takes as many replicates of each condition as there are.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.stats.interval import Interval, normal_quantile, numbers

RESAMPLES = 2_000
"""Draws of a bootstrap, as many as rliable's; other draws would move an interval's end by 2% of its width."""

_SEED = 20_170_512
_FEW = 6  # replicates; the percentiles of fewer hold the mean in 74% (of three) to 93% (of five) of all cases
_AT_ONCE = 4_000_000  # numbers of a draw that are held in memory


def bootstrap_interval(
    strata: Sequence[ArrayLike],
    statistic: Callable[[list[NDArray[Any]]], NDArray[np.float64]],
    confidence: float = 0.95,
    resamples: int = RESAMPLES,
) -> Interval:
    """Percentile bootstrap of a `statistic` of one sample a stratum (Efron & Tibshirani 1993), for few replicates too.

    `statistic` takes the list of samples, the replicates along the last axis, and reduces that axis. The
    percentiles lie further out than the plain ones, by what these lack where replicates are few: as if t, not
    the normal distribution, were behind them, and the variance were the unbiased one (Hesterberg 2015).
    A stratum of a single replicate has no known spread: the interval is then endless.

    >>> bootstrap_interval([[1.0, 1.0, 1.0]], lambda samples: samples[0].mean(axis=-1))
    Interval(low=1.0, high=1.0)
    """
    from scipy.special import ndtr, stdtrit

    samples = [np.asarray(stratum) for stratum in strata]
    if not samples or min(map(len, samples)) < 2:
        return Interval(-np.inf, np.inf)
    fewest, freedom = min(map(len, samples)), sum(len(sample) - 1 for sample in samples)
    tail = ndtr(np.sqrt(fewest / (fewest - 1)) * stdtrit(freedom, (1 - confidence) / 2))
    values = np.sort(_drawn(samples, statistic, resamples))
    # Values that were drawn, not something in between: one of them may be infinite.
    place = int(tail * (len(values) - 1))
    return Interval(float(values[place]), float(values[len(values) - 1 - place]))


def mean_interval(
    values: ArrayLike, *, bounds: tuple[float, float] | None = None, confidence: float = 0.95
) -> Interval:
    """Interval of the mean of `values` (replicates,): of six or more by a bootstrap, of fewer Student's (1908).

    A bootstrap knows nothing of what it has not drawn: of three values none lies beyond them in a quarter of all cases.
    Where all values agree, or there is only one, scores that lie
    within `bounds` have the bound of `agreeing_mean_interval`; of others it is not known, and the interval endless.

    >>> low, high = mean_interval([1.0] * 10, bounds=(0, 1))
    >>> round(low, 4), high
    (0.6915, 1.0)
    >>> mean_interval([1.0] * 10)
    Interval(low=-inf, high=inf)
    """
    found = numbers(values)
    if 2 <= len(found) < _FEW and np.isfinite(found).all() and np.ptp(found) > 0:
        return _student_interval(found, bounds or (-np.inf, np.inf), confidence)
    if len(found) == 0 or np.ptp(found) > 0:
        return bootstrap_interval([found], _mean_of_first, confidence)
    if bounds is None:
        return Interval(-np.inf, np.inf)
    return agreeing_mean_interval(float(found[0]), len(found), *bounds, confidence)


def _student_interval(values: NDArray[np.float64], bounds: tuple[float, float], confidence: float) -> Interval:
    from scipy.special import stdtrit

    reach = -float(stdtrit(len(values) - 1, (1 - confidence) / 2) * values.std(ddof=1) / np.sqrt(len(values)))
    mean = float(values.mean())
    return Interval(max(mean - reach, bounds[0]), min(mean + reach, bounds[1]))


def agreeing_mean_interval(
    value: float, count: int, lowest: float, highest: float, confidence: float = 0.95
) -> Interval:
    """Interval of the mean of scores within [lowest, highest] of which `count` were seen, and all were `value`.

    They show no spread, which is not that there is none: replicates that score otherwise may be as many as failures
    may be where none was seen (Clopper & Pearson 1934), and may score anything within the bounds. Of scores
    of 0 and 1 it is the exact interval of a rate. It misses the mean in no more than 5 of 100 cases: below it only
    values above mean / share stand, and by Markov's inequality no more than `share` of all scores do.

    >>> low, high = agreeing_mean_interval(0.5, 10, 0.0, 1.0)
    >>> round(low, 3), round(high, 3)
    (0.346, 0.654)
    """
    share = ((1 - confidence) / 2) ** (1 / count) if count else 0.0
    return Interval(value - (1 - share) * (value - lowest), value + (1 - share) * (highest - value))


def mean_difference_interval(
    a: ArrayLike, b: ArrayLike, *, bounds: tuple[float, float] | None = None, confidence: float = 0.95
) -> Interval:
    """Bootstrap interval of mean a - mean b, of separate replicates, `a` (m,) and `b` (n,).

    Where one side has fewer than six, or all of it agree, its own interval (see `mean_interval`) and the other's are
    put together by their distances from the means (MOVER: Zou & Donner 2008).
    """
    first, second = numbers(a), numbers(b)
    if min(len(first), len(second)) == 0:
        return Interval(-np.inf, np.inf)
    if min(len(first), len(second)) >= _FEW and np.ptp(first) > 0 and np.ptp(second) > 0:
        return bootstrap_interval([first, second], lambda s: s[0].mean(axis=-1) - s[1].mean(axis=-1), confidence)
    of_a, of_b = (mean_interval(side, bounds=bounds, confidence=confidence) for side in (first, second))
    mean_a, mean_b = first.mean(), second.mean()
    return Interval(
        float(mean_a - mean_b - np.hypot(mean_a - of_a.low, of_b.high - mean_b)),
        float(mean_a - mean_b + np.hypot(of_a.high - mean_a, mean_b - of_b.low)),
    )


def paired_mean_difference_interval(differences: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Bootstrap interval of the mean of `differences` (seeds,): a - b on the same seeds; endless where all agree."""
    return mean_interval(differences, confidence=confidence)


def probability_of_improvement(a: ArrayLike, b: ArrayLike) -> float:
    """How likely a replicate of `a` (m,) scores more than one of `b` (n,), a tie counting half (Agarwal et al. 2021).

    Mann and Whitney's U over all pairs; 0.5 where either is empty.

    >>> probability_of_improvement([1.0, 2.0], [1.0, 0.0])
    0.875
    """
    first, second = numbers(a), np.sort(numbers(b))
    if len(first) == 0 or len(second) == 0:
        return 0.5
    below, not_above = (np.searchsorted(second, first, side=side) for side in ("left", "right"))
    return float((below + not_above).sum() / (2 * len(first) * len(second)))


def improvement_interval(a: ArrayLike, b: ArrayLike, confidence: float = 0.95) -> Interval:
    """Interval of the probability of improvement (Newcombe 2006, method 5); it has a width where no scores overlap.

    >>> low, high = improvement_interval([3.0, 4.0, 5.0], [0.0, 1.0, 2.0])
    >>> round(low, 2), high
    (0.5, 1.0)
    """
    from scipy.optimize import brentq

    observed, sizes = probability_of_improvement(a, b), (len(np.asarray(a)), len(np.asarray(b)))
    if min(sizes) == 0:
        return Interval(0.0, 1.0)
    far, more = normal_quantile(confidence), sum(sizes) / 2 - 1

    def excess(value: float) -> float:
        spread = 1 + more * ((1 - value) / (2 - value) + value / (1 + value))
        return abs(observed - value) - far * float(np.sqrt(value * (1 - value) * spread / (sizes[0] * sizes[1])))

    low = float(brentq(excess, 0.0, max(observed - 1e-9, 0.0))) if observed > 0 else 0.0
    high = float(brentq(excess, min(observed + 1e-9, 1.0), 1.0)) if observed < 1 else 1.0
    return Interval(low, high)


def _drawn(
    samples: list[NDArray[Any]],
    statistic: Callable[[list[NDArray[Any]]], NDArray[np.float64]],
    resamples: int,
) -> NDArray[np.float64]:
    """(resamples,): the statistic of replicates drawn with replacement; SciPy's bootstrap knows no infinite one."""
    generator = np.random.default_rng(_SEED)
    values: list[NDArray[np.float64]] = []
    at_once = max(1, _AT_ONCE // max(map(len, samples)))
    for start in range(0, resamples, at_once):
        count = min(at_once, resamples - start)
        draws = [sample[generator.integers(len(sample), size=(count, len(sample)))] for sample in samples]
        values.append(np.asarray(statistic(draws), float))
    return np.concatenate(values)


def _mean_of_first(samples: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    return np.asarray(samples[0].mean(axis=-1))
