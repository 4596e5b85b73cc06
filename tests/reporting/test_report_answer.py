"""The answer and the cautions: counted from the data, and honest about what is missing."""

from dataclasses import replace

import numpy as np
from sampled_results import (
    TUNING,
    TUTORIAL,
    UNSEEN,
    all_failed,
    confirmed,
    empty,
    sample,
    tuning,
    tutorial,
    two_conditions,
    unseen,
)

from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.cautions import cautions
from sweep.reporting.findings.conditions import conditions, criterion
from sweep.reporting.findings.counts import counts
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.tables import ert_interval

DASH = "\N{EN DASH}"


def _any(sentences, *words):
    return any(all(word in sentence for word in words) for sentence in sentences)


def test_the_answer_counts_the_seeds_that_solve_the_task():
    results = tutorial()
    solved = int(results.replicates["solved"].sum())
    trial = results.trials.iloc[0]
    interval = f"{100 * trial['solve_rate_low']:.0f}{DASH}{100 * trial['solve_rate_high']:.0f}%"
    assert answer(Findings(results)).sentence == (
        f"With 20 units and 250 epochs, {solved} of 64 seeds ({100 * solved / 64:.0f}%, "
        f"95% interval {interval}) end with every step right."
    )


def test_none_solved_is_said_with_its_interval():
    sentence = answer(Findings(two_conditions())).sentence
    assert f"none of 16 seeds (95% interval 0{DASH}21%) at sequence_length = 10" in sentence


def test_seeds_that_lose_what_they_had_are_told_apart():
    results = tutorial()
    replicates = results.replicates.copy()
    lost = replicates.index[replicates["epochs_to_solve"].notna()][:8]
    replicates.loc[lost, "solved"] = False
    results = replace(results, replicates=replicates)
    assert "8 more had that at some time and lost it again" in answer(Findings(results)).sentence
    assert _any(cautions(Findings(results)), "comes and goes", "8 of 64 seeds")


def test_a_search_names_its_best_configuration_and_how_it_was_picked():
    found = answer(Findings(tuning()))
    assert "Of 50 complete trials" in found.sentence
    assert "units = " in found.sentence
    assert _any(found.details, "Picked as the best")
    assert _any(cautions(Findings(tuning())), "best of 50 trials", "optimistic")


def test_a_score_that_needs_no_memory_is_not_called_better():
    assert _any(answer(Findings(two_conditions())).details, "In 1 of 2 conditions", "but not at sequence_length = 10")


def test_an_interrupted_run_says_so():
    results = sample(tuning().path, TUNING, limit=12)
    assert answer(Findings(results)).sentence.startswith("So far, with 12 of 50 trials finished: ")
    assert _any(cautions(Findings(results)), "not finished", "38 trials of 50")


def test_without_a_finished_trial_there_is_no_answer():
    assert answer(Findings(empty())).sentence.startswith("There is no answer yet")
    assert answer(Findings(all_failed())).sentence == "There is no answer: of 5 trials, 5 failed."


def test_many_conditions_are_summed_up_by_their_extremes():
    raw = TUTORIAL | {"conditions": {"sequence_length": [4, 5, 6, 7, 8, 9]}, "study": {"seeds": 20}}
    found = answer(Findings(sample(tutorial().path, raw)))
    assert "over 6 conditions" in found.sentence
    assert found.details[0].startswith("In 2 of 6 conditions the final element, the one that needs memory, is")
    assert len(found.details) == 2
    assert "taken for `rate = true`" in found.details[1]


def test_recall_is_above_what_needs_no_memory_only_where_its_interval_is():
    few, many = (answer(Findings(sample(tutorial().path, TUTORIAL | {"study": {"seeds": n}}))) for n in (5, 64))
    assert _any(few.details, "(95% interval", "not told from the 50% that a predictor without memory can reach")
    assert _any(many.details, "(95% interval", "above the 50% that a predictor without memory can reach")
    never = TUTORIAL | {"task": {"name": "increasing", "sequence_length": 30}, "study": {"seeds": 64}}
    assert _any(answer(Findings(sample(tutorial().path, never))).details, "below the 50% that a predictor without")


def test_each_detail_is_told_once():
    details = answer(Findings(tuning())).details
    assert _any(details, "likely to do worse from other seeds")
    assert len(set(details)) == len(details)


