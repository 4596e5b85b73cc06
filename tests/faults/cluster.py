"""A real Dask cluster of processes, to which a test does what befalls one."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stubs import stub_training

from faults.faulty import run
from sweep.errors import SweepError
from sweep.execution.cluster import cluster_workers
from sweep.execution.executor import Observer
from sweep.execution.on_worker import Train
from sweep.execution.workers import Workers

_TESTS = str(Path(__file__).parent.parent)
_DASK = [sys.executable, "-m", "dask"]

WITHOUT_SWEEP = "import sys; sys.modules['sweep'] = None"
OF_ANOTHER_VERSION = """
import importlib.metadata as metadata
version = metadata.version
metadata.version = lambda package: "0.0.9" if package == "lstm-sweep" else version(package)
"""


class Cluster:
    """Its scheduler has one port for good, as that of a service has."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self._port}"
        self._all: list[subprocess.Popen[bytes]] = []

    def scheduler(self) -> subprocess.Popen[bytes]:
        process = self._started("scheduler", "--port", str(self._port), "--dashboard-address", "127.0.0.1:0")
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port)).close()
                return process
            except OSError:
                assert process.poll() is None
                time.sleep(0.05)

    def worker(self, *, threads: int = 1, at_its_start: str = "") -> subprocess.Popen[bytes]:
        """One whose Python begins with `at_its_start`."""
        site = self._folder / f"site-{len(self._all)}"
        site.mkdir()
        (site / "sitecustomize.py").write_text(at_its_start)
        options = ("--nthreads", str(threads), "--no-nanny", "--no-dashboard", "--local-directory", str(self._folder))
        return self._started("worker", self.address, *options, path=str(site))

    def _started(self, *command: str, path: str = "") -> subprocess.Popen[bytes]:
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([path, _TESTS])}
        process = subprocess.Popen(
            [*_DASK, *command, "--host", "127.0.0.1"],
            cwd=self._folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._all.append(process)
        return process

    def end(self) -> None:
        for process in self._all:
            process.kill()
            process.wait()


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    made = Cluster(folder)
    try:
        yield made
    finally:
        made.end()


def run_on(address: str, path: Path, train: Train = stub_training) -> None:
    """A run on the cluster, whose every line is in `lines` beside its file."""

    class Heard(Observer):
        def said(self, line: str) -> None:
            with (path.parent / "lines").open("a") as lines:
                lines.write(line + "\n")

    heard = Heard()
    try:
        run(path, Workers(cluster_workers(address), train=train), heard)
    except SweepError as error:
        heard.said(f"{error.exit_code}: {error}")
        raise


def lines(path: Path) -> list[str]:
    """What a run has said."""
    try:
        return (path.parent / "lines").read_text().splitlines()
    except FileNotFoundError:
        return []


def wait_for_line(path: Path, part: str, within: float = 30.0) -> None:
    until = time.monotonic() + within
    while not any(part in line for line in lines(path)):
        assert time.monotonic() < until, lines(path)
        time.sleep(0.05)
