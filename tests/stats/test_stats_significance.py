"""Tests of a difference against values worked out by hand, and whether they keep their promises."""

import math
from fractions import Fraction
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from sweep.stats import (
    holm,
    paired_permutation_test,
    paired_rate_test,
    permutation_test,
    rate_test,
    seeds_to_settle,
    significance,
)


def test_of_three_against_three_the_strictest_deal_is_two_in_twenty() -> None:
    assert permutation_test([4.0, 5.0, 6.0], [1.0, 2.0, 3.0]) == pytest.approx(2 / 20)


def test_of_two_against_two_every_deal_is_counted() -> None:
    # The first group's sum in the six deals of 1, 2, 3 and 5: 3, 4, 5, 6, 7, 8, around 5.5.
    assert permutation_test([3.0, 5.0], [1.0, 2.0]) == pytest.approx(2 / 6)
    assert permutation_test([2.0, 5.0], [1.0, 3.0]) == pytest.approx(4 / 6)


def test_equal_values_or_none_are_no_difference() -> None:
    assert permutation_test([1.0, 1.0], [1.0, 1.0, 1.0]) == 1
    assert permutation_test([], [1.0]) == 1
    assert permutation_test([1.0], [2.0]) == 1
    assert paired_permutation_test([0.0, 0.0]) == 1
    assert paired_permutation_test([]) == 1


def test_on_common_seeds_each_difference_may_change_its_sign() -> None:
    assert paired_permutation_test([1.0, 2.0, 3.0]) == pytest.approx(2 / 8)
    assert paired_permutation_test([1.0, 2.0, -3.0]) == 1  # the sum is 0
    assert paired_permutation_test([3.0, 2.0, -1.0]) == pytest.approx(4 / 8)  # 6 and 4, and their negatives


values = st.lists(st.integers(0, 6).map(lambda sixths: sixths / 6), min_size=2, max_size=6)


@given(values, values)
def test_what_is_counted_by_halves_is_every_deal(a: list[float], b: list[float]) -> None:
    pooled = [Fraction(round(6 * value), 6) for value in a + b]
    observed, middle = sum(pooled[: len(a)]), sum(pooled) * Fraction(len(a), len(pooled))
    sums = [sum(deal) for deal in combinations(pooled, len(a))]
    rarer = min(sum(s >= observed for s in sums), sum(s <= observed for s in sums))
    expected = 1.0 if len(set(pooled)) == 1 else min(1.0, 2 * rarer / len(sums))
    assert permutation_test(a, b) == pytest.approx(expected)
    if observed == middle:
        assert permutation_test(a, b) == 1


@given(st.lists(st.integers(-6, 6).map(lambda sixths: sixths / 6), min_size=2, max_size=9))
def test_what_is_counted_by_halves_is_every_choice_of_signs(differences: list[float]) -> None:
    changed = [Fraction(round(6 * value), 6) for value in differences if value]
    sums = [sum(s * d for s, d in zip(signs, changed, strict=True)) for signs in product((1, -1), repeat=len(changed))]
    rarer = min(sum(s >= sum(changed) for s in sums), sum(s <= sum(changed) for s in sums))
    expected = 1.0 if len(changed) < 2 else min(1.0, 2 * rarer / len(sums))
    assert paired_permutation_test(differences) == pytest.approx(expected)


def test_where_all_are_counted_the_value_is_as_small_as_it_is() -> None:
    assert paired_permutation_test(np.linspace(1, 2, 32)) == 2 / 2**32
    assert permutation_test(np.linspace(2, 3, 16), np.linspace(0, 1, 16)) == 2 / math.comb(32, 16)


@pytest.mark.parametrize("shift", [0.3, 0.5, 0.8])
def test_where_they_are_drawn_a_counted_value_is_found_again(shift: float, monkeypatch: pytest.MonkeyPatch) -> None:
    a, b = np.random.default_rng(2).normal(size=(2, 16))
    counted = permutation_test(a + shift, b), paired_permutation_test(a + shift - b)
    monkeypatch.setattr(significance, "_EXACT", 0)
    drawn = permutation_test(a + shift, b), paired_permutation_test(a + shift - b)
    assert drawn == pytest.approx(counted, rel=0.1, abs=0.005)
    assert drawn != counted


