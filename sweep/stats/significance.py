"""Whether a difference is more than chance, of many comparisons too, and how many seeds would tell."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.stats.interval import numbers

_PERMUTATIONS = 10_000
"""All permutations are tried where they are no more than this; so many random ones otherwise."""

_SEED = 20_170_512


def permutation_test(a: ArrayLike, b: ArrayLike) -> float:
    """Two-sided p-value of equal means of separate replicates, `a` (m,) and `b` (n,) (Pitman 1937).

    It asks in how many ways of dealing the values out to the two groups the means are as far apart. Exact for
    few replicates, and never too small for many (Phipson & Smyth 2010). 1 where a group has fewer than two.

    >>> permutation_test([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    0.1
    """
    from scipy.stats import permutation_test as permuted

    first, second = numbers(a), numbers(b)
    if min(len(first), len(second)) < 2 or np.ptp(np.concatenate([first, second])) == 0:
        return 1.0

    def statistic(x: NDArray[np.float64], y: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(x.mean(axis=axis) - y.mean(axis=axis))

    result = permuted(
        (first, second),
        statistic,
        permutation_type="independent",
        n_resamples=_PERMUTATIONS,
        rng=_SEED,
        vectorized=True,
    )
    return float(min(1.0, result.pvalue))


def paired_permutation_test(differences: ArrayLike) -> float:
    """Two-sided p-value of no difference on the same seeds (Fisher 1935): each of `differences` (n,) may change sign.

    On differences of 0 and 1 it is McNemar's exact test. It cannot be below 0.05 of fewer than six seeds.

    >>> paired_permutation_test([1.0] * 6)
    0.03125
    """
    from scipy.stats import permutation_test as permuted

    changed = numbers(differences)
    changed = changed[changed != 0]  # a difference of 0 has no sign to change
    if len(changed) < 2:
        return 1.0

    def statistic(x: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
        return np.asarray(x.sum(axis=axis))

    result = permuted(
        (changed,), statistic, permutation_type="samples", n_resamples=_PERMUTATIONS, rng=_SEED, vectorized=True
    )
    return float(min(1.0, result.pvalue))


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """(m,): p-values of `p_values` (m,) comparisons together (Holm 1979).

    If all of them below 0.05 are called differences, the chance that any of these is none is at most 0.05.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = numbers(p_values)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def seeds_to_settle(
    a: ArrayLike, b: ArrayLike, *, paired: bool = False, level: float = 0.05, power: float = 0.8
) -> float:
    """Seeds for each of two configurations with which a test at `level` says "different" with probability `power`.

    That is, if they truly differ as much as `a` (m,) and `b` (n,) do, which one more seed without any
    difference is added to: it keeps three seeds that all agree from promising too much. inf where they do not
    differ. The normal approximation with Guenther's correction (1981), and no fewer seeds than with which the
    permutation test could say it at all.

    >>> seeds_to_settle([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], paired=True)
    6.0
    >>> seeds_to_settle([1.0, 0.0], [0.0, 1.0])
    inf
    """
    from scipy.special import ndtri

    first, second = numbers(a), numbers(b)
    reach = float(ndtri(1 - level / 2))
    if min(len(first), len(second)) == 0 or math.isclose(first.mean(), second.mean(), abs_tol=1e-12):
        return math.inf
    if paired:
        differences = np.append(first - second, 0.0)
        difference, variance = differences.mean(), differences.var(ddof=1)
        few = next(n for n in range(1, 100) if 2.0 ** (1 - n) <= level)
    else:
        middle = (first.mean() + second.mean()) / 2
        first, second = np.append(first, middle), np.append(second, middle)
        difference, variance = first.mean() - second.mean(), first.var(ddof=1) + second.var(ddof=1)
        few = next(n for n in range(1, 100) if 2 / math.comb(2 * n, n) <= level)
    needed = variance * ((reach + float(ndtri(power))) / difference) ** 2 + reach**2 / (2 if paired else 4)
    return float(max(few, math.ceil(needed)))
