"""How often the 95% intervals hold the truth: between 93% and 97%, where they are not wider on purpose.

Of rates every outcome is tried, so that the share is exact. The others are simulated 2,000 times from a fixed
seed, which leaves the share an error of 0.5 points. The bootstrap needs ten replicates for this; from five it
holds the truth in about 90 to 94 of 100 cases (measured), and its docstring's correction is in them.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom, multinomial, norm, rankdata

from sweep.stats import (
    Interval,
    Runs,
    agreeing_mean_interval,
    binomial_interval,
    expected_running_time_interval,
    improvement_interval,
    kaplan_meier,
    mean_difference_interval,
    mean_interval,
    mean_ranks,
    mid_p_interval,
    paired_mean_difference_interval,
    paired_rate_difference_interval,
    rate_difference_interval,
)

SIMULATIONS = 2_000


def share_held(interval: Callable[[np.random.Generator], Interval], truth: float) -> float:
    generator = np.random.default_rng(20_170_512)
    intervals = np.array([interval(generator) for _ in range(SIMULATIONS)])
    return float(np.mean((intervals[:, 0] <= truth) & (truth <= intervals[:, 1])))


@pytest.mark.parametrize("trials", [1, 5, 10, 64])
def test_the_exact_interval_of_a_rate_holds_it_at_least_as_often_as_it_says(trials: int) -> None:
    intervals = np.array([binomial_interval(k, trials) for k in range(trials + 1)])
    for rate in np.linspace(0.005, 0.995, 199):
        held = (intervals[:, 0] <= rate) & (rate <= intervals[:, 1])
        assert binom.pmf(np.arange(trials + 1), trials, rate)[held].sum() >= 0.95 - 1e-9


@pytest.mark.parametrize("trials", [5, 10, 30])
def test_the_mid_p_interval_of_a_rate_holds_it_as_often_as_it_says_on_average(trials: int) -> None:
    shares: dict[Any, list[float]] = {mid_p_interval: [], binomial_interval: []}
    for interval, held_by in shares.items():
        intervals = np.array([interval(k, trials) for k in range(trials + 1)])
        for rate in np.linspace(0.005, 0.995, 199):
            held = (intervals[:, 0] <= rate) & (rate <= intervals[:, 1])
            held_by.append(binom.pmf(np.arange(trials + 1), trials, rate)[held].sum())
    assert 0.95 <= np.mean(shares[mid_p_interval]) < np.mean(shares[binomial_interval])
    assert min(shares[mid_p_interval]) >= 0.91


@pytest.mark.parametrize("others", [[0.0], [0.0, 1.0], [0.4, 0.6]])
@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_the_bound_of_agreeing_scores_is_seldom_wrong(count: int, others: list[float]) -> None:
    """Scores are 0.5 or one of the others, and what agrees may be any of them: exactly, over every share of 0.5."""
    values = np.array([0.5, *others])
    for share in np.linspace(0, 1, 101):
        chance = np.array([share, *[(1 - share) / len(others)] * len(others)])
        bounds = np.array([agreeing_mean_interval(value, count, 0, 1) for value in values])
        truth = float(values @ chance)
        wrong = (truth < bounds[:, 0] - 1e-12) | (bounds[:, 1] + 1e-12 < truth)
        assert (chance**count)[wrong].sum() <= 0.05 + 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(("trials_a", "trials_b"), [(20, 20), (30, 10)])
def test_the_interval_of_a_difference_of_rates_holds_it(trials_a: int, trials_b: int) -> None:
    counts = [(a, b) for a in range(trials_a + 1) for b in range(trials_b + 1)]
    intervals = np.array([rate_difference_interval(a, trials_a, b, trials_b) for a, b in counts])
    successes = np.array(counts)
    shares = []
    for rate_a in np.linspace(0.25, 0.75, 6):
        for rate_b in np.linspace(0.25, 0.75, 6):
            chance = binom.pmf(successes[:, 0], trials_a, rate_a) * binom.pmf(successes[:, 1], trials_b, rate_b)
            held = (intervals[:, 0] <= rate_a - rate_b) & (rate_a - rate_b <= intervals[:, 1])
            shares.append(chance[held].sum())
    assert min(shares) >= 0.93
    assert max(shares) <= 0.97
    assert np.mean(shares) == pytest.approx(0.95, abs=0.005)


@pytest.mark.slow
def test_the_interval_of_a_difference_on_common_seeds_holds_it() -> None:
    pairs = 30
    counts = [(a, b) for a in range(pairs + 1) for b in range(pairs + 1 - a)]
    intervals = np.array([paired_rate_difference_interval(a, b, pairs) for a, b in counts])
    outcomes = np.array([(a, b, pairs - a - b) for a, b in counts])
    shares = []
    for only_a in (0.15, 0.3, 0.45):
        for only_b in (0.15, 0.3, 0.45):
            chance = multinomial.pmf(outcomes, pairs, [only_a, only_b, 1 - only_a - only_b])
            held = (intervals[:, 0] <= only_a - only_b) & (only_a - only_b <= intervals[:, 1])
            shares.append(chance[held].sum())
    assert min(shares) >= 0.93
    assert max(shares) <= 0.97


@pytest.mark.slow
def test_the_bootstrap_interval_of_a_mean_holds_it() -> None:
    for few in (2, 3, 4, 5):
        assert 0.93 <= share_held(lambda g, n=few: mean_interval(g.normal(size=n)), 0) <= 0.97
    assert 0.93 <= share_held(lambda g: mean_interval(g.normal(size=10)), 0) <= 0.97
    assert 0.93 <= share_held(lambda g: mean_interval(g.beta(8, 2, size=20)), 0.8) <= 0.97


@pytest.mark.slow
def test_the_bootstrap_interval_of_a_difference_of_means_holds_it() -> None:
    few = share_held(lambda g: mean_difference_interval(g.normal(1, 1, size=3), g.normal(0, 1, size=4)), 1)
    assert few >= 0.93  # two of Student's intervals together are on the safe side
    separate = share_held(lambda g: mean_difference_interval(g.normal(1, 1, size=10), g.normal(0, 2, size=10)), 1)
    assert 0.93 <= separate <= 0.97
    common = share_held(lambda g: paired_mean_difference_interval(g.normal(1, 2, size=10)), 1)
    assert 0.93 <= common <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 1.0])
def test_the_interval_of_the_probability_of_improvement_holds_it(shift: float) -> None:
    truth = float(norm.cdf(shift / np.sqrt(2)))
    share = share_held(lambda g: improvement_interval(g.normal(shift, size=10), g.normal(size=10)), truth)
    assert 0.93 <= share <= 0.97


Scores = Callable[[np.random.Generator, int, int], NDArray[np.float64]]

RANKED: dict[str, Scores] = {
    "scores": lambda g, n, c: (
        0.5 * g.normal(size=n) + g.normal(size=(4, n)) + np.linspace(0, 1, 4)[:, None] * (-1) ** c
    ),
    "rates": lambda g, n, c: (g.random((4, n)) < np.array([[0.9], [0.7], [0.5], [0.2 + 0.3 * c]])).astype(float),
    "high rates": lambda g, n, c: (g.random((3, n)) < np.array([[0.97], [0.9], [0.8]])).astype(float),
}
"""Scores (sides, seeds) of so many seeds under a condition: those of one seed have something in common, or not."""


def shares_of_ranks(scores: Scores, seeds: int, conditions: int, paired: bool) -> NDArray[np.float64]:
    """How often the interval of each side's mean rank holds it."""
    many = np.random.default_rng(1)
    truth = np.mean([rankdata(-scores(many, 200_000, c), axis=0).mean(axis=1) for c in range(conditions)], axis=0)
    generator, held = np.random.default_rng(20_170_512), np.zeros(len(truth))
    for _ in range(SIMULATIONS):
        drawn = [scores(generator, seeds, c) for c in range(conditions)]
        apart = 0 if paired else seeds
        found = mean_ranks([[Runs(np.arange(seeds) + apart * i, own) for i, own in enumerate(each)] for each in drawn])
        held += [each.low <= true <= each.high for each, true in zip(found, truth, strict=True)]
    return held / SIMULATIONS


