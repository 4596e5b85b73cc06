"""Importances are about the outcome: ties have none, chance has a band, and the number of updates is named."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sampled_results import TUNING, sample, tuning

from sweep.reporting.figures.search import importance_figure, section
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.importances import importances

SEARCH = {
    "units": {"choices": [8, 16, 32]},
    "learning_rate": {"low": 1e-3, "high": 1e-1, "log": True},
    "batch_size": {"choices": [1, 2]},
    "shuffle": {"choices": [True, False]},
}


def drawn_at_random(trials: int) -> Findings:
    study = {"sampler": "random", "trials": trials, "seeds": 2}
    return Findings(sample(Path("results/random"), TUNING | {"search": SEARCH, "study": study}))


def rated(findings: Findings, recall: Any) -> pd.DataFrame:
    return findings.search.trials.assign(recall_accuracy=recall)


def test_where_more_than_a_quarter_tie_where_the_best_end_there_are_none_and_it_says_why():
    """As 380 of 500 random configurations of the long task do, at the 50% of guessing."""
    findings = drawn_at_random(100)
    recall = np.r_[np.full(4, 1.0), np.full(76, 0.5), np.full(20, 0.25)]
    found = importances(findings, rated(findings, recall))
    assert found.of == {}
    assert found.why_not == (
        "76 of 100 trials tie at the recall accuracy at which the best 10 end (50%), so that nothing tells which are "
        "the best"
    )


def test_up_to_a_quarter_may_tie_and_are_among_the_best_together():
    findings = drawn_at_random(100)
    recall = np.r_[np.full(4, 1.0), np.full(25, 0.5), np.linspace(0, 0.4, 71)]
    found = importances(findings, rated(findings, recall))
    assert found.best == 29
    other_ranks = importances(findings, rated(findings, recall**3 - 7))  # the same order, ties shared as before
    assert other_ranks == found
    recall[29] = 0.5
    assert importances(findings, rated(findings, recall)).of == {}


def test_what_decides_is_told_and_what_does_not_is_not():
    findings = drawn_at_random(200)
    rate = np.log(findings.search.trials["learning_rate"].astype(float))
    found = importances(findings, rated(findings, (rate + 10) / 20))
    assert [name for name, each in found.of.items() if each.told] == ["learning_rate"]
    assert found.of["learning_rate"].share > 0.9
    assert sum(each.share for each in found.of.values()) == pytest.approx(1)


@pytest.mark.slow
def test_where_no_parameter_matters_all_bars_are_not_told_in_95_of_100_searches():
    findings, searches = drawn_at_random(100), 150
    generator = np.random.default_rng(3)
    told = []
    for _ in range(searches):
        found = importances(findings, rated(findings, generator.permutation(100) / 100))
        told.append([found.of[name].told for name in SEARCH])
    assert np.mean(told, axis=0).max() <= 0.05
    any_told = int(np.any(told, axis=1).sum())
    assert 0 < any_told <= 14  # with a chance of 5% of any, more than 14 of 150 come once in 100 such tests


def test_parameters_that_change_the_number_of_updates_say_so():
    found = importances(Findings(tuning()), Findings(tuning()).search.trials.assign(recall_accuracy=np.arange(50) / 50))
    assert {name for name, each in found.of.items() if each.changes_updates} == {"batch_size", "epochs"}
    caption = importance_figure(found, Findings(tuning()).conditions[0]).caption
    assert "also change the number of updates" in caption


def test_the_order_changes_the_updates_only_of_sequences_of_unequal_lengths():
    unequal = {
        "name": "explicit",
        "sequences": [["C", "a", "C"], ["D", "a", "b", "D"], ["E", "a", "E"], ["F", "a", "b", "F"]],
    }
    search = {"shuffle": {"choices": [True, False]}, "units": {"low": 1, "high": 20}, "lags": {"choices": [1, 2]}}
    raw = TUNING | {"task": unequal, "search": search, "training": {"batch_size": 2}}
    findings = Findings(sample(Path("results/unequal"), raw))
    found = importances(findings, rated(findings, np.arange(50) / 50))
    assert {name for name, each in found.of.items() if each.changes_updates} == {"shuffle"}


def test_the_figure_has_the_band_and_names_what_is_not_told():
    findings = Findings(tuning())
    rate = np.log(findings.search.trials["learning_rate"].astype(float))
    drawing = importance_figure(importances(findings, rated(findings, rate)), findings.conditions[0])
    table = drawing.data.set_index("parameter")
    assert table.index[0] == "learning_rate"
    assert list(table["told_from_chance"]) == [True] + [False] * 4
    assert (table["by_chance"] > 0).all()
    assert "not told from chance" in drawing.svg
    assert "Not told from chance: " in drawing.caption


def test_a_page_says_why_there_are_no_importances():
    findings = Findings(tuning())
    for frame in (findings.results.trials, findings.results.replicates):
        frame["recall_accuracy"] = 0.5
    (note,) = section(Findings(findings.results)).notes
    assert note == "No importances: every trial has the same recall accuracy."


@pytest.mark.slow
def test_importances_of_500_trials_take_less_than_two_seconds():
    findings = drawn_at_random(500)
    trials = rated(findings, np.random.default_rng(0).random(500))
    started = time.process_time()
    assert importances(findings, trials).of
    assert time.process_time() - started < 2
