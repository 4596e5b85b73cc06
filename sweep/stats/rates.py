"""Rates of success: one of them, and the difference of two, of separate seeds or of the same ones."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from sweep.stats.interval import Interval, normal_quantile

_APART = 1e-9  # from where the two rates are exactly as observed; there the variance of the extremes is 0


def binomial_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a success rate (Clopper & Pearson 1934); the whole of [0, 1] where trials is 0.

    It covers the true rate at least as often as it says, by construction: mostly more often.

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


def mid_p_interval(successes: int, trials: int, confidence: float = 0.95) -> Interval:
    """Interval of a success rate by mid-P (Lancaster 1961): only half of what was observed counts as "so extreme".

    Within the exact one, and close to its level on average, where that is mostly above: for a figure that is put
    together from several intervals, which would add up what each has too much.

    >>> low, high = mid_p_interval(5, 5)
    >>> round(low, 4), high
    (0.5493, 1.0)
    """
    from scipy.optimize import brentq
    from scipy.special import betainc

    if trials == 0:
        return Interval(0.0, 1.0)
    tail, failures = (1 - confidence) / 2, trials - successes

    def at_least(count: int, rate: float) -> float:
        """The chance of `count` successes or more."""
        return float(betainc(count, trials - count + 1, rate)) if 0 < count <= trials else float(count <= 0)

    def excess(rate: float, wanted: float) -> float:
        return (at_least(successes, rate) + at_least(successes + 1, rate)) / 2 - wanted

    return Interval(
        float(brentq(excess, 0.0, 1.0, (tail,))) if successes else 0.0,
        float(brentq(excess, 0.0, 1.0, (1 - tail,))) if failures else 1.0,
    )


def rate_difference_interval(
    successes_a: int, trials_a: int, successes_b: int, trials_b: int, confidence: float = 0.95
) -> Interval:
    """Interval of rate a - rate b, of separate replicates (Miettinen & Nurminen 1985); [-1, 1] without any of one.

    All differences that the score test does not reject. It stays within [-1, 1], and has a width where all
    replicates of both agree.

    >>> low, high = rate_difference_interval(56, 70, 48, 80)
    >>> round(low, 4), round(high, 4)
    (0.0528, 0.3382)
    """
    if trials_a == 0 or trials_b == 0:
        return Interval(-1.0, 1.0)
    a, b, total = successes_a / trials_a, successes_b / trials_b, trials_a + trials_b

    def variance(difference: float) -> float:
        at_a = _rate_given_difference(a, b, trials_a, trials_b, difference)
        at_b = at_a - difference
        return (at_a * (1 - at_a) / trials_a + at_b * (1 - at_b) / trials_b) * total / (total - 1)

    return _accepted(a - b, variance, confidence)


def paired_rate_difference_interval(only_a: int, only_b: int, pairs: int, confidence: float = 0.95) -> Interval:
    """Interval of rate a - rate b on the same seeds (Tango 1998); [-1, 1] where pairs is 0.

    `only_a` of the `pairs` succeeded under a alone, `only_b` under b alone; the others agree.

    >>> low, high = paired_rate_difference_interval(1, 7, 21)
    >>> round(low, 3), round(high, 3)
    (-0.517, -0.026)
    """
    if pairs == 0:
        return Interval(-1.0, 1.0)

    def variance(difference: float) -> float:
        # The likeliest share of pairs in which b alone succeeds, if the rates differ by `difference`.
        linear = (2 * pairs - only_a + only_b) * difference - only_a - only_b
        root = np.sqrt(max(linear**2 + 8 * pairs * only_b * difference * (1 - difference), 0.0))
        share = (root - linear) / (4 * pairs)
        return float(max(2 * share + difference * (1 - difference), 0.0)) / pairs

    return _accepted((only_a - only_b) / pairs, variance, confidence)


@lru_cache(maxsize=10_000)  # slow, and a long table asks for the same few counts again and again
def rate_test(successes_a: int, trials_a: int, successes_b: int, trials_b: int) -> float:
    """Two-sided p-value of equal rates, of separate replicates (Boschloo 1970); 1 without any of one.

    Exact, like Fisher's test, and never less powerful.

    >>> round(rate_test(5, 5, 0, 5), 4)
    0.002
    """
    from scipy.stats import boschloo_exact

    if trials_a == 0 or trials_b == 0 or successes_a + successes_b in (0, trials_a + trials_b):
        return 1.0
    table = [[successes_a, successes_b], [trials_a - successes_a, trials_b - successes_b]]
    return float(min(1.0, boschloo_exact(table).pvalue))


def paired_rate_test(only_a: int, only_b: int) -> float:
    """Two-sided p-value of equal rates on the same seeds (McNemar 1947, exact): pairs that agree say nothing.

    >>> paired_rate_test(6, 0)
    0.03125
    """
    from scipy.stats import binomtest

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def _accepted(observed: float, variance: Callable[[float], float], confidence: float) -> Interval:
    """The differences that lie within so many standard errors, each by its own `variance`, of the `observed` one."""
    from scipy.optimize import brentq

    far = normal_quantile(confidence)

    def excess(difference: float) -> float:
        return abs(observed - difference) - far * float(np.sqrt(variance(difference)))

    low, high = observed - _APART, observed + _APART
    return Interval(
        float(brentq(excess, -1.0, low)) if low > -1 else -1.0,
        float(brentq(excess, high, 1.0)) if high < 1 else 1.0,
    )


def _rate_given_difference(a: float, b: float, trials_a: int, trials_b: int, difference: float) -> float:
    """The likeliest rate of a if the true rates differ by `difference` (Farrington & Manning 1990): a cubic's root."""
    ratio = trials_b / trials_a
    c3 = 1 + ratio
    c2 = -(1 + ratio + a + ratio * b + difference * (ratio + 2))
    c1 = difference**2 + difference * (2 * a + ratio + 1) + a + ratio * b
    c0 = -a * difference * (1 + difference)
    v = (c2 / (3 * c3)) ** 3 - c2 * c1 / (6 * c3**2) + c0 / (2 * c3)
    u = np.copysign(np.sqrt(max((c2 / (3 * c3)) ** 2 - c1 / (3 * c3), 0.0)), v)
    angle = (np.pi + np.arccos(np.clip(v / u**3, -1.0, 1.0))) / 3 if u else np.pi / 2
    rate = 2 * u * np.cos(angle) - c2 / (3 * c3)
    return float(np.clip(rate, max(0.0, difference), min(1.0, 1 + difference)))
