"""Trials on other processes and machines, with Dask's `distributed`: it places them, and sees workers come and go.

Workers get a configuration and give back an outcome; they write nothing. A worker that dies is replaced, and its
trial trained anew; a trial that takes several workers with it has failed, and one that hangs takes its worker. What
is lost with a cluster's scheduler is given out again by the one that comes in its place.
"""

import functools
import logging
import pickle
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import distributed

from sweep.errors import RunError, SweepError
from sweep.execution.crew import Crew
from sweep.execution.executor import Executor, Observer, Room, train
from sweep.execution.on_worker import TOPIC, Train, device_here, train_here
from sweep.results.outcome import Outcome, Scores
from sweep.search.job import Job
from sweep.training.trial import failed_outcome

ATTEMPTS = 3
"""So many workers may die while they train one trial before it counts as what kills them."""

_MORE_ATTEMPTS = 7
"""At most so many more, one for each worker that died over a trial which then came to its end: where workers die by
chance, as on machines that are taken away at any time, three deaths say little about a trial."""

GRACE_SECONDS = 10.0
"""A trial ends itself at its time-out; so long after it, one that has not is taken to hang."""

_FIRST_SECONDS = 120.0  # until a cluster has its first worker: a queueing system takes its time
_PATIENCE_SECONDS = 15.0  # until another scheduler, or another worker, has come in the place of the last one
_TOLD_SECONDS = 3.0  # a worker that dies is often replaced within this
_TOO_LARGE = "worker-restart-memory"  # Dask's own topic: a worker is ended because it is over its memory limit
_GONE = (distributed.comm.CommClosedError, distributed.client.ClosedClientError, TimeoutError)

Connect = Callable[[], AbstractContextManager[distributed.Client]]
"""Opens a client of the cluster, and closes what it opened."""


@dataclass
class _Running:
    job: Job
    future: distributed.Future | None = None
    given_to: frozenset[str] = frozenset()  # all that could train it when it was given out
    worker: str | None = None
    started: float = 0.0
    attempts: int = 0
    too_large: int = 0  # so many of the workers that died were ended for their memory
    parts: list[Scores] = field(default_factory=list)

    def lost(self) -> None:
        """Nothing will come of it where it was given, through no fault of its own."""
        self.attempts -= self.worker is not None
        self.future = self.worker = None


