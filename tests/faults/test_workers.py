"""Workers are killed, stopped, starved of memory, or never come back; the sweep goes on without a difference.

Each run is a process of its own, and what befalls its workers comes from outside or from the trial itself.
"""

import functools
import mmap
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from stubs import Stub, StubWorkers, stub_outcome

import sweep
from faults.conftest import Found
from faults.faulty import EXPERIMENT, assert_whole, calm_run, ended, finished, forked, run, studies, write
from sweep.execution.local import local_workers
from sweep.execution.workers import Workers
from sweep.results.outcome import Outcome, Scores
from sweep.results.results import Results
from sweep.search.job import Job

TRIALS = 14
POISON = (2, 7, 11, 12, 19)  # all in the first round: later ones are chosen, and pruned, by what came before
Progress = Callable[[Scores], None]


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return calm_run(tmp_path_factory.mktemp("calm"), TRIALS)


def training(job: Job, progress: Progress, *, seconds: float) -> Outcome:
    """A stub that takes a while, and shows how far it is."""
    outcome = stub_outcome(job)
    assert outcome.scores is not None
    for test in range(len(outcome.scores.epochs)):
        time.sleep(seconds / len(outcome.scores.epochs))
        progress(outcome.scores.tests(slice(test + 1)))
    return outcome


def started(path: Path, train: Callable[[Job, Progress], Outcome], number: int = 2, **options: float) -> int:
    """A run with workers, in a process of its own."""
    return forked(lambda: run(path, StubWorkers(number, train, **options)))


def workers(pid: int) -> list[psutil.Process]:
    """The worker processes that a run has at the moment: what the process that it forks them from has forked."""
    try:
        of_the_run = psutil.Process(pid).children()
        return [worker for child in of_the_run for worker in child.children()]
    except psutil.Error:
        return []


def wait_for_records(path: Path, number: int) -> None:
    while len(finished(path)) < number:
        time.sleep(0.02)


def assert_none_left(processes: list[psutil.Process]) -> None:
    psutil.wait_procs(processes, timeout=10)
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in processes)


def test_a_worker_is_killed(tmp_path: Path, calm: Results, found: Found) -> None:
    path, rng = write(tmp_path, TRIALS), random.Random(0)
    pid = started(path, functools.partial(training, seconds=0.5))
    for kill in range(5):
        wait_for_records(path, 2 + 4 * kill)
        time.sleep(rng.uniform(0, 0.5))
        rng.choice(workers(pid)).kill()
    assert ended(pid) == 0
    assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
    found("worker killed", "SIGKILL while it trains", 5, "its trial is trained anew: identical")


def test_a_worker_is_stopped_for_a_while(tmp_path: Path, calm: Results, found: Found) -> None:
    path = write(tmp_path, TRIALS)
    pid = started(path, functools.partial(training, seconds=0.5))
    for stop in range(5):
        wait_for_records(path, 2 + 4 * stop)
        worker = workers(pid)[stop % 2]
        worker.suspend()
        time.sleep(1.5)
        worker.resume()
    assert ended(pid) == 0
    assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
    found("worker stopped and continued", "SIGSTOP, SIGCONT after 1.5 s", 5, "identical")


def test_a_worker_is_stopped_for_good(tmp_path: Path, calm: Results, found: Found) -> None:
    paths = [write(tmp_path / str(number), TRIALS) for number in range(5)]
    pids = [started(path, functools.partial(training, seconds=0.5)) for path in paths]
    stopped: dict[int, psutil.Process] = {}
    while len(stopped) < len(pids):
        time.sleep(0.02)
        for path, pid in zip(paths, pids, strict=True):
            if pid not in stopped and len(finished(path)) > 2:
                stopped[pid] = workers(pid)[0]
                stopped[pid].suspend()
    assert [ended(pid) for pid in pids] == [0] * 5
    for path in paths:
        assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
    assert_none_left(list(stopped.values()))
    found("worker stopped for good", "SIGSTOP", 5, "replaced after one to two minutes of silence: identical")


def test_the_run_and_its_workers_are_killed_at_once(tmp_path: Path, calm: Results, found: Found) -> None:
    path, rng = write(tmp_path, TRIALS), random.Random(4)
    for kill in range(5):
        pid = started(path, functools.partial(training, seconds=0.3))
        wait_for_records(path, 4 * (kill + 1))
        time.sleep(rng.uniform(0, 0.3))
        all_of_it = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        before_it = finished(path)
        for process in all_of_it if kill % 2 else reversed(all_of_it):
            process.kill()
        assert ended(pid) == -signal.SIGKILL
        assert set(before_it) <= set(finished(path)), "a finished trial was lost"
        assert_none_left(all_of_it)
    assert ended(forked(lambda: run(path, Stub()))) == 0
    assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
    found("everything killed at once", "SIGKILL to the run and both workers", 5, "the next run completes it: identical")


