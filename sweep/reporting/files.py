"""The report's files: each is written whole or not at all, and what an earlier report left is removed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from sweep.errors import RunError
from sweep.files import refuse_links
from sweep.results.export import inert

_FOLDERS = ("figures", "tables")
_ENDINGS = (".svg", ".csv", ".tmp")


def write_files(folder: Path, contents: Mapping[str, str], *, clear: bool = True) -> None:
    """Write `contents` (path below `folder` -> text), in order; RunError where that cannot be done.

    SweepError if a folder below `folder` is a link. With `clear`, figures and tables of an earlier report that are not
    among them go; other files are left alone.
    """
    refuse_links(folder, _FOLDERS)
    try:
        for name, text in contents.items():
            _write(folder / name, text)
        if clear:
            _remove_stale(folder, set(contents))
    except OSError as error:
        raise RunError(f"{folder}: the report cannot be written: {error.strerror}") from error


def csv_text(table: pd.DataFrame) -> str:
    """The table as CSV; a text that a spreadsheet would take for a formula is kept from being one.

    >>> csv_text(pd.DataFrame({"name": ["=1+1"], "loss": [-0.5]}))
    "name,loss\\n'=1+1,-0.5\\n"
    """
    safe = pd.DataFrame({name: [inert(cell) for cell in table[name]] for name in table.columns}, dtype=object)
    safe.columns = pd.Index([inert(str(name)) for name in table.columns])
    return str(safe.to_csv(index=False, lineterminator="\n"))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("x", encoding="utf-8", newline="\n") as file:  # never through a link of that name
            file.write(text)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _remove_stale(folder: Path, kept: set[str]) -> None:
    for name in _FOLDERS:
        if (folder / name).is_symlink() or not (folder / name).is_dir():
            continue
        for path in sorted((folder / name).iterdir()):
            if path.suffix in _ENDINGS and path.is_file() and f"{name}/{path.name}" not in kept:
                path.unlink()
