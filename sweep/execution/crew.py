"""Which workers get trials: on a cluster, those that have been asked, and would train as this process does."""

import math
import threading
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import distributed

from sweep.files import only_ours
from sweep.machine.backend import VARIABLE, backend
from sweep.machine.versions import versions

_SECONDS = 18.0  # a scheduler that does not answer for so long is gone; on a busy machine it is silent for some


class Crew:
    """The workers of a client's cluster. Those that we have started ourselves are not asked.

    A worker is asked without a task: Dask's worker ends over a task whose function it does not have.
    """

    def __init__(self, client: distributed.Client) -> None:
        self._client = client
        self.ours = client.cluster is not None
        """Whether we have started them: then any may train, and Dask sees to those that die."""
        self._scheduler = self._identity()["id"]
        self._asked = set[str]()
        self._answers: SimpleQueue[tuple[str, Any]] = SimpleQueue()
        self._refused: dict[str, str] = {}
        self.fit: list[str] = []
        """Addresses of those that get trials."""
        self._memory: dict[str, float] = {}

    @property
    def unknown(self) -> set[str]:
        """Those that have not answered yet."""
        return self._asked - set(self.fit) - set(self._refused)

    @property
    def memory_mb(self) -> float:
        """Of those that get trials together, each taken for the smallest, as any trial may come to it.

        Infinite where Dask gives them no limit.
        """
        return len(self.fit) * min((self._memory[worker] for worker in self.fit), default=0.0)

    def where(self) -> dict[str, Any]:
        """For `Client.submit`: who may take a task."""
        return {} if self.ours else {"workers": self.fit, "allow_other_workers": False}

    def look(self) -> list[str]:
        """See who has come and who has gone; why each that was found unfit now is left out.

        CommClosedError where the scheduler is gone, TimeoutError where it is silent.
        """
        identity = self._identity()
        if identity["id"] != self._scheduler:
            raise distributed.comm.CommClosedError("another scheduler has come in its place")
        there = identity["workers"]
        self._memory = {worker: (about["memory_limit"] or math.inf) / 1e6 for worker, about in there.items()}
        if self.ours:
            self.fit = list(there)
            return []
        self._asked &= set(there)
        self.fit = [worker for worker in self.fit if worker in there]
        self._refused = {worker: why for worker, why in self._refused.items() if worker in there}
        earlier = set(self._refused)
        for worker in set(there) - self._asked:
            self._asked.add(worker)
            if there[worker]["nthreads"] != 1:
                self._refused[worker] = _of_threads(there[worker]["nthreads"])
            else:
                threading.Thread(target=self._ask, args=(worker,), daemon=True).start()
        self._hear()
        return [f"the worker {worker} {self._refused[worker]}" for worker in self._refused if worker not in earlier]

    def _identity(self) -> Any:
        if self._client.status != "running":
            raise distributed.comm.CommClosedError(f"the client is {self._client.status}")
        timeout = None if self.ours else _SECONDS  # ours is a thread of this process
        return self._client.sync(self._client.scheduler.identity, n_workers=-1, callback_timeout=timeout)

    def _ask(self, worker: str) -> None:
        """In a thread of its own, as a worker may never answer."""
        with suppress(OSError, RuntimeError, KeyError, distributed.client.ClosedClientError):  # it is gone, or we are
            self._answers.put((worker, self._client.run(_about, workers=[worker], on_error="return")[worker]))

    def _hear(self) -> None:
        with suppress(Empty):
            while True:
                worker, answer = self._answers.get_nowait()
                if worker not in self._asked:
                    continue
                if isinstance(answer, OSError):
                    self._asked.discard(worker)  # to be asked again, if it is still there
                elif reason := unfit(answer):
                    self._refused[worker] = reason
                else:
                    self.fit.append(worker)


def unfit(answer: Any) -> str | None:
    """Why a worker that answered so gets no trial; None if it does."""
    if isinstance(answer, BaseException):
        return f"has no sweep of this version ({answer}); install the same one there"
    if answer["backend"] != backend():
        return f"has the backend {answer['backend']} for {backend()}; start it with {VARIABLE}={backend()}"
    mine, theirs = versions(), answer["versions"]
    different = [f"{name} {theirs.get(name)} for {mine[name]}" for name in mine if theirs.get(name) != mine[name]]
    if different:
        return f"has {', '.join(different)}; the numbers would not be the same"
    if answer["folder"]:
        return (
            f"imports modules from {answer['folder']}, where others can write; give it a --local-directory of its own"
        )
    return None


def _about(dask_worker: distributed.Worker) -> dict[str, Any]:
    """On a worker: what its numbers depend on, and where Dask lets it look for modules."""
    folder = Path(dask_worker.local_directory).resolve().parent
    return {"backend": backend(), "versions": versions(), "folder": None if only_ours(folder) else str(folder)}


def _of_threads(threads: int) -> str:
    return f"has {threads} threads; start it with --nthreads 1: it trains one trial at a time"
