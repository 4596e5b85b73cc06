"""Trials on other processes and machines, with Dask's `distributed`: it places them, and sees workers come and go.

Workers get a configuration and give back an outcome; they write nothing. A worker that dies is replaced, and its
trial trained anew; a trial that takes several workers with it has failed, and one that hangs takes its worker.
"""

import functools
import json
import logging
import os
import pickle
import queue
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import dask
import distributed
import psutil

from sweep.errors import RunError, SweepError
from sweep.execution.executor import Executor, Observer, device_found, train
from sweep.files import only_ours
from sweep.machine.backend import VARIABLE, backend
from sweep.machine.devices import environment, gpus_here, keep_to_cores
from sweep.machine.loading import ONE_AT_A_TIME
from sweep.machine.versions import versions
from sweep.results.outcome import Outcome, Scores
from sweep.search.job import Job
from sweep.training.trial import failed_outcome

ATTEMPTS = 3
"""So many workers may die while they train one trial before it counts as what kills them."""

GRACE_SECONDS = 10.0
"""A trial ends itself at its time-out; so long after it, one that has not is taken to hang."""

_SILENT_SECONDS = 60  # a worker that gives no sign of life for so long is replaced
_FULL = 0.7  # share of its memory limit from which an idle worker is replaced by a fresh one
_SCHEMES = ("tcp://", "tls://", "ws://", "wss://", "ucx://", "ucxx://")
_SAFE_PATH = "PYTHONSAFEPATH"
_TOPIC = "sweep"
_TOO_LARGE = "worker-restart-memory"  # Dask's own topic: a worker is ended because it is over its memory limit
_LOCAL = {
    "distributed.scheduler.allowed-failures": 1000,  # it counts trials that only waited for a worker, too
    "distributed.scheduler.worker-ttl": f"{_SILENT_SECONDS}s",
    "distributed.deploy.lost-worker-timeout": "1 hour",  # one that takes longer to be replaced is given up
    "distributed.admin.low-level-log-length": 100,
    "distributed.admin.log-length": 100,
    "distributed.admin.system-monitor.log-length": 10,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # a paused worker would never get its memory back
    "distributed.worker.memory.terminate": 0.95,
    "distributed.comm.retry.count": 3,
}

Connect = Callable[[], AbstractContextManager[distributed.Client]]
"""Opens a client of the cluster, and closes what it opened."""

Train = Callable[[Job, Callable[[Scores], None]], Outcome]
"""What a worker does with a job: `executor.train`, unless a test has only the coordination to look at."""


@dataclass
class _Running:
    job: Job
    future: distributed.Future
    worker: str | None = None
    started: float = 0.0
    attempts: int = 0
    too_large: int = 0  # so many of the workers that died were ended for their memory
    parts: list[Scores] = field(default_factory=list)


