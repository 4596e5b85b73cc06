"""Tests of a difference against values worked out by hand, and whether they keep their promises."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.stats import (
    holm,
    paired_permutation_test,
    paired_rate_test,
    permutation_test,
    rate_test,
    seeds_to_settle,
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
    assert seeds_to_settle([1.0] * 50, [0.0] * 50, paired=True) == 6  # 2 / 2 ** 6 < 0.05 < 2 / 2 ** 5
    assert seeds_to_settle([1.0] * 50, [0.0] * 50) == 4  # 2 / 70 < 0.05 < 2 / 20
    assert seeds_to_settle([1.0] * 50, [0.0] * 50, paired=True, level=0.01) == 8


def test_a_difference_of_one_standard_deviation_takes_the_textbooks_seventeen_seeds_each() -> None:
    a = np.resize([1.0, -1.0], 20_000)
    assert seeds_to_settle(a + 1, a) == 17  # 15.7 by the normal approximation, and 0.96 for t: Guenther 1981
    assert seeds_to_settle(a + 0.5, np.zeros(20_000), paired=True) == 34  # 31.4 and 1.9


def test_no_number_of_seeds_settles_what_does_not_differ() -> None:
    assert seeds_to_settle([1.0, 0.0], [0.0, 1.0]) == math.inf
    assert seeds_to_settle([], [1.0]) == math.inf


@given(st.lists(st.floats(0, 1), min_size=2, max_size=10), st.lists(st.floats(0, 1), min_size=2, max_size=10))
def test_a_stricter_level_or_more_power_takes_more_seeds(a: list[float], b: list[float]) -> None:
    assert seeds_to_settle(a, b, level=0.01) >= seeds_to_settle(a, b)
    assert seeds_to_settle(a, b, power=0.95) >= seeds_to_settle(a, b)


@pytest.mark.slow
@pytest.mark.parametrize(("rate_a", "rate_b"), [(0.9, 0.5), (0.99, 0.8)])
def test_with_the_seeds_named_a_true_difference_is_found_about_four_times_in_five(rate_a: float, rate_b: float) -> None:
    truth = [np.arange(20_000) < rate * 20_000 for rate in (rate_a, rate_b)]
    n = int(seeds_to_settle(*truth))
    generator = np.random.default_rng(5)
    counts = np.stack([generator.binomial(n, rate, 2000) for rate in (rate_a, rate_b)], axis=1)
    tables, times = np.unique(counts, axis=0, return_counts=True)
    found = sum(t for (a, b), t in zip(tables, times, strict=True) if rate_test(int(a), n, int(b), n) < 0.05)
    assert 0.7 <= found / 2000 <= 0.9
