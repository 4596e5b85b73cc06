"""New processes that need not import TensorFlow and all else again, which takes each of them five seconds of a core.

They are forks of one that has imported what there is and done nothing with it: it has read no option, seen no device
and compiled nothing, so that a fork finds what is in its own environment, as a process from scratch does.
"""

import importlib
import os
import pickle
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_SECONDS = 300


class Prepared:
    """Starts `sweep ARGUMENTS`, or `python -c CODE ARGUMENTS`, as often as it is asked to.

    With Keras they have everything imported; without, what reads results needs, and they end with 99 once they load it.
    """

    def __init__(self, *, keras: bool = True) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, __file__, str(theirs.fileno()), *["keras"] * keras]
        self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        theirs.close()

    def start(self, arguments: list[str], folder: Path, environment: dict[str, str] | None = None) -> "Started":
        """A process in `folder`, with this one's environment where no other is given."""
        out, err = os.memfd_create("out"), os.memfd_create("err")
        status, theirs = os.pipe()
        order = (arguments, str(folder), dict(os.environ) if environment is None else environment)
        socket.send_fds(self._socket, [pickle.dumps(order)], [out, err, theirs])
        os.close(theirs)
        told = os.fdopen(status)
        return Started(int(told.readline()), told, (out, err))

    def close(self) -> None:
        """Wait until all have ended."""
        self._socket.close()
        assert self._process.wait(60) == 0


@dataclass
class Started:
    """A process that may be running still; what it wrote is there once it has been waited for.

    One that is waited for in vain is killed after `_SECONDS`, and that is an error.
    """

    pid: int
    _told: IO[str]
    _files: tuple[int, int]
    code: int | None = None
    out: str = ""
    err: str = ""
    until: float = field(default_factory=lambda: time.monotonic() + _SECONDS)

    def poll(self) -> int | None:
        """As `Popen.poll`: None as long as it runs."""
        if self.code is not None or self._has_ended(0):
            return self.wait()
        if time.monotonic() > self.until:
            self._give_up()
        return None

    def wait(self) -> int:
        """Its exit code, or minus the signal that ended it."""
        if self.code is None:
            if not self._has_ended(max(0.0, self.until - time.monotonic())):
                self._give_up()
            with self._told, open(self._files[0]) as out, open(self._files[1]) as err:
                self.code = int(self._told.read())
                for stream in (out, err):
                    stream.seek(0)
                self.out, self.err = out.read(), err.read()
        return self.code

    def kill(self) -> None:
        """`kill -9`, of what may have ended already."""
        if self.code is None:
            if not self._has_ended(0):
                os.kill(self.pid, signal.SIGKILL)
                self._has_ended(60)
            self.wait()

    def _has_ended(self, seconds: float) -> bool:
        return bool(select.select([self._told], [], [], seconds)[0])

    def _give_up(self) -> None:
        self.kill()
        raise TimeoutError(f"a process was still running after {_SECONDS} s; it had said: {self.out}{self.err}")


def _serve(orders: socket.socket) -> None:
    """Fork at every order, and return in the fork; end when there will be no more."""
    watching = 0
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, 2**18, 3)
        if not order:
            break
        watcher = os.fork()
        if not watcher and _is_the_fork(descriptors[2]):
            orders.close()
            return _become(*pickle.loads(order), *descriptors[:2])
        for descriptor in descriptors:
            os.close(descriptor)
        watching += 1
        while watching and os.waitpid(-1, os.WNOHANG)[0]:
            watching -= 1
    for _ in range(watching):
        os.wait()
    sys.exit()


def _is_the_fork(status: int) -> bool:
    """Fork once more, and watch it: who told us to start it is not its parent, and could not wait for it."""
    pid = os.fork()
    if not pid:
        os.close(status)
        return True
    os.write(status, b"%d\n" % pid)
    os.write(status, b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    os._exit(0)


def _become(arguments: list[str], folder: str, environment: dict[str, str], out: int, err: int) -> None:
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ |= environment
    sys.argv = arguments if arguments[0] == "-c" else ["sweep", *arguments]


def _import_readers() -> None:
    import sweep.cli

    for module in pkgutil.walk_packages(sweep.cli.__path__, "sweep.cli."):
        importlib.import_module(module.name)
    for name in ("pyarrow.parquet", "pandas", "matplotlib.pyplot", "scipy.stats", "optuna", "jinja2"):
        importlib.import_module(name)
    assert not _KERAS & set(sys.modules)


_KERAS = {"tensorflow", "keras"}


def _import_everything() -> None:
    import sweep
    from sweep.machine.loading import import_keras

    given = dict(os.environ)
    import_keras()
    os.environ.clear()
    os.environ |= given
    for module in pkgutil.walk_packages(sweep.__path__, "sweep."):
        if module.name != "sweep.__main__" and "jax" not in module.name:
            importlib.import_module(module.name)


def _main() -> None:
    """What has been asked for, as its own process would do it."""
    if sys.argv[0] == "-c":
        code = sys.argv.pop(1)
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        return
    from sweep.cli import main

    main()


if __name__ == "__main__":
    sys.path[0] = ""  # as `python -m sweep` has it, and not the folder of the tests
    if sys.argv[2:]:
        _import_everything()
        _serve(socket.socket(fileno=int(sys.argv[1])))
        _main()
    else:
        _import_readers()
        _serve(socket.socket(fileno=int(sys.argv[1])))
        try:
            _main()
        finally:
            if _KERAS & set(sys.modules):
                sys.exit(99)
