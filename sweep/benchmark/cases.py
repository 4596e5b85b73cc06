"""The cases of the benchmark: how much work of which kind, and the axes along which it grows."""

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from sweep.experiment.configuration import Configuration
from sweep.faults import plural
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task
from sweep.tasks.task import Task

_ENDLESS = 10_000_000  # epochs: no test falls into what is measured


@dataclasses.dataclass(frozen=True, kw_only=True)
class Case:
    """Training of one kind: the tutorial's network on sequences of `steps` predictions, from `seeds` seeds.

    `window` steps are one update. One step an update is trained on the tutorial's kind of sequences, a whole
    sequence an update on random ones.
    """

    name: str
    steps: int = 4
    window: int = 1
    symbols: int = 5
    units: int = 20
    seeds: int = 1
    batch: int = 1
    scored: Literal["every", "last"] = "every"

    @property
    def whole(self) -> bool:
        """Whether a sequence is one window."""
        return self.window == self.steps

    @property
    def sequences(self) -> int:
        """Sequences of an epoch."""
        return max(2, self.batch)

    @property
    def steps_an_epoch(self) -> int:
        """Time steps of all sequences and seeds; where a step is an update, the updates."""
        return self.steps * self.sequences * self.seeds

    @property
    def sentence(self) -> str:
        """The case in words."""
        parts = [
            f"the whole sequence of {self.steps:,} steps an update" if self.whole else "one step an update",
            f"{self.units} units",
            f"{self.symbols:,} symbols",
            f"batch {self.batch}",
            plural(self.seeds, "seed"),
        ]
        return ", ".join([*parts, *(["the last step scored"] if self.scored == "last" else [])])

    def configuration(self) -> Configuration:
        """As an experiment would have it."""
        sizes: dict[str, Any] = {"sequence_length": self.steps + 1, "alphabet_size": self.symbols}
        task: IncreasingTask | RandomTask
        if self.whole:
            task = RandomTask(train_sequences=self.sequences, test_sequences=1, **sizes)
        else:
            task = IncreasingTask(keys=self.sequences, **sizes)
        return Configuration(task=task).replace(
            units=self.units,
            batch_size=self.batch,
            timesteps="full" if self.whole else self.window,
            loss_on=self.scored,
            epochs=_ENDLESS,
            evaluate_every=_ENDLESS,
        )

    def task(self) -> Task:
        """Its sequences."""
        return build_task(self.configuration().task)


def _cases() -> list[Case]:
    step = [
        Case(name="step"),
        Case(name="step-8-seeds", seeds=8),
        Case(name="step-80-units", units=80),
        Case(name="step-80-units-8-seeds", units=80, seeds=8),
    ]
    window = [
        case
        for steps in (100, 1_000, 10_000)
        for case in (
            Case(name=f"window-{steps}", steps=steps, window=steps, symbols=8),
            Case(name=f"window-{steps}-8-seeds", steps=steps, window=steps, symbols=8, seeds=8),
            Case(name=f"window-{steps}-batch-32", steps=steps, window=steps, symbols=8, batch=32),
        )
    ]
    return step + window


CASES = {case.name: case for case in _cases()}
"""Name -> case."""

USUAL = ("step", "step-8-seeds", "window-1000", "window-1000-8-seeds")
"""What is measured when nobody asks for anything else; a few minutes with all peers."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Axis:
    """Cases that differ in one size only, smallest first: `cases` maps the size to the case."""

    name: str
    label: str
    cases: dict[int, Case]


def _axis(name: str, label: str, sizes: tuple[int, ...], case: Callable[[int], Case]) -> Axis:
    return Axis(name=name, label=label, cases={size: case(size) for size in sizes})


TRIALS = (10, 100, 1_000, 10_000)
"""Sizes of a study, for the axis that trains nothing: what its trials cost beside their training."""

AXES = {
    axis.name: axis
    for axis in (
        _axis(
            "length",
            "steps of a sequence",
            (10, 100, 1_000, 10_000),
            lambda size: Case(name=f"length-{size}", steps=size, window=size, symbols=8),
        ),
        _axis("seeds", "seeds", (1, 4, 16, 64, 256), lambda size: Case(name=f"seeds-{size}", seeds=size)),
        _axis("units", "units", (1, 4, 16, 64, 256), lambda size: Case(name=f"units-{size}", units=size)),
        _axis(
            "alphabet",
            "symbols of the alphabet",
            (5, 10, 100, 1_000, 10_000),
            lambda size: Case(name=f"alphabet-{size}", steps=1_000, window=1_000, symbols=size, scored="last"),
        ),
    )
}
"""Name -> what grows in the training; the axis `trials` is measured by itself."""
