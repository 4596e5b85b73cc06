"""Statistics of replicates: pure functions on arrays, each with its source."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    low: float
    high: float


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a success rate (Clopper & Pearson 1934); the whole of [0, 1] where trials is 0.

    >>> low, high = binomial_interval(5, 5)
    >>> round(low, 4), high
    (0.4782, 1.0)
    """
    from scipy.special import betaincinv  # here, so that printing stored intervals needs no SciPy

    if trials == 0:
        return Interval(0.0, 1.0)
    tail, failures = (1 - confidence) / 2, trials - successes
    low = betaincinv(successes, failures + 1, tail) if successes else 0.0
    high = betaincinv(successes + 1, failures, 1 - tail) if failures else 1.0
    return Interval(float(low), float(high))


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


def expected_running_time(spent: ArrayLike, solved: ArrayLike) -> float:
    """Everything `spent` (replicates,) divided by the number `solved` (replicates,); inf if none is.

    The mean effort to a success when failures are started again (Auger & Hansen 2005). Success-only means
    leave the failures' effort out.

    >>> expected_running_time([100.0, 300.0], [True, False])
    400.0
    """
    successes = int(np.sum(np.asarray(solved, bool)))
    return float(np.sum(np.asarray(spent, float)) / successes) if successes else np.inf
