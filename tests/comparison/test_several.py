"""Three and more sides: what they are ranked on, what is told of them, and what `sweep compare` makes of it."""

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result
from sampled_results import TUNING, sample

from sweep.comparison.compare import compare
from sweep.comparison.replicate_sets import Side, pairs_of
from sweep.comparison.several import Several, compare_several
from sweep.errors import SweepError
from sweep.experiment.trials import Phase
from sweep.reporting.findings.several import (
    about_profiles,
    matrix,
    profile_columns,
    readings,
    sentence,
    standing_columns,
)
from sweep.reporting.several import several_html
from sweep.results.phase_view import PhaseView
from sweep.results.store import Store

DEFAULTS = ("solve_rate", "recall_accuracy", "sequences_to_solve")


def side(name: str, lengths: list[int], cell: str = "lstm", **study: Any) -> Side:
    raw = {
        "question": "How long?",
        "task": {"name": "increasing"},
        "conditions": {"sequence_length": lengths},
        "model": {"cell": cell},
        "study": {"seeds": 20} | study,
    }
    return Side(name, sample(Path("results") / name, raw))


def cells(**study: Any) -> list[Side]:
    """Three at the lengths 4 and 5, each of which also has one of its own."""
    return [
        side("lstm", [4, 5, 6], **study),
        side("gru", [5, 4, 7], "gru", **study),
        side("rnn", [8, 4, 5], "simple_rnn", **study),
    ]


def found(metrics: tuple[str, ...] = DEFAULTS, **study: Any) -> Several:
    return compare_several(cells(**study), metrics)


# What they are ranked on


def test_only_what_all_sides_have_is_compared_and_the_rest_is_named() -> None:
    several = found()
    assert list(several.conditions) == [{"sequence_length": 4}, {"sequence_length": 5}]
    assert {score.condition["sequence_length"] for score in several.scores} == {4, 5}
    assert [note for note in several.notes if "left out" in note] == [
        f"1 of 3 conditions of {name} are not shared by all; left out." for name in ("lstm", "gru", "rnn")
    ]


def test_sides_that_share_conditions_only_two_by_two_are_not_ranked() -> None:
    sides = [side("one", [4, 5]), side("two", [5, 6]), side("three", [4, 6])]
    with pytest.raises(SweepError, match="one, two and three have no condition in common; compare those that"):
        compare_several(sides, DEFAULTS)


def test_the_pairs_are_those_of_two_sides_and_corrected_together() -> None:
    several, sides = found(("solve_rate",)), cells()
    assert several.places == ((0, 1), (0, 2), (1, 2)) * 2
    for row, (a, b) in zip(several.rows, several.places, strict=True):
        (alone,) = [
            each for each in compare(pairs_of(sides[a], sides[b])[0], ["solve_rate"]) if each.condition == row.condition
        ]
        told = ("a", "b", "value_a", "value_b", "difference", "low", "high", "improvement")
        assert [getattr(row, name) for name in told] == [getattr(alone, name) for name in told]
        assert row.p_value >= alone.p_value


def test_a_side_that_is_given_twice_and_too_many_are_refused() -> None:
    one, other, _ = cells()
    with pytest.raises(SweepError, match="lstm: is given twice"):
        compare_several([one, other, one], DEFAULTS)
    with pytest.raises(SweepError, match="got 27 names; at most 26"):
        compare_several([one] * 27, DEFAULTS)


# What is told of them


def test_ranks_add_up_and_follow_the_scores() -> None:
    several = found()
    for metric in DEFAULTS:
        ranks = {rank.side: rank for rank in several.ranks if rank.metric == metric}
        assert sum(rank.rank for rank in ranks.values()) == pytest.approx(6)
        assert ranks["lstm"].rank < ranks["gru"].rank < ranks["rnn"].rank
        for rank in ranks.values():
            own = [score.rank for score in several.scores if (score.side, score.metric) == (rank.side, metric)]
            assert rank.rank == pytest.approx(np.mean(own))
            assert 1 <= rank.low < rank.rank < rank.high <= 3
            assert (rank.conditions, rank.paired) == (2, True)


