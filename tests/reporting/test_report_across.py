"""Scores along the one numeric condition: which configurations are lines, and in what order."""

import pytest
from sampled_results import CELLS, TUNING, UNSEEN, by_cell, sample, tutorial, two_conditions

from sweep.reporting.figures.across import across_figures, lines_along
from sweep.reporting.figures.sections import figure_sections
from sweep.reporting.findings.conditions import axis_of
from sweep.reporting.findings.findings import Findings


def test_each_configuration_of_a_grid_is_a_line_over_all_values():
    lines, number = lines_along(Findings(by_cell()), "sequence_length")
    assert number == len(lines) == 6
    assert {line.label for line in lines} == {
        f"cell = {cell}, units = {units}" for cell in ("lstm", "gru", "simple_rnn") for units in (8, 20)
    }
    assert all(list(line.table["value"]) == [4, 5, 6] for line in lines)


def test_a_line_holds_the_scores_of_its_own_trials():
    results = by_cell()
    for line in lines_along(Findings(results), "sequence_length")[0]:
        for _, point in line.table.iterrows():
            trial = results.trials.set_index("trial").loc[point["trial"]]
            assert trial["sequence_length"] == point["value"]
            assert f"cell = {trial['cell']}, units = {trial['units']}" == line.label
            own = results.replicates[results.replicates["trial"] == point["trial"]]
            assert point["median"] == own["recall_accuracy"].median()
            assert point["solve_rate"] == trial["solve_rate"]


def test_the_best_ranked_lines_come_first_and_at_most_eight_are_drawn():
    search = {"units": {"choices": list(range(1, 12))}}
    results = by_cell(search=search)
    lines, number = lines_along(Findings(results), "sequence_length")
    assert (len(lines), number) == (8, 11)
    ranks = Findings(results).search.ranked.groupby("units")["rank"].mean().sort_values()
    means = [ranks[int(line.label.removeprefix("units = "))] for line in lines]
    assert means == sorted(means)
    assert means == pytest.approx(list(ranks[:8]))
    assert "The 8 best-ranked of 11 configurations" in across_figures(Findings(results), "sequence_length")[0].caption


def test_a_search_that_draws_anew_has_the_line_of_its_best_trials():
    raw = TUNING | {"conditions": {"sequence_length": [4, 5]}, "study": {"trials": 4, "seeds": 3}}
    results = sample(tutorial().path, raw)
    lines, _ = lines_along(Findings(results), "sequence_length")
    assert [line.label for line in lines] == ["best trial of each condition"]
    ranked = Findings(results).search.ranked
    assert list(lines[0].table["trial"]) == list(ranked[ranked["rank"] == 1]["trial"])


def test_a_condition_beside_the_axis_tells_lines_apart():
    conditions = {"sequence_length": [5, 6], "train_sequences": ["fresh", 50]}
    lines, _ = lines_along(Findings(sample(tutorial().path, UNSEEN | {"conditions": conditions})), "sequence_length")
    assert {line.label for line in lines} == {"train_sequences = fresh", "train_sequences = 50"}


@pytest.mark.parametrize(
    ("conditions", "axis"),
    [
        ({}, None),
        ({"sequence_length": [5]}, None),
        ({"sequence_length": [5, 6]}, "sequence_length"),
        ({"sequence_length": [5, 6], "keys": [2]}, "sequence_length"),
        ({"sequence_length": [5, 6], "keys": [2, 3]}, None),
    ],
)
def test_the_axis_is_the_one_numeric_condition_with_several_values(conditions, axis):
    assert axis_of(sample(tutorial().path, CELLS | {"conditions": conditions}, limit=0).experiment) == axis


def test_a_single_line_leaves_its_solve_rates_to_the_figure_that_has_them():
    names = [figure.name for section in figure_sections(Findings(two_conditions())) for figure in section.figures]
    assert "recall-by-sequence-length" in names
    assert "solve-rates" in names
    assert "solved-by-sequence-length" not in names


def test_a_run_that_reached_one_value_only_has_no_line():
    results = sample(tutorial().path, CELLS, limit=1)
    assert lines_along(Findings(results), "sequence_length") == ([], 0)
    assert across_figures(Findings(results), "sequence_length") == []
