"""Files that are written whole or not at all, and folders that nobody else can write into."""

import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

from sweep.errors import RunError, SweepError


def write_whole(path: Path, content: bytes, *, flush_name: bool = True) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then renamed.

    It is safe from a power cut once its name is flushed, which takes as long again.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".writing-", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
        if flush_name:
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise RunError(f"{path}: cannot be written: {error.strerror}; what was stored before is kept") from None


def refuse_links(folder: Path, parts: Iterable[str]) -> None:
    """SweepError if one of the `parts` of a folder of results ("" for itself) is a link: it would lead out of it.

    What a user names for one command may be a link: --results, `export -o`, `bench --figures`, the file of `init`. That
    is where they asked to have it; and a file there is renamed to its place, or made anew, and never written through.
    """
    for path in (folder / part for part in parts):
        try:
            leads_elsewhere = path.is_symlink()
        except OSError as error:  # its name is too long
            raise SweepError(f"{path}: cannot be used: {error.strerror}; choose another folder") from None
        if leads_elsewhere:
            raise SweepError(f"{path}: is a link; results stay in their own folder. Move what it leads to here")


def only_ours(folder: Path) -> bool:
    """Whether only this user and root can change what lies in `folder`, or put another folder in its place.

    Each of its parents has a say in that, up to the root. In one with the sticky bit, as /tmp, others can add to what
    is there, and not replace it. OSError where one of them cannot be asked.
    """
    for each in (folder, *folder.parents):
        status = each.lstat()
        shared = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        kept = status.st_mode & stat.S_ISVTX and each != folder
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (0, os.geteuid()) or (shared and not kept):
            return False
    return True
