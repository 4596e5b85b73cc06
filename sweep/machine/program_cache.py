"""Where compiled programs are kept between runs: in the user's cache folder, not beside results, as they are code.

A cache may be lost at any time, and nothing here fails a trial: where no folder can be trusted, nothing is kept. All
that is kept are regular files; whatever else has a name of theirs (a folder, a pipe, a link) counts as damaged.
"""

import hashlib
import os
import platform
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from sweep.files import only_ours

_MOST_PROGRAMS = 500  # of up to a megabyte each; the oldest go first
_ROOM = bytes(2_000_000)  # a program and a half
_ENDINGS = (".pb", "-cache")  # of TensorFlow's programs, and of JAX's
_SUM = ".crc32"
_BESIDE = (_SUM, "-atime")  # of what lies there for a program: its checksum; when JAX last used it
MARK, NOTE = ".loading-", ".crashed-"
"""These begin the names of files that say who is loading programs, and into which a process that crashes writes so."""
_CHECKED = "with checksums"  # programs of earlier versions have none: they stay in a folder that nobody reads


def program_cache(*compiled_under: str) -> Path | None:
    """The folder for programs compiled on this processor under these versions and options, for instance.

    It is this user's alone, and so is each folder that it lies in: whoever could write into one of them could have us
    run their code. None where there cannot be such a folder, and where it has no room.
    """
    processor = [platform.machine(), *_processor()]
    digest = hashlib.sha256("\n".join([_CHECKED, *processor, *compiled_under]).encode()).hexdigest()[:16]
    with suppress(OSError, RuntimeError):  # RuntimeError: there is no home
        shared = _users_caches()
        shared.mkdir(mode=0o700, parents=True, exist_ok=True)
        ours = _private(shared.resolve() / "sweep")  # without links: nobody can lead them elsewhere afterwards
        folder = ours and _private(ours / digest)
        if folder and _has_room(folder):
            for program in sorted(programs_in(folder), key=_age)[_MOST_PROGRAMS:]:
                removed(program)
                removed(sum_of(program))
            return folder
    return None


def programs_in(folder: Path) -> list[Path]:
    """The programs that lie there; OSError where that cannot be told."""
    return [path for path in folder.iterdir() if path.name.endswith(_ENDINGS)]


def sum_of(program: Path) -> Path:
    """Where a program's checksum is."""
    return program.with_name(program.name + _SUM)


def removed(path: Path) -> None:
    """Take one of the files away, if it is there. A folder in its place may be anybody's: it gets another name."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        if not path.is_dir():
            raise
        path.rename(tempfile.mkdtemp(dir=path.parent, prefix="no-program-"))


def without_others(folder: Path) -> None:
    """Take away what has the name of a kept file and is none: to open a pipe would take for ever.

    A program goes with its checksum, and a checksum with its program.
    """
    for path in _kept_in(folder):
        with suppress(FileNotFoundError):  # another process was faster, or it was the other one's
            if not stat.S_ISREG(path.lstat().st_mode):
                program = path.with_name(path.name.removesuffix(_SUM))
                removed(program)
                removed(sum_of(program))


def emptied(folder: Path) -> bool:
    """Whether `folder` held programs, and holds none now: one of them may have been damaged."""
    try:
        held = bool(programs_in(folder))
        for file in _kept_in(folder):
            removed(file)
    except OSError:
        return False
    return held


def _kept_in(folder: Path) -> list[Path]:
    """Programs, and what lies there for them; in a folder that the user has named there may be other files."""
    endings = _ENDINGS + _BESIDE
    return [path for path in folder.iterdir() if path.name.endswith(endings) or path.name.startswith((MARK, NOTE))]


def _users_caches() -> Path:
    """As the XDG base directory specification has it: a relative path counts as none."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return given if given.is_absolute() else Path.home() / ".cache"


def _private(folder: Path) -> Path | None:
    """The folder, made if it is missing; None if others may write there, or it isn't a folder of our own."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder if folder.lstat().st_uid == os.geteuid() and only_ours(folder) else None


def _has_room(folder: Path) -> bool:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(_ROOM)
    return True


def _age(program: Path) -> float:
    try:
        return -program.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0


def _processor() -> list[str]:
    """What a compiler asks about a processor: its model and its instruction sets."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return [platform.processor()]
    return sorted(line for line in lines if line.startswith(("model name", "flags", "Features", "CPU ")))
