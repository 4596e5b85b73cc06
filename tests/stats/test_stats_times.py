"""Times to solve against values worked out by hand, published ones, and SciPy's own test."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_rank import log_rank_test
from scipy.stats import CensoredData, logrank

from sweep.stats import (
    binomial_interval,
    censored_median,
    expected_running_time,
    expected_running_time_interval,
    kaplan_meier,
    log_rank_scores,
)

INFINITY = float("inf")

# Weeks of remission of 21 patients on 6-mercaptopurine and of 21 on a placebo (Freireich et al. 1963), the example
# of most textbooks; a negative number is a patient who was well when last seen.
TREATED = [6, 6, 6, -6, 7, -9, 10, -10, -11, 13, 16, -17, -19, -20, 22, 23, -25, -32, -32, -34, -35]
PLACEBO = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]


def times_and_events(weeks: list[int]) -> tuple[list[float], list[bool]]:
    return [float(abs(week)) for week in weeks], [week > 0 for week in weeks]


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


def test_the_interval_of_the_running_time_puts_the_success_and_its_failures_together() -> None:
    """By hand: 150 for a success and 600 / 2 lost on failures, each with its distances to its own interval's ends."""
    spent, solved = [100.0, 300.0, 200.0, 300.0], [True, False, True, False]
    mean, reach = 150.0, 12.706 * 50.0  # t of 1 degree of freedom; the spread of two values over the root of two is 50
    rate_low, rate_high = 0.0943, 0.9057  # 3 p^2 (1 - p)^2 + 4 p^3 (1 - p) + p^4 = 0.025: two of four, by half, or more
    fewest, many = (300 * (1 / rate - 1) for rate in (rate_high, rate_low))
    low = mean + 300 - math.hypot(mean - max(mean - reach, 0), 300 - fewest)
    high = mean + 300 + math.hypot(min(mean + reach, 300) - mean, many - 300)
    assert expected_running_time_interval(spent, solved) == pytest.approx((low, high), rel=2e-3)


@given(st.lists(st.tuples(st.floats(1, 1e6), st.booleans()), min_size=1))
def test_the_interval_of_the_running_time_holds_it_and_is_endless_only_without_a_success(
    replicates: list[tuple[float, bool]],
) -> None:
    spent, solved = zip(*replicates, strict=True)
    low, high = expected_running_time_interval(spent, solved)
    assert low <= expected_running_time(spent, solved) * (1 + 1e-9)
    assert high >= expected_running_time(spent, solved) * (1 - 1e-9)
    assert math.isinf(high) is not any(solved)
    assert low >= 0


def test_where_all_solved_the_next_one_may_fail_and_spend_the_whole_budget() -> None:
    spent, solved = [90.0, 100.0, 110.0] * 4, [True] * 12
    possible = 1 / 0.05 ** (1 / 12) - 1  # failures for each success
    low, high = expected_running_time_interval(spent, solved, budget=1000)
    assert 90 < low < 100
    assert high == pytest.approx(100 + math.hypot(1000 * possible, 5.4), abs=0.5)
    assert expected_running_time_interval(spent, solved).high < 150  # as if 110 were the budget


def test_times_that_all_agree_are_no_certainty() -> None:
    low, high = expected_running_time_interval([100.0] * 10, [True] * 10, budget=400)
    differ = 1 - 0.025 ** (1 / 10)
    assert low == pytest.approx(100 * (1 - differ))
    assert high == pytest.approx(100 + math.hypot(300 * differ, 400 * (1 / 0.05**0.1 - 1)))


def test_without_a_success_the_running_time_is_more_than_what_the_highest_likely_rate_wastes() -> None:
    low, high = expected_running_time_interval([100.0] * 10, [False] * 10)
    assert low == pytest.approx(100 * (1 / (1 - 0.05**0.1) - 1))
    assert high == INFINITY


def test_nothing_is_known_of_the_running_time_of_no_replicates() -> None:
    assert expected_running_time_interval([], []) == (0, INFINITY)


# Curves of the solved


