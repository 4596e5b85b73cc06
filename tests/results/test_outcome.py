"""What follows from a trial's scores: first and lasting success, and the figures that sum replicates up."""

from dataclasses import replace

import numpy as np
import pytest
from conftest import outcome_of

from sweep.results.outcome import Outcome, replicate_table, summary
from sweep.stats import expected_running_time_interval

NAN = float("nan")
FLICKERS = [  # sequence accuracy of each seed at each test; a test is 2 sequences and 8 updates
    [0.5, 1.0, 0.5, 1.0, 1.0],  # solved at the second test, lost, and solved for good at the fourth
    [1.0, 1.0, 1.0, 1.0, 1.0],
    [0.5, 1.0, 1.0, 1.0, 0.5],  # lost at the end
    [0.5, 0.5, 0.5, 0.5, 0.5],
    [0.5, 0.5, 1.0, NAN, NAN],  # stopped when it had solved it
]


def test_to_keep_it_is_the_first_of_the_successes_that_last_to_the_end() -> None:
    table = replicate_table(outcome_of(FLICKERS))
    np.testing.assert_array_equal(table["epochs_to_solve"], [2, 1, 2, NAN, 3])
    np.testing.assert_array_equal(table["epochs_to_keep"], [4, 1, NAN, NAN, 3])
    np.testing.assert_array_equal(table["sequences_to_keep"], [8, 2, NAN, NAN, 6])
    np.testing.assert_array_equal(table["updates_to_keep"], [32, 8, NAN, NAN, 24])


def test_a_trial_has_the_median_and_the_expected_running_time_of_both() -> None:
    figures = summary(outcome_of(FLICKERS))
    assert (figures["epochs_to_solve"], figures["epochs_to_keep"]) == (2, 4)
    assert figures["ert_sequences"] == pytest.approx((4 + 2 + 4 + 10 + 6) / 4)
    assert figures["ert_sequences_to_keep"] == pytest.approx((8 + 2 + 10 + 10 + 6) / 3)
    low, high = expected_running_time_interval(
        [8, 2, 10, 10, 6], [True, True, False, False, True], budget=10.0, least=2.0
    )
    assert (figures["ert_sequences_to_keep_low"], figures["ert_sequences_to_keep_high"]) == (low, high)
    assert figures["ert_sequences_low"] < figures["ert_sequences"] < figures["ert_sequences_high"]


def test_where_none_succeeds_the_upper_end_is_missing() -> None:
    figures = summary(outcome_of([[0.5, 0.5]] * 4))
    assert figures["ert_sequences"] is None
    assert figures["ert_sequences_high"] is None
    assert figures["ert_sequences_low"] > 0


def diverged() -> Outcome:
    """Two replicates, the second of which diverged at its last test."""
    outcome = outcome_of([[0.5, 1.0], [0.5, 0.5]])
    assert outcome.scores is not None
    loss = outcome.scores.loss.copy()
    loss[1, 1] = NAN
    return replace(outcome, scores=replace(outcome.scores, loss=loss))


def test_a_diverged_replicate_has_no_margin_and_its_trial_ranks_last() -> None:
    table, figures = replicate_table(diverged()), summary(diverged())
    for name in ("margin", "recall_margin", "recall_bits"):
        np.testing.assert_array_equal(np.isnan(table[name]), [False, True])
        assert figures[name] == -np.inf
    assert figures["test_loss"] == np.inf


def test_a_trials_margin_is_the_mean_of_its_replicates() -> None:
    outcome = outcome_of([[0.5, 1.0], [0.5, 0.5]])
    assert replicate_table(outcome)["margin"].tolist() == [0.2, -0.5]
    assert summary(outcome)["margin"] == pytest.approx(-0.15)


def test_a_failure_that_may_come_costs_the_whole_budget_also_where_all_stopped_early() -> None:
    """As many solved it, as soon: what another one that never does would cost makes the interval longer."""
    stopped = [[1.0, NAN, NAN, NAN], [0.5, 1.0, NAN, NAN], [1.0, NAN, NAN, NAN], [0.5, 1.0, NAN, NAN]]
    short, long = (summary(outcome_of(stopped, budget=budget)) for budget in (8, 800))
    assert short["ert_sequences"] == long["ert_sequences"]
    assert short["ert_sequences_high"] * 10 < long["ert_sequences_high"]
    interval = expected_running_time_interval([2, 4, 2, 4], [True] * 4, budget=800.0, least=2.0)
    assert long["ert_sequences_high"] == interval.high