def test_the_run_is_killed_and_its_workers_end_by_themselves(tmp_path: Path, calm: Results, found: Found) -> None:
    path = write(tmp_path, TRIALS)
    for kill in range(5):
        pid = started(path, functools.partial(training, seconds=0.3))
        wait_for_records(path, 4 * (kill + 1))
        children = psutil.Process(pid).children(recursive=True)
        os.kill(pid, signal.SIGKILL)
        assert ended(pid) == -signal.SIGKILL
        assert_none_left(children)
    assert ended(forked(lambda: run(path, Stub()))) == 0
    assert_whole(sweep.load(tmp_path / "results" / "faulty"), calm)
    found("coordinator killed, with workers", "SIGKILL", 5, "its workers end; the next run completes it: identical")


def hangs(job: Job, progress: Progress) -> Outcome:
    time.sleep(1000)
    return stub_outcome(job)


def dies_at_once(job: Job, progress: Progress) -> Outcome:
    os.kill(os.getpid(), signal.SIGKILL)
    return stub_outcome(job)


def crashes(job: Job, progress: Progress) -> Outcome:
    os.kill(os.getpid(), signal.SIGSEGV)
    return stub_outcome(job)


def takes_all_memory(job: Job, progress: Progress) -> Outcome:
    taken = []
    while True:
        taken.append(mmap.mmap(-1, 50_000_000))
        taken[-1].write(bytes(50_000_000))
        time.sleep(0.02)


def poisoned(job: Job, progress: Progress, *, poison: Callable[[Job, Progress], Outcome]) -> Outcome:
    """Some of the trials come to half of their curve, and then to no good."""
    if job.key.trial not in POISON:
        return stub_outcome(job)
    outcome = stub_outcome(job)
    assert outcome.scores is not None
    progress(outcome.scores.tests(slice(1)))
    progress(outcome.scores.tests(slice(3)))
    time.sleep(0.2)
    return poison(job, progress)


def assert_failed_alone(results: Results, calm: Results, error: str) -> None:
    """The poisoned trials failed with this error and their last curve; the others are as ever."""
    failed = results.trials[results.trials["state"] == "failed"]
    assert failed["trial"].tolist() == list(POISON)
    assert failed["error"].str.startswith(error).all(), failed["error"].tolist()
    assert results.trials["trial"].tolist() == list(range(len(calm.trials)))
    stored = [trial for study in studies(results) for trial in study]
    assert len(stored) == len(calm.trials)
    assert {trial[1] for trial in stored} <= {"COMPLETE", "PRUNED", "FAIL"}
    first_round = results.trials["trial"] < 20
    others = first_round & (results.trials["state"] != "failed")
    assert results.trials["loss"][others].tolist() == calm.trials["loss"][others].tolist()


@pytest.mark.parametrize(
    ("fault", "how", "poison", "error", "options"),
    [
        ("hung trial", "a trial sleeps past trial_timeout", hangs, "TrialTimeout: hung", {"grace": 1.0}),
        (
            "poison trial: killed",
            "its process gets SIGKILL each time that it is trained",
            dies_at_once,
            "WorkerDied: 3 workers died",
            {},
        ),
        (
            "poison trial: crashes",
            "its process gets SIGSEGV each time that it is trained",
            crashes,
            "WorkerDied: 3 workers died",
            {},
        ),
        (
            "poison trial: memory",
            "it takes memory until its worker is over its limit",
            takes_all_memory,
            "OutOfMemory: 3 workers",
            {"memory_limit": 600_000_000},
        ),
    ],
)
def test_a_poison_trial_fails_alone(
    fault: str,
    how: str,
    poison: Callable[[Job, Progress], Outcome],
    error: str,
    options: dict[str, float],
    tmp_path: Path,
    calm: Results,
    found: Found,
) -> None:
    path = write(tmp_path, TRIALS, "trial_timeout = 1.0\n" if poison is hangs else "")
    assert ended(started(path, functools.partial(poisoned, poison=poison), **options)) == 0
    results = sweep.load(tmp_path / "results" / "faulty")
    assert_failed_alone(results, calm, error)
    curves = results.curves[results.curves["trial"].isin(POISON)]
    assert curves.groupby("trial")["epoch"].max().tolist() == [3] * len(POISON), "its last curve is kept"
    found(fault, how, len(POISON), "failed with its cause and last curve; the others as ever")


def only_kills(job: Job, progress: Progress) -> Outcome:
    return dies_at_once(job, progress) if job.key.trial in POISON else stub_outcome(job)


def test_a_trial_that_kills_its_worker_in_its_first_instant_fails_alone(
    tmp_path: Path, calm: Results, found: Found
) -> None:
    path = write(tmp_path, TRIALS)
    assert ended(started(path, only_kills)) == 0
    assert_failed_alone(sweep.load(tmp_path / "results" / "faulty"), calm, "WorkerDied: 3 workers died")
    found("poison trial: killed at once", "the same, before anything else", len(POISON), "failed with its cause")


