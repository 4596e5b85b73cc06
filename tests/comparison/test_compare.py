"""Comparisons: the numbers by hand, and verdicts that are neither rash nor blind."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Result
from log_rank import log_rank_test
from sampled_results import TUNING, TUTORIAL, by_cell, confirmed, sample, tuning, tutorial

from sweep import stats
from sweep.comparison.compare import Arm, Comparison, Pair, compare
from sweep.comparison.replicate_sets import Side, pairs_by, pairs_of
from sweep.errors import SweepError
from sweep.reporting.findings.compared import comparison_table, reading
from sweep.results.results import Results
from sweep.results.store import Store

DEFAULTS = ("solve_rate", "recall_accuracy", "sequences_to_solve")


def arm(times: list[float], budget: float = 100.0, first_seed: int = 0) -> Arm:
    """Replicates that solve the task at `times` and keep it, or never within the budget."""
    at = np.array(times, float)
    solved = at <= budget
    table = {
        "seed": np.arange(len(at)) + first_seed,
        "solved": solved,
        "recall_accuracy": np.where(solved, 1.0, 0.5),
        "sequences_to_solve": np.where(solved, at, np.nan),
        "solved_with_margin": pd.array(solved, dtype="boolean"),
    }
    return Arm(0, pd.DataFrame(table), budget)


def pair(a: Arm, b: Arm) -> Pair:
    return Pair({}, "a", "b", (a,), (b,))


def only(a: Arm, b: Arm, metric: str) -> Comparison:
    (row,) = compare([pair(a, b)], [metric])
    return row


NEVER = math.inf


# The numbers


def test_common_seeds_are_compared_pair_by_pair() -> None:
    row = only(arm([10.0] * 9 + [NEVER]), arm([10.0, 10.0, 10.0] + [NEVER] * 7), "solve_rate")
    assert (row.value_a, row.value_b, row.difference) == pytest.approx((0.9, 0.3, 0.6))
    assert (row.paired, row.unit, row.units) == (True, "seed", (10, 10))
    assert row.p_value == pytest.approx(2 / 2**6)  # six seeds that a alone solves, none that b alone does
    assert (row.low, row.high) == pytest.approx(stats.paired_rate_difference_interval(6, 0, 10))
    assert row.verdict == "better"
    assert (row.seeds_to_settle_low, row.seeds_to_settle_high) == (None, None)


def test_separate_seeds_are_compared_group_by_group() -> None:
    row = only(arm([10.0] * 9 + [NEVER]), arm([10.0] * 3 + [NEVER] * 7, first_seed=50), "solve_rate")
    assert not row.paired
    assert row.p_value == pytest.approx(stats.rate_test(9, 10, 3, 10))
    assert (row.low, row.high) == pytest.approx((0.1700, 0.8406), abs=5e-5)  # Newcombe 1998
    assert row.improvement == pytest.approx(0.9 * 0.7 + 0.5 * (0.9 * 0.3 + 0.1 * 0.7))


def test_seeds_in_another_order_are_still_the_same_pairs() -> None:
    a, b = arm([10.0, NEVER, 10.0, 10.0]), arm([10.0, NEVER, NEVER, 10.0])
    shuffled = replace(b, replicates=b.replicates.iloc[[2, 0, 3, 1]])
    row = only(a, replace(shuffled, replicates=shuffled.replicates.sort_values("seed")), "solve_rate")
    assert row.p_value == stats.paired_rate_test(1, 0)


def test_times_are_cut_off_at_the_smaller_budget() -> None:
    slow = arm([150.0, 300.0, NEVER, NEVER], budget=400.0, first_seed=9)
    row = only(arm([20.0, 40.0, 60.0, NEVER], budget=200.0), slow, "sequences_to_solve")
    assert row.value_a == pytest.approx((20 + 40 + 60 + 200) / 4)
    assert row.value_b == pytest.approx((150 + 200 + 200 + 200) / 4)
    expected = log_rank_test(
        [20.0, 40.0, 60.0, 200.0], [True, True, True, False], [150.0, 200.0, 200.0, 200.0], [True, False, False, False]
    )
    assert row.p_value == pytest.approx(expected)


def test_what_was_solved_but_not_kept_counts_as_never_kept_within_what_was_trained() -> None:
    kept, lost = arm([10.0] * 8), arm([10.0] * 8)
    kept.replicates["sequences_to_keep"] = 30.0
    lost.replicates["sequences_to_keep"] = [30.0] + [math.nan] * 7
    row = only(kept, lost, "sequences_to_keep")
    assert (row.value_a, row.value_b, row.verdict) == (30, (30 + 7 * 100) / 8, "better")


@pytest.mark.parametrize(("metric", "worst", "verdict"), [("margin", -0.5, "better"), ("test_loss", 3.0, "better")])
def test_a_replicate_that_diverged_is_as_bad_as_the_worst_and_never_better(
    metric: str, worst: float, verdict: str
) -> None:
    a, b = arm([10.0] * 9), arm([10.0] * 9)
    a.replicates[metric] = [0.5] * 8 + [worst]
    b.replicates[metric] = [math.nan] * 4 + [math.inf] * 4 + [worst]
    row = only(a, b, metric)
    assert (row.value_b, row.difference, row.verdict) == (None, None, verdict)
    assert row.improvement == pytest.approx((8 * 9 + 4.5 + 4.5 - 4.5) / 81)


def test_fewer_sequences_are_better() -> None:
    row = only(arm(list(range(10, 18))), arm(list(range(60, 68))), "sequences_to_solve")
    assert row.difference == -50
    assert (row.verdict, row.improvement) == ("better", 1.0)
    assert only(arm(list(range(60, 68))), arm(list(range(10, 18))), "sequences_to_solve").verdict == "worse"


def test_where_all_replicates_agree_a_share_has_a_bound_and_a_time_has_no_interval() -> None:
    row = only(arm([10.0] * 8), arm([NEVER] * 8), "recall_accuracy")
    differ = 1 - 0.025 ** (1 / 8)
    assert (row.difference, row.verdict) == (0.5, "better")
    assert row.low == pytest.approx(0.5 - math.hypot(differ, 0.5 * differ))  # 1 may be less, and 0.5 more
    assert row.high == pytest.approx(0.5 + 0.5 * differ)  # 1 cannot be more
    row = only(arm([10.0] * 8), arm([20.0] * 8), "sequences_to_solve")
    assert (row.difference, row.low, row.high, row.verdict) == (-10, None, None, "better")


def test_significance_is_corrected_for_all_rows_of_the_table() -> None:
    strong = pair(arm([10.0] * 10), arm([NEVER] * 10))
    weak = pair(arm([10.0] * 6), arm([NEVER] * 6))
    alone = compare([weak], ["solve_rate"])
    among = compare([weak, strong], ["solve_rate"])
    assert alone[0].p_value == pytest.approx(2 / 2**6)
    assert [row.p_value for row in among] == pytest.approx([2 / 2**6, 2 * 2 / 2**10])
    rows = compare([weak] * 3, ["solve_rate"])
    assert [row.verdict for row in rows] == ["inconclusive"] * 3
    assert rows[0].p_value == pytest.approx(3 * 2 / 2**6)


def test_a_configuration_against_itself_shows_no_difference() -> None:
    same = arm([10.0, 20.0, NEVER, 40.0])
    for row in compare([pair(same, same)], DEFAULTS):
        assert (row.difference, row.p_value, row.verdict, row.seeds_to_settle_low) == (0, 1, "inconclusive", None)
        assert row.improvement == 0.5


def test_five_seeds_are_never_enough_and_it_says_how_many_would_be() -> None:
    row = only(arm([10.0] * 5), arm([NEVER] * 5), "solve_rate")
    assert row.verdict == "inconclusive"
    assert row.seeds_to_settle_low is not None
    n = row.seeds_to_settle_low
    assert only(arm([10.0] * n), arm([NEVER] * n), "solve_rate").verdict == "better"


def test_several_matched_configurations_count_once_a_seed() -> None:
    """Copies of the same trial add nothing, as seeds alone tell chance from difference."""
    a, b = arm([10.0] * 5), arm([NEVER] * 5)
    (row,) = compare([Pair({}, "a", "b", (a, a, a), (b, b, b))], ["solve_rate"])
    assert (row.units, row.p_value, row.verdict) == ((5, 5), 2 / 2**5, "inconclusive")


# How often they are wrong


def drawn(generator: np.random.Generator, n: int, rate: float, first_seed: int = 0) -> Arm:
    return arm(np.round(generator.exponential(100 / rate, n), 1).tolist(), first_seed=first_seed)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "other_seeds"), [(10, 0), (6, 100)], ids=["common seeds", "separate seeds"])
@pytest.mark.parametrize(("conditions", "tables"), [(1, 400), (4, 200), (100, 40)], ids=["3 rows", "12", "300"])
def test_equal_configurations_get_a_verdict_in_one_table_of_twenty_at_the_most(
    conditions: int, tables: int, n: int, other_seeds: int
) -> None:
    """Of a table with so many rows, three for each condition, that of all rows together none may be told."""
    generator = np.random.default_rng(7)
    alarms = 0
    for _ in range(tables):
        equal = [pair(drawn(generator, n, 0.8), drawn(generator, n, 0.8, other_seeds)) for _ in range(conditions)]
        alarms += any(row.verdict != "inconclusive" for row in compare(equal, DEFAULTS))
    assert alarms / tables <= 0.05
    assert alarms or conditions > 1  # of three rows it does happen


@pytest.mark.parametrize("other_seeds", [0, 500])
def test_one_true_difference_is_told_among_300_rows(other_seeds: int) -> None:
    """Of 40 seeds that take any time, so that not all permutations can be counted."""
    generator = np.random.default_rng(9)

    def times(mean: float, first_seed: int) -> Arm:
        return arm(np.clip(generator.normal(mean, 10, 40), 1, 100).tolist(), first_seed=first_seed)

    equal = [pair(times(50, 0), times(50, other_seeds)) for _ in range(299)]
    rows = compare([*equal, pair(times(40, 0), times(60, other_seeds))], ["sequences_to_solve"])
    assert [row.verdict for row in rows] == ["inconclusive"] * 299 + ["better"]


@pytest.mark.slow
@pytest.mark.parametrize(("n", "other_seeds"), [(10, 0), (10, 100), (30, 0)])
def test_equal_configurations_are_seldom_told_how_many_seeds_would_settle_it(n: int, other_seeds: int) -> None:
    generator = np.random.default_rng(10)
    rows = [
        only(drawn(generator, n, 0.8), drawn(generator, n, 0.8, other_seeds), "recall_accuracy") for _ in range(400)
    ]
    assert 0 < sum(row.seeds_to_settle_low is not None for row in rows) <= 40


@pytest.mark.slow
def test_a_clear_difference_is_seen_and_never_the_wrong_way_round() -> None:
    generator = np.random.default_rng(8)
    verdicts = [
        row.verdict
        for _ in range(60)
        for row in compare([pair(drawn(generator, 20, 3.0), drawn(generator, 20, 0.4))], DEFAULTS)
    ]
    assert verdicts.count("better") > 0.8 * len(verdicts)
    assert "worse" not in verdicts


# What stands against what


def test_experiments_meet_under_the_conditions_that_both_have() -> None:
    both = sample(tutorial().path, TUNING | {"conditions": {"sequence_length": [4, 5]}, "study": {"trials": 3}})
    pairs, notes = pairs_of(Side("both", both), Side("tutorial", tutorial()))
    assert [p.condition for p in pairs] == [{"sequence_length": 5}]
    assert any("1 of 2 conditions of both are none of the other's" in note for note in notes)
    assert any("both is the best of up to 3 trials, picked by these very seeds" in note for note in notes)
    assert not any(note.startswith("tutorial") for note in notes)


def test_the_confirmed_scores_stand_for_an_experiment_and_for_a_trial() -> None:
    results = confirmed(tuning(study={"trials": 6, "seeds": 10}), [1, 4])
    pairs, notes = pairs_of(Side("x", results), Side("x", results, trial=2))
    (a,), (b,) = pairs[0].a, pairs[0].b
    assert a.confirmed
    assert a.trial in (1, 4)
    assert set(a.replicates["seed"]) == set(range(100, 110))
    assert not b.confirmed
    assert notes == []
    assert pairs_of(Side("x", results, trial=4), Side("x", results, trial=2))[0][0].a[0].confirmed


def test_values_of_a_parameter_meet_where_all_else_is_equal() -> None:
    pairs, notes = pairs_by(by_cell(), "cell")
    assert notes == []
    assert len(pairs) == 3 * 3
    assert [(p.label_a, p.label_b) for p in pairs[:3]] == [
        ("cell = lstm", "cell = gru"), ("cell = lstm", "cell = simple_rnn"), ("cell = gru", "cell = simple_rnn"),
    ]  # fmt: skip
    trials = by_cell().trials.set_index("trial")
    for found in pairs:
        assert found.matched
        assert len(found.a) == len(found.b) == 2
        for of_a, of_b in zip(found.a, found.b, strict=True):
            assert trials.loc[of_a.trial, "units"] == trials.loc[of_b.trial, "units"]
            assert trials.loc[of_a.trial, "sequence_length"] == found.condition["sequence_length"]
            assert f"cell = {trials.loc[of_a.trial, 'cell']}" == found.label_a


def test_where_nothing_matches_trials_are_compared_as_they_were_drawn() -> None:
    pairs, notes = pairs_by(tuning(), "shuffle")
    assert "1 of 1 comparison has no two trials that agree in all else" in notes[0]
    (row,) = compare(pairs, ["recall_accuracy"])
    assert row.unit == "trial"
    assert sum(row.units) == 50
    assert (row.a, row.b) == ("shuffle = true", "shuffle = false")


@pytest.mark.parametrize(
    ("parameter", "fault"),
    [
        ("cells", r'unknown searched parameter "cells"; did you mean "cell"'),
        ("epochs", "unknown searched parameter"),
    ],
)
def test_a_parameter_that_was_not_searched_is_refused(parameter: str, fault: str) -> None:
    with pytest.raises(SweepError, match=fault):
        pairs_by(by_cell(), parameter)


def test_a_parameter_of_many_values_is_refused() -> None:
    with pytest.raises(SweepError, match="the complete trials have 50 values of it; at most 8 can be compared"):
        pairs_by(tuning(), "learning_rate")


def test_what_shares_no_task_or_condition_is_refused() -> None:
    other = sample(tutorial().path, TUNING | {"task": {"name": "random"}, "study": {"trials": 1}})
    with pytest.raises(SweepError, match="a is of the task increasing and b of random"):
        pairs_of(Side("a", tutorial()), Side("b", other))
    longer = sample(tutorial().path, TUNING | {"task": {"name": "increasing", "sequence_length": 9}})
    with pytest.raises(SweepError, match="a and b have no condition in common"):
        pairs_of(Side("a", tutorial()), Side("b", longer))


# The command

Sweep = Callable[..., Result]

PRINTED = """
 sequence_length   A         B         metric       value of A   value of B   difference (95%)         P(A beats B) (95%)   p (Holm)   verdict on A
 ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────
 5                 small:0   small:2   solve rate   67%          100%         -33.3 (-79.2 to +41.5)   33% (8–76%)          1          inconclusive: equal ones differ as much