def test_of_one_condition_a_rank_has_an_interval_too() -> None:
    several = compare_several([side("a", [5]), side("b", [5], "gru"), side("c", [5], "simple_rnn")], DEFAULTS)
    assert all(rank.low < rank.rank < rank.high for rank in several.ranks)


def test_times_of_all_sides_are_cut_off_at_the_smallest_budget_of_any() -> None:
    short = side("short", [5])
    short = replace(short, results=sample(short.results.path, {
        "question": "?", "task": {"name": "increasing"}, "training": {"epochs": 40},
        "conditions": {"sequence_length": [5]}, "study": {"seeds": 20},
    }))  # fmt: skip
    several = compare_several([side("a", [5]), side("b", [5], "gru"), short], ("sequences_to_solve",))
    (quickest,) = several.quickest
    assert quickest.cut_off == 40 * 2
    assert all(score.value is not None and score.value <= 80 for score in several.scores)


def test_a_profile_rises_to_what_is_solved_and_begins_with_nothing() -> None:
    several = found()
    for name in several.sides:
        points = [point for point in several.profiles if point.side == name]
        assert points[0].solved == 0
        assert [point.solved for point in points] == sorted(point.solved for point in points)
        own = next(each for each in cells() if each.label == name).results.replicates
        settings = {4: 0, 5: 1} if name == "lstm" else {5: 0, 4: 1} if name == "gru" else {4: 1, 5: 2}
        ended = own[own["trial"].isin(settings.values())]
        assert points[-1].solved == pytest.approx(ended["sequences_to_solve"].notna().mean())
        assert all(point.low <= point.solved <= point.high for point in points)


def test_the_same_computation_shares_a_rank_and_is_not_tested() -> None:
    raw = TUNING | {
        "search": {"stateful": {"choices": [True, False]}, "timesteps": {"choices": [1, "full"]}},
        "study": {"sampler": "grid", "seeds": 10},
    }
    results = sample(Path("results/states"), raw)
    full = results.trials["timesteps"].astype(str) == "full"
    one, other = sorted(results.trials["trial"][full])
    third = int(results.trials["trial"][~full].iloc[0])
    sides = [Side("x", results, trial=int(trial)) for trial in (one, third, other)]
    several = compare_several(sides, DEFAULTS)
    for metric in DEFAULTS:
        first, _, last = (rank for rank in several.ranks if rank.metric == metric)
        assert (first.rank, first.low, first.high) == (last.rank, last.low, last.high)
        table = matrix(several, metric)
        assert table[0][2] is not None
        assert table[0][2].text == "same"
    assert any(fact.about == "Same" for fact in readings(several))


def test_an_experiment_and_the_trial_that_stands_for_it_are_the_same_computation() -> None:
    results = sample(Path("results/tuning"), TUNING | {"study": {"trials": 6, "seeds": 10}})
    best = int(PhaseView.of(results, Phase.SEARCH).best[0]["trial"])
    sides = [Side("x", results), Side("x", results, trial=best), Side("x", results, trial=(best + 1) % 6)]
    several = compare_several(sides, ("solve_rate",))
    assert several.ranks[0].rank == several.ranks[1].rank
    assert [row.verdict == "same" for row in several.rows] == [True, False, False]
    assert f"x and x:{best} are one trial, {best}, so the same computation." in several.notes


def test_the_matrix_has_two_sides_of_every_verdict() -> None:
    several = found()
    for metric in DEFAULTS:
        told = matrix(several, metric)
        for i in range(3):
            assert told[i][i] is None
            for j in range(3):
                cell, mirrored = told[i][j], told[j][i]
                if cell is not None and mirrored is not None:
                    assert (cell.better, cell.worse, cell.inconclusive) == (
                        mirrored.worse, mirrored.better, mirrored.inconclusive,
                    )  # fmt: skip
                    assert cell.number == 2


