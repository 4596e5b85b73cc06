"""The table of outcomes: whatever lists outcomes reads it, so that a new one is a row, its formula and a test."""

import pytest

from sweep.experiment.outcomes import METRICS, OBJECTIVES, OUTCOMES, REPORTED, measured_at
from sweep.reporting.look.display import heading
from sweep.results.columns import NESTED, TRIALS
from sweep.results.outcome import MEASURED


def test_what_every_test_measures_is_what_a_trainer_gives() -> None:
    assert set(measured_at("test")) <= set(MEASURED)


def test_what_is_reported_while_a_trial_is_trained_is_measured_then() -> None:
    assert set(REPORTED) <= set(measured_at("test"))


def test_an_objective_is_a_figure_of_the_trial_and_one_way_of_it_is_better() -> None:
    assert set(OBJECTIVES) <= set(measured_at("trial"))
    assert all(OUTCOMES[name].better for name in (*OBJECTIVES, *METRICS))


def test_a_metric_is_measured_of_each_replicate() -> None:
    assert {"solved" if name == "solve_rate" else name for name in METRICS} <= set(measured_at("replicate"))


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_outcome_has_a_column_wherever_it_is_measured(name: str) -> None:
    tables = {"trial": TRIALS, "replicate": NESTED["replicates"], "test": NESTED["curves"]}
    tables |= {"step": NESTED["steps"], "length": NESTED["lengths"]}
    assert {place for place, columns in tables.items() if name in columns} == set(OUTCOMES[name].at)


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_outcome_is_headed_as_its_row_says(name: str) -> None:
    assert heading(name) == OUTCOMES[name].heading
    assert heading(f"confirmed_{name}") == f"{OUTCOMES[name].heading}, confirmed"
