"""The process that writes is killed, told to stop, or refused by its disk and its database."""

import ctypes
import os
import random
import signal
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine
from stubs import Stub, stub_outcome

import sweep
from faults.conftest import Found
from faults.faulty import WHOLE_SUITE, assert_whole, calm_run, ended, finished, forked, run, times, write
from sweep.errors import RunError, SweepError
from sweep.execution.executor import Observer
from sweep.results.outcome import Outcome
from sweep.results.results import Results
from sweep.search.job import Job
from sweep.search.samplers import Search
from sweep.search.storage_copy import Mirror

TRIALS = 14


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return calm_run(tmp_path_factory.mktemp("calm"), TRIALS)


def die(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def slow(job: Job) -> Outcome:
    time.sleep(0.01)
    return stub_outcome(job)


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["asked", "trained", "record half written", "record written", "copied", "told"])
def test_the_coordinator_is_killed_at_each_boundary(boundary: str, tmp_path: Path, calm: Results, found: Found) -> None:
    path, rng = write(tmp_path, TRIALS), random.Random(boundary)

    def dies_after(number: int) -> None:
        """Run with a bomb: the `number`-th time that the boundary is reached, the process is gone."""
        fuse = iter(range(number))

        def reached() -> None:
            if next(fuse, None) is None:
                die()

        class AtBoundary(Stub):
            def run(self, jobs: Iterator[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:  # type: ignore[override]
                for job, outcome in super().run(jobs, observer):
                    if boundary == "trained":
                        reached()
                    yield job, outcome

        class Recorded(Observer):
            def trial_finished(self, *_: object) -> None:
                if boundary == "record written":
                    reached()

        def before(owner: type, name: str) -> None:
            original = getattr(owner, name)

            def wrapped(*arguments: object) -> object:
                reached()
                return original(*arguments)

            setattr(owner, name, wrapped)

        def asked(job: Job) -> Outcome:
            if boundary == "asked":
                reached()
            return stub_outcome(job)

        if boundary == "record half written":
            before(Path, "replace")
        if boundary == "copied":
            before(Mirror, "add")
        if boundary == "told":
            before(Search, "tell")
        run(path, AtBoundary(3, rng.randrange, asked), Recorded())

    kills = 0
    while kills < times(20):
        before_it = finished(path)
        status = ended(forked(lambda: dies_after(rng.randrange(1, 4))))
        assert set(before_it) <= set(finished(path)), "a finished trial was lost"
        if status == 0:  # it came to the end: from here on there is nothing to kill
            (tmp_path / f"done-{kills}").touch()
            assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
            subprocess.run(["rm", "-r", tmp_path / "results"], check=True, timeout=300)
            continue
        assert status == -signal.SIGKILL
        kills += 1
    assert ended(forked(lambda: run(path, Stub()))) == 0
    assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
    found(
        f"coordinator killed, {boundary}",
        "it sends itself SIGKILL there",
        kills,
        "the next run completes it: identical",
    )


@pytest.mark.slow
def test_the_coordinator_is_killed_before_each_statement_that_writes_to_the_database(
    tmp_path: Path, found: Found
) -> None:
    calm = calm_run(tmp_path / "calm", 1)

    def dies_before(number: int, path: Path) -> None:
        left = iter(range(number))

        def about_to(connection: object, cursor: object, statement: str, *_: object) -> None:
            if statement.split()[0] in ("CREATE", "INSERT") and next(left, None) is None:
                die()

        event.listen(Engine, "before_cursor_execute", about_to)
        run(path, Stub())

    number = 0
    while True:
        path = write(tmp_path / str(number), 1)
        status = ended(forked(lambda number=number, path=path: dies_before(number, path)))
        assert ended(forked(lambda path=path: run(path, Stub()))) == 0
        assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
        if status == 0:
            break
        assert status == -signal.SIGKILL
        number += 1 if WHOLE_SUITE else 10
    assert number > 20
    found(
        "coordinator killed, in the database",
        "SIGKILL before each statement that writes, from the first table on",
        number,
        "the next run completes it: identical",
    )


@pytest.mark.slow
def test_the_coordinator_is_killed_at_random_instants(tmp_path: Path, calm: Results, found: Found) -> None:
    path, rng, kills = write(tmp_path, TRIALS), random.Random(1), 0
    while kills < times(20):
        pid = forked(lambda: run(path, Stub(2, rng.randrange, slow)))
        time.sleep(rng.uniform(0, 0.6))
        os.kill(pid, signal.SIGKILL)
        kills += ended(pid) == -signal.SIGKILL
        if len(finished(path)) == 2 * TRIALS:
            assert ended(forked(lambda: run(path, Stub()))) == 0
            assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
            subprocess.run(["rm", "-r", tmp_path / "results"], check=True, timeout=300)
    assert ended(forked(lambda: run(path, Stub()))) == 0
    assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
    found("coordinator killed, at random", "SIGKILL after 0 to 0.6 s", kills, "the next run completes it: identical")


@pytest.mark.slow
def test_a_record_that_vanishes_during_a_run_is_told_and_trained_again(
    tmp_path: Path, calm: Results, found: Found
) -> None:
    class Removes(Observer):
        """After a few trials, somebody removes an earlier one's record."""

        def trial_finished(self, *_: object) -> None:
            records = sorted((path.parent / "results" / "faulty" / "trials").glob("*.parquet"))
            if len(records) == 6 and not (path.parent / "removed").exists():
                (path.parent / "removed").touch()
                rng.choice(records).unlink()

    rng = random.Random(7)
    for number in range(times(20)):
        path = write(tmp_path / str(number), TRIALS)
        with pytest.raises(RunError, match=r"the records of trials \d+ have vanished .*; the same command trains them"):
            run(path, Stub(), Removes())
        assert_whole(run(path, Stub()), calm)
    found("record vanishes during a run", "removed after a few trials", times(20), "one line, exit 1; then identical")


def stuck(job: Job) -> Outcome:
    """Never comes back to Python, as a compiled program that is running does not."""
    if job.key.trial == 5:
        ctypes.CDLL(None).sleep(100)
    return stub_outcome(job)


@pytest.mark.parametrize(
    ("signals", "status", "fault"),
    [
        ([signal.SIGTERM], 143, "SIGTERM in compiled code"),
        ([signal.SIGHUP], 129, "SIGHUP in compiled code"),
        ([signal.SIGINT], 130, "Ctrl-C once, in compiled code"),
        ([signal.SIGINT, signal.SIGINT], 130, "Ctrl-C twice, in compiled code"),
    ],
)
def test_a_signal_stops_a_run_that_is_in_compiled_code(
    signals: list[signal.Signals], status: int, fault: str, tmp_path: Path, calm: Results, found: Found
) -> None:
    paths = [write(tmp_path / str(number), TRIALS) for number in range(5)]
    pids = [forked(lambda path=path: run(path, Stub(outcome=stuck))) for path in paths]
    for path in paths:
        while len(finished(path)) < 5:
            time.sleep(0.02)
    time.sleep(0.3)
    started = time.monotonic()
    for number in signals:
        for pid in pids:
            os.kill(pid, number)
        time.sleep(0.2)
    assert [ended(pid, within=10) for pid in pids] == [status] * 5
    took = time.monotonic() - started
    assert took < (2 if len(signals) == 2 else 10)
    for path in paths:
        assert_whole(run(path, Stub()), calm)
    found(fault, "sent while a trial does not return to Python", 5, f"all ended within {took:.1f} s: identical")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, a megabyte or two large."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1500k", "tmpfs", disk], capture_output=True, check=False, timeout=300
    )
    if done.returncode:
        pytest.skip("needs the right to mount a small file system")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True, timeout=300)