def test_where_all_conditions_are_solved_alike_the_answer_says_it_once_and_then_how_soon():
    raw = TUTORIAL | {"conditions": {"sequence_length": [4, 5, 6, 7, 8, 9]}, "study": {"seeds": 5}}
    results = sample(tutorial().path, raw)
    trials = results.trials.assign(solve_rate=1.0, solve_rate_low=0.478, solve_rate_high=1.0)
    epochs = {0: [30, 35, 40, 45, 50], 1: [20, 25, 30, 35, 40], 2: [90, 95, 99, 97, 93], 3: [200, 210, 220, 230, 240]}
    times = {number: 2.0 * np.array(epochs.get(number, [50, 60, 70, 80, 90])) for number in range(6)}
    for number, sequences in times.items():
        results.replicates.loc[results.replicates["trial"] == number, "sequences_to_solve"] = sequences
    trials = trials.assign(ert_sequences=[times[number].mean() for number in range(6)])
    found = answer(Findings(replace(results, trials=trials)))
    assert found.sentence == (
        f"The task is solved by 5 of 5 seeds (100%, 95% interval 48{DASH}100%) in each of 6 conditions."
    )
    assert found.details[1] == (
        "To solve it once costs between 60 (95% interval 40 to 471) at sequence_length = 5 and 440 (95% interval 401 "
        "to 852) at sequence_length = 7 training sequences on average (ERT)."
    )


def test_a_condition_without_a_complete_trial_is_named():
    raw = TUNING | {"conditions": {"sequence_length": [5, 6]}, "study": {"trials": 12, "seeds": 3}}
    results = sample(tuning().path, raw, limit=1)
    assert "There is no complete trial at sequence_length = 6." in answer(Findings(results)).details


def test_trials_that_the_objective_cannot_tell_from_the_best_are_counted():
    results = tuning(study={"trials": 6, "seeds": 2})
    trials = results.trials.assign(recall_accuracy=[0.5, 1.0, 1.0, 0.0, 1.0, 0.5])
    found = answer(Findings(replace(results, trials=trials)))
    assert "(highest recall accuracy)" in found.sentence
    assert _any(found.details, "2 other trials have the very same score")
    alone = results.trials.assign(recall_accuracy=[0.5, 1.0, 0.9, 0.0, 0.2, 0.5])
    assert not _any(answer(Findings(replace(results, trials=alone))).details, "very same score")


def test_of_several_objectives_the_whole_pareto_front_is_counted():
    results = tuning(study={"trials": 4, "seeds": 2, "objective": ["solve_rate", "-parameters"]})
    trials = results.trials.assign(solve_rate=[1.0, 0.5, 0.5, 0.0], parameters=[40, 20, 30, 10])
    found = answer(Findings(replace(results, trials=trials)))
    assert "number 0 ranks first (highest solve rate and fewest weights)" in found.sentence
    assert _any(found.details, "2 other trials do as well as it")


def test_the_same_warning_is_not_repeated_for_every_condition():
    raw = TUTORIAL | {"conditions": {"keys": [2, 3, 4, 5, 6]}, "study": {"seeds": 4}}
    results = sample(tutorial().path, raw)
    replicates = results.replicates.assign(solved=[True, False, True, False] * 5, epochs_to_solve=249.0)
    said = [
        sentence for sentence in cautions(Findings(replace(results, replicates=replicates))) if "budget" in sentence
    ]
    assert len(said) == 3
    assert _any(cautions(Findings(replace(results, replicates=replicates))), "The same holds for 2 other conditions")


def test_learning_by_heart_and_few_seeds_are_cautioned_against():
    said = cautions(Findings(tuning()))
    assert _any(said, "tested on the very sequences")
    assert _any(said, "With 10 seeds", f"69{DASH}100%")
    assert not _any(cautions(Findings(tutorial())), "With 64 seeds")


def test_held_out_sequences_are_not_said_to_be_learnt_by_heart():
    said = cautions(Findings(unseen()))
    assert not _any(said, "tested on the very sequences")
    assert _any(said, "it is 100 fresh sequences")
    assert not _any(cautions(Findings(tutorial())), "fresh sequences")
    fixed = {"name": "random", "sequence_length": 5, "train_sequences": 50}
    assert not _any(cautions(Findings(sample(tutorial().path, UNSEEN | {"task": fixed}))), "fresh sequences")


def test_seeds_that_are_trained_until_they_solve_the_task_are_given_up_after_so_many_sequences():
    results = unseen()
    unsolved = int((~results.replicates["solved"]).sum())
    assert 0 < unsolved < 20
    assert _any(
        answer(Findings(results)).details, f"Not solved within 25,000 training sequences: {unsolved} of 20 seeds."
    )
    assert _any(cautions(Findings(results)), f"Not solved within 25,000 training sequences: {unsolved} of 20 seeds.")
    raw = UNSEEN | {"training": {"epochs": 250}}
    assert not _any(cautions(Findings(sample(results.path, raw))), "within 25,000")


def test_a_seed_whose_loss_diverged_is_not_counted_among_those_given_up():
    results = unseen()
    replicates = results.replicates.copy()
    lost = replicates.index[~replicates["solved"].astype(bool)]
    replicates.loc[lost[0], "diverged"] = True
    said = cautions(Findings(replace(results, replicates=replicates)))
    assert _any(said, f"training sequences: {len(lost) - 1} of 20 seeds")


