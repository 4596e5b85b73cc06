"""What outgrows the machine, or anybody's patience, is refused before anything is written."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import SMALL, Result

from sweep.errors import SweepError
from sweep.execution.excess import refuse_excess
from sweep.experiment.file import parse

Sweep = Callable[..., Result]
MINIMAL = 'question = "q"\n[task]\nname = "increasing"\n'
LONG = MINIMAL + "[training]\nepochs = 10_000_000\n"  # some 16 days with 10,000 seeds
GRID = "[search]\nunits = { low = 1, high = 4096 }\nepochs = { low = 1, high = 100_000 }\n[study]\nsampler = 'grid'\n"


def refused(text: str, **asked: Any) -> list[str]:
    """The faults of a run that a machine of 4 GB is asked for."""
    experiment = parse(tomllib.loads(text), where="f.toml")
    try:
        refuse_excess(experiment, "f.toml", "tensorflow", **({"memory_mb": 4000.0} | asked))
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


def test_nothing_is_written_of_what_is_refused(tmp_path: Path, sweep_command: Sweep) -> None:
    Path("x.toml").write_text(SMALL.replace("epochs = 4", "epochs = 10_000_000").replace("seeds  = 3", "seeds = 9_999"))
    result = sweep_command("run", "x.toml")
    assert (result.code, result.out) == (2, "")
    assert "go on with --anyway" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["x.toml"]