@pytest.mark.slow
def test_the_disk_is_full(small_disk: Path, calm: Results, found: Found) -> None:
    path = write(small_disk, TRIALS)
    for number in range(times(20)):
        room = os.statvfs(small_disk)
        filler = small_disk / "filler"
        filler.write_bytes(bytes(max(0, room.f_bavail * room.f_frsize - 300_000 - 30_000 * (number % 5))))
        with pytest.raises(RunError, match=r"No space left on device|disk is full"):
            run(path, Stub())
        have = len(finished(path))
        filler.unlink()
        assert len(finished(path)) == have
        assert_whole(run(path, Stub()), calm)
        subprocess.run(["rm", "-r", small_disk / "results"], check=True, timeout=300)
    found(
        "disk full", "results and study.db on a file system without room", times(20), "one line, exit 1; then identical"
    )


def test_the_disk_is_full_for_the_database_alone(
    tmp_path: Path, small_disk: Path, calm: Results, monkeypatch: pytest.MonkeyPatch, found: Found
) -> None:
    monkeypatch.setattr("sweep.search.storage_copy._PATIENCE_SECONDS", 1.0)
    for number in range(5):
        path, database = write(tmp_path / str(number), TRIALS), small_disk / f"study{number}.db"
        storage = f"sqlite:///{database}"
        filled: list[Path] = []

        def fills_up(job: Job, filled: list[Path] = filled) -> Outcome:
            if job.key.trial == 6:
                room = os.statvfs(small_disk)
                filled.append(small_disk / "filler")
                filled[0].write_bytes(bytes(room.f_bavail * room.f_frsize))
            return stub_outcome(job)

        with pytest.raises(RunError, match=r"the storage refused it .*the records are kept"):
            run(path, Stub(outcome=fills_up), storage=storage)
        assert len(finished(path)) == 2 * TRIALS, "the training went on"
        filled[0].unlink()
        assert_whole(run(path, Stub(), storage=storage), calm, storage)
        database.unlink()
    found("disk full, study.db alone", "a storage without room", 5, "all trained, exit 1; then identical")