@pytest.mark.parametrize("comparisons", [1, 251, 300, 1000])
def test_so_many_are_drawn_that_a_clear_difference_can_be_told_after_holms_correction(comparisons: int) -> None:
    generator = np.random.default_rng(3)
    a, b = generator.normal(2, 1, 40), generator.normal(0, 1, 40)
    assert comparisons * permutation_test(a, b, comparisons=comparisons) < 0.05
    assert comparisons * paired_permutation_test(a - b, comparisons=comparisons) < 0.05


def test_the_same_data_give_the_same_value() -> None:
    a, b = np.random.default_rng(4).normal(size=(2, 40))
    assert permutation_test(a, b) == permutation_test(a.tolist(), b.tolist())
    assert paired_permutation_test(a - b) == paired_permutation_test((a - b).tolist())


@pytest.mark.slow
def test_a_value_that_is_drawn_again_where_it_is_small_is_never_too_small() -> None:
    """Of equal groups, at levels on both sides of the one below which more are drawn."""
    generator = np.random.default_rng(6)
    found = np.array([paired_permutation_test(generator.normal(size=36), comparisons=50) for _ in range(2000)])
    for level in (0.005, 0.01, 0.02, 0.05):
        assert (found <= level).mean() <= level + 3 * math.sqrt(level / 2000)


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=12))
def test_on_solved_or_not_it_is_mcnemars_exact_test(differences: list[float]) -> None:
    only_a, only_b = differences.count(1.0), differences.count(-1.0)
    assert paired_permutation_test(differences) == pytest.approx(paired_rate_test(only_a, only_b))


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(ValueError, match="nan"):
        paired_permutation_test([math.nan, 1.0])


# Many comparisons


def test_holm_multiplies_the_smallest_by_all_and_never_lets_a_larger_one_pass_it() -> None:
    assert holm([0.01, 0.02, 0.04]).tolist() == pytest.approx([0.03, 0.04, 0.04])
    assert holm([0.04, 0.001]).tolist() == pytest.approx([0.04, 0.002])
    assert holm([0.6, 0.9]).tolist() == [1, 1]
    assert holm([]).tolist() == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_correction_keeps_the_order_and_lies_between_the_value_and_bonferronis(p: list[float]) -> None:
    adjusted = holm(p)
    assert (adjusted >= np.array(p)).all()
    assert (adjusted <= np.minimum(np.array(p) * len(p), 1) + 1e-15).all()
    assert (np.diff(adjusted[np.argsort(p, kind="stable")]) >= 0).all()


# How many seeds would tell


def test_no_fewer_seeds_are_named_than_with_which_the_test_can_speak() -> None:
    assert seeds_to_settle([1.0] * 500, [0.0] * 500, paired=True).fewest == 6  # 2 / 2 ** 6 < 0.05 < 2 / 2 ** 5
    assert seeds_to_settle([1.0] * 500, [0.0] * 500).fewest == 4  # 2 / 70 < 0.05 < 2 / 20
    assert seeds_to_settle([1.0] * 500, [0.0] * 500, paired=True, level=0.01).fewest == 8


def test_a_known_difference_of_one_standard_deviation_takes_the_textbooks_seventeen_seeds_each() -> None:
    a = np.resize([1.0, -1.0], 2_000_000)
    assert seeds_to_settle(a + 1, a) == (17, 17)  # 15.7 by the normal approximation, and 0.96 for t: Guenther 1981
    assert seeds_to_settle(a + 0.5, np.zeros(2_000_000), paired=True) == (34, 34)  # 31.4 and 1.9


