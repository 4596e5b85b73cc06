"""Whether a difference is more than chance, of many comparisons too, and how many seeds would tell."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sweep.stats.interval import numbers

_EXACT = 32
"""Values of which all permutations are counted, by halves: 65,536 subsets of each."""

_DRAWS = 10_000
"""Random permutations of more values than that."""

_DRAWS_A_COMPARISON = 400
"""So many for each comparison that the p-value is corrected for: the smallest is then a tenth of what 0.05 asks for."""

_AT_ONCE = 4_000_000  # numbers of the draws that are held in memory
_ROUNDING = 1e-9  # of what was observed: sums that differ by less are the same, added up in another order
_SEED = 20_170_512


class Seeds(NamedTuple):
    """How many seeds of each of two configurations: inf where no number is enough."""

    fewest: float
    most: float


def permutation_test(a: ArrayLike, b: ArrayLike, *, comparisons: int = 1) -> float:
    """Two-sided p-value of equal means of separate replicates, `a` (m,) and `b` (n,) (Pitman 1937).

    It asks in how many ways of dealing the values out to the two groups the means are as far apart, and takes the
    rarer side twice. All ways are counted where m + n is at most 32; of more replicates ways are drawn, and never
    is the value too small for that (Phipson & Smyth 2010): enough of them for Holm's correction of so many
    `comparisons`. 1 where a group has fewer than two.

    >>> permutation_test([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    0.1
    """
    first, second = numbers(a), numbers(b)
    values = np.concatenate([first, second])
    if min(len(first), len(second)) < 2 or np.ptp(values) == 0:
        return 1.0
    values = values - values.mean()  # equal means are then a sum of 0 of the first group, however it is dealt
    observed = float(values[: len(first)].sum())
    if len(values) <= _EXACT:
        return _two_sided(*_counted(values, observed, len(first)))

    def dealt(generator: np.random.Generator, draws: int) -> NDArray[np.float64]:
        order = generator.random((draws, len(values))).argpartition(len(first), axis=1)[:, : len(first)]
        return np.asarray(values[order].sum(axis=1))

    return _drawn(dealt, observed, len(values), comparisons)


def paired_permutation_test(differences: ArrayLike, *, comparisons: int = 1) -> float:
    """Two-sided p-value of no difference on the same seeds (Fisher 1935): each of `differences` (n,) may change sign.

    All signs are counted where at most 32 differ from 0; of more they are drawn, enough for Holm's correction of so
    many `comparisons`. On differences of 0 and 1 it is McNemar's exact test. It cannot be below 0.05 of fewer than six
    seeds.

    >>> paired_permutation_test([1.0] * 6)
    0.03125
    """
    changed = numbers(differences)
    changed = changed[changed != 0]  # a difference of 0 has no sign to change
    if len(changed) < 2:
        return 1.0
    observed = float(changed.sum()) / 2  # of the positive ones, less half of all: a subset's sum, centred
    if len(changed) <= _EXACT:
        return _two_sided(*_counted(np.abs(changed), observed + float(np.abs(changed).sum()) / 2))

    def signed(generator: np.random.Generator, draws: int) -> NDArray[np.float64]:
        return np.asarray((generator.integers(2, size=(draws, len(changed))) - 0.5) @ changed)

    return _drawn(signed, observed, len(changed), comparisons)


def _two_sided(above: int, below: int, ways: int) -> float:
    return min(1.0, 2 * min(above, below) / ways)


def _counted(values: NDArray[np.float64], observed: float, size: int | None = None) -> tuple[int, int, int]:
    """Subsets of `values` whose sum is at least, and at most, the `observed` one, and all there are.

    Those of one `size`, or of any. Every subset is one of each half, so that sorted sums of the halves are enough
    (Horowitz & Sahni 1974).
    """
    sums, counts = zip(*map(_subsets, np.array_split(values, 2)), strict=True)
    slack = _ROUNDING * max(abs(observed), float(np.abs(values).sum()))
    above = below = ways = 0
    for number in range(len(values) // 2 + 2) if size is not None else [None]:
        first = np.sort(sums[0] if number is None else sums[0][counts[0] == number])
        second = sums[1] if number is None or size is None else sums[1][counts[1] == size - number]
        above += int((len(first) - np.searchsorted(first, observed - slack - second, side="left")).sum())
        below += int(np.searchsorted(first, observed + slack - second, side="right").sum())
        ways += len(first) * len(second)
    return above, below, ways


def _subsets(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """(2 ** n,) each: the sum, and the number of values, of every subset of `values` (n,)."""
    sums, counts = np.zeros(1), np.zeros(1, np.int64)
    for value in values:
        sums, counts = np.concatenate([sums, sums + value]), np.concatenate([counts, counts + 1])
    return sums, counts


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
) -> Seeds:
    """Seeds for each of two configurations with which a test at `level` says "different" with probability `power`.

    That they differ as much as `a` (m,) and `b` (n,) do is too much to assume: few seeds show a difference mostly
    where they show too large a one. So the fewest are those for the difference at the nearer end of its 60% interval
    (safeguard power: Perugini, Gallucci & Costantini 2014), which 4 of 5 true ones exceed, the most those for that of
    its 80% interval, which 9 of 10 do; inf where that end lies beyond 0. One more seed without any difference is
    added, which keeps three seeds that all agree from promising too much. The normal approximation with
    Guenther's correction (1981), and no fewer seeds than with which the permutation test could say it at all.

    >>> seeds_to_settle([1.0, 1.0, 1.0], [0.0, 0.0, 0.0], paired=True)
    Seeds(fewest=10.0, most=16.0)
    >>> seeds_to_settle([1.0, 0.0], [0.0, 1.0])
    Seeds(fewest=inf, most=inf)
    """
    from scipy.special import ndtri

    first, second = numbers(a), numbers(b)
    if min(len(first), len(second)) == 0:
        return Seeds(math.inf, math.inf)
    if paired:
        differences = np.append(first - second, 0.0)
        difference, variance = abs(differences.mean()), differences.var(ddof=1)
        error = math.sqrt(variance / len(first))
        few = next(n for n in range(1, 100) if 2.0 ** (1 - n) <= level)
    else:
        middle = (first.mean() + second.mean()) / 2
        sides = [np.append(side, middle) for side in (first, second)]
        difference, variance = abs(sides[0].mean() - sides[1].mean()), sum(side.var(ddof=1) for side in sides)
        error = math.sqrt(sum(side.var(ddof=1) / (len(side) - 1) for side in sides))
        few = next(n for n in range(1, 100) if 2 / math.comb(2 * n, n) <= level)
    reach = float(ndtri(1 - level / 2))

    def needed(exceeded: float) -> float:
        """If the difference is the one that a share `exceeded` of true ones exceed."""
        least = difference - float(ndtri(exceeded)) * error
        if least <= 1e-12:
            return math.inf
        seeds = variance * ((reach + float(ndtri(power))) / least) ** 2 + reach**2 / (2 if paired else 4)
        return float(max(few, math.ceil(seeds)))

    return Seeds(needed(0.8), needed(0.9))


def _drawn(
    statistic: Callable[[np.random.Generator, int], NDArray[np.float64]], observed: float, values: int, comparisons: int
) -> float:
    """Two-sided p-value of the `observed` sum, around 0, among those of random permutations.

    More are drawn only where the first ones leave it near what the correction asks for: it may be told then, and a
    value that is replaced where it is small is still never too small.
    """
    generator = np.random.default_rng(_SEED)
    slack = _ROUNDING * abs(observed)
    above = below = made = 0
    p_value = 1.0
    for wanted in (_DRAWS, _DRAWS_A_COMPARISON * comparisons):
        if made and (wanted <= made or p_value > 10 * 0.05 / comparisons):
            break
        above = below = made = 0
        while made < wanted:
            count = min(wanted - made, max(1, _AT_ONCE // values))
            sums = statistic(generator, count)
            above, below = above + int((sums >= observed - slack).sum()), below + int((sums <= observed + slack).sum())
            made += count
        p_value = _two_sided(above + 1, below + 1, made + 1)
    return p_value
