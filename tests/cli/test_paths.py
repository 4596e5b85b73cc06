"""Paths with any characters, and names that collide: right, or one line before anything is written."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import SMALL, Result
from stubs import Stub

Sweep = Callable[..., Result]


@pytest.fixture
def experiment(sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch) -> str:
    """An experiment that trains stubs."""
    monkeypatch.setattr("sweep.cli.training._executor", lambda *_: Stub())
    Path("small.toml").write_text(SMALL)
    return "small.toml"


def refused(result: Result) -> str:
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), result.err
    return result.err


@pytest.mark.parametrize("results", ["runs?x=1", "a#b", "100%41", "{b} c", "at 12:30", "é'\"[1]*", "deep/" * 40 + "er"])
def test_results_and_their_study_lie_where_the_path_says(
    results: str, tmp_path: Path, experiment: str, sweep_command: Sweep
) -> None:
    done = sweep_command("run", experiment, "--results", results)
    assert done.code == 0, done.err
    assert (tmp_path / results / "small" / "study.db").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(["small.toml", results.split("/")[0]])
    assert sweep_command("run", experiment, "--results", results).code == 0, "the study is found again"
    for command in (["show", "small"], ["report", "small"]):
        assert sweep_command(*command, "--results", results).code == 0
    folder = f"{results}/small"
    assert sweep_command("compare", folder, folder).code == 0
    assert sweep_command("compare", f"{folder}:0", f"{folder}:2").code == 0


@pytest.mark.parametrize("results", ["d" * 300, "/".join(["d" * 100] * 6)])
def test_a_path_that_is_too_long_is_told_before_anything_is_written(
    results: str, tmp_path: Path, experiment: str, sweep_command: Sweep
) -> None:
    assert "choose" in refused(sweep_command("run", experiment, "--results", results))
    assert [path.name for path in tmp_path.iterdir()] == ["small.toml"]


def test_two_experiments_of_one_name_in_one_run_are_told_at_once(
    tmp_path: Path, experiment: str, sweep_command: Sweep
) -> None:
    Path("other").mkdir()
    Path("other/SMALL.toml").write_text(SMALL)
    said = refused(sweep_command("run", experiment, "other/SMALL.toml"))
    assert "small.toml and other/SMALL.toml: both are named" in said
    assert not Path("results").exists()


def test_a_file_that_is_given_twice_is_run_once(experiment: str, sweep_command: Sweep) -> None:
    done = sweep_command("run", experiment, experiment)
    assert (done.code, done.err.count("Report: ")) == (0, 1)


@pytest.mark.parametrize("name", ["report.html", "report.md", "Report.MD"])
def test_an_experiment_that_is_named_like_a_report_is_refused(name: str, experiment: str, sweep_command: Sweep) -> None:
    Path(f"{name}.toml").write_text(SMALL)
    assert "`sweep report` writes a file" in refused(sweep_command("run", f"{name}.toml"))
    assert not Path("results").exists()


def test_an_experiment_file_may_end_in_capitals(experiment: str, sweep_command: Sweep) -> None:
    Path(experiment).rename("Big.TOML")
    assert sweep_command("run", "Big.TOML").code == 0
    assert Path("results/Big/study.db").is_file()
