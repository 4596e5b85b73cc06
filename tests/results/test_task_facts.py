"""What a report needs of its task is stored with the run, and found there whatever has become of the task."""

import tomllib
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
import sampled_results
from stubs import Stub

from sweep.errors import SweepError
from sweep.execution.executor import Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import parse
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.page import write_report
from sweep.results import task_facts
from sweep.results.results import Results
from sweep.results.task_facts import stored_facts
from sweep.tasks.facts import facts_of
from sweep.tasks.registry import build_task

TEXT = """
question = "What is stored?"
[task]
name = "random"
alphabet_size = 5
max_error = 0.3
criterion_sequences = 12
test_sequences = 8
[conditions]
sequence_length = [5, 6]
[training]
epochs = 3
[study]
seeds = 2
"""
EXPERIMENT = parse(tomllib.loads(TEXT), where="stored.toml")


@pytest.fixture
def results(tmp_path: Path) -> Results:
    run = Run("stored", EXPERIMENT, TEXT, {}, tmp_path, None, ["sweep", "run", "stored"])
    return run_experiment(run, Observer(), Stub()).load()


def test_a_run_stores_the_facts_of_the_task_of_each_condition(results: Results) -> None:
    configurations = [results.experiment.base.replace(sequence_length=length) for length in (5, 6)]
    assert results.tasks == tuple(facts_of(build_task(each.task)) for each in configurations)
    assert results.manifest["tasks"][1]["num_steps"] == 5


def test_a_report_builds_no_task(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(config: object) -> None:
        raise AssertionError("the task was asked for")

    monkeypatch.setattr(task_facts, "build_task", gone)
    assert [condition.recall_ceiling for condition in conditions(results)] == [0.5, 0.5]
    write_report(results)


def test_facts_that_were_not_stored_are_those_of_the_projects_own_task() -> None:
    found = sampled_results.two_conditions()
    assert "tasks" not in found.manifest
    assert [facts.num_steps for facts in found.tasks] == [4, 9]


@pytest.mark.parametrize(
    "tasks",
    [
        None, {}, [], [{}, {}], [1, 2], [{"chance": "high"}, {}], {"expected_length": inf}, {"num_steps": 0},
        {"chance": nan}, {"num_sequences": -1}, {"max_error": -1.0}, {"criterion_sequences": 0}, {"wish": 1},
    ],
    ids=str,
)  # fmt: skip
def test_facts_that_no_run_stores_are_told_in_one_line(tasks: Any, results: Results) -> None:
    first, second = results.manifest["tasks"]
    results.manifest["tasks"] = [first | tasks, second] if isinstance(tasks, dict) and tasks else tasks
    with pytest.raises(SweepError) as refused:
        _ = results.tasks
    assert str(refused.value).startswith(f"{results.path}: ")
    assert "\n" not in str(refused.value)


def test_a_task_of_the_first_version_that_is_refused_by_now_is_told_and_not_built() -> None:
    refused = EXPERIMENT.task.model_copy(update={"test_sequences": 10**9})
    with pytest.raises(ValueError, match=r"task\.test_sequences: is 1000000000"):
        stored_facts({}, EXPERIMENT.model_copy(update={"task": refused}))