class Workers(Executor):
    """Trains jobs on the workers of a Dask cluster, one on each of their threads at a time."""

    def __init__(
        self, connect: Connect, device: str = "auto", *, grace: float = GRACE_SECONDS, train: Train = train
    ) -> None:
        self._connect, self._device, self._grace, self._train = connect, device, grace, train
        self._stack = ExitStack()
        self._client: distributed.Client | None = None
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._too_large = 0  # so many workers were over their memory limit without a trial

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def client(self) -> distributed.Client:
        """The client, opened when it is first needed: a run that has nothing to train starts no worker."""
        if self._client is None:
            self._client = self._stack.enter_context(self._connect())
            self._outcomes = distributed.Queue(f"{_TOPIC}-{uuid.uuid4().hex}", self._client)
            self._stack.callback(self._outcomes.close)
            for topic in (_TOPIC, _TOO_LARGE):
                self._client.subscribe_topic(topic, lambda event: self._inbox.put(event[1]))
        return self._client

    def device(self) -> str:
        """What the first worker to answer trains on."""
        return str(self.client.submit(_device, self._device, pure=False).result())

    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        """As they end; RunError if the workers are over their memory limit before they train anything."""
        waiting, running = iter(jobs), dict[str, _Running]()
        while True:
            self._fill(running, waiting)
            if not running:
                return
            try:
                message = self._inbox.get(timeout=0.5)
            except queue.Empty:
                message = None
            if message is not None and "rss" in message:
                self._grew(running, message["worker"], message["rss"])
            if message is not None and message.get("event") == "trained":
                yield from self._trained(running, waiting)
            if message is None or message.get("trial") not in running:
                yield from self._overdue(running)
                continue
            trial = running[message["trial"]]
            match message["event"]:
                case "started":
                    trial.attempts += 1
                    if trial.attempts > ATTEMPTS:
                        del running[message["trial"]]
                        trial.future.cancel(force=True)
                        yield trial.job, _given_up(trial, _deaths(trial, ATTEMPTS))
                        continue
                    trial.worker, trial.started, trial.parts = message["worker"], time.monotonic(), []
                    observer.trial_started(trial.job.key, trial.job.configuration.training.epochs)
                case "chunk" if message["worker"] == trial.worker:
                    trial.parts.append(pickle.loads(message["scores"]))
                    observer.chunk(trial.job.key, Scores.concatenate(trial.parts))
                case "failed":
                    del running[message["trial"]]
                    outcome = _failed(trial, message["error"])
                    self._fill(running, waiting)
                    yield trial.job, outcome
            yield from self._overdue(running)

    def _fill(self, running: dict[str, _Running], waiting: Iterator[Job]) -> None:
        """Give every thread a job."""
        room = max(
            1, sum(worker["nthreads"] for worker in self.client.scheduler_info(n_workers=-1)["workers"].values())
        )
        while len(running) < room and (job := next(waiting, None)) is not None:
            name = f"trial-{job.key.trial}-{job.key.phase}-{uuid.uuid4().hex}"
            future = self.client.submit(_train_here, name, job, self._train, self._outcomes.name, key=name, pure=False)
            running[name] = _Running(job, future)
            future.add_done_callback(functools.partial(self._ended, name))

    def _trained(self, running: dict[str, _Running], waiting: Iterator[Job]) -> Iterator[tuple[Job, Outcome]]:
        """The outcomes that have arrived."""
        arrived = {name: pickle.loads(result) for name, result in self._outcomes.get(batch=True) if name in running}
        done = [(running.pop(name).job, outcome) for name, (outcome, _) in arrived.items()]
        for _, grown in arrived.values():
            self._replace(grown)
        self._fill(running, waiting)  # the workers need not wait for the records to be written
        yield from done

    def _ended(self, name: str, future: distributed.Future) -> None:
        """Called by Dask. What a trial came to was sent before; it is its failure that has to be told."""
        if future.status == "error":
            self._inbox.put({"event": "failed", "trial": name, "error": future.exception()})

    def _grew(self, running: dict[str, _Running], worker: str, memory: int) -> None:
        """Dask ends a worker for its `memory` (bytes): note which trial it trained."""
        trained = [trial for trial in running.values() if trial.worker == worker]
        for trial in trained:
            trial.too_large += 1
        self._too_large = 0 if trained else self._too_large + 1
        if self._too_large > ATTEMPTS and self.client.cluster is not None:  # others' trials may grow on a shared one
            raise RunError(
                f"a worker takes {memory / 1e9:.1f} GB before it trains anything, which is over its memory limit; "
                "choose fewer --workers, they share the memory of the machine"
            )

    def _overdue(self, running: dict[str, _Running]) -> Iterator[tuple[Job, Outcome]]:
        """End the trials that hang: each is given up together with its worker."""
        now = time.monotonic()
        for name, trial in list(running.items()):
            limit = trial.job.timeout
            if trial.worker is None or limit is None or now - trial.started < limit + self._grace:
                continue
            del running[name]
            trial.future.cancel(force=True)
            self._replace(trial.worker)
            hung = f"hung for more than {self._grace:g} s beyond study.trial_timeout = {limit:g} s"
            yield trial.job, _given_up(trial, f"TrialTimeout: {hung}; its worker was ended")

    def _replace(self, worker: str | None) -> None:
        if worker is not None:
            with suppress(KeyError):  # it is gone already
                self.client.restart_workers([worker], timeout=30, raise_for_error=False)


def _failed(trial: _Running, error: BaseException) -> Outcome:
    if isinstance(error, distributed.KilledWorker):
        return _given_up(trial, _deaths(trial, error.allowed_failures + 1))
    raise error


def _deaths(trial: _Running, workers: int) -> str:
    if trial.too_large >= workers:
        return f"OutOfMemory: {workers} workers went over their memory limit while they trained this trial"
    return f"WorkerDied: {workers} workers died, killed or crashed, while they trained this trial"


def _given_up(trial: _Running, error: str) -> Outcome:
    return failed_outcome(trial.job.configuration, trial.job.seeds, trial.parts, error)


def local_workers(
    number: int, device: str, memory_limit: str | int | None = None, preload: str = "sweep.execution.preload"
) -> Connect:
    """`number` spawned processes on this machine; their scheduler is heard on the loopback interface alone.

    `preload` is imported before a worker takes a trial, and once for all of them where they are forked.
    RunError if they do not start.
    """

    @contextmanager
    def connect() -> Iterator[distributed.Client]:
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what goes wrong with a trial is in its record
        limit = memory_limit or psutil.virtual_memory().total // number
        shared = {"host": "127.0.0.1", "dashboard": False, "security": distributed.Security.temporary()}
        security = shared["security"]
        workers = {
            worker: {
                "cls": distributed.Nanny,
                "options": {
                    **shared,
                    "nthreads": 1,
                    "preload": [preload],
                    "memory_limit": limit,
                    "env": environment(device, worker, number),
                    "silence_logs": logging.CRITICAL,
                },
            }
            for worker in range(number)
        }
        scheduler = {"cls": distributed.Scheduler, "options": {**shared, "port": 0, "dashboard_address": "127.0.0.1:0"}}
        with (
            _no_modules_from_here(),
            _scratch() as folder,
            dask.config.set(_LOCAL | _start_method(device, preload) | {"temporary-directory": str(folder)}),
            _started(workers=workers, scheduler=scheduler, security=security) as cluster,
            distributed.Client(cluster, security=security, set_as_default=False) as client,
        ):
            yield client

    return connect