def test_a_difference_of_few_seeds_counts_for_less_than_it_shows() -> None:
    """By hand: differences of 0.5 on average and 0.5 apart, with one of 0; 0.8416 and 1.2816 errors less of them."""
    differences = np.resize([0.0, 1.0], 9)
    shown = np.append(differences, 0.0)
    mean, spread = shown.mean(), shown.std(ddof=1)
    error = spread / 3
    expected = [math.ceil((2.8016 * spread / (mean - e * error)) ** 2 + 1.9207) for e in (0.8416, 1.2816)]
    assert seeds_to_settle(differences, np.zeros(9), paired=True) == tuple(expected)
    assert expected[0] > 2 * (2.8016 * spread / mean) ** 2


def test_no_number_of_seeds_settles_what_does_not_differ() -> None:
    assert seeds_to_settle([1.0, 0.0], [0.0, 1.0]) == (math.inf, math.inf)
    assert seeds_to_settle([], [1.0]) == (math.inf, math.inf)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.lists(st.floats(0, 1), min_size=2, max_size=10))
def test_a_stricter_level_more_power_or_a_smaller_difference_take_more_seeds(a: list[float], b: list[float]) -> None:
    found = seeds_to_settle(a, b)
    assert found.fewest <= found.most
    assert seeds_to_settle(a, b, level=0.01).fewest >= found.fewest
    assert seeds_to_settle(a, b, power=0.95).fewest >= found.fewest


def power(n: int, rate_a: float, rate_b: float) -> float:
    """How often the test of two rates on `n` seeds each tells these apart, over all outcomes.

    By the score test: where neither rate is near 0 or 1, Boschloo's is within 2 points of it, and takes minutes.
    """
    a, b = np.ogrid[: n + 1, : n + 1]
    pooled = (a + b) / (2 * n)
    error = np.sqrt(np.maximum(2 * pooled * (1 - pooled) / n, 1e-12))
    chance = binom.pmf(a, n, rate_a) * binom.pmf(b, n, rate_b)
    return float(chance[np.abs(a - b) / n > 1.96 * error].sum())


@pytest.mark.slow
@pytest.mark.parametrize(("rate_a", "rate_b"), [(0.9, 0.5), (0.99, 0.8)])
def test_with_the_seeds_named_a_true_difference_is_found_about_four_times_in_five(rate_a: float, rate_b: float) -> None:
    truth = [np.arange(200_000) < rate * 200_000 for rate in (rate_a, rate_b)]
    n = int(seeds_to_settle(*truth).fewest)
    generator = np.random.default_rng(5)
    counts = np.stack([generator.binomial(n, rate, 2000) for rate in (rate_a, rate_b)], axis=1)
    tables, times = np.unique(counts, axis=0, return_counts=True)
    found = sum(t for (a, b), t in zip(tables, times, strict=True) if rate_test(int(a), n, int(b), n) < 0.05)
    assert 0.7 <= found / 2000 <= 0.9


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "rate_a", "rate_b"), [(10, 0.7, 0.5), (10, 0.9, 0.5), (20, 0.7, 0.5), (5, 0.8, 0.2)])
def test_of_ten_seeds_that_leave_it_open_the_fewest_named_have_the_power_that_is_claimed(
    seeds: int, rate_a: float, rate_b: float
) -> None:
    """Where a number is named at all; with the difference as it was seen, 70% against 50% got a power of 0.3."""
    counts = np.arange(seeds + 1)
    chance = np.outer(binom.pmf(counts, seeds, rate_a), binom.pmf(counts, seeds, rate_b))
    found: list[tuple[float, float]] = []
    for a, b in np.ndindex(chance.shape):
        if chance[a, b] > 1e-4 and 0.05 <= rate_test(a, seeds, b, seeds) <= 0.1:
            named = seeds_to_settle(counts[1:] <= a, counts[1:] <= b).fewest
            found.append((chance[a, b], power(int(named), rate_a, rate_b)))
    weight, reached = np.array(found).T
    assert np.average(reached, weights=weight) >= 0.7
