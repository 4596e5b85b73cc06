"""Processes of this machine that train: Dask's workers, with a scheduler that nobody else hears or can lead astray."""

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import distributed
import psutil

from sweep.errors import RunError, SweepError
from sweep.execution.workers import ATTEMPTS, Connect
from sweep.files import only_ours
from sweep.machine.backend import backend
from sweep.machine.devices import environment, gpus_here

_SILENT_SECONDS = 60  # a worker that gives no sign of life for so long is replaced
_SAFE_PATH = "PYTHONSAFEPATH"
_LOCAL = {
    "distributed.scheduler.allowed-failures": 1000,  # it counts trials that only waited for a worker, too
    "distributed.scheduler.http.routes": [],  # every user of the machine could read the tasks there
    "distributed.worker.http.routes": [],
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


def local_workers(
    number: int, device: str, memory_limit: str | int | None = None, preload: str = "sweep.execution.preload"
) -> Connect:
    """`number` spawned processes on this machine; their scheduler is heard on the loopback interface alone.

    `preload` is imported before a worker takes a trial, and once for all of them where they are forked.
    RunError if they do not start.
    """

    @contextmanager
    def connect() -> Iterator[distributed.Client]:
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
            _without_http(cluster),
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


@contextmanager
def _without_http(cluster: distributed.SpecCluster) -> Iterator[None]:
    """Close the port on which the scheduler would have pages."""
    cluster.loop.add_callback(cluster.scheduler.http_server.stop)
    yield


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
