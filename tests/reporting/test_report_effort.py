"""Solved curves and the Pareto picture: drawn from the replicates as they are."""

from dataclasses import replace

import numpy as np
import pytest
from sampled_results import tuning, tutorial, two_conditions

from sweep.reporting.figures.effort import effort_by_condition, effort_figures, solved_curve
from sweep.reporting.figures.pareto import pareto_figures
from sweep.reporting.figures.sections import figure_sections
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.labels import trial_labels


def _curve(results):
    return solved_curve(Findings(results), conditions(results)[0], Findings(results).search.ranked.iloc[0])


def test_the_curve_ends_at_the_share_that_ever_solved_where_all_were_trained_to_the_end():
    results = tutorial()
    curve = _curve(results)
    assert curve.solved[-1] == pytest.approx(results.replicates["epochs_to_solve"].notna().mean())
    assert (curve.times[0], curve.times[-1]) == (0, 500)
    assert (np.diff(curve.solved) >= 0).all()


def test_a_seed_that_ended_early_counts_only_until_then():
    results = tutorial()
    unsolved = results.replicates.loc[results.replicates["epochs_to_solve"].isna(), "seed"].tolist()
    whole = _curve(results)
    kept = ~(results.curves["seed"].isin(unsolved) & (results.curves["epoch"] > 10))
    results = replace(results, curves=results.curves[kept])
    assert _curve(results).solved[-1] > whole.solved[-1]  # of those still trained, all solved it in the end


def test_a_diverged_seed_counts_as_trained_to_the_whole_budget():
    results = tutorial()
    replicates = results.replicates
    lost = replicates.index[replicates["epochs_to_solve"].isna()]
    replicates.loc[lost, "diverged"] = True
    curve = _curve(replace(results, curves=results.curves[results.curves["epoch"] <= 10]))
    assert curve.solved[-1] == pytest.approx(1 - len(lost) / 64)


def test_the_figure_holds_the_best_trials_in_their_order():
    results = tuning()
    ranked = Findings(results).search.ranked
    (figure,) = effort_figures(Findings(results), conditions(results)[0], ranked)
    labels = list(dict.fromkeys(figure.data["configuration"]))
    assert labels == trial_labels(Findings(results), ranked.head(3))
    assert [f"trial {n}" in label for n, label in zip(ranked["trial"][:3], labels, strict=True)] == [True] * 3
    assert all(label.startswith("units = ") and len(label) <= 44 for label in labels)
    assert f"trials {ranked['trial'][0]}, {ranked['trial'][1]} and {ranked['trial'][2]}" in figure.caption
    assert {"sequences", "solved", "low", "high", "at_risk"} < set(figure.data)
    assert "training sequences shown" in figure.svg


def test_several_conditions_have_a_curve_each_in_one_figure():
    (figure,) = effort_by_condition(Findings(two_conditions()))
    assert list(dict.fromkeys(figure.data["condition"])) == ["sequence_length = 5", "sequence_length = 10"]
    never = figure.data[figure.data["condition"] == "sequence_length = 10"]
    assert (never["solved"] == 0).all()
    assert never["high"].iloc[-1] == pytest.approx(0.2059, abs=1e-4)  # none of 16


def test_the_front_holds_every_trial_that_none_is_better_than_by_both_objectives():
    results = tuning(study={"trials": 30, "seeds": 3, "objective": ["solve_rate", "-parameters"]})
    (figure,) = pareto_figures(Findings(results), conditions(results)[0], Findings(results).search.ranked)
    data = figure.data
    for _, row in data.iterrows():
        no_worse = (data["solve_rate"] >= row["solve_rate"]) & (data["parameters"] <= row["parameters"])
        better = no_worse & ((data["solve_rate"] > row["solve_rate"]) | (data["parameters"] < row["parameters"]))
        assert row["on_front"] == (not better.any())
    assert "less is better" in figure.svg


def test_a_study_of_one_objective_has_no_pareto_picture():
    results = tuning(study={"trials": 12, "seeds": 2})
    names = [figure.name for section in figure_sections(Findings(results)) for figure in section.figures]
    assert "effort" in names
    assert not [name for name in names if name.startswith("pareto")]
