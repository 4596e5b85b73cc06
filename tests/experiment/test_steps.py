"""Ranges of real numbers that are walked in steps."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution

from sweep.experiment.contradictions import _LEAST_STEP
from sweep.experiment.steps import Steps


def test_the_values_are_the_decimals_that_one_would_write() -> None:
    assert list(Steps(0.1, 0.7, 0.1)) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_values_nobody_could_list_are_counted() -> None:
    assert Steps(1e-9, 1.0, 1e-10).number == 10**10 - 9
    assert Steps(0.1, 1e300, 1e-300).number > 10**599


def test_a_step_that_leads_past_high_ends_before_it() -> None:
    steps = Steps(0.1, 0.7, 0.4)
    assert (list(steps), steps.meet_high) == ([0.1, 0.5], False)


def test_a_part_of_them_is_a_list() -> None:
    assert Steps(0.1, 0.7, 0.1)[1:3] == [0.2, 0.3]


decimals = st.decimals(Decimal("0.0001"), 10, places=4).map(float)


@given(decimals, decimals, st.integers(1, 200))
def test_optuna_takes_each_of_them_for_a_value_of_its_own_distribution(low: float, step: float, count: int) -> None:
    high = float(Decimal(repr(low)) + count * Decimal(repr(step)))
    steps, distribution = Steps(low, high, step), FloatDistribution(low, high, step=step)
    assert steps.meet_high
    assert len(steps) == count + 1
    assert (steps[0], steps[-1]) == (low, high)
    assert all(distribution._contains(value) for value in steps)


@given(decimals, st.integers(1, 300))
def test_optuna_takes_the_smallest_steps_that_are_let_pass(low: float, count: int) -> None:
    step = float(f"{1.5 * _LEAST_STEP * low:.1g}")
    high = float(Decimal(repr(low)) + count * Decimal(repr(step)))
    steps, distribution = Steps(low, high, step), FloatDistribution(low, high, step=step)
    assert all(distribution._contains(value) for value in steps)


@given(decimals, decimals, st.integers(1, 200), st.data())
def test_a_rounding_beside_a_value_is_that_value(low: float, step: float, count: int, data: st.DataObject) -> None:
    high = float(Decimal(repr(low)) + count * Decimal(repr(step)))
    index = data.draw(st.integers(0, count))
    assert Steps(low, high, step).nearest(low + index * step) == Steps(low, high, step)[index]
