"""The best configurations are trained again on seeds that the search never used, and nothing else is."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Result
from same_tables import assert_same_tables
from sampled_results import TUNING, confirmed, tuning
from stubs import Stub, stub_outcome

import sweep
from sweep.errors import SweepError
from sweep.execution.executor import Executor, Observer
from sweep.execution.plan import make_plan
from sweep.execution.rounds import Run, confirm_experiment, run_experiment
from sweep.experiment.experiment import ConfirmConfig
from sweep.experiment.file import load, override, parse
from sweep.reporting.findings.confirmed import confirmed_table
from sweep.reporting.findings.findings import Findings
from sweep.results.outcome import Outcome
from sweep.results.results import Results
from sweep.results.store import Store
from sweep.search.confirmation import confirmation_jobs, trials_to_confirm
from sweep.search.job import Job

EXPERIMENT = """
question = "Was it luck?"
[task]
name = "increasing"
[conditions]
sequence_length = [4, 5]
[search]
units = { low = 1, high = 64, log = true }
shuffle = { choices = [true, false] }
[training]
epochs = 6
[study]
trials = 8
seeds = 3
sampler = "random"
"""
CONFIRM = "[confirm]\ntop = 2\nseeds = 5\n"


def order(folder: Path, text: str, trials: int | None = None) -> Run:
    folder.mkdir(exist_ok=True)
    (folder / "luck.toml").write_text(text)
    overrides = {} if trials is None else {"trials": trials}
    experiment = override(load(folder / "luck.toml"), trials=trials)
    return Run("luck", experiment, text, overrides, folder / "results", None, ["sweep", "run", "luck"])


def run(
    folder: Path, text: str = EXPERIMENT + CONFIRM, executor: Executor | None = None, trials: int | None = None
) -> Results:
    return run_experiment(order(folder, text, trials), Observer(), executor or Stub()).load()


def again(results: Results) -> dict[int, list[int]]:
    """Confirmed trial -> its seeds."""
    rows = results.replicates[results.replicates["phase"] == "confirm"]
    return {int(trial): sorted(own["seed"]) for trial, own in rows.groupby("trial")}


class Counting(Stub):
    """Counts the trials that it trains, and may be stopped at one."""

    def __init__(self, stop_at: int | None = None) -> None:
        super().__init__()
        self.trained: list[tuple[int, str]] = []
        self._stop_at = stop_at

    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        for job, outcome in super().run(jobs, observer):
            if len(self.trained) == self._stop_at:
                raise KeyboardInterrupt
            self.trained.append((job.key.trial, job.key.phase))
            yield job, outcome


# As the last phase of a run


def test_the_best_of_each_condition_are_trained_from_the_next_seeds(tmp_path: Path) -> None:
    results = run(tmp_path)
    ranked = Findings(results).search.ranked
    best = {int(trial) for trial in ranked[ranked["rank"] <= 2]["trial"]}
    assert again(results) == {trial: [3, 4, 5, 6, 7] for trial in best}
    assert sorted(results.trials["phase"]) == ["confirm"] * 4 + ["search"] * 16


def test_a_confirmed_trial_has_the_configuration_and_the_number_of_the_search(tmp_path: Path) -> None:
    results = run(tmp_path)
    searched, redone = (results.trials[results.trials["phase"] == phase] for phase in ("search", "confirm"))
    joined = redone.merge(searched, on="trial", suffixes=("_again", ""))
    assert len(joined) == 4
    for name in ("sequence_length", "units", "shuffle"):
        assert (joined[f"{name}_again"] == joined[name]).all()
    assert (joined["recall_accuracy_again"] != joined["recall_accuracy"]).any()


def test_the_same_command_again_trains_nothing(tmp_path: Path) -> None:
    first, executor = run(tmp_path), Counting()
    assert_same_tables(run(tmp_path, executor=executor), first)
    assert executor.trained == []


@pytest.mark.parametrize("stop_at", [3, 16, 17, 19])
def test_a_run_that_was_stopped_in_either_phase_ends_as_an_undisturbed_one(tmp_path: Path, stop_at: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped", executor=Counting(stop_at))
    rest = Counting()
    results = run(tmp_path / "stopped", executor=rest)
    assert len(rest.trained) == 20 - stop_at
    assert_same_tables(results, run(tmp_path / "undisturbed"))


def test_the_order_in_which_trials_end_changes_nothing(tmp_path: Path) -> None:
    side_by_side = run(tmp_path / "wide", executor=Stub(width=3, pick=lambda running: running - 1))
    assert_same_tables(side_by_side, run(tmp_path / "one"))


def test_a_search_that_is_extended_keeps_what_was_confirmed_and_confirms_its_new_best(tmp_path: Path) -> None:
    before = run(tmp_path, trials=3)
    executor = Counting()
    after = run(tmp_path, executor=executor, trials=8)
    assert again(before).items() <= again(after).items()
    ranked = Findings(after).search.ranked
    assert set(ranked[ranked["rank"] <= 2]["trial"]) <= set(again(after))
    assert set(executor.trained) & {(trial, "confirm") for trial in again(before)} == set()
    assert [phase for _, phase in executor.trained] == ["search"] * 10 + ["confirm"] * (len(again(after)) - 4)


def test_what_is_confirmed_may_change_between_two_runs_and_no_finished_trial_with_it(tmp_path: Path) -> None:
    without = run(tmp_path, EXPERIMENT)
    executor = Counting()
    results = run(tmp_path, executor=executor)
    assert again(without) == {}
    assert {phase for _, phase in executor.trained} == {"confirm"}
    searched = results.trials[results.trials["phase"] == "search"].reset_index(drop=True)
    assert searched["recall_accuracy"].equals(without.trials["recall_accuracy"])


def test_more_seeds_replace_a_confirmation_and_fewer_leave_it(tmp_path: Path) -> None:
    run(tmp_path)
    more = run(tmp_path, EXPERIMENT + "[confirm]\ntop = 1\nseeds = 7\n")
    assert sorted(map(len, again(more).values())) == [5, 5, 7, 7]
    executor = Counting()
    assert again(run(tmp_path, EXPERIMENT + "[confirm]\ntop = 2\nseeds = 4\n", executor)) == again(more)
    assert executor.trained == []


def test_the_storage_holds_the_search_alone(tmp_path: Path) -> None:
    run(tmp_path)
    run(tmp_path)
    storage = f"sqlite:///{tmp_path / 'results' / 'luck' / 'study.db'}"
    summaries = optuna.get_all_study_summaries(storage)
    assert [summary.n_trials for summary in summaries] == [8, 8]


def test_a_confirmation_that_fails_is_recorded_and_not_tried_again(tmp_path: Path) -> None:
    def outcome(job: Job) -> Outcome:
        whole = stub_outcome(job)
        lost = np.full_like(whole.step_accuracy, np.nan)
        return (
            whole
            if job.key.phase == "search"
            else replace(
                whole, state="failed", scores=None, step_accuracy=lost, weights_seed=None, weights=(), error="x"
            )
        )

    results = run(tmp_path, executor=Stub(outcome=outcome))
    assert sorted(results.trials[results.trials["phase"] == "confirm"]["state"]) == ["failed"] * 4
    executor = Counting()
    run(tmp_path, executor=executor)
    assert executor.trained == []


# Which trials those are


def changed(results: Results, **columns: list[float]) -> Results:
    return replace(results, trials=results.trials.assign(**columns))


def three(**study: object) -> Results:
    return tuning(study={"trials": 4, "seeds": 2} | study)


def test_the_highest_score_is_confirmed_or_the_lowest_where_the_objective_says_so() -> None:
    assert trials_to_confirm(changed(three(), recall_accuracy=[0.1, 0.9, 0.5, 0.7]), 2) == [1, 3]
    least = changed(three(objective="-loss"), loss=[0.1, 0.9, 0.5, 0.7])
    assert trials_to_confirm(least, 2) == [0, 2]


def test_of_equal_trials_the_earlier_one_is_confirmed() -> None:
    even = changed(three(), recall_accuracy=[0.5] * 4, solve_rate=[0.5] * 4, ert_sequences=[9.0] * 4)
    assert trials_to_confirm(even, 3) == [0, 1, 2]


def test_only_complete_trials_are_confirmed_and_a_diverged_one_comes_last() -> None:
    results = changed(three(), recall_accuracy=[0.1, 0.9, 0.5, 0.7])
    trials = results.trials.assign(state=["complete", "pruned", "complete", "complete"])
    replicates = results.replicates.copy()
    replicates.loc[replicates["trial"] == 3, "diverged"] = [True, False]
    results = replace(results, trials=trials, replicates=replicates)
    assert trials_to_confirm(results, 2) == [2, 0]
    assert trials_to_confirm(results, 5) == [2, 0, 3]


def test_a_configuration_that_was_drawn_twice_is_confirmed_once() -> None:
    results = changed(three(), recall_accuracy=[0.1, 0.9, 0.5, 0.7])
    trials = results.trials.copy()
    searched = list(TUNING["search"])
    trials.loc[3, searched] = trials.loc[1, searched]
    assert trials_to_confirm(replace(results, trials=trials), 2) == [1, 2]


def test_of_several_objectives_the_pareto_set_is_confirmed() -> None:
    several = changed(
        three(objective=["recall_accuracy", "-parameters"]),
        recall_accuracy=[0.9, 0.9, 0.5, 0.4],
        parameters=[100, 80, 10, 20],
    )
    assert trials_to_confirm(several, 5) == [1, 2]
    assert trials_to_confirm(several, 1) == [1]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("shuffle", None, "shuffle: is "),
        ("seed", 0, "replicates.seed: the seeds are not those of the experiment"),
    ],
)
def test_a_confirmation_of_something_else_is_damaged(name: str, value: Any, said: str, tmp_path: Path) -> None:
    results = run(tmp_path)
    path = next((results.path / "trials").glob("*-confirm.parquet"))
    table = pq.read_table(path)
    row = table.to_pylist()[0]
    if name == "seed":
        first = row["replicates"][0]["seed"]
        for column in ("replicates", "curves", "steps", "lengths"):
            for inner in row[column]:
                inner["seed"] = value if inner["seed"] == first else inner["seed"]
    else:
        row[name] = not row[name]
    pq.write_table(pa.Table.from_pylist([row], table.schema), path)
    with pytest.raises(SweepError) as refusal:
        sweep.load(results.path)
    assert str(refusal.value).startswith(f"{path}: is damaged ({said}")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("batch_size = 0", "training.batch_size: is 0; must be at least 1"),
        ("evaluate_every = 0", "training.evaluate_every: is 0; must be at least 1"),
    ],
)
def test_what_no_new_file_could_have_is_not_trained_again(written: str, said: str, tmp_path: Path) -> None:
    store = Store(run(tmp_path, EXPERIMENT).path)
    file = store.path / "experiment.toml"
    file.write_text(file.read_text().replace("[training]\n", f"[training]\n{written}\n"))
    assert written in file.read_text()
    with pytest.raises(SweepError) as refusal:
        confirmation_jobs(store, store.load(), ConfirmConfig(top=2, seeds=5))
    assert str(refusal.value).startswith(f"{store.name}: trial ")
    assert str(refusal.value).endswith(f": {said}; this version cannot train it again")


# The command, and what is asked for in a file


def test_the_command_confirms_what_the_search_has_so_far(tmp_path: Path) -> None:
    run(tmp_path, EXPERIMENT, trials=2)
    store = confirm_experiment(order(tmp_path, EXPERIMENT, trials=2), ConfirmConfig(top=1, seeds=4), Observer(), Stub())
    assert list(again(store.load()).values()) == [[3, 4, 5, 6]] * 2


@pytest.mark.parametrize(
    ("section", "fault"),
    [
        ("[confirm]\ntop = 0", "confirm.top: is 0; must be at least 1"),
        ("[confirm]\nseeds = 0", "confirm.seeds: is 0; must be at least 1"),
        ("[confirm]\ntops = 1", 'confirm: unknown key "tops"; did you mean "top"?'),
        ("confirm = 3", "confirm: is 3; must be a table"),
    ],
)
def test_a_faulty_section_is_refused(section: str, fault: str, tmp_path: Path) -> None:
    text = f"{section}\n{EXPERIMENT}" if "=" in section.partition("\n")[0] else f"{EXPERIMENT}\n{section}\n"
    (tmp_path / "luck.toml").write_text(text)
    with pytest.raises(SweepError, match=r"luck\.toml: ") as refusal:
        load(tmp_path / "luck.toml")
    line = text.split("\n").index(section.split("\n")[-1]) + 1
    assert str(refusal.value) == f"{tmp_path / 'luck.toml'}: {fault} (line {line})"


def test_without_a_search_there_is_no_choice_to_confirm() -> None:
    raw = {"question": "q?", "task": {"name": "increasing"}, "confirm": {}}
    with pytest.raises(SweepError, match="nothing is searched, so there is no choice to confirm"):
        parse(raw, "file")


def test_seeds_that_no_generator_takes_are_refused() -> None:
    raw = TUNING | {"study": {"trials": 2, "seeds": [2**32 - 10]}, "confirm": {"seeds": 10}}
    with pytest.raises(SweepError, match=r"confirm\.seeds: is 10; the seeds after those of the study would pass"):
        parse(raw, "file")
    assert parse(raw | {"confirm": {"seeds": 9}}, "file").confirm == ConfirmConfig(top=3, seeds=9)


def test_the_plan_counts_what_is_confirmed() -> None:
    without = make_plan(parse(TUNING, "file"))
    plan = make_plan(parse(TUNING | {"confirm": {"top": 2, "seeds": 20}}, "file"))
    assert (plan.trials, plan.replicates) == (without.trials, without.replicates) == (50, 500)
    assert (plan.confirmed, plan.confirmed_replicates) == (2, 40)
    assert (without.confirmed, without.confirmed_replicates) == (0, 0)
    assert plan.updates == without.updates * 540 / 500  # of the typical configuration, as in the search
    assert plan.seconds > without.seconds
    assert make_plan(parse(TUNING | {"confirm": {"top": 99, "seeds": 1}}, "file")).confirmed == 50


# What is shown of it

Sweep = Callable[..., Result]


def test_show_has_both_scores_and_the_optimism_between_them(tmp_path: Path, sweep_command: Sweep) -> None:
    results = run(tmp_path)
    shown = sweep_command("show", "luck")
    assert (shown.code, shown.err) == (0, "")
    assert "4 configurations trained again from seeds that the search never saw" in shown.out
    rows = json.loads(sweep_command("show", "luck", "--json").out)
    beside = {row["trial"]: row for row in rows if row["confirmed_seeds"] is not None}
    assert len(rows) == 16
    assert set(beside) == set(again(results))
    redone = results.trials[results.trials["phase"] == "confirm"].set_index("trial")
    for trial, row in beside.items():
        assert row["confirmed_recall_accuracy"] == pytest.approx(redone.loc[trial, "recall_accuracy"], rel=1e-14)
        assert row["confirmed_solve_rate_high"] == pytest.approx(redone.loc[trial, "solve_rate_high"], rel=1e-14)


def test_optimism_is_what_the_search_promised_beyond_what_came() -> None:
    results = confirmed(tuning(study={"trials": 6, "seeds": 10}), [1, 4])
    table = confirmed_table(Findings(results)).set_index("trial")
    for trial, row in table.iterrows():
        own = results.trials[results.trials["trial"] == trial].set_index("phase")["recall_accuracy"]
        assert row["optimism_points"] == pytest.approx(100 * (own["search"] - own["confirm"]))


def test_the_command_refuses_what_it_cannot_confirm(tmp_path: Path, sweep_command: Sweep) -> None:
    nothing = sweep_command("confirm", "luck")
    assert (nothing.code, nothing.out) == (2, "")
    assert nothing.err == 'Error: results: has no results of "luck"; `sweep list` names what there is\n'
    run(
        tmp_path,
        EXPERIMENT.replace(
            "[search]\nunits = { low = 1, high = 64, log = true }\nshuffle = { choices = [true, false] }\n", ""
        ).replace("trials = 8\n", ""),
    )
    unsearched = sweep_command("confirm", "luck")
    assert unsearched.code == 2
    assert unsearched.err == (
        "Error: luck: nothing was searched, so there is no choice to confirm; raise study.seeds instead\n"
    )


@pytest.mark.slow
def test_a_real_network_is_confirmed_by_the_command(tmp_path: Path, sweep_command: Sweep) -> None:
    folder = tmp_path / "experiments"
    folder.mkdir()
    small = EXPERIMENT.replace("trials = 8", "trials = 2").replace("[4, 5]", "[4]")
    (folder / "luck.toml").write_text(small)
    assert sweep_command("run", "luck").code == 0
    done = sweep_command("confirm", "luck", "--top", "1", "--seeds", "2")
    assert done.code == 0, done.err
    assert "1 configuration trained again" in done.out
    rows = json.loads(sweep_command("show", "luck", "--json").out)
    assert sorted(row["confirmed_seeds"] or 0 for row in rows) == [0, 2]
