"""Statistics against values worked out by hand, and against SciPy's own tests."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sweep.stats import binomial_interval, censored_median, expected_running_time

INFINITY = float("inf")


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


@pytest.mark.parametrize(
    ("times", "median"),
    [
        ([7.0], 7.0),
        ([30.0, 10.0, 20.0], 20.0),
        ([10.0, 40.0, 20.0, 30.0], 25.0),
        ([10.0, 20.0, INFINITY], 20.0),
        ([10.0, INFINITY, INFINITY], INFINITY),
        ([10.0, INFINITY], INFINITY),
        ([10.0, 20.0, INFINITY, INFINITY], INFINITY),
        ([INFINITY, INFINITY], INFINITY),
        ([], INFINITY),
    ],
)
def test_the_median_counts_an_unsolved_replicate_as_infinite(times: list[float], median: float) -> None:
    assert censored_median(times) == median


@given(st.lists(st.floats(1, 1e9), min_size=1))
def test_the_median_of_solved_replicates_is_the_ordinary_one(times: list[float]) -> None:
    assert censored_median(times) == pytest.approx(float(np.median(times)))


@given(st.lists(st.floats(1, 1e9), min_size=1))
def test_one_more_failure_never_makes_the_median_smaller(times: list[float]) -> None:
    assert censored_median([*times, INFINITY]) >= censored_median(times) * (1 - 1e-12)


def test_the_expected_running_time_shares_all_effort_among_the_successes() -> None:
    assert expected_running_time([100, 300, 200], [True, False, True]) == 300.0


def test_the_expected_running_time_without_a_success_is_infinite() -> None:
    assert expected_running_time([100, 300], [False, False]) == INFINITY


def test_the_expected_running_time_of_no_replicates_is_infinite() -> None:
    assert expected_running_time([], []) == INFINITY


@given(st.lists(st.tuples(st.floats(1, 1e6), st.booleans()), min_size=1))
def test_failures_only_ever_add_to_the_expected_running_time(replicates: list[tuple[float, bool]]) -> None:
    spent, solved = zip(*replicates, strict=True)
    successes = [time for time, success in replicates if success]
    mean = sum(successes) / len(successes) if successes else math.inf
    assert expected_running_time(spent, solved) >= mean * (1 - 1e-12)
