"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path

from sweep.errors import RunError


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
