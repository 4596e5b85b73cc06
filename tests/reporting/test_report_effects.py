"""The figure and the table of what each value does, against the seeds they are made from."""

import numpy as np
import pytest
from asked_results import told

from sweep.reporting.figures.effects import section
from sweep.reporting.findings.effects import effects_table
from sweep.reporting.findings.findings import Findings
from sweep.reporting.page import content
from sweep.stats import binomial_interval

GRID = {
    "question": "Which?",
    "task": {"name": "increasing"},
    "conditions": {"keys": [2, 4]},
    "training": {"epochs": 60},
    "search": {"batch_size": {"choices": [1, 2]}, "cell": {"choices": ["lstm", "gru"]}},
    "study": {"sampler": "grid", "seeds": 20},
    "answer": {"compare": ["batch_size", "cell"]},
}


def solved(keys: int, batch_size: int, cell: str) -> list[int]:
    count = {(1, "lstm"): 20, (1, "gru"): 10, (2, "lstm"): 4, (2, "gru"): 2}[batch_size, cell] if keys == 2 else 5
    return [1] * count + [0] * (20 - count)


def test_a_value_is_the_mean_over_the_seeds_of_trials_that_agree_in_all_else() -> None:
    found = section(Findings(told(GRID, solved)))
    by_name = {drawing.name: drawing.data for drawing in found.figures}
    assert list(by_name) == ["effect-batch-size", "effect-batch-size-updates", "effect-cell"]
    rows = by_name["effect-cell"]
    assert rows["solve_rate"].tolist() == [0.6, 0.3, 0.25, 0.25]  # lstm and gru: 24 and 12 of 40, then 10 of 40 twice
    assert rows["trials"].tolist() == [2] * 4
    assert (rows["solve_rate_low"] <= rows["solve_rate"]).all()
    assert (rows["solve_rate"] <= rows["solve_rate_high"]).all()


def test_of_a_single_trial_a_rate_has_its_exact_interval() -> None:
    raw = GRID | {"search": {"cell": {"choices": ["lstm", "gru"]}}, "answer": {"compare": "cell"}, "conditions": {}}
    results = told(raw, lambda cell: [1] * 15 + [0] * 5 if cell == "lstm" else [0] * 20)
    (drawing,) = section(Findings(results)).figures
    low, high = binomial_interval(15, 20)
    assert drawing.data["solve_rate_low"][0] == pytest.approx(low)
    assert drawing.data["solve_rate_high"][0] == pytest.approx(high)


def test_a_parameter_that_changes_the_updates_is_shown_against_them() -> None:
    results = told(GRID, solved)
    (drawing,) = [d for d in section(Findings(results)).figures if d.name == "effect-batch-size-updates"]
    for _, row in drawing.data.iterrows():
        trial = results.trials[results.trials["trial"] == row["trial"]].iloc[0]
        assert row["updates"] == trial["updates"] / trial["seeds"]
        assert row["solve_rate"] == trial["solve_rate"]


def test_the_table_has_the_difference_of_b_from_a_with_its_verdict() -> None:
    table = effects_table(Findings(told(GRID, solved)))
    row = table[(table["parameter"] == "batch_size") & (table["keys"] == 2)].iloc[0]
    assert (row["a"], row["b"], row["solve rate of a"], row["solve rate of b"]) == ("1", "2", "75%", "15%")
    assert row["difference_points"] == pytest.approx(-60)
    assert row["difference_points_low"] < -60 < row["difference_points_high"] < 0
    assert row["verdict on b"] == "worse"
    same = table[(table["parameter"] == "cell") & (table["keys"] == 4)].iloc[0]
    assert (same["difference_points"], same["verdict on b"]) == (0, "inconclusive")


def test_the_page_begins_with_them_and_advises_no_configuration_that_nobody_asked_for() -> None:
    shown = content(told(GRID, solved)).shown
    assert [drawing.name for drawing in shown["lead"].figures] == ["effect-batch-size", "effect-cell"]
    assert shown["lead"].name == "effects"
    assert shown["choice"] == []
    assert not np.intersect1d(
        [d.name for d in shown["lead"].figures], [d.name for s in shown["sections"] for d in s.figures]
    ).size
    best = content(told(GRID | {"answer": {"best": True}}, solved)).shown
    assert best["choice"]
    assert best["lead"].name == "choice"


def test_what_is_the_same_in_every_row_is_said_once() -> None:
    shown = content(told(GRID | {"answer": {"best": True}}, solved)).shown
    assert "chance 20%" not in shown["accuracy_constants"]  # it differs: more keys, more symbols
    assert "seeds 20" in shown["accuracy_constants"]
    assert "seeds" not in [column.heading for column in shown["accuracy"]]