@pytest.mark.slow
@pytest.mark.parametrize("conditions", [1, 3])
@pytest.mark.parametrize("seeds", [5, 10, 30])
@pytest.mark.parametrize("name", RANKED)
def test_the_interval_of_a_mean_rank_holds_it_over_the_same_seeds(name: str, seeds: int, conditions: int) -> None:
    """Of few seeds mostly more often: rates close to 1 show too few failures to be any closer."""
    shares = shares_of_ranks(RANKED[name], seeds, conditions, paired=True)
    assert min(shares) >= 0.93
    if seeds == 30 and name == "scores":
        assert max(shares) <= 0.97


@pytest.mark.slow
@pytest.mark.parametrize("conditions", [1, 3])
@pytest.mark.parametrize("seeds", [5, 10, 30])
@pytest.mark.parametrize("name", ["rates", "high rates"])
def test_the_interval_of_a_mean_rank_holds_it_over_separate_seeds(name: str, seeds: int, conditions: int) -> None:
    shares = shares_of_ranks(RANKED[name], seeds, conditions, paired=False)
    assert min(shares) >= 0.93


TIMES: dict[str, Callable[[np.random.Generator, int], NDArray[np.float64]]] = {
    "at any time": lambda g, n: g.uniform(0, 1, n),
    "late": lambda g, n: g.beta(8, 2, n),
    "early, some much later": lambda g, n: np.minimum(np.exp(g.normal(-2.5, 0.7, n)), 1),
}
"""When those that solve a task with a budget of 1 do."""


