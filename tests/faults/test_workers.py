"""Workers are killed, stopped, starved of memory, or never come back; the sweep goes on without a difference."""

import functools
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
from stubs import Stub, StubWorkers, stub_outcome

import sweep
from faults.conftest import Found
from faults.faulty import assert_whole, calm_run, ended, forked, run, studies, write
from sweep.executor import Job
from sweep.outcome import Outcome, Scores
from sweep.store import Results

TRIALS = 14
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


def processes(workers: StubWorkers) -> list[int]:
    """The process ids of the workers that answer."""
    return list(workers.client.run(os.getpid, on_error="ignore").values())


class Meanwhile:
    """Does something to the workers again and again while a run goes on."""

    def __init__(self, workers: StubWorkers, action: Callable[[list[int]], bool], times: int, pause: float) -> None:
        self._workers, self._action, self._left, self._pause = workers, action, times, pause
        self._over, self.done = threading.Event(), 0
        self._thread = threading.Thread(target=self._go)

    def __enter__(self) -> "Meanwhile":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self._thread.join()

    def _go(self) -> None:
        me = psutil.Process()
        rng = random.Random(self._left)
        while self._left and not self._over.wait(self._pause * rng.uniform(1, 2)):
            pids = [child.pid for child in me.children() if "spawn_main" in " ".join(child.cmdline())]
            if pids and self._action(pids):
                self._left -= 1
                self.done += 1


def test_a_worker_is_stopped_for_a_while(tmp_path: Path, calm: Results, found: Found) -> None:
    def stop_and_go_on(pids: list[int]) -> bool:
        os.kill(pids[0], signal.SIGSTOP)
        time.sleep(1.5)
        os.kill(pids[0], signal.SIGCONT)
        return True

    with StubWorkers(2, functools.partial(training, seconds=1.0)) as workers:
        workers.client.wait_for_workers(2)
        with Meanwhile(workers, stop_and_go_on, 5, 0.5) as stopper:
            results = run(write(tmp_path, TRIALS), workers)
    assert stopper.done == 5
    assert_whole(results, calm)
    found("worker stopped and continued", "SIGSTOP, SIGCONT after 1.5 s", 5, "identical")


def hangs(job: Job, progress: Progress, *, numbers: tuple[int, ...]) -> Outcome:
    """Some trials never end, after half of their curve."""
    outcome = stub_outcome(job)
    if job.key.trial in numbers:
        assert outcome.scores is not None
        progress(outcome.scores.tests(slice(1)))
        progress(outcome.scores.tests(slice(3)))
        time.sleep(1000)
    return outcome


def test_a_trial_that_hangs_fails_alone(tmp_path: Path, calm: Results, found: Found) -> None:
    numbers = (2, 7, 11, 12, 19)
    path = write(tmp_path, TRIALS, "trial_timeout = 1.0\n")
    with StubWorkers(2, functools.partial(hangs, numbers=numbers), grace=1.0) as workers:
        results = run(path, workers)
    failed = results.trials[results.trials["state"] == "failed"]
    assert failed["trial"].tolist() == list(numbers)
    assert failed["error"].str.startswith("TrialTimeout: hung").all(), failed["error"].tolist()
    curves = results.curves[results.curves["trial"].isin(numbers)]
    assert curves.groupby("trial")["epoch"].max().tolist() == [3] * len(numbers), "its last curve is kept"
    assert results.trials["trial"].tolist() == list(range(2 * TRIALS))
    assert {trial[1] for study in studies(results) for trial in study} <= {"COMPLETE", "PRUNED", "FAIL"}
    first_round = results.trials["trial"] < 20  # later rounds are chosen and pruned by what came before
    others = first_round & (results.trials["state"] != "failed")
    assert results.trials["loss"][others].tolist() == calm.trials["loss"][others].tolist()
    found(
        "hung trial", "a trial sleeps past trial_timeout", 5, "failed with its cause and last curve; the others as ever"
    )


def test_a_run_with_workers_stops_when_told(tmp_path: Path, calm: Results, found: Found) -> None:
    slowest = 0.0
    for number, told in enumerate([signal.SIGTERM, signal.SIGINT, signal.SIGTERM, signal.SIGINT, signal.SIGTERM]):
        path = write(tmp_path / str(number), TRIALS)
        pid = forked(
            lambda path=path: run(path, StubWorkers(2, functools.partial(training, seconds=30.0 if path else 0)))
        )
        children: list[psutil.Process] = []
        while len(children) < 3:
            children = psutil.Process(pid).children(recursive=True)
            time.sleep(0.05)
        time.sleep(3)
        started = time.monotonic()
        os.kill(pid, told)
        assert ended(pid, within=10) == {signal.SIGTERM: 143, signal.SIGINT: 130}[told]
        slowest = max(slowest, time.monotonic() - started)
        psutil.wait_procs(children, timeout=5)
        assert not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in children)
        assert_whole(run(path, Stub()), calm)
    found("SIGTERM, Ctrl-C with workers", "sent while both train", 5, f"ended within {slowest:.1f} s; then identical")


def test_a_loss_that_is_not_finite_is_recorded_as_diverged(tmp_path: Path, found: Found) -> None:
    text = """
question = "What if it explodes?"
[task]
name = "increasing"
[training]
epochs = 6
optimizer = "sgd"
[search]
learning_rate = { choices = [0.1, 1e38] }
[study]
sampler = "grid"
seeds = 5
"""
    (tmp_path / "nan.toml").write_text(text)
    from sweep.executor import InProcess, Observer
    from sweep.experiment_file import load
    from sweep.study import Run, run_experiment

    order = Run("nan", load(tmp_path / "nan.toml"), text, {}, tmp_path / "results", None, [])
    results = run_experiment(order, Observer(), InProcess()).load()
    exploded = results.trials["learning_rate"] > 1
    assert (results.trials["state"] == "complete").all()
    lost = results.replicates["trial"].isin(results.trials["trial"][exploded])
    assert results.replicates["diverged"][lost].all()
    assert not results.replicates["diverged"][~lost].any()
    assert (results.trials["loss"][exploded] == np.inf).all()
    assert sweep.load(results.path).trials.equals(results.trials)
    found(
        "loss not finite",
        "a learning rate of 1e38, one trial really trained from 5 seeds",
        1,
        "diverged, unsolved, ranked last",
    )