def test_what_is_said_of_who_ranks_first() -> None:
    several = found(("sequences_to_solve",))
    (rank, *_) = several.ranks
    assert sentence(several, "sequences_to_solve") == (
        f"By sequences to solve lstm ranks first over 2 conditions, with a mean rank of {rank.rank:.2f} (95% interval "
        f"{rank.low:.2f} to {rank.high:.2f}): better than gru and rnn under 1 of 2 conditions."
    )
    assert "over the 2 conditions that all have" in readings(several)[1].said
    assert "97 sequences (lstm at sequence_length = 4) and " in about_profiles(several)  # all solved it
    assert "sequences (lstm at sequence_length = 5; cut off at 500). " in about_profiles(several)


def test_all_that_tie_rank_the_same() -> None:
    sides = [side(name, [9]) for name in ("a", "b", "c")]
    several = compare_several(sides, ("solve_rate",))
    assert sentence(several, "solve_rate") == "By solve rate all 3 rank the same."
    assert [column.heading for column in profile_columns(several)] == ["side", "by the cut-off"]
    assert profile_columns(several)[1].texts == ["0% (0\N{EN DASH}17%)"] * 3


def test_of_many_sides_the_matrix_has_signs_and_too_few_seeds_are_said_to_be() -> None:
    sides = [side(f"s{number}", [4], ("lstm", "simple_rnn")[number % 2], seeds=8) for number in range(7)]
    several = compare_several(sides, ("solve_rate",))
    assert [column.heading for column in standing_columns(several, "solve_rate")][3:] == list("ABCDEFG")
    said = {fact.about: fact.said for fact in readings(several)}
    assert "+ is better, - worse, ? inconclusive" in said["A, B, ..."]
    # All 8 one way are 2 / 2^8, of 21 comparisons 0.16; 2 / 2^n times 21 is below 0.05 from 10 on.
    assert said["Too few seeds"].endswith("among 21 comparisons, however large: it takes 10 that all point one way.")


# The command

Sweep = Callable[..., Result]


@pytest.fixture
def another(small: Store) -> Store:
    """The same results under another name."""
    import shutil

    shutil.copytree(small.path, small.path.parent / "again")
    return small


def test_three_sides_are_a_table_a_metric_and_the_profiles(another: Store, sweep_command: Sweep) -> None:
    result = sweep_command("compare", "small:0", "again:0", "again:2", "--metric", "solve_rate")
    assert result.code == 0
    lines = [line.strip() for line in result.out.splitlines() if line.strip()]
    assert lines[0].startswith("By solve rate again:2 ranks first, with a mean rank of 1.67 (95% interval ")
    assert lines[1].split("   ")[0] == "side"
    assert [line.split()[:2] for line in lines[3:6]] == [["A", "small:0"], ["B", "again:0"], ["C", "again:2"]]
    assert "corrected for all 3 comparisons (Holm)" in result.err
    assert "small:0 and again:0 are the same computation: only seeds, versions and machines differ." in result.err


