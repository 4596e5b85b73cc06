"""The standard streams as the commands need them: what one cannot show degrades, and nobody has to listen.

A terminal that knows ASCII alone, a reader that has had enough (`| head`) and a stream that is closed cost no work: the
exit code is that of what was done.
"""

import codecs
import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

_GONE = (errno.EPIPE, errno.EIO, errno.EBADF)
"""What writing says where nobody reads: a pipe without a reader, a terminal that was closed, a stream for reading."""

_INSTEAD = {
    **dict.fromkeys("\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}\u2500\u2501\u2578\u257a", "-"),
    **dict.fromkeys("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", " "),
    "\N{MULTIPLICATION SIGN}": "x",
    "\N{MICRO SIGN}": "u",
    "\N{HORIZONTAL ELLIPSIS}": ".",
}


class Stream(io.TextIOWrapper):
    """Standard output or error: it takes any text, and goes on where nobody reads it any more."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What libraries may use: all characters, as those that the stream lacks degrade here and not there."""
        return "utf-8"

    def write(self, text: str, /) -> int:
        """Write text, or forget it."""
        try:
            return super().write(text)
        except OSError as error:
            self._forgive(error)
            return len(text)

    def write_bytes(self, content: bytes) -> None:
        """Write data as they are, or forget them."""
        try:
            self.buffer.write(content)
        except OSError as error:
            self._forgive(error)

    def flush(self) -> None:
        """Write what is still held."""
        try:
            super().flush()
        except OSError as error:
            self._forgive(error)

    def drop(self) -> None:
        """From now on, write to nobody: what is still held would fail again as the interpreter ends."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)

    def _forgive(self, error: OSError) -> None:
        if error.errno not in _GONE:
            raise error
        self.drop()


@contextmanager
def forgiving_streams() -> Iterator[None]:
    """Standard output and error as `Stream`s; one that is closed is opened, or a file of data would take its number."""
    _open_closed()
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _forgiving(kept[0], 1), _forgiving(kept[1], 2)
    try:
        yield
    finally:
        for ours, theirs in zip((sys.stdout, sys.stderr), kept, strict=True):
            ours.flush()
            if isinstance(ours, Stream) and theirs is not None:
                ours.detach()
        sys.stdout, sys.stderr = kept


def write_bytes(content: bytes) -> None:
    """Write data to standard output."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)


def drop_stdout() -> None:
    """Send what standard output still holds, and all that follows, to nobody."""
    if isinstance(sys.stdout, Stream):
        sys.stdout.drop()


def _forgiving(stream: TextIO | None, number: int) -> TextIO:
    """The stream with its encoding, which may be ASCII; of one that was closed, one to nobody."""
    options: dict[str, Any] = {"errors": _degrading.__name__, "line_buffering": True, "newline": ""}
    if stream is None:
        return Stream(os.fdopen(number, "wb", closefd=False), encoding="utf-8", **options)
    if not isinstance(stream, io.TextIOWrapper):
        return stream  # somebody else's, who knows what it takes
    stream.flush()
    options["line_buffering"] = stream.line_buffering
    return Stream(stream.buffer, encoding=stream.encoding, **options)


def _open_closed() -> None:
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free, which is this


def _degrading(error: UnicodeError) -> tuple[str, int]:
    """What a stream shows in the place of characters that it does not have."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_INSTEAD.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error(_degrading.__name__, _degrading)
