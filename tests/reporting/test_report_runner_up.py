"""How sure a choice is: the duel with the next best configuration, on the same seeds."""

import numpy as np
import pytest
from sampled_results import by_cell, confirmed, tuning, tutorial

from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.runner_up import duel_table, duels, how_sure, told_apart
from sweep.stats.significance import holm
from sweep.stats.significance import paired_permutation_test as permutation


def _scored(results, trial, recall):
    """The results with these recall accuracies of a trial's seeds, in its own row too."""
    own = results.replicates["trial"] == trial
    results.replicates.loc[own, "recall_accuracy"] = recall
    results.trials.loc[results.trials["trial"] == trial, "recall_accuracy"] = float(np.mean(recall))
    return results


def _of_ten_seeds():
    """Three trials of ten seeds, of distinct configurations, that nobody has scored yet."""
    results = tuning(study={"trials": 3, "seeds": 10})
    for trial in range(3):
        results = _scored(results, trial, [0.1] * 10)
    return results


def test_a_clear_lead_on_the_same_seeds_is_called_better():
    results = _scored(_scored(_of_ten_seeds(), 1, [1.0] * 9 + [0.9]), 2, np.linspace(0.2, 0.5, 10))
    (duel,) = duels(Findings(results)).values()
    found = duel.compared
    assert (int(duel.choice.trial["trial"]), duel.runner_up, found.verdict) == (1, 2, "better")
    assert found.difference == pytest.approx(0.99 - 0.35)
    assert found.p_value == pytest.approx(2 / 2**10)
    assert found.low < found.difference < found.high
    (sentence,) = how_sure(Findings(results))
    assert "Trial 1 is better than the next best configuration, trial 2" in sentence
    assert "by the scores that it was picked by" in sentence
    assert "64 points" in sentence


def test_a_lead_that_few_seeds_make_is_inconclusive_and_says_how_many_seeds_would_tell():
    results = _scored(_scored(_of_ten_seeds(), 1, [1.0] * 10), 2, [1.0] * 5 + [0.9] * 5)
    (duel,) = duels(Findings(results)).values()
    found = duel.compared
    assert (found.verdict, found.p_value) == ("inconclusive", 2 / 2**5)
    assert 10 < found.seeds_to_settle_low < found.seeds_to_settle_high < 1000
    sentence, assumed = how_sure(Findings(results))
    assert "leads the next best" in sentence
    assert "which may be chance" in sentence
    seeds = f"{found.seeds_to_settle_low} to {found.seeds_to_settle_high} seeds each"
    assert f"which is better is open, and {seeds} would probably settle it." in sentence
    assert "the nearer end of its 60% interval" in assumed
    (row,) = duel_table(Findings(results)).to_dict("records")
    assert (row["seeds_to_settle_low"], row["seeds_to_settle_high"]) == (
        found.seeds_to_settle_low,
        found.seeds_to_settle_high,
    )


def test_a_lead_that_one_seed_makes_says_no_number_of_seeds():
    results = _scored(_scored(_of_ten_seeds(), 1, [1.0] * 10), 2, [1.0] * 9 + [0.5])
    (duel,) = duels(Findings(results)).values()
    assert (duel.compared.seeds_to_settle_low, duel.compared.seeds_to_settle_high) == (None, None)
    assert how_sure(Findings(results))[0].endswith("which may be chance: which is better is open.")


def test_equal_scores_leave_it_open():
    results = _scored(_scored(_of_ten_seeds(), 1, [1.0] * 10), 2, [1.0] * 10)
    (row,) = duel_table(Findings(results)).to_dict("records")
    assert (row["difference_points"], row["p_value"], row["verdict"]) == (0, 1, "inconclusive")
    assert row["difference_points_low"] < 0 < row["difference_points_high"]  # ten seeds may hide as many others
    assert np.isnan(row["seeds_to_settle_low"])
    assert "score the same on 10 seeds: which is better is open" in how_sure(Findings(results))[0]


def test_a_configuration_is_no_rival_of_itself():
    results = _scored(_scored(_of_ten_seeds(), 1, [1.0] * 10), 2, [0.9] * 10)
    for name in results.experiment.search:
        at = results.trials.columns.get_loc(name)
        results.trials.iloc[2, at] = results.trials.iloc[1, at]
    assert duels(Findings(results))[0].runner_up == 0


def test_only_what_differs_is_named():
    for duel in duels(Findings(by_cell())).values():
        ranked = Findings(by_cell()).search.ranked.set_index("trial")
        other, own = ranked.loc[duel.runner_up], duel.choice.trial
        assert duel.apart == ", ".join(f"{n} = {other[n]}" for n in ("cell", "units") if other[n] != own[n])


def test_p_values_are_corrected_for_the_number_of_conditions():
    results = by_cell()
    found = duels(Findings(results))
    assert len(found) == 3

    def recall(trial):
        return results.replicates[results.replicates["trial"] == trial]["recall_accuracy"].to_numpy(float)

    plain = [permutation(recall(int(d.choice.trial["trial"])) - recall(d.runner_up)) for d in found.values()]
    assert [duel.compared.p_value for duel in found.values()] == pytest.approx(holm(plain).tolist())


def test_a_confirmed_choice_is_compared_on_the_new_seeds():
    results = _scored(_scored(_of_ten_seeds(), 1, [1.0] * 10), 2, [0.9] * 10)
    again = confirmed(results, [1, 2])
    own = again.replicates["phase"] == "confirm"
    again.replicates.loc[own & (again.replicates["trial"] == 1), "recall_accuracy"] = 0.4
    again.replicates.loc[own & (again.replicates["trial"] == 2), "recall_accuracy"] = 0.8
    for trial, recall in ((1, 0.4), (2, 0.8)):
        row = (again.trials["phase"] == "confirm") & (again.trials["trial"] == trial)
        again.trials.loc[row, "recall_accuracy"] = recall
    (duel,) = duels(Findings(again)).values()
    assert (int(duel.choice.trial["trial"]), duel.runner_up) == (2, 1)
    assert duel.compared.difference == pytest.approx(0.4)
    assert "picked by" not in how_sure(Findings(again))[0]


def test_the_answer_says_in_how_many_conditions_the_best_is_told_apart():
    findings = Findings(by_cell(answer={"best": True}))
    assert told_apart(findings) in answer(findings).details
    assert "with these seeds" in told_apart(findings)


def test_the_time_to_solve_is_compared_by_the_sequences_and_fewer_are_better():
    results = tuning(study={"trials": 12, "seeds": 10, "objective": "-sequences_to_solve"})
    (duel,) = duels(Findings(results)).values()
    assert duel.compared.metric == "sequences_to_solve"
    assert duel.compared.difference < 0
    assert how_sure(Findings(results))[0].endswith(
        "it differs by -30 (95% interval -32 to -27) in the mean of sequences to solve, 20 against 50, cut off at 50."
    )
    assert "ranks first (lowest median of sequences to solve)" in answer(Findings(results)).sentence
    assert duel_table(Findings(results))["difference"].iloc[0] == duel.compared.difference


def test_what_no_replicate_has_by_itself_gives_way_to_recall():
    results = tuning(study={"trials": 4, "seeds": 10, "objective": "-parameters"})
    assert duels(Findings(results))[0].compared.metric == "recall_accuracy"


def test_without_a_rival_there_is_no_duel():
    assert duels(Findings(tutorial())) == {}
    assert duel_table(Findings(tutorial())).empty
    assert told_apart(Findings(tutorial())) == ""
