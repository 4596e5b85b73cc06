"""`kill -9` at twenty random instants loses no finished trial and changes no number."""

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import optuna
import pytest
from conftest import with_caches_in
from prepared import Prepared, Started
from same_tables import TIMINGS, assert_same_tables

import sweep

KILLS = 20

EXPERIMENT = """
question = "Does it survive?"
[task]
name = "increasing"
[search]
units = { low = 1, high = 8, log = true }
learning_rate = { low = 1e-3, high = 1e-1, log = true }
shuffle = { choices = [true, false] }
[training]
epochs = 120
[study]
trials = 90
seeds = 6
[confirm]
top = 12
seeds = 8
"""


RUN = ["run", "survivor.toml"]


def start(prepared: Prepared, folder: Path) -> Started:
    """What is killed is a fork; what is held against it at the end, a process from scratch.

    Its compiled programs are its own: whoever dies loading one has all of them left aside.
    """
    return prepared.start(RUN, folder, with_caches_in(folder / "caches"))


def to_the_end(folder: Path) -> None:
    command = [sys.executable, "-m", "sweep", *RUN]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr


def finished(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "results" / "survivor" / "trials").glob("[0-9]*.parquet"))


def kill_while_confirming(prepared: Prepared, folder: Path) -> None:
    process = start(prepared, folder)
    while process.poll() is None and not any("confirm" in name for name in finished(folder)):
        time.sleep(0.002)
    process.kill()
    confirmed = sum("confirm" in name for name in finished(folder))
    assert 0 < confirmed < 12, "the kill came outside the phase: make it longer"


@pytest.mark.slow
def test_twenty_kills_leave_the_table_of_an_undisturbed_run(tmp_path: Path, prepared: Prepared) -> None:
    rng = random.Random(20)
    killed, calm = tmp_path / "killed", tmp_path / "calm"
    for folder in (killed, calm):
        folder.mkdir()
        (folder / "survivor.toml").write_text(EXPERIMENT)

    kills_during_trials = 0
    for _ in range(KILLS):
        before = finished(killed)
        process = start(prepared, killed)
        while process.poll() is None and len(finished(killed)) == len(before):
            time.sleep(0.02)  # a program is loading; the first new record shows that trials are under way
        until = time.monotonic() + rng.uniform(0.0, 0.4)
        while time.monotonic() < until and len(finished(killed)) < len(before) + 3:  # a fast machine is at its end soon
            time.sleep(0.01)
        kills_during_trials += process.poll() is None
        process.kill()
        assert set(before) <= set(finished(killed)), "a finished trial was lost"
        assert sweep.load(killed / "results" / "survivor").trials["trial"].is_unique
    assert kills_during_trials == KILLS, "the run ended before the last kill: make the experiment longer"
    kill_while_confirming(prepared, killed)

    for folder in (killed, calm):
        to_the_end(folder)
    results = sweep.load(killed / "results" / "survivor")
    assert results.trials["trial"][results.trials["phase"] == "search"].tolist() == list(range(90))
    assert (results.trials["phase"] == "confirm").sum() == 12
    assert set(TIMINGS) < set(results.trials.columns)
    undisturbed = sweep.load(calm / "results" / "survivor")
    assert_same_tables(results, undisturbed)

    database = killed / "results" / "survivor" / "study.db"
    with sqlite3.connect(database) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()
    study = optuna.load_study(study_name="survivor", storage=f"sqlite:///{database}")
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 90
    left_over = [p.name for p in (killed / "results").rglob(".writing-*")]
    assert left_over == [], "the run that follows a kill clears away what was half written"
    assert os.path.exists(killed / "results" / "survivor" / "report" / "index.html")
