"""Measuring a case: every subject in a process of its own, their repeats interleaved, each sample kept."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.benchmark.cases import Case
from sweep.benchmark.process import NotInstalledError, Process, TooSlowError
from sweep.benchmark.subjects import Subject
from sweep.errors import RunError

ROUND_SECONDS = 0.3
"""About how long one repeat trains; a subject that needs longer for an epoch trains one."""

SAME = 1e-3
"""How far another's weights may be from the first subject's after an epoch, as a share of the way from the start."""


@dataclass(kw_only=True)
class Measured:
    """What one subject needed for one case; a list has a sample for each repeat (or, of the first two, process).

    Importing is all until its library is loaded, compiling all from there to the end of the first epoch but for
    what an epoch takes afterwards: building, tracing, compiling. An epoch is divided into `parts`: the time steps
    of all sequences and seeds, which are the updates where each step is one; or, of a study, its trials.
    """

    case: str
    subject: str
    parts: int
    library: str = ""
    state: str = "measured"  # or: not installed, too slow, failed, differs
    error: str = ""
    epochs: int = 0  # of one repeat
    import_seconds: list[float] = field(default_factory=list)
    compile_seconds: list[float] = field(default_factory=list)
    epoch_seconds: list[float] = field(default_factory=list)
    peak_memory_mb: list[float] = field(default_factory=list)
    difference: float | None = None

    @property
    def microseconds(self) -> list[float]:
        """Of one of the epoch's parts."""
        return [1e6 * seconds / self.parts for seconds in self.epoch_seconds]

    @property
    def remark(self) -> str:
        """Why it is not in the table, or should not be, as a line."""
        return f"{self.case}: {self.subject}: {self.state}: {self.error}"

    def as_json(self) -> dict[str, Any]:
        """All of it, with the medians beside the samples."""
        names = ("import_seconds", "compile_seconds", "epoch_seconds", "peak_memory_mb")
        medians = {f"{name}_median": median(getattr(self, name)) for name in names}
        cost = {"microseconds": self.microseconds, "microseconds_median": median(self.microseconds)}
        return asdict(self) | medians | cost


def median(samples: Sequence[float]) -> float | None:
    """The middle one; None of none."""
    return statistics.median(samples) if samples else None


def measure(
    case: Case,
    subjects: Sequence[Subject],
    *,
    repeats: int,
    starts: int = 1,
    limit: float = 60.0,
    note: Callable[[str], None] = lambda text: None,
) -> list[Measured]:
    """What each subject needs for a case. The first one gives the initial weights, and what the others must learn.

    A subject that takes more than `limit` seconds for an answer is left out, and says so. `note` is told what is
    being done.
    """
    measured = {
        subject.name: Measured(case=case.name, subject=subject.name, parts=case.steps_an_epoch) for subject in subjects
    }
    for _ in range(starts):
        _measure_once(case, subjects, measured, repeats, limit, note)
    return list(measured.values())


def train(process: Process, epochs: int) -> float:
    """Have a subject train so many epochs; the seconds that it took."""
    return float(process.ask(str(epochs))["seconds"])


@dataclass
class _Running:
    """A subject that has trained its first epoch, `first_seconds` after it was given the case."""

    measured: Measured
    process: Process
    first_seconds: float
    epochs: int = 1


def _measure_once(
    case: Case,
    subjects: Sequence[Subject],
    measured: dict[str, Measured],
    repeats: int,
    limit: float,
    note: Callable[[str], None],
) -> None:
    running: list[_Running] = []
    with ExitStack() as stack:
        race = _Race(case)
        for subject in subjects:
            found = measured[subject.name]
            if found.state not in ("measured", "differs"):
                continue
            note(f"{case.name}: {subject.name} starts")
            try:
                process = stack.enter_context(Process(subject, limit))
                found.library = process.library
                running.append(race.enter(found, process))
            except RunError as error:
                _give_up(found, error)
        for repeat in range(repeats):
            note(f"{case.name}: repeat {repeat + 1} of {repeats}")
            for one in list(running):
                try:
                    one.measured.epoch_seconds.append(train(one.process, one.epochs) / one.epochs)
                except RunError as error:
                    _give_up(one.measured, error)
                    running.remove(one)
        for one in running:
            epoch = statistics.median(one.measured.epoch_seconds[-repeats:])
            one.measured.epochs = one.epochs
            one.measured.import_seconds.append(one.process.import_seconds)
            one.measured.compile_seconds.append(max(0.0, one.first_seconds - epoch))
            one.measured.peak_memory_mb.append(one.process.peak_memory())


class _Race:
    """One start of a case: all are given the same sequences, and the initial weights of the first to enter."""

    def __init__(self, case: Case) -> None:
        task = case.task()
        self._given: dict[str, Any] = {
            "case": asdict(case),
            "sequences": [task.training_sequences(seed, 1).symbols.tolist() for seed in range(case.seeds)],
            "weights": None,
        }
        self._trained: NDArray[np.float64] | None = None  # the weights of the first to enter, after an epoch

    def enter(self, found: Measured, process: Process) -> _Running:
        """Have a subject build, compile and train an epoch, look at what it has learnt, and fit a repeat's length."""
        started = time.perf_counter()
        process.tell(json.dumps(self._given))
        process.ask("0")
        first = time.perf_counter() - started
        if self._given["weights"] is None:
            self._given["weights"] = process.ask("weights")
        started = time.perf_counter()
        train(process, 1)
        first += time.perf_counter() - started
        self._compare(found, _flat(process.ask("weights")))
        return _Running(found, process, first, _epochs_of_a_repeat(process))

    def _compare(self, found: Measured, weights: NDArray[np.float64]) -> None:
        if self._trained is None:
            self._trained = weights
        moved = self._trained - _flat(self._given["weights"])
        found.difference = float(np.linalg.norm(weights - self._trained) / np.linalg.norm(moved))
        if not found.difference <= SAME:
            found.state, found.error = "differs", "learns something else: its weights after an epoch differ"


def _epochs_of_a_repeat(process: Process) -> int:
    """As many as take about `ROUND_SECONDS`, found with ever longer ones."""
    epochs = 1
    while True:
        seconds = train(process, epochs)
        fitting = max(1, round(epochs * ROUND_SECONDS / seconds))
        if fitting < 2 * epochs:
            return fitting
        epochs = min(fitting, 20 * epochs)


def _flat(weights: list[Any]) -> NDArray[np.float64]:
    return np.concatenate([np.ravel(weight) for weight in weights])


def _give_up(found: Measured, error: RunError) -> None:
    states = {NotInstalledError: "not installed", TooSlowError: "too slow"}
    found.state, found.error = states.get(type(error), "failed"), str(error)
