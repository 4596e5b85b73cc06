"""What can an LSTM remember? A harness for hyperparameter sweeps and honest comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sweep.results.results import Results

__all__ = ["load"]


def load(path: str | Path) -> Results:
    """The results in a folder as data frames: `.trials`, `.replicates`, `.curves`, `.steps` and `.lengths`.

    >>> load("results/tutorial").trials[["trial", "solve_rate"]]  # doctest: +SKIP
    """
    from sweep.results.store import Store  # pandas and Arrow are loaded by those who ask for results, not by --help

    return Store(Path(path)).load()
