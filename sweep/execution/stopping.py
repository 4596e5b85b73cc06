"""Stopping a run from outside: Ctrl-C and SIGTERM end it within seconds, also while compiled code is running.

Python answers a signal between two of its own instructions, and a compiled training may not come back to them for
long. What is on disk is whole at any instant, so that a process that does not end by itself can be ended.
"""

import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SECONDS = 6.0


class Terminated(BaseException):
    """SIGTERM was received."""


@contextmanager
def ends_when_told() -> Iterator[None]:
    """Raise KeyboardInterrupt and Terminated in the main thread; end the process if it is still there seconds later.

    A second signal ends it at once. The exit status is that of a process ended by the signal: 130 or 143.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    earlier = signal.signal(signal.SIGTERM, _terminated)
    wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    watch = threading.Thread(target=_watch, args=(reader,), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGTERM, earlier)
        writer.close()
        watch.join()


def _terminated(signal_number: int, frame: FrameType | None) -> None:
    raise Terminated


def _watch(reader: socket.socket) -> None:
    """Wait for a signal, then for a second one, for the end of the run, or for the time to be up."""
    with reader:
        told = 0
        while True:
            try:
                received = reader.recv(1)
            except TimeoutError:
                os._exit(128 + told)
            if not received:
                return
            if received[0] in (signal.SIGINT, signal.SIGTERM):
                if told:
                    os._exit(128 + received[0])
                told = received[0]
                reader.settimeout(_SECONDS)