class Workers(Executor):
    """Trains jobs on the workers of a Dask cluster, on each of them one at a time."""

    def __init__(
        self, connect: Connect, device: str = "auto", *, grace: float = GRACE_SECONDS, train: Train = train
    ) -> None:
        self._connect, self._device, self._grace, self._train = connect, device, grace, train
        self._stack = ExitStack()
        self._client: distributed.Client | None = None
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._too_large = 0  # so many workers were over their memory limit without a trial
        self._by_chance = 0  # so many died over trials that have come to their end
        self._alone_since: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    @property
    def client(self) -> distributed.Client:
        """The client, opened when it is first needed: a run that has nothing to train starts no worker.

        SweepError where a worker is there that would not train as this process does.
        """
        return self._connected(lambda line: None)

    def room(self, tell: Callable[[str], None]) -> Room:
        """What the workers that are there hold; of a cluster's first one, `tell` is told that it is waited for."""
        self._connected(tell)
        return Room(len(self._crew.fit), self._crew.memory_mb)

    def _connected(self, tell: Callable[[str], None]) -> distributed.Client:
        if self._client is None:
            self._open()
            if not self._crew.ours:
                self._await_first(tell)
        assert self._client is not None
        return self._client

    def _open(self) -> None:
        for name in ("distributed", "distributed.client", "tornado.application"):  # each has a level of its own
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is told in our words
        client = self._stack.enter_context(self._connect())
        self._crew = Crew(client)
        self._outcomes = distributed.Queue(f"{TOPIC}-{uuid.uuid4().hex}", client)
        for topic in (TOPIC, _TOO_LARGE):
            client.subscribe_topic(topic, lambda event: self._inbox.put(event[1]))
        self._client = client

    def _await_first(self, tell: Callable[[str], None]) -> None:
        """A line first, after a moment; RunError where none has come and answered at the end of the time."""
        since, told = time.monotonic(), False
        while not self._crew.fit or self._crew.unknown:
            if refused := self._crew.look():
                raise SweepError(f"--cluster: {refused[0]}")
            waited = time.monotonic() - since
            if self._crew.fit and waited > _PATIENCE_SECONDS:
                return  # the others are silent
            if waited > _FIRST_SECONDS:
                raise RunError(
                    f"--cluster: the cluster had no worker that answers for {_FIRST_SECONDS:g} s; start one "
                    f"(dask worker {self._address} --nthreads 1), and give the same command again"
                )
            if waited > _TOLD_SECONDS and not told and not self._crew.fit:
                told = True
                none = "its worker does not answer yet" if self._crew.unknown else "it has no worker yet"
                tell(f"--cluster: {none}; waits for one, {_FIRST_SECONDS:g} s at most")
            time.sleep(0.05)

    @property
    def _address(self) -> str:
        assert self._client is not None
        return str(self._client.scheduler.address)

    def device(self) -> str:
        """What the first worker to answer trains on."""
        client = self.client
        return str(client.submit(device_here, self._device, pure=False, **self._crew.where()).result())

    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        """As they end; RunError if the workers are over their memory limit before they train anything.

        On a cluster, RunError too where its scheduler or its last worker has gone, and no other comes.
        """
        waiting, running = iter(jobs), dict[str, _Running]()
        while True:
            ended: list[tuple[Job, Outcome]] = []
            try:
                self._fill(running, waiting, observer)
                if not running:
                    return
                self._hear(running, ended, observer)
                self._overdue(running, ended)
                if ended:
                    self._fill(running, waiting, observer)  # workers need not wait for the records to be written
            except _GONE as error:
                self._find_again(running, observer, error)
            yield from ended

    def _fill(self, running: dict[str, _Running], waiting: Iterator[Job], observer: Observer) -> None:
        """Give every worker a job, and out again what is lost."""
        client = self.client
        for refused in self._crew.look():
            observer.said(f"--cluster: {refused}; it gets no trial")
        self._check_not_alone(observer)
        for name, trial in list(running.items()):
            if trial.future is not None and self._is_lost(trial):
                trial.future.cancel(force=True)
                trial.future = None
            if trial.future is None and self._crew.fit:
                del running[name]
                self._give(client, trial, running)
        while len(running) < max(1, len(self._crew.fit)) and (job := next(waiting, None)) is not None:
            self._give(client, _Running(job), running)

    def _is_lost(self, trial: _Running) -> bool:
        """Whether its task was cancelled by others, or all that it was given to are gone.

        CommClosedError where it was a cluster's: with the task, the connection to what it tells may be lost.
        """
        assert trial.future is not None
        if trial.future.status in ("cancelled", "lost"):
            if not self._crew.ours:
                raise distributed.comm.CommClosedError(f"a task is {trial.future.status}")
            trial.lost()
            return True
        return not self._crew.ours and not trial.given_to.intersection(self._crew.fit)

    def _give(self, client: distributed.Client, trial: _Running, running: dict[str, _Running]) -> None:
        """Each time by another name: what is still said about an earlier time is nobody's."""
        key = trial.job.key
        name = f"trial-{key.trial}-{key.phase}-{uuid.uuid4().hex}"
        running[name] = trial  # before it can fail: what is here is given out again
        trial.given_to, trial.worker = frozenset(self._crew.fit), None
        if not self._crew.ours and not self._crew.fit:
            return
        arguments = (name, trial.job, self._train, self._outcomes.name)
        trial.future = client.submit(train_here, *arguments, key=name, pure=False, **self._crew.where())
        trial.future.add_done_callback(functools.partial(self._ended, name))

    def _check_not_alone(self, observer: Observer) -> None:
        """RunError where a cluster has had no worker for a while; a line first, after a moment."""
        if self._crew.ours or self._crew.fit or self._crew.unknown:
            self._alone_since = None
            return
        now = time.monotonic()
        if self._alone_since is None:
            self._alone_since, self._told = now, False
        if now - self._alone_since > _PATIENCE_SECONDS:
            raise RunError(
                f"--cluster: the cluster has had no worker for {_PATIENCE_SECONDS:g} s; "
                "start some, and the same command goes on from here"
            )
        if now - self._alone_since > _TOLD_SECONDS and not self._told:
            self._told = True
            observer.said(f"--cluster: no worker is left; another one has {_PATIENCE_SECONDS:g} s to come")

    def _find_again(self, running: dict[str, _Running], observer: Observer, error: Exception) -> None:
        """Connect to the cluster anew, and give out again all that runs there; RunError if it is gone for good."""
        if self._crew.ours:
            raise error
        observer.said("--cluster: what runs there was lost, or its scheduler is silent; looks for it")
        silent = isinstance(error, TimeoutError)  # for as long as that already
        until = time.monotonic() + (0.0 if silent else _PATIENCE_SECONDS)
        while True:
            try:
                self._stack.close()
                self._open()
                break
            except (SweepError, *_GONE) as still:
                if time.monotonic() > until:
                    raise RunError(f"{still}; start it, and the same command goes on from here") from None
                time.sleep(0.2)
        for trial in running.values():
            trial.lost()
        observer.said("--cluster: its scheduler answers; what was lost is trained anew")

    def _hear(self, running: dict[str, _Running], ended: list[tuple[Job, Outcome]], observer: Observer) -> None:
        """Wait a moment for what workers and their scheduler say, and do what it asks for."""
        try:
            message = self._inbox.get(timeout=0.5)
        except queue.Empty:
            return
        if "rss" in message:
            self._grew(running, message["worker"], message["rss"])
        if message.get("event") == "trained":
            self._trained(running, ended)
        trial = running.get(message.get("trial"))
        if trial is None:
            return
        match message["event"]:
            case "started":
                trial.attempts += 1
                if trial.attempts > self._allowed(trial):
                    self._give_up(running, message["trial"], ended, _deaths(trial, trial.attempts - 1))
                    return
                trial.worker, trial.started, trial.parts = message["worker"], time.monotonic(), []
                observer.trial_started(trial.job.key, trial.job.configuration.training.epochs)
            case "chunk" if message["worker"] == trial.worker:
                trial.parts.append(pickle.loads(message["scores"]))
                observer.chunk(trial.job.key, Scores.concatenate(trial.parts))
            case "failed":
                if self._is_chance(trial, message["error"]):
                    trial.future = trial.worker = None
                else:
                    self._give_up(running, message["trial"], ended, _said_of(trial, message["error"]))

    def _allowed(self, trial: _Running) -> int:
        """So many workers may die while they train it."""
        more = 0 if trial.too_large >= ATTEMPTS else min(self._by_chance, _MORE_ATTEMPTS)
        return ATTEMPTS + more

    def _is_chance(self, trial: _Running, error: BaseException) -> bool:
        """Whether it is a cluster's scheduler alone that has given the trial up, by a number of its own."""
        if not isinstance(error, distributed.KilledWorker):
            return False
        trial.attempts = max(trial.attempts, error.allowed_failures + 1)
        return trial.attempts < self._allowed(trial)

    def _trained(self, running: dict[str, _Running], ended: list[tuple[Job, Outcome]]) -> None:
        """Note the outcomes that have arrived."""
        arrived = {name: pickle.loads(result) for name, result in self._outcomes.get(batch=True) if name in running}
        for name, (outcome, _) in arrived.items():
            trial = running.pop(name)
            self._by_chance += max(0, trial.attempts - 1 - trial.too_large)
            ended.append((trial.job, outcome))
        for _, grown in arrived.values():
            self._replace(grown)

    def _give_up(self, running: dict[str, _Running], name: str, ended: list[tuple[Job, Outcome]], error: str) -> None:
        trial = running.pop(name)
        if trial.future is not None:
            trial.future.cancel(force=True)
        ended.append((trial.job, failed_outcome(trial.job.configuration, trial.job.seeds, trial.parts, error)))

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

    def _overdue(self, running: dict[str, _Running], ended: list[tuple[Job, Outcome]]) -> None:
        """End the trials that hang: each is given up together with its worker."""
        now = time.monotonic()
        for name, trial in list(running.items()):
            limit = trial.job.timeout
            if trial.worker is None or limit is None or now - trial.started < limit + self._grace:
                continue
            hung = f"hung for more than {self._grace:g} s beyond study.trial_timeout = {limit:g} s"
            self._give_up(running, name, ended, f"TrialTimeout: {hung}; its worker was ended")
            self._replace(trial.worker)

    def _replace(self, worker: str | None) -> None:
        if worker is not None:
            with suppress(KeyError):  # it is gone already
                self.client.restart_workers([worker], timeout=30, raise_for_error=False)


def _said_of(trial: _Running, error: BaseException) -> str:
    """Why a trial has failed whose task has; RunError where it is not the trial that has."""
    if isinstance(error, distributed.KilledWorker):
        return _deaths(trial, error.allowed_failures + 1)
    raise RunError(f"a worker could not take trial {trial.job.key.trial} ({type(error).__name__}: {error})") from error


def _deaths(trial: _Running, workers: int) -> str:
    if trial.too_large >= ATTEMPTS:
        return f"OutOfMemory: {trial.too_large} workers went over their memory limit while they trained this trial"
    return f"WorkerDied: {workers} workers died, killed or crashed, while they trained this trial"
