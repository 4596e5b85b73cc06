"""What outgrows the machine, or anybody's patience, is refused before anything is written."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dask
import distributed
import pytest
from conftest import SMALL, Result

from sweep.errors import SweepError
from sweep.execution.excess import refuse_excess, refuse_jobs
from sweep.execution.executor import Room
from sweep.experiment.file import parse
from sweep.experiment.trials import Phase
from sweep.results.record import TrialKey
from sweep.results.store import Store
from sweep.search.job import Job

Sweep = Callable[..., Result]
MINIMAL = 'question = "q"\n[task]\nname = "increasing"\n'
LONG = MINIMAL + "[training]\nepochs = 10_000_000\n"  # some 16 days with 10,000 seeds
GRID = "[search]\nunits = { low = 1, high = 4096 }\nepochs = { low = 1, high = 100_000 }\n[study]\nsampler = 'grid'\n"


def refused(text: str, **asked: Any) -> list[str]:
    """The faults of a run that a machine of 4 GB is asked for."""
    experiment = parse(tomllib.loads(text), where="f.toml")
    try:
        room = Room(asked.pop("processes", 1), asked.pop("memory_mb", 4000.0))
        refuse_excess(experiment, "f.toml", "tensorflow", room, **asked)
    except SweepError as error:
        return str(error).split("\n")
    return []


def test_the_tutorial_is_begun() -> None:
    assert refused(MINIMAL) == []


def test_more_than_a_week_is_refused_with_the_estimate() -> None:
    (line,) = refused(LONG + "[study]\nseeds = 10_000")
    assert line.startswith("f.toml: would take up to about ")
    assert line.endswith(" days (an estimate), more than a week; make it smaller, or go on with --anyway")


def test_more_memory_than_there_is_is_refused_with_the_estimate() -> None:
    (line,) = refused(MINIMAL + "[model]\nunits = 4096\n[training]\nepochs = 1\n[study]\nseeds = 100")
    assert line.startswith("f.toml: would need about 1")
    assert "MB of memory (an estimate), and there are 4,000; make sequences, network or seeds" in line


def test_whoever_says_anyway_goes_on() -> None:
    assert refused(LONG + "[study]\nseeds = 10_000", anyway=True) == []


def test_each_worker_needs_its_own_memory_and_does_its_part_of_the_time() -> None:
    assert len(refused(MINIMAL)) == 0
    assert len(refused(MINIMAL, processes=8)) == 1
    assert refused(LONG + "[study]\nseeds = 10_000", memory_mb=1e9, processes=8) == []


def test_what_is_finished_takes_no_more_time() -> None:
    many = LONG + "[search]\nshuffle = { choices = [true, false] }\n[study]\nseeds = 300\ntrials = 20"
    assert len(refused(many)) == 1
    assert refused(many, finished=19) == []


@pytest.mark.parametrize("anyway", [True, False])
def test_more_records_than_their_names_keep_apart_are_refused_in_any_case(*, anyway: bool) -> None:
    (line,) = [line for line in refused(MINIMAL + GRID, anyway=anyway) if "records" in line]
    assert line == "f.toml: study.trials: make 409,600,000 records; at most 999,999 can be kept apart"


def test_a_part_of_a_grid_that_cannot_be_shuffled_is_refused() -> None:
    (line,) = [line for line in refused(MINIMAL + GRID + "trials = 5") if "grid" in line]
    assert line.startswith("f.toml: search: the grid has 409,600,000 combinations; of at most 1,000,000 a fair part")


def test_a_plan_says_what_would_be_refused(sweep_command: Sweep) -> None:
    Path("x.toml").write_text(MINIMAL + GRID)
    result = sweep_command("plan", "x.toml")
    assert (result.code, result.out) == (2, "")
    assert "Error: x.toml: study.trials: make 409,600,000 records; at most 999,999" in result.err
    Path("y.toml").write_text(LONG + "[study]\nseeds = 10_000")
    result = sweep_command("plan", "y.toml")
    assert (result.code, result.err.count("\n")) == (0, 1)
    assert result.err.startswith("`sweep run` would take up to about ")


def test_nothing_is_written_of_what_is_refused(tmp_path: Path, sweep_command: Sweep) -> None:
    Path("x.toml").write_text(SMALL.replace("epochs = 4", "epochs = 10_000_000").replace("seeds  = 3", "seeds = 9_999"))
    result = sweep_command("run", "x.toml")
    assert (result.code, result.out) == (2, "")
    assert "go on with --anyway" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["x.toml"]


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweep.machine.devices.memory_mb", lambda device: 500.0)


@pytest.mark.usefixtures("little_memory")
def test_a_confirmation_is_held_against_the_memory_too(small: Store, sweep_command: Sweep) -> None:
    before = sorted(small.path.rglob("*"))
    result = sweep_command("confirm", "small", "--seeds", "5000")
    assert (result.code, result.out) == (2, "")
    assert result.err.splitlines()[-1].startswith("Error: small: would need about ")
    assert result.err.endswith(
        " and there are 500; make sequences, network or seeds fewer or smaller, or go on with --anyway\n"
    )
    assert sorted(small.path.rglob("*")) == before


@pytest.mark.usefixtures("little_memory")
def test_what_a_run_confirms_after_its_search_is_held_against_the_memory_too(
    small: Store, sweep_command: Sweep
) -> None:
    file = Path("experiments/small.toml")
    small.create(SMALL.replace("trials = 3", "trials = 2") + "[confirm]\n", small.manifest())
    file.write_text((small.path / "experiment.toml").read_text())
    result = sweep_command("run", "small")
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith("Error: small: would need about ")
    assert result.err.count("\n") == 1


def test_trials_that_are_known_are_held_against_a_week() -> None:
    configuration = parse(tomllib.loads(LONG), where="f.toml").base
    key = TrialKey(trial=0, phase=Phase.CONFIRM, condition={}, parameters={})
    job = Job(key=key, configuration=configuration, seeds=tuple(range(10_000)))
    with pytest.raises(SweepError, match=r"^luck: would take up to about .* more than a week; make it smaller, or go"):
        refuse_jobs([job], "luck", "tensorflow", Room(1, 1e9))
    refuse_jobs([job], "luck", "tensorflow", Room(8, 1e9))


@pytest.mark.slow
def test_a_cluster_is_asked_what_its_workers_hold(tmp_path: Path, sweep_command: Sweep) -> None:
    Path("x.toml").write_text(SMALL)
    options = {"protocol": "tcp://", "host": "127.0.0.1", "dashboard_address": None, "processes": False}
    with (
        dask.config.set({"temporary-directory": str(tmp_path)}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, memory_limit="300MB", **options) as cluster,
    ):
        result = sweep_command("run", "x.toml", "--cluster", cluster.scheduler_address)
    assert (result.code, result.out) == (2, "")
    assert re.fullmatch(
        r"Error: x\.toml: would need about .* MB of memory \(an estimate\), and there are 600; .* --anyway\n",
        result.err,
    )
    assert not Path("results").exists()
