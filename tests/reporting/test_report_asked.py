"""The answer to what was asked, against what a reader works out from the same numbers by hand."""

import json

import pytest
from asked_results import told

from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.answer_rows import answer_rows
from sweep.reporting.findings.findings import Findings

SHUFFLE = {
    "question": "Does a new order help?",
    "task": {"name": "increasing"},
    "conditions": {"keys": [2, 3]},
    "training": {"epochs": 60},
    "search": {"shuffle": {"choices": [False, True]}},
    "study": {"sampler": "grid", "seeds": 20},
    "answer": {"compare": "shuffle"},
}
UNITS = {
    "question": "What is the smallest number of units?",
    "task": {"name": "increasing"},
    "conditions": {"sequence_length": [5, 6]},
    "training": {"epochs": 60},
    "search": {"units": {"choices": [1, 2, 4, 8]}},
    "study": {"sampler": "grid", "seeds": 40},
    "answer": {"smallest": "units", "where": "solve_rate >= 0.9"},
}


def _first(count: int, of: int, at: int = 1) -> list[int]:
    return [at] * count + [0] * (of - count)


def _rows(results):
    found = answer_rows(Findings(results))
    json.dumps(found, allow_nan=False)
    return found


def test_two_values_are_compared_under_each_condition():
    results = told(SHUFFLE, lambda keys, shuffle: _first({(2, False): 18, (2, True): 6}.get((keys, shuffle), 3), 20))
    found = _rows(results)
    rows = [row for row in found["rows"] if row["metric"] == "solve_rate"]
    assert (found["kind"], found["metric"], found["taken_for"]) == ("compare", "solve_rate", None)
    assert [row["condition"] for row in rows] == [{"keys": 2}, {"keys": 3}]
    assert [(row["a"], row["b"], row["value_a"], row["value_b"]) for row in rows] == [
        (False, True, 0.9, 0.3),
        (False, True, 0.15, 0.15),
    ]
    assert [row["verdict"] for row in rows] == ["better", "inconclusive"]
    assert rows[0]["difference"] == pytest.approx(0.6)
    # 12 seeds of which all point one way: McNemar's exact 2 / 2^12, twice for two rows.
    assert rows[0]["p_value"] == pytest.approx(2 * 2 / 2**12)
    sentence = found["sentence"]
    assert (
        "shuffle = true does worse than shuffle = false at keys = 2: solve rate 30% against 90%, -60 points" in sentence
    )
    assert "not told apart at keys = 3: solve rate 15% against 15%, 0 points" in sentence


def test_where_the_second_metric_says_otherwise_the_sentence_says_so():
    # With shuffling fewer seeds end solved, and all came to a first success sooner: as in the published record.
    results = told(SHUFFLE, lambda keys, shuffle: _first(6 if shuffle else 18, 20))
    replicates = results.replicates
    sooner = replicates["trial"].isin(results.trials["trial"][results.trials["shuffle"].astype(bool)])
    replicates["sequences_to_solve"] = [
        4.0 if early else 30.0 + seed for early, seed in zip(sooner, replicates["seed"], strict=True)
    ]
    sentence = answer(Findings(results)).sentence
    assert "shuffle = true does worse than shuffle = false" in sentence
    assert "by sequences to solve it is the other way round: sooner with shuffle = true than false" in sentence


def test_several_values_stand_in_their_order():
    raw = SHUFFLE | {"search": {"gate_bias": {"choices": ["zeros", "unit_forget", "chrono"]}}, "conditions": {}}
    counts = {"zeros": 0, "unit_forget": 1, "chrono": 20}
    results = told(raw | {"answer": {"compare": "gate_bias"}}, lambda gate_bias: _first(counts[gate_bias], 20))
    sentence = answer(Findings(results)).sentence
    assert "solve rate with gate_bias = chrono 100%, unit_forget 5%, zeros 0%" in sentence
    assert "told apart: chrono above zeros (by 100 points" in sentence
    assert "unit_forget above" not in sentence


def test_an_effect_that_hangs_on_another_parameter_is_told():
    raw = SHUFFLE | {
        "conditions": {},
        "search": {"gate_bias": {"choices": ["zeros", "chrono"]}, "cell": {"choices": ["lstm", "gru"]}},
        "answer": {"compare": ["gate_bias", "cell"]},
    }

    def solved(gate_bias, cell):
        return _first({("zeros", "lstm"): 2, ("chrono", "lstm"): 16}.get((gate_bias, cell), 4), 20)

    found = _rows(told(raw, solved))
    (interaction,) = found["interactions"]
    assert interaction["told"]
    # zeros - chrono beside lstm and beside gru
    assert (interaction["at_first"], interaction["at_second"]) == (pytest.approx(-0.7), pytest.approx(0.0))
    assert (
        "what gate_bias does hangs on cell: chrono against zeros comes to +70 points with cell = lstm"
        in found["sentence"]
    )


def test_within_a_parameter_each_of_its_values_is_answered_for():
    raw = SHUFFLE | {
        "conditions": {},
        "search": {"shuffle": {"choices": [False, True]}, "cell": {"choices": ["lstm", "gru"]}},
        "answer": {"compare": "shuffle", "within": "cell"},
    }
    results = told(raw, lambda shuffle, cell: _first(16 if shuffle and cell == "gru" else 4, 20))
    rows = [row for row in _rows(results)["rows"] if row["metric"] == "solve_rate"]
    assert [(row["condition"], row["verdict"]) for row in rows] == [
        ({"cell": "lstm"}, "inconclusive"),
        ({"cell": "gru"}, "worse"),
    ]


