"""A cluster loses its scheduler, its workers and its tasks, or gets workers that would train other numbers."""

import functools
import random
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any

import distributed
import pytest
from stubs import Stub, stub_outcome

import sweep
from faults.cluster import OF_ANOTHER_VERSION, WITHOUT_SWEEP, cluster, lines, run_on, wait_for_line
from faults.conftest import Found
from faults.faulty import assert_whole, calm_run, ended, forked, run, write
from faults.test_workers import Progress, training, wait_for_records
from sweep.errors import SweepError
from sweep.execution.cluster import cluster_workers
from sweep.execution.on_worker import Train
from sweep.execution.workers import Workers
from sweep.results.outcome import Outcome
from sweep.results.results import Results
from sweep.search.job import Job

TIMES = 5
TRIALS = 8
half_a_second = functools.partial(training, seconds=0.5)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return calm_run(tmp_path_factory.mktemp("calm"), TRIALS)


def started(address: str, path: Path, train: Train = half_a_second) -> int:
    return forked(lambda: run_on(address, path, train))


def until_there(job: Job, progress: Progress, *, file: Path) -> Outcome:
    """A stub that is not ready before `file` is there, however busy the machine is: the first few never wait."""
    until = time.monotonic() + 100
    while job.key.trial >= 4 and not file.exists() and time.monotonic() < until:
        time.sleep(0.05)
    return stub_outcome(job)


def test_the_scheduler_is_replaced(tmp_path: Path, calm: Results, found: Found) -> None:
    rng = random.Random(6)
    for number in range(TIMES):
        path = write(tmp_path / str(number), TRIALS)
        with cluster(tmp_path / f"cluster-{number}") as dask:
            scheduler = dask.scheduler()
            workers = [dask.worker(), dask.worker()]
            pid = started(dask.address, path)
            wait_for_records(path, 4)
            time.sleep(rng.uniform(0, 0.5))
            scheduler.kill()
            scheduler.wait()
            if number % 2:
                [worker.kill() for worker in workers]
            time.sleep(rng.uniform(0, 3))
            dask.scheduler()
            workers = [dask.worker(), dask.worker()]
            assert ended(pid, within=120) == 0, lines(path)
            assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
    found("scheduler replaced", "SIGKILL; another one on its port within 3 s", TIMES, "told; then identical")


def test_the_scheduler_is_gone_for_good(tmp_path: Path, calm: Results, found: Found) -> None:
    slowest = 0.0
    for number in range(TIMES):
        path = write(tmp_path / str(number), TRIALS)
        with cluster(tmp_path / f"cluster-{number}") as dask:
            scheduler = dask.scheduler()
            dask.worker()
            dask.worker()
            pid = started(dask.address, path)
            wait_for_records(path, 4)
            since = time.monotonic()
            scheduler.send_signal(signal.SIGSTOP if number % 2 else signal.SIGKILL)  # silent, or gone
            assert ended(pid, within=35) == 1
            slowest = max(slowest, time.monotonic() - since)
        assert lines(path)[-1].startswith("1: --cluster: no Dask scheduler answers at ")
        assert_whole(run(path, Stub()), calm)
    assert slowest < 30
    found(
        "scheduler gone for good",
        "SIGKILL, or SIGSTOP",
        TIMES,
        f"one line, exit 1 within {slowest:.0f} s; then identical",
    )