def test_in_80_columns_long_names_make_room_for_their_letters(
    another: Store, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    path = "results/../results/../results"
    names = [f"{path}/small:0", f"{path}/again:0", f"{path}/again:2"]
    out = sweep_command("compare", *names).out
    assert max(map(len, out.splitlines())) <= 80
    lines = [line.split() for line in out.splitlines() if line.strip()]
    assert lines[2:5] == [["A", names[0]], ["B", names[1]], ["C", names[2]]]
    assert [line[:2] for line in lines if line[0] == "B"][1:] == [["B", "67%"], ["B", "92%"], ["B", "5"], ["B", "33%"]]
    short = sweep_command("compare", "small:0", "again:0", "again:2").out
    assert max(map(len, short.splitlines())) <= 80
    assert "B  again:0" in short


def test_json_of_three_sides_has_flat_rows(another: Store, sweep_command: Sweep) -> None:
    result = sweep_command("compare", "small:0", "again:0", "again:2", "--json")
    assert (result.code, result.err) == (0, "")
    read = json.loads(result.out, parse_constant=lambda text: pytest.fail(f"{text} is no JSON"))
    assert list(read) == ["sides", "rows", "ranks", "scores", "quickest", "profiles", "notes"]
    assert read["sides"] == ["small:0", "again:0", "again:2"]
    two = json.loads(sweep_command("compare", "small:0", "again:0", "--json").out)
    assert list(read["rows"][0]) == ["side_a", "side_b", *two["rows"][0]]
    assert len(read["rows"]) == 9
    assert len(read["ranks"]) == len(read["scores"]) == 9
    assert set(read["profiles"][0]) == {"side", "ratio", "solved", "low", "high"}


def test_the_page_needs_no_other_file_and_replaces_a_link(another: Store, sweep_command: Sweep, tmp_path: Path) -> None:
    victim, page = tmp_path / "victim.txt", tmp_path / "page.html"
    victim.write_text("mine")
    page.symlink_to(victim)
    result = sweep_command("compare", "small:0", "again:0", "again:2", "--html", str(page))
    assert result.code == 0
    assert victim.read_text() == "mine"
    assert not page.is_symlink()
    text = page.read_text()
    assert text.startswith("<!DOCTYPE html>")
    assert text.rstrip().endswith("</html>")
    for asks in ("src=", 'http-equiv="refresh', "<link", "@import", "url(http"):
        assert asks not in text
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


def test_two_sides_print_the_same_with_a_page_as_without(another: Store, sweep_command: Sweep, tmp_path: Path) -> None:
    plain = sweep_command("compare", "small:0", "again:2")
    paged = sweep_command("compare", "small:0", "again:2", "--html", str(tmp_path / "two.html"))
    assert paged.out == plain.out
    assert "Which of 2 does best?" in (tmp_path / "two.html").read_text()


def test_a_page_that_cannot_be_written_leaves_what_was_there(
    another: Store, sweep_command: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "page.html"
    page.write_text("before")

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = sweep_command("compare", "small:0", "again:0", "again:2", "--html", str(page))
    assert (result.code, result.out) == (1, "")
    assert result.err.endswith("No space left on device; what was stored before is kept\n")
    assert [path.name for path in tmp_path.glob("*.html")] == ["page.html"]
    assert page.read_text() == "before"


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        (["small:0", "again:0", "again:2", "--fail-if", "worse"], "--fail-if: is for two sides, of which A is judged; got 3 names"),  # noqa: E501
        (["small:0", "again:0", "small:0"], "small:0: is given twice; each side is compared with every other one"),
        (["small:0", "again:0", "results/small:0"], "results/small:0: is small:0 once more; each side is compared with every other one"),  # noqa: E501
        (["small:0", "small:1", "small:2"], "small:0, small:1 and small:2 have no condition in common; compare those that were measured on the same task"),  # noqa: E501
        (["small:0", "again:0", "again:9"], "again:9: has no such trial; trials 0 to 4 are there"),
        (["small", "again", "small:0", "--by", "units"], "compare: got 3 names; give one experiment with --by"),
        (["small", "--by", "units", "--html", "page.html"], "--html: is for experiments, trials and folders; with --by there is no page"),  # noqa: E501
        (["small:0", "again:0", "--html", "no/page.html"], "--html: no is no folder; choose a file in one that is there"),  # noqa: E501
    ],
)  # fmt: skip
def test_compare_says_what_is_wrong_in_a_line(
    arguments: list[str], fault: str, another: Store, sweep_command: Sweep
) -> None:
    result = sweep_command("compare", *arguments)
    assert (result.code, result.out, result.err) == (2, "", f"Error: {fault}\n")


# The page


def test_the_page_is_the_same_bytes_again_and_shows_names_as_they_are() -> None:
    sides = [replace(each, name=f"<{each.name}> & $x$") for each in cells()]
    pages = [several_html(compare_several(sides, DEFAULTS)) for _ in range(2)]
    assert pages[0] == pages[1]
    assert "&lt;lstm&gt; &amp; $x$" in pages[0]
    assert "<lstm>" not in pages[0]


def test_a_table_has_a_column_for_each_condition_and_each_side() -> None:
    heads = [column.heading for column in standing_columns(found(), "solve_rate")]
    assert heads == ["side", "at 4", "at 5", "mean rank (95%)", "vs A", "vs B", "vs C"]