@pytest.mark.slow
def test_the_results_cannot_be_written(tmp_path: Path, calm: Results, found: Found) -> None:
    path = write(tmp_path, TRIALS)
    for _ in range(times(20)):
        half_way = iter(range(7))

        def stops(job: Job, left: Iterator[int] = half_way) -> Outcome:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return stub_outcome(job)

        with pytest.raises(KeyboardInterrupt):
            run(path, Stub(outcome=stops))
        have = finished(path)
        refused = tmp_path / "refused"

        def as_nobody(refused: Path = refused) -> None:
            os.setgid(65534)
            os.setuid(65534)
            try:
                run(path, Stub())
            except RunError as error:
                os._exit(7 if "cannot be written" in str(error) else 8)

        for folder in [tmp_path, *tmp_path.parents]:
            if folder == Path(tempfile.gettempdir()):
                break
            folder.chmod(0o755)
        status = ended(forked(as_nobody))
        assert status == 7
        assert finished(path) == have
        assert_whole(run(path, Stub()), calm)
        subprocess.run(["rm", "-r", tmp_path / "results"], check=True, timeout=300)
    found("read-only results", "the run is another user's", times(20), "one line, exit 1; then identical")


LINKED = [
    *("", ".lock", "trials", "report", "report/figures", "report/tables"),
    *("study.db", "study.db-journal", "study.db-wal", "study.db-shm"),
]


@pytest.mark.slow
def test_a_part_of_the_results_leads_elsewhere(tmp_path: Path, calm: Results, found: Found) -> None:
    results, elsewhere = tmp_path / "results" / "faulty", tmp_path / "elsewhere"
    path = write(tmp_path, TRIALS)
    for part in LINKED:
        left = iter(range(7))

        def stops(job: Job, left: Iterator[int] = left) -> Outcome:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return stub_outcome(job)

        with pytest.raises(KeyboardInterrupt):
            run(path, Stub(outcome=stops))
        (results / "report").mkdir(exist_ok=True)
        link = results / part
        if link.exists():
            link.rename(elsewhere)
        else:
            elsewhere.mkdir()
        link.symlink_to(elsewhere)
        there = {each: each.read_bytes() for each in [elsewhere, *elsewhere.rglob("*")] if each.is_file()}
        with pytest.raises(SweepError, match=r": is a link; results stay in their own folder\. Move what it leads to"):
            run(path, Stub())
        assert {each: each.read_bytes() for each in [elsewhere, *elsewhere.rglob("*")] if each.is_file()} == there
        link.unlink()
        elsewhere.rename(link)
        if part.startswith("study.db-"):
            link.rmdir()  # a folder is none of SQLite's files
        assert_whole(run(path, Stub()), calm)
        subprocess.run(["rm", "-r", tmp_path / "results"], check=True, timeout=300)
    found(
        "results that lead elsewhere",
        "a link in the place of the folder, of trials, report, study.db, ..., each once",
        len(LINKED),
        "one line, exit 2, and nothing written there; moved back, identical",
    )


@pytest.mark.slow
def test_a_record_is_torn(tmp_path: Path, calm: Results, found: Found) -> None:
    path, rng = write(tmp_path, TRIALS), random.Random(3)
    run(path, Stub())
    for _ in range(times(20)):
        record = rng.choice(list((tmp_path / "results" / "faulty" / "trials").glob("*.parquet")))
        whole = record.read_bytes()
        record.write_bytes(whole[: rng.randrange(len(whole))])
        with pytest.raises(SweepError, match=r"is damaged .*remove it and run the experiment again"):
            run(path, Stub())
        record.unlink()
        assert_whole(run(path, Stub()), calm)
    found(
        "torn Parquet record",
        "cut at a random byte",
        times(20),
        "named in one line; removed, it is trained again: identical",
    )


def test_the_database_is_locked_for_half_a_minute(tmp_path: Path, calm: Results, found: Found) -> None:
    paths = [write(tmp_path / str(number), TRIALS) for number in range(5)]

    def locks(job: Job) -> Outcome:
        if job.key.trial == 8:
            database = Path(os.environ["LOCKED"])
            connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
            connection.execute("BEGIN EXCLUSIVE")
            threading.Timer(30.0, connection.close).start()
        return stub_outcome(job)

    def locked(path: Path) -> None:
        os.environ["LOCKED"] = str(path.parent / "results" / "faulty" / "study.db")
        run(path, Stub(outcome=locks))

    started = time.monotonic()
    pids = [forked(lambda path=path: locked(path)) for path in paths]
    assert [ended(pid) for pid in pids] == [0] * 5
    assert time.monotonic() - started > 30
    for path in paths:
        assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
    found(
        "study.db locked for 30 s", "another connection holds it exclusively", 5, "the run waits at its end: identical"
    )
