"""Kept programs are machine code, and a damaged one would end the process that runs it: each has a checksum beside it.

The backend writes programs by itself, whole, and loads them where nobody can look first. So all that lie in the folder
are checked before it may load one, each once; what was damaged is removed, and compiled anew. Where a process died
while it loaded some, or crashed at any time later, one may have been written so: then all are left aside.
"""

import atexit
import faulthandler
import fcntl
import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sweep.foreign import read_bytes
from sweep.machine.program_cache import MARK, NOTE, emptied, programs_in, removed, sum_of, without_others

_LARGEST = 2**28  # bytes; a program has up to some megabytes

_NOTES: dict[Path, int] = {}  # of this process: file descriptors, by folder

_SEEN: dict[Path, tuple[int, int]] = {}  # of this process: when a program that is whole was written, and its size


def remove_damaged(folder: Path) -> None:
    """Leave only programs in `folder` that are as they were written, and none at all where a process died of one.

    A program that nobody has seen before gets its checksum now. A folder that refuses is left as it is.
    """
    with suppress(OSError):
        without_others(folder)
        if _died_loading(folder) or _crashed(folder):
            emptied(folder)
        for program in programs_in(folder):
            with suppress(OSError):  # another process was faster, or nobody can remove it
                _check(program)


@contextmanager
def loading(folder: Path | None) -> Iterator[None]:
    """Programs may be loaded from `folder`: they are checked before, and those that are new get their checksums after.

    A mark says so meanwhile. If this process dies, the mark stays, and whoever loads next leaves the programs aside.
    """
    if folder is None:
        yield
        return
    remove_damaged(folder)
    note_crashes(folder)
    with _marked(folder):
        yield
    remove_damaged(folder)


def note_crashes(folder: Path) -> None:
    """From here on, a crash of this process is written into a file in `folder`, if it takes one.

    A program that is wrong need not end the process at once: it may do so calls later, by what it wrote to memory. Who
    is killed writes nothing. Where Python tells crashes already, as it can be asked to, it goes on to do it its way.
    """
    if folder in _NOTES or faulthandler.is_enabled():
        return
    with suppress(OSError):
        _NOTES[folder], note = tempfile.mkstemp(dir=folder, prefix=NOTE)
        fcntl.flock(_NOTES[folder], fcntl.LOCK_EX)
        faulthandler.enable(_NOTES[folder], all_threads=False)
        atexit.register(Path(note).unlink, missing_ok=True)


def _check(program: Path) -> None:
    status = program.stat()
    if _SEEN.get(program) == (status.st_mtime_ns, status.st_size):
        return
    kept = sum_of(program)
    try:
        found = f"{zlib.crc32(read_bytes(program, _LARGEST)):08x}".encode()
        if not kept.exists():
            kept.write_bytes(found)
        whole = read_bytes(kept) == found
    except (ValueError, OSError):  # far too long, or nobody can read it
        whole = False
    if whole:
        _SEEN[program] = (status.st_mtime_ns, status.st_size)
    else:
        removed(program)
        removed(kept)


@contextmanager
def _marked(folder: Path) -> Iterator[None]:
    """Hold a mark in the folder, if it takes one; the kernel lets go of its lock however the process ends."""
    try:
        lock, mark = tempfile.mkstemp(dir=folder, prefix=MARK)
    except OSError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            Path(mark).unlink(missing_ok=True)
        os.close(lock)


def _died_loading(folder: Path) -> bool:
    """Whether there is a mark that no process holds."""
    return any(map(_let_go, folder.glob(f"{MARK}*")))


def _crashed(folder: Path) -> bool:
    """Whether a process has noted that it crashed; notes of those that ended otherwise go."""
    for note in folder.glob(f"{NOTE}*"):
        with suppress(FileNotFoundError):
            if note.stat().st_size:
                return True
            if _let_go(note):
                note.unlink()
    return False


def _let_go(mark: Path) -> bool:
    try:
        with mark.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return mark.exists()
    except OSError:  # its process is loading, or has just removed it
        return False
