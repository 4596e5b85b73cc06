"""What is measured: sweep's own loops, and peers, each a Python file that does the same work with another library."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sweep.errors import SweepError
from sweep.faults import unknown
from sweep.machine.backend import BACKENDS, VARIABLE

PEERS = Path("tests/benchmarks")
OWN_MODULE = (sys.executable, "-P", "-m")
"""How a module of ours is started: not with the working folder, whoever's it is, in front of the module path."""

_OWN = ("fused", "train_on_batch", "fit")
_SPEAKS = "sys.stdin"  # a file without it is no peer, but somebody's other script


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A loop that can train a case: its name, and the command of its process."""

    name: str
    command: tuple[str, ...]
    own: bool
    """Whether it is one of sweep's, which draw their initial weights themselves where they are given none."""
    environment: dict[str, str] = field(default_factory=dict)


def subjects(
    peers: Path | None, python: str, names: Sequence[str] = (), backends: Sequence[str] = BACKENDS[:1]
) -> list[Subject]:
    """Sweep's own loops and the peers in a folder, or just those named; the first, the compiled trainer, always.

    The loops run on the first of the `backends`, the compiled trainer on the others too. `python` is the interpreter
    that runs the peers. SweepError for a name that is none of them, and for an interpreter that cannot be run.
    """
    if shutil.which(python) is None:
        raise SweepError(f"--python: {python} cannot be run; give the path of a Python interpreter")
    found = [_own(loop, backend) for loop in _OWN for backend in (backends if loop == _OWN[0] else backends[:1])] + [
        Subject(name=path.stem, command=(python, str(path)), own=False) for path in _peer_files(peers)
    ]
    for name in names:
        if name not in [subject.name for subject in found]:
            raise SweepError("--subject: " + unknown("subject", name, [subject.name for subject in found]))
    return [subject for subject in found if not names or subject.name in (found[0].name, *names)]


def _own(loop: str, backend: str) -> Subject:
    """Named by its backend too where that is not the usual one."""
    return Subject(
        name=loop if backend == BACKENDS[0] else f"{loop}_{backend}",
        command=(*OWN_MODULE, "sweep.benchmark.child", loop),
        own=True,
        environment={VARIABLE: backend},
    )


def _peer_files(folder: Path | None) -> list[Path]:
    if folder is None:
        folder = PEERS
        if not folder.is_dir():
            return []
    elif not folder.is_dir():
        raise SweepError(f"--peers: {folder} is no folder; give the one that holds the peers' files")
    return [path for path in sorted(folder.glob("*.py")) if _SPEAKS in path.read_text(encoding="utf-8")]