def shares_of_running_times(seeds: int) -> list[float]:
    """How often the interval holds the ERT, over rates of success and kinds of times to it."""
    shares = []
    for times in TIMES.values():
        mean = float(times(np.random.default_rng(1), 1_000_000).mean())
        for rate in (0.1, 0.3, 0.5, 0.7, 0.9):

            def interval(g: np.random.Generator, times: Any = times, rate: float = rate) -> Interval:
                solved = g.random(seeds) < rate
                return expected_running_time_interval(np.where(solved, times(g, seeds), 1), solved, budget=1)

            shares.append(share_held(interval, mean + (1 - rate) / rate))
    return shares


@pytest.mark.slow
def test_the_interval_of_the_expected_running_time_holds_it() -> None:
    shares = shares_of_running_times(30)
    assert 0.93 <= np.mean(shares) <= 0.97
    assert min(shares) >= 0.925  # 93 but for the simulation's error; the 30 seeds of one rate have 3 successes
    assert max(shares) <= 0.98


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "most"), [(5, 0.98), (10, 0.97)])
def test_of_few_seeds_the_interval_of_the_expected_running_time_holds_it_as_often_or_more(
    seeds: int, most: float
) -> None:
    """So few counts of successes are possible that it cannot be as close: at a rate of 0.1 five have 0 or 1 mostly."""
    shares = shares_of_running_times(seeds)
    assert min(shares) >= 0.93
    assert np.mean(shares) <= most


@pytest.mark.slow
@pytest.mark.parametrize("time", [0.5, 1.0])
def test_the_band_of_the_solved_curve_holds_it(time: float) -> None:
    def band(generator: np.random.Generator) -> Interval:
        solved, given_up = generator.exponential(1.0, size=40), generator.uniform(0.5, 2.0, size=40)
        curve = kaplan_meier(np.minimum(solved, given_up), solved <= given_up)
        place = int(np.searchsorted(curve.times, time, side="right")) - 1
        return Interval(curve.low[place], curve.high[place])

    assert 0.93 <= share_held(band, 1 - np.exp(-time)) <= 0.97