def test_so_few_seeds_that_nothing_can_be_told_are_said_to_be():
    raw = SHUFFLE | {"study": {"sampler": "grid", "seeds": 5}}
    sentence = answer(Findings(told(raw, lambda keys, shuffle: _first(5 if shuffle else 0, 5)))).sentence
    assert "nothing is told: 5 seeds can tell no difference among 2 comparisons" in sentence
    # one row needs six pairs that point one way for p < 0.05, two rows (Holm) seven: 2 * 2 / 2^7
    assert "it takes 7 that all point one way" in sentence


def test_the_smallest_value_is_by_the_figures_and_certain_by_the_intervals():
    solved = {1: 4, 2: 37, 4: 40, 8: 40}
    results = told(UNITS, lambda sequence_length, units: _first(solved[units] if sequence_length == 5 else 0, 40))
    first, second = _rows(results)["rows"]
    # exact intervals: 4 of 40 is below 24%, 37 of 40 is 80 to 98%, 40 of 40 is above 91%
    assert (first["condition"], first["value"]) == ({"sequence_length": 5}, 2)
    assert (first["fails"], first["open"], first["meets"]) == ([1], [2], [4, 8])
    assert not first["certain"]
    assert first["monotone"]
    assert (second["value"], second["fails"], second["certain"]) == (None, [1, 2, 4, 8], True)
    sentence = answer(Findings(results)).sentence
    assert "at sequence_length = 5, units = 2 is the smallest with a solve rate of at least 90%" in sentence
    assert "2 is open, 1 fails and 4 and 8 meet it, so that it may lie anywhere from 2 to 4" in sentence
    assert "at sequence_length = 6, no units that was measured has a solve rate of at least 90%" in sentence


def test_the_largest_condition_is_asked_for_from_the_other_end():
    raw = UNITS | {
        "conditions": {"sequence_length": [5, 6, 7]},
        "search": {"units": {"choices": [1, 2]}},
        "answer": {"largest": "sequence_length", "where": "solve_rate >= 0.9", "within": "units"},
    }
    results = told(raw, lambda sequence_length, units: _first(40 if sequence_length <= 4 + units else 0, 40))
    rows = _rows(results)["rows"]
    assert [(row["condition"], row["value"], row["certain"]) for row in rows] == [
        ({"units": 1}, 5, True),
        ({"units": 2}, 6, True),
    ]


def test_ten_seeds_can_never_be_certain_of_nine_in_ten_and_that_is_said_kindly():
    raw = UNITS | {"study": {"sampler": "grid", "seeds": 10}}
    found = answer(Findings(told(raw, lambda sequence_length, units: _first(10 if units > 1 else 0, 10))))
    assert any("that takes 36 of 36" in detail for detail in found.details)
    assert "36" not in found.sentence


def test_a_rate_that_falls_again_is_no_threshold():
    solved = {1: 0, 2: 40, 4: 0, 8: 40}
    results = told(UNITS, lambda sequence_length, units: _first(solved[units], 40))
    row = _rows(results)["rows"][0]
    assert (row["value"], row["certain"], row["monotone"]) == (2, True, False)
    assert any("no threshold: a larger one, 4" in detail for detail in answer(Findings(results)).details)


def test_times_are_bounded_by_their_median():
    raw = UNITS | {"answer": {"smallest": "units", "where": "sequences_to_solve <= 20"}, "conditions": {}}
    at = {1: 0, 2: 30, 4: 15, 8: 5}
    found = _rows(told(raw, lambda units: [at[units]] * 40, times=True))
    row = found["rows"][0]
    assert (row["value"], row["meets"], row["fails"], row["certain"]) == (4, [4, 8], [1, 2], True)
    assert "with a median of sequences to solve of at most 20" in found["sentence"]


def test_best_and_rate_have_their_rows():
    raw = SHUFFLE | {"conditions": {}, "answer": {"best": True, "metric": "solve_rate"}}
    found = _rows(told(raw, lambda shuffle: _first(16 if shuffle else 4, 20)))
    (row,) = found["rows"]
    assert (found["kind"], row["parameters"], row["value"]) == ("best", {"shuffle": True}, 0.8)
    assert row["low"] == pytest.approx(0.5634, abs=1e-4)
    raw = {key: value for key, value in SHUFFLE.items() if key not in ("search", "answer")} | {"study": {"seeds": 20}}
    found = _rows(told(raw, lambda keys: _first(8 if keys == 2 else 0, 20)))
    assert [(row["condition"], row["solved"], row["seeds"], row["value"]) for row in found["rows"]] == [
        ({"keys": 2}, 8, 20, 0.4),
        ({"keys": 3}, 0, 20, 0.0),
    ]
    assert found["taken_for"] == "rate = true"
    assert any(
        "taken for `rate = true`" in detail
        for detail in answer(Findings(told(raw, lambda keys: _first(8, 20)))).details
    )


def test_the_best_of_several_conditions_is_named_with_what_it_is():
    raw = SHUFFLE | {"answer": {"best": True, "metric": "solve_rate"}}
    sentence = answer(
        Findings(told(raw, lambda keys, shuffle: _first(16 if shuffle == (keys == 2) else 4, 20)))
    ).sentence
    assert "at keys = 2 (shuffle = true)" in sentence
    assert "at keys = 3 (shuffle = false)" in sentence
    sentence = answer(Findings(told(raw, lambda keys, shuffle: _first(16 if shuffle else 4, 20)))).sentence
    assert sentence.startswith("With shuffle = true, the best in each condition, the task is solved by 16 of 20 seeds")
    assert "(shuffle" not in sentence


def test_few_seeds_without_a_difference_are_said_to_show_none():
    raw = SHUFFLE | {"study": {"sampler": "grid", "seeds": 4}}
    sentence = answer(Findings(told(raw, lambda keys, shuffle: _first(2, 4)))).sentence
    assert sentence.endswith("as measured, there is none.")