BY_CHANCE = {0: 1, 1: 3, 2: 6}  # each as often as it may be after those before it: trials 3 times, and one for each
AFTERWARDS = 3  # is poison


def dies_by_chance(job: Job, progress: Progress, *, folder: Path) -> Outcome:
    """Some trials lose their workers a few times, and one of them always; each death is a file in the folder."""
    trial = job.key.trial
    if trial == AFTERWARDS or len(list(folder.glob(f"{trial}-*"))) < BY_CHANCE.get(trial, 0):
        (folder / f"{trial}-{os.getpid()}").touch()
        return dies_at_once(job, progress)
    return stub_outcome(job)


def test_where_workers_die_by_chance_a_trial_has_more_attempts_and_a_poison_trial_still_fails(
    tmp_path: Path, calm: Results, found: Found
) -> None:
    path, deaths = write(tmp_path, TRIALS), tmp_path / "deaths"
    deaths.mkdir()
    assert ended(started(path, functools.partial(dies_by_chance, folder=deaths), number=1)) == 0
    results = sweep.load(tmp_path / "results" / "faulty")
    failed = results.trials[results.trials["state"] == "failed"]
    assert failed["trial"].tolist() == [AFTERWARDS]
    assert failed["error"].str.startswith("WorkerDied: 10 workers died").all(), failed["error"].tolist()
    others = (results.trials["trial"] < 20) & (results.trials["state"] != "failed")
    assert results.trials["loss"][others].tolist() == calm.trials["loss"][others].tolist()
    found(
        "workers that die by chance",
        "SIGKILL 1, 3 and 6 times over three trials, and always over a fourth",
        len(list(deaths.iterdir())),
        "the three are trained anew: identical; the fourth failed after 10",
    )


def test_workers_are_killed_while_they_start(tmp_path: Path, calm: Results, found: Found) -> None:
    rng = random.Random(5)
    for number in range(5):
        path = write(tmp_path / str(number), TRIALS)
        pid = started(path, functools.partial(training, seconds=0.2))
        while len(there := workers(pid)) < 2:
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 1.0))
        there[number % 2].kill()
        assert ended(pid) == 0
        assert_whole(sweep.load(path.parent / "results" / "faulty"), calm)
    found("worker killed as it starts", "SIGKILL after 0 to 1 s", 5, "started anew: identical")


def test_a_run_with_workers_stops_when_told(tmp_path: Path, calm: Results, found: Found) -> None:
    slowest = 0.0
    for number, told in enumerate([signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM]):
        path = write(tmp_path / str(number), TRIALS)
        pid = started(path, functools.partial(training, seconds=30.0))
        while len(workers(pid)) < 2:
            time.sleep(0.05)
        time.sleep(3)
        children = psutil.Process(pid).children(recursive=True)
        since = time.monotonic()
        os.kill(pid, told)
        assert ended(pid, within=10) == {signal.SIGTERM: 143, signal.SIGINT: 130}[told]
        slowest = max(slowest, time.monotonic() - since)
        assert_none_left(children)
        assert_whole(run(path, Stub()), calm)
    found("SIGTERM, Ctrl-C with workers", "sent while both train", 5, f"ended within {slowest:.1f} s; then identical")


REAL = (
    EXPERIMENT.split("[search]")[0]
    + """
[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
[training]
epochs = 1000
[study]
trials = 40
seeds = 10
"""
)


def test_workers_are_killed_every_few_seconds(tmp_path: Path, found: Found) -> None:
    """Real training this time, so that a new worker has to load TensorFlow again."""

    def timed(folder: str, pause: Callable[[], float], trials: int = 40) -> tuple[Results, float, int]:
        path = write(tmp_path / folder, 0)
        path.write_text(REAL.replace("trials = 40", f"trials = {trials}"))
        since, kills = time.monotonic(), 0
        pid = forked(lambda: run(path, Workers(local_workers(2, "cpu"), "cpu")))
        wait_for_records(path, 1)
        due = time.monotonic() + pause()
        while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            time.sleep(0.05)
            if time.monotonic() > due:
                there = workers(pid)
                if there:
                    rng.choice(there).kill()
                    kills += 1
                due = time.monotonic() + pause()
        assert ended(pid) == 0
        return sweep.load(path.parent / "results" / "faulty"), time.monotonic() - since, kills

    rng = random.Random(2)
    timed("compiled", lambda: 1000.0, trials=2)  # both others find its programs on disk
    undisturbed, calmly, _ = timed("calm", lambda: 1000.0)
    disturbed, wildly, kills = timed("kills", lambda: rng.uniform(3, 6))
    assert kills
    assert_whole(disturbed, undisturbed)
    found(
        "workers killed every 3 to 6 s",
        f"SIGKILL to either, while 80 trials are really trained ({calmly:.0f} s undisturbed)",
        kills,
        f"identical, in {wildly / calmly:.2f} times the time",
    )
