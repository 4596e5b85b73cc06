"""Scores and rliable's measures against values worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.stats import (
    binomial_interval,
    bootstrap_interval,
    improvement_interval,
    mean_difference_interval,
    mean_interval,
    paired_mean_difference_interval,
    probability_of_improvement,
)

scores = st.lists(st.integers(0, 8).map(lambda eighths: eighths / 8), min_size=2, max_size=12)


@given(scores)
def test_the_interval_of_a_mean_holds_it_and_stays_among_the_values(values: list[float]) -> None:
    low, high = mean_interval(values, bounds=(0, 1))
    assert 0 <= low <= np.mean(values) + 1e-12
    assert np.mean(values) - 1e-12 <= high <= 1
    if len(set(values)) > 1 and len(values) >= 6:  # the true mean of fewer may well lie beyond them
        assert min(values) <= low <= high <= max(values)


def test_scores_that_all_agree_may_hide_others_and_how_many_is_known_only_within_bounds() -> None:
    assert mean_interval([1.0] * 10, bounds=(0, 1)) == pytest.approx(binomial_interval(10, 10))
    assert mean_interval([0.0] * 10, bounds=(0, 1)) == pytest.approx(binomial_interval(0, 10))
    assert mean_interval([0.5], bounds=(0, 1)) == pytest.approx((0.0125, 0.9875))
    assert mean_interval([1.0] * 10) == (-math.inf, math.inf)


def test_a_difference_takes_the_bound_of_the_side_that_shows_no_spread() -> None:
    """By hand: both distances of a side's ends from its mean, as the legs of a right-angled triangle."""
    varied = np.random.default_rng(5).uniform(0.2, 0.6, 12)
    low, high = mean_interval(varied, bounds=(0, 1))
    differ = 1 - 0.025 ** (1 / 10)
    found = mean_difference_interval([1.0] * 10, varied, bounds=(0, 1))
    gap = 1 - varied.mean()
    assert found.low == pytest.approx(gap - math.hypot(differ, high - varied.mean()))
    assert found.high == pytest.approx(gap + varied.mean() - low)
    assert mean_difference_interval([1.0] * 10, varied) == (-math.inf, math.inf)


def test_the_interval_of_a_mean_is_wider_than_the_plain_percentiles_and_near_students() -> None:
    values = np.random.default_rng(3).normal(size=12)
    half = 2.201 * values.std(ddof=1) / math.sqrt(12)  # t of 11 degrees of freedom
    low, high = mean_interval(values)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.15 * half)
    assert high - low > 2 * 1.96 * values.std() / math.sqrt(12)


def test_a_draw_takes_as_many_of_each_condition_as_there_are() -> None:
    """Conditions that differ, each without a spread, leave the mean over them without one."""
    low, high = bootstrap_interval(
        [[0.0, 0.0], [1.0, 1.0, 1.0]], lambda samples: (samples[0].mean(axis=-1) + samples[1].mean(axis=-1)) / 2
    )
    assert (low, high) == (0.5, 0.5)


def test_the_same_data_give_the_same_interval() -> None:
    values = np.random.default_rng(4).random(20)
    assert mean_interval(values) == mean_interval(values.tolist())


def test_an_infinite_value_makes_an_end_infinite_and_nothing_else() -> None:
    low, high = mean_interval([1.0, 2.0, 3.0, 4.0, math.inf])
    assert 1 <= low < 5
    assert high == math.inf


def test_a_missing_value_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 3 values are nan"):
        mean_interval([1.0, math.nan, 2.0])


def test_common_seeds_take_what_the_seeds_share_out_of_the_interval() -> None:
    luck = np.linspace(0, 10, 20)
    a, b = luck + 1 + 0.1 * np.sin(np.arange(20)), luck
    low, high = paired_mean_difference_interval(a - b)
    assert 0.9 < low < high < 1.1
    low, high = mean_difference_interval(a, b)
    assert low < 0 < 1 < high


# The probability of improvement


def test_each_pair_of_replicates_counts_and_a_tie_counts_half() -> None:
    assert probability_of_improvement([1.0, 2.0], [0.0, 1.0, 3.0]) == pytest.approx((1 + 0.5 + 2) / 6)
    assert probability_of_improvement([1.0], []) == 0.5


@given(scores, scores)
def test_what_one_wins_the_other_loses(a: list[float], b: list[float]) -> None:
    assert probability_of_improvement(a, b) + probability_of_improvement(b, a) == pytest.approx(1)
    low, high = improvement_interval(a, b)
    assert improvement_interval(b, a) == pytest.approx((1 - high, 1 - low), abs=1e-6)
    assert 0 <= low <= probability_of_improvement(a, b) <= high <= 1


def test_the_interval_of_an_improvement_solves_its_equation() -> None:
    # By hand for m = n = 3, all of a above all of b: (1 - x) ** 2 = 1.96 ** 2 * x * (1 - x) * spread / 9.
    low, high = improvement_interval([3.0, 4.0, 5.0], [0.0, 1.0, 2.0])
    spread = 1 + 2 * ((1 - low) / (2 - low) + low / (1 + low))
    assert 1 - low == pytest.approx(1.959964**2 * low * spread / 9)
    assert high == 1
    assert improvement_interval([], [1.0]) == (0, 1)


# Performance profiles


def test_one_replicate_has_no_known_spread() -> None:
    assert mean_interval([0.5]) == (-math.inf, math.inf)
    one_and_two = [[0.1, 0.2], [0.5]]
    assert bootstrap_interval(one_and_two, lambda samples: samples[0].mean(axis=-1)) == (-math.inf, math.inf)
    assert bootstrap_interval([], lambda samples: np.zeros(1)) == (-math.inf, math.inf)
