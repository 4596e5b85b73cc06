"""The report's tables: who ranks where, what is said beside each score, and how numbers are printed."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sampled_results import TUNING, all_failed, by_cell, empty, sample, tuning, tutorial, two_conditions

from sweep.comparison.compare import compare
from sweep.comparison.replicate_sets import Side, pairs_of
from sweep.reporting.files import csv_text
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.tables import accuracy_table, cost_table
from sweep.reporting.look.display import MISSING, columns, displayed, percent, percent_interval, seconds
from sweep.stats.scores import mean_interval
from sweep.stats.times import expected_running_time_interval


def _with_trial(results, trial, **values):
    trials = results.trials.copy()
    for name, value in values.items():
        trials.loc[trials["trial"] == trial, name] = value
    return replace(results, trials=trials)


def test_the_best_objective_ranks_first():
    ranked = Findings(tuning()).search.ranked
    assert list(ranked["rank"]) == list(range(1, 51))
    assert ranked["recall_accuracy"].is_monotonic_decreasing


def test_a_minimised_objective_ranks_its_smallest_value_first():
    ranked = Findings(tuning(study={"trials": 12, "seeds": 3, "objective": "-loss"})).search.ranked
    assert ranked["loss"].is_monotonic_increasing


def test_a_trial_that_never_solved_ranks_behind_slow_ones_when_time_is_minimised():
    ranked = Findings(tuning(study={"trials": 30, "seeds": 3, "objective": "-epochs_to_solve"})).search.ranked
    times = ranked["epochs_to_solve"]
    assert times.notna().any()
    assert times.isna().any()
    assert not times[times.isna().to_numpy().argmax() :].notna().any()


def test_ties_are_broken_by_solve_rate_then_ert_then_the_earlier_trial():
    results = tuning(study={"trials": 4, "seeds": 3})
    for trial, (rate, ert) in enumerate([(0.5, 9.0), (0.5, 5.0), (0.7, 99.0), (0.5, 9.0)]):
        results = _with_trial(results, trial, recall_accuracy=0.8, solve_rate=rate, ert_sequences=ert)
    assert list(Findings(results).search.ranked["trial"]) == [2, 1, 0, 3]


def test_complete_trials_rank_before_pruned_and_pruned_before_failed_ones():
    raw = TUNING | {"study": {"trials": 6, "seeds": 2}}
    states = ["failed", "pruned", "complete", "failed", "pruned", "complete"]
    results = sample(tuning().path, raw, state=lambda trial: states[trial])
    assert list(Findings(results).search.ranked["state"]) == sorted(states)[:2] + ["pruned"] * 2 + ["failed"] * 2


def test_a_trial_with_a_diverged_replicate_is_never_best():
    results = tuning(study={"trials": 5, "seeds": 3})
    winner = int(Findings(results).search.best[0]["trial"])
    replicates = results.replicates.copy()
    replicates.loc[replicates.index[replicates["trial"] == winner][0], "diverged"] = True
    after = replace(results, replicates=replicates)
    assert int(Findings(after).search.best[0]["trial"]) != winner
    assert Findings(after).search.ranked.set_index("trial").loc[winner, "diverged"] == 1


def test_of_several_objectives_no_dominated_trial_ranks_before_one_that_dominates_it():
    ranked = Findings(
        tuning(study={"trials": 20, "seeds": 3, "objective": ["solve_rate", "-parameters"]})
    ).search.ranked
    points = ranked[["solve_rate", "parameters"]].to_numpy(float)
    for later in range(len(points)):
        for earlier in range(later):
            (a, b), (c, d) = points[earlier], points[later]
            assert not (c >= a and d <= b and (c, d) != (a, b))


def test_of_several_objectives_the_table_marks_the_pareto_set():
    results = tuning(study={"trials": 4, "seeds": 2, "objective": ["solve_rate", "-parameters"]})
    trials = results.trials.assign(solve_rate=[1.0, 0.5, 0.5, 0.0], parameters=[40, 20, 30, 10])
    table = accuracy_table(Findings(replace(results, trials=trials))).set_index("trial")
    assert table["pareto"].sort_index().tolist() == [True, True, False, True]
    assert table["parameters"].sort_index().tolist() == [40, 20, 30, 10]
    assert "pareto" not in accuracy_table(Findings(tuning()))


def test_each_condition_has_a_ranking_and_reference_scores_of_its_own():
    table = accuracy_table(Findings(two_conditions()))
    assert list(table["sequence_length"]) == [5, 10]
    assert list(table["chance"]) == pytest.approx([1 / 5, 1 / 10])
    assert list(table["memoryless_ceiling"]) == [0.5, 0.5]


def test_the_accuracy_table_keeps_the_best_of_each_condition():
    results = tuning(conditions={"sequence_length": [5, 6]}, study={"trials": 8, "seeds": 2})
    assert list(accuracy_table(Findings(results), top=3)["sequence_length"]) == [5] * 3 + [6] * 3
    assert len(accuracy_table(Findings(results), top=None)) == 16


def test_recall_has_the_interval_of_its_own_replicates():
    results = tuning(study={"trials": 6, "seeds": 5})
    for _, row in accuracy_table(Findings(results), top=None).iterrows():
        recall = results.replicates[results.replicates["trial"] == row["trial"]]["recall_accuracy"].to_numpy(float)
        assert (row["recall_accuracy_low"], row["recall_accuracy_high"]) == mean_interval(recall, bounds=(0, 1))
    assert accuracy_table(Findings(results))["recall_accuracy_low"].notna().all()


def test_a_failed_trial_has_no_interval():
    assert accuracy_table(Findings(all_failed()))["recall_accuracy_low"].isna().all()


def test_the_ert_has_its_interval_with_the_whole_budget_as_what_a_failure_would_cost():
    results = by_cell()
    frame = accuracy_table(Findings(results), top=None)
    kinds = set()
    for _, row in frame.iterrows():
        own = results.replicates[results.replicates["trial"] == row["trial"]]["sequences_to_solve"].to_numpy(float)
        solved = np.isfinite(own)
        interval = expected_running_time_interval(np.where(solved, own, 500), solved, budget=500)
        expected = interval if solved.any() else (interval.low, np.nan)
        assert (row["ert_sequences_low"], row["ert_sequences_high"]) == pytest.approx(expected, nan_ok=True)
        kinds.add((bool(solved.any()), bool(solved.all())))
    assert kinds == {(False, False), (True, False), (True, True)}


def test_the_mean_of_the_sequences_to_solve_is_what_compare_compares():
    results = by_cell()
    frame = accuracy_table(Findings(results), top=None).set_index("trial")
    trials = [int(trial) for trial in frame.index if trial % 3 == 1]  # of one condition
    pairs, _ = pairs_of(*(Side("cells", results, trial=trial) for trial in trials))
    for row in compare(pairs, ["sequences_to_solve"]):
        a, b = (frame.loc[int(label.partition(":")[2]), "mean_sequences_to_solve"] for label in (row.a, row.b))
        assert (row.value_a, row.value_b) == (pytest.approx(a), pytest.approx(b))
    assert frame["mean_sequences_to_solve"].nunique() > 3


def test_times_of_trials_say_that_they_are_medians_and_the_compared_figure_that_it_is_a_mean():
    results = tuning(study={"trials": 8, "seeds": 10, "objective": ["-sequences_to_solve", "parameters"]})
    heads = list(displayed(accuracy_table(Findings(results))).columns)
    times = [head for head in heads if "to solve" in head]
    assert times == ["epochs to solve (median)", "sequences to solve (mean)", "sequences to solve (median)"]


def test_a_trial_that_was_ended_early_has_no_interval_of_its_ert():
    results = sample(tuning().path, TUNING, limit=3, state=lambda trial: "pruned")
    assert accuracy_table(Findings(results))["ert_sequences_low"].isna().all()
    assert accuracy_table(Findings(results))["mean_sequences_to_solve"].isna().all()


def test_confirmed_trials_do_not_compete_with_the_search():
    results = tuning(study={"trials": 3, "seeds": 2})
    trials = results.trials.copy()
    trials.loc[0, "phase"] = "confirm"
    assert 0 not in list(Findings(replace(results, trials=trials)).search.ranked["trial"])


def test_unsolved_is_not_printed_as_zero():
    shown = displayed(accuracy_table(Findings(two_conditions())))
    assert list(shown["ERT (sequences) (95%)"])[1] == ">2,428"  # 500 sequences, a rate of at most 0.17075
    assert list(shown["epochs to solve (median)"])[1] == MISSING


@pytest.mark.parametrize("results", [empty(), all_failed()], ids=["empty", "all failed"])
def test_tables_of_results_without_a_score_have_dashes_or_no_rows(results):
    shown = displayed(accuracy_table(Findings(results)))
    assert (shown["solve rate (95%)"] == MISSING).all()
    assert Findings(results).search.best == {}
    assert list(displayed(cost_table(Findings(results)))["weights"]) == [MISSING]


def test_the_state_is_shown_only_where_trials_did_not_all_complete():
    assert "state" not in accuracy_table(Findings(tutorial()))
    assert "state" in accuracy_table(Findings(all_failed()))


def test_percents_reserve_zero_and_a_hundred_for_exactly_these():
    assert [percent(share) for share in (0, 1e-6, 0.004, 0.5, 0.996, 1 - 1e-6, 1)] == [
        *("0%", "<0.1%", "0.4%", "50%", "99.6%", ">99.9%", "100%")
    ]


def test_an_interval_has_an_en_dash():
    assert percent_interval(0.2874, 0.5361) == "29\N{EN DASH}54%"


def test_durations_read_in_the_unit_that_fits():
    assert [seconds(t) for t in (0.0421, 7.13, 61, 7300)] == ["0.042 s", "7.1 s", "1 min 1 s", "2 h 1 min"]


def test_a_column_of_dashes_is_still_set_as_numbers():
    table = pd.DataFrame({"epochs_to_solve": [np.nan], "shuffle": [True]})
    assert [column.numeric for column in columns(table)] == [True, False]


def test_csv_keeps_a_spreadsheet_from_running_text_and_leaves_numbers_alone():
    table = pd.DataFrame({"text": ["=1+1", "+a", "-a", "@a", "a=b"], "number": [-1.5, 2, 3, 4, 5]})
    assert csv_text(table).splitlines()[1:] == ["'=1+1,-1.5", "'+a,2.0", "'-a,3.0", "'@a,4.0", "a=b,5.0"]