@contextmanager
def _scratch() -> Iterator[Path]:
    """A new folder for Dask's files, which this user alone can write into: Dask puts it on the module path.

    Of its own accord it would take one of a name that anybody can make first, with modules in it.
    """
    parent = Path(tempfile.gettempdir()).resolve()
    with tempfile.TemporaryDirectory(prefix="sweep-workers-", dir=parent, ignore_cleanup_errors=True) as folder:
        if not only_ours(Path(folder)):
            raise SweepError(
                f"--workers: others can replace what is in {parent}, and workers import modules from there; "
                "set TMPDIR to a folder that only you can write into"
            )
        yield Path(folder)


@contextmanager
def _no_modules_from_here() -> Iterator[None]:
    """Python looks for modules in the working folder, whoever's it is, in processes that `multiprocessing` starts."""
    earlier = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if earlier is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = earlier


def _start_method(device: str, preload: str) -> dict[str, Any]:
    """How Dask starts workers: forked from a process that has imported `preload`; spawned for a GPU or for JAX."""
    key = "distributed.worker.multiprocessing-method"
    if backend() != "tensorflow" or (device != "cpu" and gpus_here()):
        return {key: "spawn"}
    with dask.config.set({key: "forkserver"}):
        distributed.utils.get_mp_context().set_forkserver_preload(["distributed", "sweep.execution.workers", preload])
    return {key: "forkserver"}


def _started(**parts: Any) -> distributed.SpecCluster:
    """A cluster of these parts; one of whose workers is killed before it has started is made anew."""
    for attempt in range(ATTEMPTS):
        try:
            return distributed.SpecCluster(**parts, silence_logs=logging.CRITICAL)
        except RuntimeError as error:
            reason = error.__cause__ or error
            if attempt == ATTEMPTS - 1:
                raise RunError(f"--workers: they could not be started ({type(reason).__name__}: {reason})") from None
    raise AssertionError


def cluster_workers(address: str) -> Connect:
    """The workers of a running cluster: its scheduler's address, or the path of its scheduler file."""
    address = _scheduler(address)

    @contextmanager
    def connect() -> Iterator[distributed.Client]:
        try:
            client = distributed.Client(address, timeout=30, set_as_default=False)
        except (OSError, ValueError) as error:
            raise SweepError(f"--cluster: no Dask scheduler answers at {address} ({error})") from None
        with client:
            try:
                client.wait_for_workers(1, timeout=120)
            except TimeoutError:
                raise RunError(f"--cluster: the cluster at {address} had no worker for two minutes") from None
            for worker, about in client.scheduler_info(n_workers=-1)["workers"].items():
                if about["nthreads"] != 1:
                    raise SweepError(
                        f"--cluster: the worker {worker} has {about['nthreads']} threads; "
                        "start it with --nthreads 1: it trains one trial at a time"
                    )
            for worker, theirs in client.run(backend).items():
                if theirs != backend():
                    raise SweepError(
                        f"--cluster: the worker {worker} has the backend {theirs} for {backend()}; "
                        f"start it with {VARIABLE}={backend()}"
                    )
            mine = versions()
            for worker, theirs in client.run(versions).items():
                different = [f"{name} {theirs[name]} for {mine[name]}" for name in mine if theirs[name] != mine[name]]
                if different:
                    raise SweepError(
                        f"--cluster: the worker {worker} has {', '.join(different)}; the numbers would not be the same"
                    )
            yield client

    return connect


def _scheduler(given: str) -> str:
    """The address that is given, or stands in the file that is; Dask would wait without an end for a missing file."""
    address = given
    if "://" not in given:
        try:
            address = str(json.loads(Path(given).read_bytes())["address"])
        except (OSError, ValueError, KeyError, TypeError):
            address = ""
    if not address.startswith(_SCHEMES):
        raise SweepError(
            f"--cluster: {given} is neither a scheduler's address nor its file; must be tcp://host:8786 for example, "
            "or what `dask scheduler --scheduler-file` wrote"
        )
    return address


def _train_here(name: str, job: Job, train: Train, outcomes: str) -> None:
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
        worker.log_event(_TOPIC, tell | {"event": "chunk", "scores": pickle.dumps(new)})

    with ONE_AT_A_TIME:  # its time-out counts from here on
        now(worker.scheduler.log_event, topic=_TOPIC, msg=tell | {"event": "started"})
        keep_to_cores()
        outcome = train(job, progress)
    limit = worker.memory_manager.memory_limit
    grown = limit is not None and psutil.Process().memory_info().rss > _FULL * limit
    result = pickle.dumps((outcome, worker.address if grown else None))
    now(worker.scheduler.queue_put, name=outcomes, data=(name, result), timeout=None)
    now(worker.scheduler.log_event, topic=_TOPIC, msg=tell | {"event": "trained"})


def _device(wanted: str) -> str:
    keep_to_cores()
    return device_found(wanted)
