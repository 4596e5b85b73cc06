"""Training without a network, for what is only about the order in which trials are asked, trained and told.

An outcome is a fixed function of the configuration and its seeds. The product cannot be told to use it: a test
hands it to `run_experiment`.
"""

import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import distributed
import numpy as np
import psutil
from conftest import outcome_of

from sweep.execution.executor import Executor, Observer
from sweep.execution.local import local_workers
from sweep.execution.on_worker import Train
from sweep.execution.workers import Workers
from sweep.results.outcome import Outcome, Scores
from sweep.search.job import Job
from sweep.training.trial import CHUNKS


def stub_outcome(job: Job) -> Outcome:
    """What "training" a job gives: curves that rise by chance, pruned where the job's pruner says so."""
    rng = np.random.default_rng([zlib.crc32(job.configuration.id.encode()), *job.seeds])
    epochs = job.configuration.training.epochs
    score = np.round(np.sort(rng.random((len(job.seeds), epochs)), axis=1), 3)
    outcome = outcome_of(score.tolist(), seeds=job.seeds)
    assert outcome.scores is not None
    if job.pruning is None:
        return outcome
    pruner, chunk = job.pruning.pruner(job.configuration), -(-epochs // CHUNKS)
    for end in range(chunk, epochs, chunk):
        so_far = outcome.scores.tests(slice(end))
        if pruner.should_prune(so_far):
            return replace(outcome, state="pruned", scores=so_far)
    return outcome


def stub_training(job: Job, progress: Callable[[Scores], None]) -> Outcome:
    """`stub_outcome` as a worker calls it."""
    return stub_outcome(job)


_kept: list[bytes] = []


def leaking_training(job: Job, progress: Callable[[Scores], None]) -> Outcome:
    """Training that leaves its process at 80% of its memory limit; its loss is its process's number."""
    limit = distributed.get_worker().memory_manager.memory_limit
    while psutil.Process().memory_info().rss < 0.8 * limit:
        _kept.append(os.urandom(2**20))
    outcome = stub_outcome(job)
    assert outcome.scores is not None
    return replace(outcome, scores=replace(outcome.scores, loss=np.full_like(outcome.scores.loss, os.getpid())))


class StubWorkers(Workers):
    """Real processes that train without a network."""

    def __init__(self, number: int, train: Train = stub_training, **options: Any) -> None:
        memory_limit = options.pop("memory_limit", None)
        super().__init__(local_workers(number, "cpu", memory_limit, preload="stubs"), train=train, **options)

    def device(self) -> str:
        return "stub"


@dataclass
class Stub(Executor):
    """Trains up to `width` jobs side by side, as workers would, and lets `pick` say which of them ends next."""

    width: int = 1
    pick: Callable[[int], int] = lambda running: 0
    outcome: Callable[[Job], Outcome] = stub_outcome

    def device(self) -> str:
        return "stub"

    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        waiting, running = iter(jobs), list[Job]()
        while True:
            while len(running) < self.width and (job := next(waiting, None)) is not None:
                observer.trial_started(job.key, job.configuration.training.epochs)
                running.append(job)
            if not running:
                return
            job = running.pop(self.pick(len(running)))
            yield job, self.outcome(job)