def test_the_curve_and_its_band_are_the_published_ones() -> None:
    curve = kaplan_meier(*times_and_events(TREATED))
    at = {time: place for place, time in enumerate(curve.times)}
    unsolved = {time: 1 - curve.solved[at[time]] for time in (6, 7, 10, 13, 16, 22, 23, 35)}
    published = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448, 35: 0.448}
    assert unsolved == pytest.approx(published, abs=5e-4)
    assert (1 - curve.high[at[6]], 1 - curve.low[at[6]]) == pytest.approx((0.620, 0.952), abs=5e-4)
    assert (1 - curve.high[at[23]], 1 - curve.low[at[23]]) == pytest.approx((0.188, 0.680), abs=5e-4)
    assert curve.at_risk[[at[6], at[7], at[10], at[23]]].tolist() == [21, 17, 15, 6]


def test_the_curve_of_replicates_that_all_ended_is_the_share_that_is_done() -> None:
    curve = kaplan_meier([30.0, 10.0, 20.0, 20.0], [True] * 4)
    assert curve.times.tolist() == [0, 10, 20, 30]
    assert curve.solved == pytest.approx([0, 0.25, 0.75, 1])


def test_where_none_or_all_are_solved_the_band_is_the_exact_one() -> None:
    none = kaplan_meier([50.0] * 5, [False] * 5)
    assert (none.low[-1], none.high[-1]) == pytest.approx(binomial_interval(0, 5))
    every = kaplan_meier([10.0, 20.0, 30.0], [True] * 3)
    assert (every.low[-1], every.high[-1]) == pytest.approx(binomial_interval(3, 3))


def test_the_curve_of_no_replicates_says_nothing() -> None:
    curve = kaplan_meier([], [])
    assert (curve.times.tolist(), curve.low.tolist(), curve.high.tolist()) == ([0], [0], [1])


replicates = st.lists(st.tuples(st.integers(1, 50).map(float), st.booleans()), min_size=1, max_size=40)


@given(replicates)
def test_the_curve_never_falls_and_lies_within_its_band(seeds: list[tuple[float, bool]]) -> None:
    curve = kaplan_meier(*zip(*seeds, strict=True))
    assert (np.diff(curve.solved) >= 0).all()
    assert (curve.low <= curve.solved + 1e-12).all()
    assert (curve.solved <= curve.high + 1e-12).all()
    assert ((curve.low >= 0) & (curve.high <= 1)).all()


def test_times_that_are_not_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 values are nan"):
        kaplan_meier([1.0, math.nan], [True, False])


# Their comparison


def test_the_scores_of_one_group_hold_the_published_log_rank_statistic() -> None:
    treated, placebo = times_and_events(TREATED), times_and_events(PLACEBO)
    scores = log_rank_scores(treated[0] + placebo[0], treated[1] + placebo[1])
    assert scores.sum() == pytest.approx(0, abs=1e-9)
    assert scores[:21].sum() == pytest.approx(9 - 19.25, abs=5e-3)  # observed less expected relapses
    assert log_rank_test(*treated, *placebo) == pytest.approx(2 / 10_001)  # 0.00004 by the normal approximation


@given(replicates)
def test_log_rank_scores_sum_to_nothing(seeds: list[tuple[float, bool]]) -> None:
    assert log_rank_scores(*zip(*seeds, strict=True)).sum() == pytest.approx(0, abs=1e-9)


def test_of_three_and_three_the_strictest_order_is_two_deals_in_twenty() -> None:
    assert log_rank_test([1, 2, 3], [True] * 3, [9, 9, 9], [False] * 3) == pytest.approx(2 / 20)


def test_on_common_seeds_each_pair_is_compared() -> None:
    times = np.arange(1.0, 7.0)
    p = log_rank_test(times, [True] * 6, times + 0.5, [True] * 6, paired=True)
    assert p == pytest.approx(2 / 2**6)
    assert log_rank_test(times, [True] * 6, times + 0.5, [True] * 6) > 0.5


def test_where_nobody_solves_there_is_no_difference() -> None:
    assert log_rank_test([5.0] * 9, [False] * 9, [7.0] * 9, [False] * 9) == 1


def test_of_many_replicates_the_test_is_the_one_of_scipy() -> None:
    generator = np.random.default_rng(1)
    a, b = generator.exponential(1.0, 60), generator.exponential(1.5, 60)
    ended = np.concatenate([a, b]) < 2
    times = np.minimum(np.concatenate([a, b]), 2)
    first, second = (CensoredData.right_censored(times[part], ~ended[part]) for part in (slice(60), slice(60, None)))
    ours = log_rank_test(times[:60], ended[:60], times[60:], ended[60:])
    assert ours == pytest.approx(logrank(first, second).pvalue, abs=0.01)
    assert 0.005 < ours < 0.5
