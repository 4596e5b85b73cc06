"""Rates against values worked out by hand, published ones, and SciPy's own tests."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from sweep.stats import (
    binomial_interval,
    paired_rate_difference_interval,
    paired_rate_test,
    rate_difference_interval,
    rate_test,
)


@st.composite
def successes_and_trials(draw: st.DrawFn) -> tuple[int, int]:
    trials = draw(st.integers(1, 2000))
    return draw(st.integers(0, trials)), trials


@given(successes_and_trials(), st.floats(0.5, 0.999))
def test_the_binomial_interval_is_the_exact_one_of_scipy(counts: tuple[int, int], confidence: float) -> None:
    successes, trials = counts
    expected = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    interval = binomial_interval(successes, trials, confidence)
    assert interval == pytest.approx((expected.low, expected.high), rel=1e-9, abs=1e-12)


def test_five_failures_leave_rates_up_to_one_less_the_fifth_root_of_the_tail() -> None:
    assert binomial_interval(0, 5) == pytest.approx((0.0, 1 - 0.025 ** (1 / 5)))


def test_five_successes_leave_rates_from_the_fifth_root_of_the_tail() -> None:
    assert binomial_interval(5, 5) == pytest.approx((0.025 ** (1 / 5), 1.0))


def test_no_trial_says_nothing_about_a_rate() -> None:
    assert binomial_interval(0, 0) == (0.0, 1.0)


@given(successes_and_trials())
def test_the_binomial_interval_holds_the_observed_rate(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = binomial_interval(successes, trials)
    assert 0 <= low <= successes / trials <= high <= 1


@given(successes_and_trials())
def test_the_interval_of_failures_mirrors_that_of_successes(counts: tuple[int, int]) -> None:
    successes, trials = counts
    low, high = binomial_interval(successes, trials)
    assert binomial_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=1e-12)


# The difference of two rates


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, 873-890, Table II, method 6
        ((56, 70, 48, 80), 0.0528, 0.3382),
        ((9, 10, 3, 10), 0.1700, 0.8406),
        ((10, 10, 0, 20), 0.7156, 1.0),
    ],
)
def test_the_interval_of_a_difference_is_the_published_one(
    counts: tuple[int, int, int, int], low: float, high: float
) -> None:
    assert rate_difference_interval(*counts) == pytest.approx((low, high), abs=5e-5)


def test_the_interval_on_common_seeds_is_the_published_one() -> None:
    # Fagerland, Lydersen & Laake 2014, Statistics in Medicine 33, 2850-2875: airway hyper-responsiveness, Tango
    assert paired_rate_difference_interval(1, 7, 21) == pytest.approx((-0.517, -0.026), abs=5e-4)


@given(successes_and_trials(), successes_and_trials())
def test_the_interval_of_a_difference_holds_the_observed_one(a: tuple[int, int], b: tuple[int, int]) -> None:
    low, high = rate_difference_interval(*a, *b)
    assert -1 <= low <= a[0] / a[1] - b[0] / b[1] <= high <= 1


@given(successes_and_trials(), successes_and_trials())
def test_swapping_the_two_mirrors_the_interval_of_their_difference(a: tuple[int, int], b: tuple[int, int]) -> None:
    low, high = rate_difference_interval(*a, *b)
    assert rate_difference_interval(*b, *a) == pytest.approx((-high, -low), abs=1e-6)


@st.composite
def discordant_pairs(draw: st.DrawFn) -> tuple[int, int, int]:
    pairs = draw(st.integers(1, 1000))
    only_a = draw(st.integers(0, pairs))
    return only_a, draw(st.integers(0, pairs - only_a)), pairs


@given(discordant_pairs())
def test_the_interval_on_common_seeds_holds_the_observed_difference(counts: tuple[int, int, int]) -> None:
    only_a, only_b, pairs = counts
    low, high = paired_rate_difference_interval(only_a, only_b, pairs)
    assert -1 <= low <= (only_a - only_b) / pairs <= high <= 1


@given(discordant_pairs())
def test_swapping_the_two_mirrors_the_interval_on_common_seeds(counts: tuple[int, int, int]) -> None:
    only_a, only_b, pairs = counts
    low, high = paired_rate_difference_interval(only_a, only_b, pairs)
    assert paired_rate_difference_interval(only_b, only_a, pairs) == pytest.approx((-high, -low), abs=1e-6)


def test_the_interval_has_a_width_where_all_replicates_agree() -> None:
    # By hand: x ** 2 = 1.96 ** 2 * x * (1 - x) / 5 * 10 / 9, which is what the test asks of all right against 1 - x.
    share = 1.959964**2 * 10 / 9 / 5
    assert rate_difference_interval(5, 5, 5, 5) == pytest.approx((-share / (1 + share), share / (1 + share)), abs=1e-6)
    low, high = paired_rate_difference_interval(0, 0, 10)
    assert low < -0.2
    assert high > 0.2


def test_nothing_is_known_of_a_difference_without_replicates() -> None:
    assert rate_difference_interval(0, 0, 5, 5) == (-1, 1)
    assert paired_rate_difference_interval(0, 0, 0) == (-1, 1)
    assert rate_test(0, 0, 5, 5) == 1


# Tests of equal rates


def test_six_seeds_that_only_one_side_solves_have_two_chances_in_sixty_four() -> None:
    assert paired_rate_test(6, 0) == pytest.approx(2 / 64)
    assert paired_rate_test(0, 6) == pytest.approx(2 / 64)
    assert paired_rate_test(1, 7) == pytest.approx(2 * (1 + 8) / 256)


def test_seeds_that_agree_say_nothing_about_which_is_better() -> None:
    assert paired_rate_test(0, 0) == 1


def test_equal_rates_of_separate_seeds_are_no_difference() -> None:
    assert rate_test(3, 10, 3, 10) == pytest.approx(1, abs=0.05)
    assert rate_test(0, 10, 0, 10) == 1
    assert rate_test(10, 10, 8, 8) == 1


def test_five_against_none_of_five_is_the_largest_chance_that_any_common_rate_gives_it() -> None:
    # By hand: p ** 5 * (1 - p) ** 5, twice, is largest at p = 1/2.
    assert rate_test(5, 5, 0, 5) == pytest.approx(2 / 2**10, rel=1e-6)


@given(st.integers(0, 8), st.integers(0, 8))
def test_the_test_of_separate_seeds_is_never_weaker_than_fishers(a: int, b: int) -> None:
    fisher = fisher_exact([[a, b], [8 - a, 8 - b]]).pvalue
    assert rate_test(a, 8, b, 8) <= fisher * (1 + 1e-9)


def test_published_counts_give_their_odds() -> None:
    assert math.isclose(paired_rate_test(5, 15), 0.041389, rel_tol=1e-4)  # sum of C(20, k), k <= 5, over 2 ** 19