def test_the_last_worker_is_gone(tmp_path: Path, calm: Results, found: Found) -> None:
    slowest = 0.0
    for number in range(TIMES):
        path = write(tmp_path / str(number), TRIALS)
        with cluster(tmp_path / f"cluster-{number}") as dask:
            dask.scheduler()
            worker = dask.worker()
            pid = started(dask.address, path)
            wait_for_records(path, 2)
            worker.kill()
            wait_for_line(path, "no worker is left")
            worker = dask.worker()
            wait_for_records(path, 6)
            worker.kill()
            since = time.monotonic()
            assert ended(pid, within=35) == 1
            slowest = max(slowest, time.monotonic() - since)
        assert lines(path)[-1].startswith("1: --cluster: the cluster has had no worker for 15 s; start some")
        assert_whole(run(path, Stub()), calm)
    assert slowest < 30
    found(
        "last worker of a cluster gone",
        "SIGKILL; another one comes, and is killed too",
        TIMES,
        f"goes on with it; then one line, exit 1 within {slowest:.0f} s; then identical",
    )


@pytest.mark.parametrize(
    ("fault", "options", "line"),
    [
        ("without sweep", {"at_its_start": WITHOUT_SWEEP}, "has no sweep of this version (ModuleNotFoundError"),
        ("of another version", {"at_its_start": OF_ANOTHER_VERSION}, "has sweep 0.0.9 for "),
        ("of several threads", {"threads": 4}, "has 4 threads; start it with --nthreads 1"),
    ],
)
def test_a_worker_that_would_train_other_numbers_gets_no_trial(
    fault: str, options: dict[str, Any], line: str, tmp_path: Path, calm: Results, found: Found
) -> None:
    for number in range(TIMES):
        path = write(tmp_path / str(number), TRIALS)
        with cluster(tmp_path / f"cluster-{number}") as dask:
            dask.scheduler()
            dask.worker()
            told = path.parent / "told"
            pid = started(dask.address, path, functools.partial(until_there, file=told))
            wait_for_records(path, 2)
            unfit = dask.worker(**options)
            wait_for_line(path, line, within=90)
            told.touch()
            assert ended(pid, within=60) == 0
            assert unfit.poll() is None, "it is left alone"
            assert len(lines(path)) == 1
            assert lines(path)[0].endswith("; it gets no trial")
            assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
            with (
                pytest.raises(SweepError, match=f"^--cluster: the worker \\S+ {re.escape(line)}"),
                Workers(cluster_workers(dask.address)) as workers,
            ):
                workers.device()
    found(
        f"cluster worker {fault}",
        "it joins late, and is there at the start",
        TIMES,
        "one line, no trial; one line, exit 2",
    )


def test_the_tasks_of_a_run_are_cancelled_by_somebody_else(tmp_path: Path, calm: Results, found: Found) -> None:
    for number in range(TIMES):
        path = write(tmp_path / str(number), TRIALS)
        with cluster(tmp_path / f"cluster-{number}") as dask:
            dask.scheduler()
            dask.worker()
            dask.worker()
            pid = started(dask.address, path)
            wait_for_records(path, 4)
            with distributed.Client(dask.address, set_as_default=False) as somebody:
                tasks = somebody.run_on_scheduler(lambda dask_scheduler: list(dask_scheduler.tasks))
                somebody.cancel([distributed.Future(task, somebody) for task in tasks], force=True)
            assert ended(pid, within=120) == 0, lines(path)
            assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
    found("tasks cancelled", "by another client, all of them", TIMES, "given out again: identical")


def test_an_address_at_which_nobody_answers_is_one_line_within_seconds(found: Found) -> None:
    with socket.socket() as silent, socket.socket() as closed:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        closed.bind(("127.0.0.1", 0))
        addresses = [f"tcp://127.0.0.1:{each.getsockname()[1]}" for each in (silent, closed)]
        addresses += ["tcp://192.0.2.1:8786", "tcp://nobody.invalid:8786", "tls://127.0.0.1:8786"]
        for address in addresses:
            since = time.monotonic()
            with pytest.raises(SweepError, match=r"^--cluster: ") as refusal, cluster_workers(address)():
                raise AssertionError
            assert "\n" not in str(refusal.value)
            assert time.monotonic() - since < 15
    found(
        "dead address", "closed, silent, unreachable, unknown, no certificates", len(addresses), "one line within 15 s"
    )
