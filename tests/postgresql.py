"""A PostgreSQL server that belongs to the tests: made, started, stopped and removed by them."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest


def programs() -> Path | None:
    """The folder of PostgreSQL's own programs; None where it is not installed."""
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None, key=lambda path: int(path.parent.name))


class Server:
    """One server with a password, heard on a port of the loopback interface."""

    def __init__(self) -> None:
        bin_ = programs()
        if bin_ is None:
            pytest.skip("needs PostgreSQL's server: apt-get install postgresql")
        self._bin = bin_
        self.password = secrets.token_hex(12)
        self._user = "postgres" if os.getuid() == 0 else None  # the server refuses to run as root
        self._folder = Path(tempfile.mkdtemp(prefix="sweep-postgresql-"))
        (self._folder / "password").write_text(self.password)
        if self._user:
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, self._user, self._user)
        self._data = self._folder / "data"
        self._call(
            "initdb", "-D", self._data, "-U", "sweep", "-A", "scram-sha-256", f"--pwfile={self._folder}/password"
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.url = f"postgresql+psycopg://sweep:{self.password}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it, and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -k {self._folder}"
        self._call("pg_ctl", "-D", self._data, "-w", "-t", "60", "-l", self._folder / "log", "-o", options, "start")

    def stop(self) -> None:
        """End it as a power cut would: connections break, nothing is tidied up."""
        self._call("pg_ctl", "-D", self._data, "-w", "-t", "60", "-m", "immediate", "stop")

    def remove(self) -> None:
        """End it for good."""
        self.stop()
        shutil.rmtree(self._folder)

    def _call(self, program: str, *arguments: object) -> None:
        command = [str(self._bin / program), *map(str, arguments)]
        done = subprocess.run(
            command, user=self._user, cwd="/", capture_output=True, text=True, check=False, timeout=300
        )
        assert done.returncode == 0, done.stdout + done.stderr
