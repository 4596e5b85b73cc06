"""Trials that are the same computation are one configuration, and the report says so."""

from pathlib import Path
from typing import Any

from sampled_results import TUNING, sample

from sweep.experiment.stored import recalled
from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.cautions import cautions
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.runner_up import duels
from sweep.results.results import Results

STATES: dict[str, Any] = TUNING | {
    "search": {"stateful": {"choices": [True, False]}, "timesteps": {"choices": [1, "full"]}},
    "study": {"sampler": "grid", "seeds": 10},
    "answer": {"best": True},
}


def _with_scores(scores: dict[str, float]) -> Results:
    """Of the four trials those with these timesteps have this recall accuracy."""
    results = sample(Path("results/states"), STATES)
    for timesteps, recall in scores.items():
        trials = results.trials["trial"][results.trials["timesteps"].astype(str) == timesteps]
        for frame in (results.trials, results.replicates):
            frame.loc[frame["trial"].isin(trials), "recall_accuracy"] = recall
    return results


def _full(results: Results) -> list[int]:
    return sorted(results.trials["trial"][results.trials["timesteps"].astype(str) == "full"].astype(int))


def test_a_report_says_which_trials_are_the_same_computation():
    results = _with_scores({"full": 1.0, "1": 0.5})
    one, other = _full(results)
    said = [caution for caution in cautions(Findings(results)) if "same computation" in caution]
    assert said == [
        f"Trials {one} and {other} are the same computation: stateful has no effect where a sequence is one window. "
        "They are one configuration that was trained more than once, from the same seeds."
    ]


def test_the_next_best_is_another_computation():
    results = _with_scores({"full": 1.0, "1": 0.5})
    (duel,) = duels(Findings(results)).values()
    assert int(duel.choice.trial["trial"]) in _full(results)
    assert duel.runner_up not in _full(results)


def test_the_same_score_of_the_same_computation_is_no_tie():
    assert not any("very same score" in text for text in answer(Findings(_with_scores({"full": 1, "1": 0.5}))).details)
    (tied,) = [text for text in answer(Findings(_with_scores({"full": 0.5, "1": 1}))).details if "very same" in text]
    assert tied.startswith("1 other trial has the very same score")


def test_a_stored_experiment_may_search_in_vain():
    raw = STATES | {"training": {"timesteps": "full"}, "search": {"stateful": {"choices": [True, False]}}}
    results = sample(Path("results/vain"), raw)
    assert recalled(raw).search == results.experiment.search
    assert any("Trials 0 and 1 are the same computation" in caution for caution in cautions(Findings(results)))
