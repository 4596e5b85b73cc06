"""A subject's process: started, given lines, heard, and ended whatever happens."""

import json
import os
import select
import subprocess
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

from sweep.benchmark.subjects import Subject
from sweep.errors import RunError

_MISSING = "ModuleNotFoundError"


class NotInstalledError(RunError):
    """The subject's library is missing."""


class TooSlowError(RunError):
    """The subject took longer for an answer than it was given."""


class Process:
    """A subject that has loaded its library and waits for its case; `import_seconds` include the interpreter's start.

    RunError says why it could not be, or stopped answering.
    """

    def __init__(self, subject: Subject, limit: float) -> None:
        self._limit = limit
        with ExitStack() as stack:
            self._stderr = stack.enter_context(tempfile.TemporaryFile())
            caches = stack.enter_context(tempfile.TemporaryDirectory())  # so that compiling is compiling
            started = time.perf_counter()
            try:
                self._process = subprocess.Popen(
                    subject.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._stderr,
                    text=True,
                    env=os.environ | {"XDG_CACHE_HOME": caches} | subject.environment,
                )
            except OSError as error:
                raise RunError(f"{subject.command[0]}: {error.strerror}") from None
            stack.callback(self._end)
            self.library = str(self._heard()["library"])
            self.import_seconds = time.perf_counter() - started
            self._resources = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        self._resources.close()

    def tell(self, line: str) -> None:
        """Give it a line."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failure() from None

    def ask(self, line: str) -> Any:
        """What it answers to a line."""
        self.tell(line)
        return self._heard()

    def peak_memory(self) -> float:
        """The most memory that it has held so far, in megabytes; nan where the system doesn't say."""
        try:
            status = Path(f"/proc/{self._process.pid}/status").read_text()
        except OSError:
            return float("nan")
        return int(status.split("VmHWM:")[1].split()[0]) / 1000

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):  # it never read what was still to be written
                stream.close()

    def _heard(self) -> Any:
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], self._limit)
        if not ready:
            raise TooSlowError(f"took more than {self._limit:g} s")
        line = self._process.stdout.readline()
        if not line:
            raise self._failure()
        try:
            return json.loads(line)
        except (ValueError, RecursionError):
            raise RunError(f"answered {line.strip()[:60]!r}, which is no JSON") from None

    def _failure(self) -> RunError:
        """Why it ended before it answered: the last line that it wrote to its standard error."""
        code = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        last = lines[-1] if lines else f"ended with exit code {code} and said nothing"
        if last.startswith(_MISSING):
            return NotInstalledError(last.removeprefix(_MISSING).lstrip(": "))
        return RunError(last)
