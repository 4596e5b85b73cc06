"""Where trials are trained: the contract of an executor, and the one that trains in this process."""

import functools
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from sweep.errors import SweepError
from sweep.machine.backend import backend
from sweep.machine.devices import environment
from sweep.machine.loading import ONE_AT_A_TIME, device_name, import_keras
from sweep.results.outcome import Outcome, Scores
from sweep.results.record import TrialKey
from sweep.search.job import Job
from sweep.training.trial import run_trial


class Observer:
    """Told how a run is going; this one doesn't care."""

    def started(self, trials: int, finished: int) -> None:
        """The run begins: so many trials in all, so many of them finished before."""

    def trial_started(self, key: TrialKey, epochs: int) -> None:
        """A trial is about to be trained."""

    def chunk(self, key: TrialKey, scores: Scores) -> None:
        """A trial was trained some way; `scores` are all of it so far."""

    def said(self, line: str) -> None:
        """Something has befallen the run that its user should know."""

    def trial_finished(self, key: TrialKey, state: str, figures: Mapping[str, Any]) -> None:
        """A trial's record is on disk."""


class Room(NamedTuple):
    """Where trials can be trained side by side: so many processes, and the memory of all of them together."""

    processes: int
    memory_mb: float


class Executor(ABC):
    """Trains jobs. Which one does, and in which order, changes no number. Used as a context: at its end it lets go."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:  # noqa: B027 - one that trains in this process took nothing
        """Let go of what was taken for the training."""

    @abstractmethod
    def device(self) -> str:
        """What it trains on, for the manifest: the name of a GPU, or "cpu"."""

    @abstractmethod
    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        """Train every job, each yielded with its outcome as it finishes; `jobs` is read as they can be started."""


class InProcess(Executor):
    """Trains one job after the other, here, on a `device` that `checked_device` has let pass."""

    def __init__(self, device: str = "auto") -> None:
        self._device = device

    def __enter__(self) -> Self:
        """Set what the backend reads in the environment when it is loaded."""
        os.environ.update(environment(self._device))
        return self

    def device(self) -> str:
        """What the backend finds here, which is loaded for it."""
        return device_found(self._device)

    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        """In the order of the jobs."""
        for job in jobs:
            observer.trial_started(job.key, job.configuration.training.epochs)
            yield job, train(job, functools.partial(observer.chunk, job.key))


def train(job: Job, progress: Callable[[Scores], None]) -> Outcome:
    """Train a job in this process; `progress` is shown the scores so far at every point where it may be pruned.

    Past its time-out, a trial ends as failed at its next such point. While another thread trains, this one waits.
    """
    with ONE_AT_A_TIME:
        return _train_now(job, progress)


def _train_now(job: Job, progress: Callable[[Scores], None]) -> Outcome:
    import_keras()
    pruner = job.pruning.pruner(job.configuration) if job.pruning is not None else None
    started = time.monotonic()

    def at_point(scores: Scores) -> bool:
        progress(scores)
        taken = time.monotonic() - started
        if job.timeout is not None and taken > job.timeout:
            raise TrialTimeoutError(f"trained for {taken:.1f} s; study.trial_timeout is {job.timeout:g} s")
        return pruner is not None and pruner.should_prune(scores)

    may_stop = pruner is not None or job.timeout is not None
    return run_trial(job.configuration, job.seeds, at_point, may_prune=may_stop, alike=job.alike)


def device_found(wanted: str) -> str:
    """What the backend, loaded here and now, trains on; SweepError where a GPU is wanted and it finds none."""
    import_keras()
    found = device_name()
    if wanted.startswith("gpu") and found == "cpu":
        package = {"tensorflow": "tensorflow[and-cuda]", "jax": "jax[cuda12]"}[backend()]
        raise SweepError(f'--device: is {wanted}, and {backend()} finds no GPU; pip install "{package}"')
    return found


class TrialTimeoutError(Exception):
    """A trial took longer than the study allows; it is recorded as failed."""
