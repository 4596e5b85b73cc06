"""Stopping a command from outside: Ctrl-C, SIGTERM and SIGHUP end it within seconds, also in compiled code.

Python answers a signal between two of its own instructions, and a compiled training may not come back to them for
long. What is on disk is whole at any instant, so that a process that does not end by itself can be ended.
"""

import os
import signal
import socket
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

STOPPED = "Stopped. Finished trials are kept: the same command goes on from here."

_SECONDS = 6.0
_HEARD = f"\nStops after the program that is running, in {_SECONDS:g} s at the latest; Ctrl-C again ends it at once.\n"


class Terminated(BaseException):
    """SIGTERM or SIGHUP was received: `signal` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = signal.Signals(number)


@contextmanager
def ends_when_told(*, trains: bool = True) -> Iterator[None]:
    """Raise KeyboardInterrupt and Terminated in the main thread; end the process if it is still there seconds later.

    A second signal ends it at once. The exit status is that of a process ended by the signal: 130, 143 or 129. Where
    SIGHUP is ignored, as under `nohup`, it stays so. What `trains` says at once that it has heard a Ctrl-C.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    screen = os.dup(2)  # also while a library that is being loaded is not heard there
    ends = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) is not signal.SIG_IGN]
    earlier = {each: signal.signal(each, _terminated) for each in ends}
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reader, screen, trains), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        for each, handler in earlier.items():
            signal.signal(each, handler)
        writer.close()
        watch.join()
        os.close(screen)


def _terminated(signal_number: int, frame: FrameType | None) -> None:
    if signal_number == signal.SIGHUP:
        _leave_the_terminal()
    raise Terminated(signal_number)


def _leave_the_terminal() -> None:
    """It is gone, and to write to it would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        if stat.S_ISCHR(os.fstat(stream).st_mode):
            os.dup2(nowhere, stream)
    os.close(nowhere)


def _watch(reader: socket.socket, screen: int, trains: bool) -> None:
    """Wait for a signal, then for a second one, for the end of the run, or for the time to be up."""
    with reader:
        told = 0
        while True:
            try:
                received = reader.recv(1)
            except TimeoutError:
                _say(screen, f"{STOPPED}\n")
                os._exit(128 + told)
            if not received:
                return
            if received[0] in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if told:
                    os._exit(128 + received[0])
                told = received[0]
                if told == signal.SIGINT and trains:
                    _say(screen, _HEARD)
                reader.settimeout(_SECONDS)


def _say(screen: int, text: str) -> None:
    """Past Python's own stream, which another thread may hold."""
    with suppress(OSError):
        os.write(screen, text.encode())
