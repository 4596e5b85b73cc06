"""Trials are chosen and told in rounds, so that the order in which they are trained changes nothing."""

import random
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import outcome_of
from same_tables import assert_same_tables
from searched import copies, run
from stubs import Stub, stub_outcome

from sweep.execution.executor import Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import parse
from sweep.results.outcome import Outcome
from sweep.search.job import Job
from sweep.search.samplers import ROUND

SEARCHES = [
    ("tpe", "none"),
    ("random", "none"),
    ("tpe", "median"),
    ("tpe", "hyperband"),
    ("random", "wilcoxon"),
    ("qmc", "none"),
    ("cmaes", "none"),
    ("nsga2", "median"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "pruner"), SEARCHES)
def test_however_many_train_side_by_side_and_whoever_ends_first_the_tables_are_the_same(
    tmp_path: Path, sampler: str, pruner: str
) -> None:
    alone = run(tmp_path / "alone", sampler, pruner, Stub())
    assert alone.trials["trial"].tolist() == list(range(44))
    if pruner != "none":
        assert 0 < (alone.trials["state"] == "pruned").sum() < 40
    for width, seed in ((3, 0), (1000, 1)):
        crowd = Stub(width=width, pick=random.Random(seed).randrange)
        together = run(tmp_path / str(width), sampler, pruner, crowd)
        assert_same_tables(together, alone)
        assert copies(together) == copies(alone)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "stops", "width"),
    [
        (("tpe", "none"), (0, 7), 4),
        (("tpe", "hyperband"), (19, 1, 20), 3),
        (("random", "wilcoxon"), (21, 19), 30),
        (("random", "none"), (13, 30), 30),
        (("cmaes", "none"), (25,), 30),
        (("nsga2", "none"), (25,), 30),
    ],
)
def test_a_run_stopped_anywhere_ends_with_the_tables_of_an_undisturbed_one(
    tmp_path: Path, search: tuple[str, str], stops: tuple[int, ...], width: int
) -> None:
    pick = random.Random(width).randrange
    for stop in stops:
        left = iter(range(stop))

        def outcome(job: Job, left: Iterator[int] = left) -> Outcome:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return stub_outcome(job)

        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped", *search, Stub(width, pick, outcome))
    ended = run(tmp_path / "stopped", *search, Stub(width, pick))
    calm = run(tmp_path / "calm", *search, Stub())
    assert_same_tables(ended, calm)
    assert copies(ended) == copies(calm)


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "pruner"), [("tpe", "hyperband"), ("qmc", "none")])
def test_a_study_extended_in_the_middle_of_a_round_is_the_longer_study(
    tmp_path: Path, sampler: str, pruner: str
) -> None:
    for trials in (1, ROUND - 1, ROUND, ROUND + 1):
        run(tmp_path / "extended", sampler, pruner, Stub(), trials)
    extended = run(tmp_path / "extended", sampler, pruner, Stub(3))
    assert_same_tables(extended, run(tmp_path / "whole", sampler, pruner, Stub()))


@pytest.mark.slow
def test_what_tpe_learnt_in_one_round_shows_in_the_next(tmp_path: Path) -> None:
    def better_with_fewer_units(job: Job) -> Outcome:
        return outcome_of([[1 / job.configuration.model.units] * 4] * 4)

    trials = run(tmp_path, "tpe", "none", Stub(outcome=better_with_fewer_units), 4 * ROUND).trials
    first, later = trials["trial"] < 2 * ROUND, trials["trial"] >= 4 * ROUND
    assert trials["units"][later].mean() < trials["units"][first].mean() / 2


def test_a_setting_that_changes_no_number_is_that_of_the_latest_run(tmp_path: Path) -> None:
    def results_of(margin: float) -> tuple[float, list[bool]]:
        text = f'question = "q"\n[task]\nname = "increasing"\n[study]\nseeds = 3\nmargin = {margin}\n'
        experiment = parse(tomllib.loads(text), where="x.toml")
        order = Run("x", experiment, text, {}, tmp_path, None, ["sweep", "run", "x.toml"])
        loaded = run_experiment(order, Observer(), solving).load()
        return loaded.experiment.study.margin, loaded.replicates["solved_with_margin"].tolist()

    def failed(job: Job) -> Outcome:
        raise AssertionError(job)

    solving = Stub(outcome=lambda job: outcome_of([[1.0]] * len(job.seeds), seeds=job.seeds))
    assert results_of(0.1) == (0.1, [True] * 3)
    solving.outcome = failed  # so that it shows that nothing is trained any more
    assert results_of(0.3) == (0.3, [False] * 3)
