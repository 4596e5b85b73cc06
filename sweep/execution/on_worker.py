"""What runs on a worker: a trial, which it tells the coordinator about."""

import functools
import pickle
from collections.abc import Callable

import distributed
import psutil

from sweep.execution.executor import device_found
from sweep.machine.devices import keep_to_cores
from sweep.machine.loading import ONE_AT_A_TIME
from sweep.results.outcome import Outcome, Scores
from sweep.search.job import Job

TOPIC = "sweep"
"""What a worker says is published under it."""

Train = Callable[[Job, Callable[[Scores], None]], Outcome]
"""What a worker does with a job: `executor.train`, unless a test has only the coordination to look at."""

_FULL = 0.7  # share of its memory limit from which an idle worker is replaced by a fresh one


def train_here(name: str, job: Job, train: Train, outcomes: str) -> None:
    """On a worker: train a job, telling the coordinator how it goes and, through the queue `outcomes`, how it ended.

    What is sent `now` has left when the next thing happens, be it another trial that kills this process. Dask would
    keep the outcome here, to be fetched, and a worker that died before would take it along.
    """
    worker = distributed.get_worker()
    tell = {"trial": name, "worker": worker.address}
    now = functools.partial(distributed.utils.sync, worker.loop)
    told = 0

    def progress(scores: Scores) -> None:
        nonlocal told
        new = scores.tests(slice(told, None))
        told = len(scores.epochs)
        worker.log_event(TOPIC, tell | {"event": "chunk", "scores": pickle.dumps(new)})

    with ONE_AT_A_TIME:  # its time-out counts from here on
        now(worker.scheduler.log_event, topic=TOPIC, msg=tell | {"event": "started"})
        keep_to_cores()
        outcome = train(job, progress)
    limit = worker.memory_manager.memory_limit
    grown = limit is not None and psutil.Process().memory_info().rss > _FULL * limit
    result = pickle.dumps((outcome, worker.address if grown else None))
    now(worker.scheduler.queue_put, name=outcomes, data=(name, result), timeout=None)
    now(worker.scheduler.log_event, topic=TOPIC, msg=tell | {"event": "trained"})


def device_here(wanted: str) -> str:
    """What a worker that was not told otherwise trains on."""
    keep_to_cores()
    return device_found(wanted)
