"""Runs that something happens to: forked processes that train stubs, the calm run beside them, and the oracle."""

import contextlib
import os
import signal
import sqlite3
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import optuna
from same_tables import assert_same_tables
from stubs import Stub, stub_outcome

from sweep.execution.executor import Executor, Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.execution.stopping import Terminated, ends_when_told
from sweep.experiment.file import load
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.tables import accuracy_table
from sweep.results.outcome import Outcome
from sweep.results.results import Results
from sweep.search.job import Job
from sweep.search.storage_copy import open_storage

WHOLE_SUITE = bool(os.environ.get("FAULTS"))
"""Whether this is `make test-faults`; the ordinary tests take a few of the faults along, twice each."""

EXPERIMENT = """
question = "Does it survive?"
[task]
name = "increasing"
[conditions]
sequence_length = [4, 5]
[search]
units = { low = 1, high = 64, log = true }
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[training]
epochs = 6
[study]
trials = TRIALS
seeds = 3
pruner = "median"
"""


def times(number: int) -> int:
    """How often a fault is made: `number` times in the suite."""
    return number if WHOLE_SUITE else 2


def write(folder: Path, trials: int, extra: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "faulty.toml"
    path.write_text(EXPERIMENT.replace("TRIALS", str(trials)) + extra)
    return path


def run(path: Path, executor: Executor, observer: Observer | None = None, storage: str | None = None) -> Results:
    """`sweep run` in this process, with another executor."""
    order = Run("faulty", load(path), path.read_text(), {}, path.parent / "results", storage, ["sweep", "run"])
    with executor:
        return run_experiment(order, observer or Observer(), executor).load()


_STARTED = set[int]()


def forked(action: Callable[[], object]) -> int:
    """Start `action` in a process of its own and return its id; it ends with 0, with a signal's status, or with 1."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads that are not copied: no run needs them
        pid = os.fork()
    if pid:
        _STARTED.add(pid)
        return pid
    status = 1
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        with ends_when_told():
            action()
        status = 0
    except KeyboardInterrupt:
        status = 130
    except Terminated as told:
        status = 128 + told.signal
    finally:
        os._exit(status)


def ended(pid: int, within: float = 500.0) -> int:
    """How a process ended: its exit status, or minus the signal that ended it."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            _STARTED.discard(pid)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    raise AssertionError(f"the run was still going after {within} s")


def end_all() -> None:
    """End what a failed test has left running, workers included."""
    while _STARTED:
        pid = _STARTED.pop()
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def finished(path: Path) -> list[str]:
    """The records that there are."""
    return sorted(record.name for record in (path.parent / "results" / "faulty" / "trials").glob("[0-9]*.parquet"))


def studies(results: Results, storage: str | None = None) -> list[list[object]]:
    """What the storage holds."""
    names = [f"faulty/sequence_length={length}" for length in (4, 5)]
    with open_storage(storage or f"sqlite:///{results.path / 'study.db'}") as opened:
        return [
            [(t.number, t.state.name, t.params, t.values, t.intermediate_values, t.user_attrs) for t in study.trials]
            for study in (optuna.load_study(study_name=name, storage=opened) for name in names)
        ]


def assert_whole(disturbed: Results, calm: Results, storage: str | None = None) -> None:
    """The oracle: all trials once with identical values, in the tables, the storage and the report; nothing RUNNING."""
    assert disturbed.trials["trial"].tolist() == list(range(len(calm.trials)))
    assert_same_tables(disturbed, calm)
    assert studies(disturbed, storage) == studies(calm)
    assert {trial[1] for study in studies(disturbed, storage) for trial in study} <= {"COMPLETE", "PRUNED", "FAIL"}
    if storage is None:
        with contextlib.closing(sqlite3.connect(disturbed.path / "study.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert accuracy_table(Findings(disturbed), top=None).equals(accuracy_table(Findings(calm), top=None))
    assert not list(disturbed.path.rglob(".writing-*"))


def calm_run(folder: Path, trials: int, outcome: Callable[[Job], Outcome] = stub_outcome) -> Results:
    """The same experiment, undisturbed."""
    return run(write(folder, trials), Stub(outcome=outcome))
