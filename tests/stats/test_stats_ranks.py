"""Mean ranks and performance profiles against values worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.stats import Runs, binomial_interval, mean_ranks, probability_of_improvement, solved_within


def runs(better: list[float], first_seed: int = 0) -> Runs:
    return Runs(np.arange(len(better)) + first_seed, np.array(better, float))


def values(conditions: list[list[Runs]], *same: list[frozenset[int]]) -> list[float]:
    return [found.value for found in mean_ranks(conditions, same)]


def test_each_seed_ranks_its_own_runs_and_ties_share() -> None:
    assert values([[runs([3, 1, 2]), runs([2, 2, 2]), runs([1, 3, 2])]]) == pytest.approx([2, 2, 2])
    assert values([[runs([3, 3]), runs([2, 0]), runs([1, 0])]]) == pytest.approx([1, 2.25, 2.75])


def test_runs_of_separate_seeds_are_ranked_among_all_of_the_others() -> None:
    a, b, c = [3.0, 1.0], [2.0, 2.0, 0.0], [1.0]
    found = values([[runs(a), runs(b, 10), runs(c, 20)]])
    beats = probability_of_improvement
    assert found == pytest.approx(
        [1 + beats(b, a) + beats(c, a), 1 + beats(a, b) + beats(c, b), 1 + beats(a, c) + beats(b, c)]
    )


def test_what_was_never_solved_ties_with_what_was_not_either() -> None:
    assert values([[runs([-10, -np.inf]), runs([-20, -np.inf])]]) == [1.25, 1.75]


def test_conditions_weigh_the_same_however_many_seeds_they_have() -> None:
    one, other = [runs([1] * 10), runs([0] * 10)], [runs([0] * 2), runs([1] * 2)]
    assert values([one, other]) == [1.5, 1.5]


def test_the_same_computation_shares_a_rank_under_the_condition_where_it_is_the_same() -> None:
    sides = [runs([3, 3, 0, 0]), runs([0, 3, 3, 2]), runs([1, 1, 1, 1])]
    plain, shared = mean_ranks([sides]), mean_ranks([sides], [[frozenset({0, 1})]])
    assert shared[0] == shared[1]
    assert shared[0].value == pytest.approx((plain[0].value + plain[1].value) / 2)
    assert shared[2] == plain[2]
    both = mean_ranks([sides, sides], [[frozenset({0, 1})], []])
    assert both[0].value == pytest.approx((shared[0].value + plain[0].value) / 2)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=2, max_size=5),
    st.booleans(),
    st.integers(1, 3),
)
def test_ranks_add_up_and_lie_in_their_intervals_within_what_a_rank_can_be(
    scores: list[list[int]], paired: bool, conditions: int
) -> None:
    sides = [runs(list(map(float, own)), 0 if paired else 10 * place) for place, own in enumerate(scores)]
    found, count = mean_ranks([sides] * conditions), len(sides)
    assert sum(each.value for each in found) == pytest.approx(count * (count + 1) / 2)
    for each in found:
        assert 1 <= each.low <= each.value + 1e-9
        assert each.value - 1e-9 <= each.high <= count
        assert each.low < each.high


def test_of_one_seed_nothing_is_known() -> None:
    assert [tuple(each) for each in mean_ranks([[runs([1]), runs([0])]])] == [(1, 1, 2), (2, 1, 2)]


def test_by_hand_the_interval_is_students_of_the_seeds_and_two_halves_more() -> None:
    """Ranks 1, 1, 1, 2 and halves of 1 and 2: mean 6.5 / 5, variance 1.05 / 4, t of 3 degrees 3.1824."""
    found = mean_ranks([[runs([1, 1, 1, 0]), runs([0, 0, 0, 1])]])[0]
    variance = (3.5 * 0.3**2 + 1.5 * 0.7**2) / 4
    assert found.high == pytest.approx(min(2, 1.3 + 3.182446 * (variance / 5) ** 0.5), abs=1e-6)


def test_a_profile_is_the_share_of_runs_that_are_done_and_never_more() -> None:
    conditions = [[runs([-1, -2, -np.inf, -8])], [runs([-3, -3, -3, -3])]]
    assert [each.value for each in solved_within(conditions, [0.5, 1, 2, 3, 8, 100])[0]] == [
        0, 1 / 8, 2 / 8, 6 / 8, 7 / 8, 7 / 8,
    ]  # fmt: skip


def test_of_one_condition_a_profile_has_the_exact_interval_of_a_rate() -> None:
    (point,) = solved_within([[runs([-1, -2, -np.inf, -8])]], [4])[0]
    assert (point.low, point.high) == pytest.approx(binomial_interval(2, 4))