"""  # noqa: E501, RUF001 - a printed table is as wide as it is, and has the dash of a range


def test_compare_prints_a_row_for_each_condition(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("compare", "small:0", "small:2", "--metric", "solve_rate")
    assert result.code == 0
    assert "\n".join(line.rstrip() for line in result.out.split("\n")) == PRINTED
    assert result.err == (
        "A against B, 3 seeds on the same seeds, pair by pair. Better or worse: p below 0.05. "
        "Inconclusive is not equal.\n"
    )


def test_compare_as_json_has_all_metrics_and_the_notes(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("compare", "small", "small", "--json")
    assert (result.code, result.err) == (0, "")
    found = json.loads(result.out)
    assert [(row["condition"], row["metric"]) for row in found["rows"]] == [
        ({"sequence_length": length}, metric) for length in (5, 6) for metric in DEFAULTS
    ]
    assert {row["verdict"] for row in found["rows"]} == {"inconclusive"}
    assert len(found["notes"]) == 2


def test_compare_is_a_gate(small: Store, sweep_command: Sweep) -> None:
    assert sweep_command("compare", "small:0", "small:2", "--fail-if", "worse").code == 0
    assert sweep_command("compare", "small:0", "small:2", "--fail-if", "worse,inconclusive").code == 1


def test_compare_takes_the_path_of_a_results_folder(small: Store, sweep_command: Sweep) -> None:
    assert sweep_command("compare", "results/small:0", "small:0").code == 0


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["small"], "compare: got 1 name; give two or more of them, or one with --by"),
        (["small", "small", "--by", "units"], "compare: got 2 names; give one experiment with --by"),
        (["small:0", "--by", "units"], "small:0: is one trial; --by compares all trials of an experiment, small"),
        (["small:0", "small:9"], "small:9: has no such trial; trials 0 to 4 are there"),
        (["small:0", "small:4"], "small:4: failed and has no replicate to compare; choose another trial"),
        (["small:0", "small:1"], "small:0 and small:1 have no condition in common; compare two that were measured on the same task"),  # noqa: E501
        (["small:0", "small:x"], "small:x: names no trial; write NAME:12 for trial 12"),
        (["small", "none"], 'results: has no results of "none"; there are those of small'),
        (["small", "small", "--fail-if", "wrose"], '--fail-if: unknown verdict "wrose"; did you mean "worse"?'),
        (["small", "small", "--metric", "solved"], '--metric: unknown metric "solved"; did you mean "solve_rate"?'),
        (["small", "--by", "unit"], '--by unit: unknown searched parameter "unit"; did you mean "units"?'),
    ],
)  # fmt: skip
def test_compare_says_what_is_wrong_in_a_line(
    arguments: list[str], fault: str, small: Store, sweep_command: Sweep
) -> None:
    result = sweep_command("compare", *arguments)
    assert (result.code, result.out, result.err) == (2, "", f"Error: {fault}\n")


# What is the same computation

STATES = TUNING | {
    "search": {"stateful": {"choices": [True, False]}, "timesteps": {"choices": [1, "full"]}},
    "study": {"sampler": "grid", "seeds": 10},
}


def by_state(**changes: Any) -> Results:
    """Two searched parameters of which one has no effect beside a value of the other."""
    return sample(Path("results/states"), STATES | changes)


def with_full_windows(results: Results) -> list[int]:
    trials = results.trials
    return sorted(int(trial) for trial in trials["trial"][trials["timesteps"].astype(str) == "full"])


def test_the_same_computation_gets_no_verdict_and_says_why() -> None:
    results = by_state()
    one, other = with_full_windows(results)
    pairs, notes = pairs_of(Side("x", results, trial=other), Side("x", results, trial=one))
    assert notes == [
        f"Trials {one} and {other} are the same computation: stateful has no effect where a sequence is one window."
    ]
    rows = compare(pairs, DEFAULTS)
    assert {(row.verdict, row.p_value, row.seeds_to_settle_high) for row in rows} == {("same", 1.0, None)}
    head, cells = comparison_table(rows)
    assert {row[head.index("verdict on A")] for row in cells} == {"the same computation"}
    assert reading(rows) == "The same computation: not tested, a difference can only be one of the seeds."


def test_the_same_computation_counts_in_no_correction() -> None:
    strong = pair(arm([10.0] * 10), arm([NEVER] * 10))
    same = replace(strong, same=True)
    alone, among = compare([strong], ["solve_rate"]), compare([same, strong, same], ["solve_rate"])
    assert [row.verdict for row in among] == ["same", "better", "same"]
    assert among[1] == alone[0]


def test_by_a_parameter_what_is_the_same_computation_is_left_out() -> None:
    results = by_state()
    full = with_full_windows(results)
    (found,), (note,) = pairs_by(results, "stateful")
    assert not {found.a[0].trial, found.b[0].trial} & set(full)
    assert (len(found.a), found.matched, found.same) == (1, True, False)
    assert note.endswith("stateful has no effect where a sequence is one window. They are left out.")


def test_by_a_parameter_without_any_effect_the_verdict_is_that() -> None:
    results = by_state(search={"cell": {"choices": ["gru"]}, "gate_bias": {"choices": ["zeros", "unit_forget"]}})
    (found,), (note,) = pairs_by(results, "gate_bias")
    assert found.same
    assert 'the same for cell = "gru", which has no forget gate' in note
    assert "left out" not in note


def test_the_same_computation_of_two_folders_is_compared_and_noted() -> None:
    """A new version against an old one is asked for with the same file: that is worth a verdict."""
    old, new = (replace(tutorial(), name=name, path=Path(name)) for name in ("old", "new"))
    (found,), notes = pairs_of(Side("new", new), Side("old", old))
    assert not found.same
    assert notes == ["new and old are the same computation: only seeds, versions and machines differ."]
    other = sample(Path("other"), {**TUTORIAL, "model": {"units": 21}})
    assert pairs_of(Side("new", new), Side("other", other))[1] == []


def test_different_computations_of_one_folder_get_their_verdict() -> None:
    results = by_state()
    (one, *_), full = (set(results.trials["trial"]) - set(with_full_windows(results))), with_full_windows(results)
    (found,), notes = pairs_of(Side("x", results, trial=int(one)), Side("x", results, trial=full[0]))
    assert not found.same
    assert notes == []


# Scores without bounds


def with_bits(bits: list[float], *, measured: bool = True) -> Arm:
    rows = arm([10.0] * len(bits)).replicates.assign(recall_bits=bits)
    rows["solved_with_margin"] = pd.array([True if measured else None] * len(bits), dtype="boolean")
    return Arm(0, rows, math.inf)


def test_a_diverged_replicate_counts_as_the_worst_of_both_sides_and_there_is_no_mean() -> None:
    row = only(with_bits([0.9, math.nan, 0.8]), with_bits([0.1, -0.5, 0.3]), "recall_bits")
    assert (row.value_a, row.difference, row.low) == (None, None, None)
    assert row.value_b == pytest.approx(-0.1 / 3)
    assert row.improvement == pytest.approx(
        (6 + 0.5) / 9
    )  # the diverged one ties with the worst, and loses to the rest
    all_lost = only(with_bits([math.nan] * 3), with_bits([math.nan] * 3), "recall_bits")
    assert (all_lost.difference, all_lost.verdict) == (None, "inconclusive")
    assert "no mean where seeds diverged" in reading([row])


@pytest.mark.parametrize("metric", ["recall_bits", "sequences_to_keep"])
def test_what_an_earlier_version_did_not_measure_is_not_compared(metric: str) -> None:
    old = with_bits([math.nan] * 3, measured=False)
    with pytest.raises(SweepError, match=rf"^{metric}: was not measured in results of an earlier version"):
        only(old, with_bits([0.5] * 3), metric)


def test_the_interval_of_a_difference_of_shares_stays_within_a_hundred_points() -> None:
    (row,) = compare([pair(arm([1.0, 200.0]), arm([200.0, 200.0]))], ["recall_accuracy"])
    assert row.low is not None
    assert row.high is not None
    assert -1 <= row.low < row.difference < row.high <= 1