def test_where_right_answers_do_not_suffice_the_answer_speaks_of_the_task():
    strict = {"name": "increasing", "sequence_length": 5, "max_error": 0.25}
    results = sample(tutorial().path, TUTORIAL | {"task": strict})
    assert answer(Findings(results)).sentence.endswith("end with the task solved.")
    assert criterion(conditions(results)).endswith("right, with no output there further than 0.25 from its target.")


def test_the_criterion_names_its_fresh_sequences():
    raw = UNSEEN | {"task": {"name": "marked"}, "study": {"seeds": 2}}
    said = criterion(conditions(sample(tutorial().path, raw, limit=0)))
    assert "further than 0.2 from its target, and the same on 10,000 fresh sequences." in said


def test_a_task_that_needs_no_memory_is_cautioned_against():
    easy = {"name": "explicit", "sequences": [["a", "b", "c"], ["c", "b", "c"]]}
    said = cautions(Findings(sample(tutorial().path, TUTORIAL | {"task": easy, "study": {"seeds": 2}})))
    assert _any(said, "can be told without any memory")


def test_late_successes_say_that_the_budget_may_be_too_short():
    results = tutorial()
    assert _any(cautions(Findings(results)), "budget may be too short", "last fifth of the 250 epochs")
    early = results.replicates.assign(epochs_to_solve=np.minimum(results.replicates["epochs_to_solve"], 100))
    assert not _any(cautions(Findings(replace(results, replicates=early))), "budget")


def test_a_best_trial_at_the_end_of_a_range_is_pointed_out():
    results = tuning(study={"trials": 5, "seeds": 2})
    trials = results.trials.assign(units=64)
    assert _any(cautions(Findings(replace(results, trials=trials))), "end of a searched range", "units at 64")


def test_failed_pruned_and_diverged_are_counted_apart():
    states = ["complete", "failed", "pruned", "complete", "failed"]
    raw = TUNING | {"study": {"trials": 5, "seeds": 2}}
    results = sample(tuning().path, raw, state=lambda trial: states[trial])
    replicates = results.replicates.copy()
    replicates.loc[0, "diverged"] = True
    results = replace(results, replicates=replicates)
    tally = counts(Findings(results))
    assert (tally.complete, tally.pruned, tally.failed, tally.diverged) == (2, 1, 2, 1)
    assert not tally.interrupted
    said = cautions(Findings(results))
    assert _any(said, "2 of 5 trials failed")
    assert _any(said, "1 of 5 trials ended early")
    assert _any(said, "1 of 6 replicates")


def _confirmed_with(recall: dict[int, float]):
    """A search in which trial 1 comes before trial 2, confirmed on ten seeds each with these recall accuracies."""
    results = tuning(study={"trials": 3, "seeds": 10})
    results.trials["recall_accuracy"] = [0.1, 1.0, 0.9]
    again = confirmed(results, sorted(recall))
    for trial, score in recall.items():
        row = (again.trials["phase"] == "confirm") & (again.trials["trial"] == trial)
        again.trials.loc[row, "recall_accuracy"] = score
    return again


def test_the_choice_among_the_confirmed_is_called_a_second_one_and_the_first_is_named_beside_it():
    again = _confirmed_with({1: 0.4, 2: 0.8})
    found = answer(Findings(again))
    assert "number 2 ranks first" in found.sentence
    assert _any(found.details, "The best of 2 was chosen by these same scores: a second choice")
    own = again.replicates[(again.replicates["phase"] == "confirm") & (again.replicates["trial"] == 1)]
    solved = int(own["solved"].sum())
    assert _any(found.details, f"The search's own first choice, number 1, came to {solved or 'none'} of 10 seeds")


def test_where_both_choices_are_the_same_it_says_so():
    found = answer(Findings(_confirmed_with({1: 0.8, 2: 0.4})))
    assert _any(found.details, "It was the search's first choice too.")


def test_one_confirmed_configuration_is_no_second_choice():
    found = answer(Findings(_confirmed_with({1: 0.8})))
    assert _any(found.details, "These are the confirmed scores")
    assert not _any(found.details, "second choice")


def test_where_no_seed_solved_it_the_answer_says_what_a_success_costs_at_least():
    found = answer(Findings(tutorial(study={"seeds": 10}, task=TUTORIAL["task"] | {"sequence_length": 10})))
    least = 500 * (1 / (1 - 0.05**0.1) - 1)
    assert _any(found.details, f"costs more than {least:,.0f} training sequences on average (ERT): no seed got there")


def test_the_ert_of_some_successes_has_its_interval():
    trial = Findings(tutorial()).search.best[0]
    low, high = ert_interval(Findings(tutorial()), trial, tutorial().replicates)
    said = f"costs {trial['ert_sequences']:,.0f} (95% interval {low:,.0f} to {high:,.0f}) training sequences"
    assert _any(answer(Findings(tutorial())).details, said)
