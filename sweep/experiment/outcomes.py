"""The table of outcomes: what is measured, in what unit, which way is better, and where it stands in the results.

Whatever lists outcomes reads this table: objectives, the columns of records and data frames, comparisons, pruning, the
headings and numbers of reports. What an outcome *is* stands where it is computed: `results/outcome.py` has the fields
that a trainer fills at each test, and what follows from these; a score that is measured needs both trainers.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal

Place = Literal["test", "replicate", "step", "length", "trial"]
"""A row of curves (a test), of replicates, of steps, of lengths or of trials."""

Unit = Literal[
    "share", "nats", "bits", "lead", "distance", "epochs", "sequences", "updates", "weights", "seconds", "yes or no"
]
"""A lead is a difference of two outputs, between -1 and 1."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """An outcome's row.

    `since` is the schema version of the first records that have it: in older ones it is missing. `compared` ones are
    metrics of `sweep compare`, and an `objective` is what the same file always gives again. Of a trial, a score is the
    mean over its replicates, where a diverged one counts as its own value, or as `diverged` where that is given.
    """

    heading: str
    unit: Unit
    better: Literal["higher", "lower"] | None
    at: tuple[Place, ...]
    since: int
    objective: bool = False
    compared: bool = False
    interval_since: int | None = None
    """The version since which the trial's figure has the ends of its 95% interval in `_low` and `_high`, if ever."""
    diverged: float | None = None
    whole: bool = False
    """Whether it is a count that is never missing, so that it is stored as a whole number."""

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 1, and is told in percent."""
        return self.unit == "share"

    @property
    def is_time(self) -> bool:
        """Whether it tells after how long a replicate came to something: never, where it is missing."""
        return self.unit in ("epochs", "sequences", "updates") and "replicate" in self.at


OUTCOMES: dict[str, Measure] = {
    "solve_rate": Measure(
        heading="solve rate",
        unit="share",
        better="higher",
        at=("trial",),
        since=1,
        objective=True,
        compared=True,
        interval_since=1,
    ),
    "recall_accuracy": Measure(
        heading="recall accuracy",
        unit="share",
        better="higher",
        at=("test", "replicate", "length", "trial"),
        since=1,
        objective=True,
        compared=True,
    ),
    "sequence_accuracy": Measure(
        heading="sequence accuracy",
        unit="share",
        better="higher",
        at=("test", "replicate", "length", "trial"),
        since=1,
        objective=True,
        compared=True,
    ),
    "accuracy": Measure(
        heading="accuracy",
        unit="share",
        better="higher",
        at=("test", "replicate", "step", "trial"),
        since=1,
        objective=True,
        compared=True,
    ),
    "loss": Measure(
        heading="loss",
        unit="nats",
        better="lower",
        at=("test", "replicate", "trial"),
        since=1,
        objective=True,
        diverged=inf,
    ),
    "margin": Measure(
        heading="margin",
        unit="lead",
        better="higher",
        at=("test", "replicate", "trial"),
        since=3,
        objective=True,
        compared=True,
        diverged=-inf,
    ),
    "recall_margin": Measure(
        heading="recall margin",
        unit="lead",
        better="higher",
        at=("test", "replicate", "trial"),
        since=3,
        objective=True,
        compared=True,
        diverged=-inf,
    ),
    "recall_bits": Measure(
        heading="recall bits",
        unit="bits",
        better="higher",
        at=("test", "replicate", "trial"),
        since=3,
        objective=True,
        compared=True,
        diverged=-inf,
    ),
    "test_loss": Measure(
        heading="test loss",
        unit="nats",
        better="lower",
        at=("test", "replicate", "trial"),
        since=3,
        objective=True,
        compared=True,
        diverged=inf,
    ),
    "epochs_to_solve": Measure(
        heading="epochs to solve",
        unit="epochs",
        better="lower",
        at=("replicate", "trial"),
        since=1,
        objective=True,
    ),
    "sequences_to_solve": Measure(
        heading="sequences to solve",
        unit="sequences",
        better="lower",
        at=("replicate", "trial"),
        since=1,
        objective=True,
        compared=True,
    ),
    "updates_to_solve": Measure(
        heading="updates to solve",
        unit="updates",
        better="lower",
        at=("replicate", "trial"),
        since=1,
        objective=True,
    ),
    "epochs_to_keep": Measure(
        heading="epochs to keep",
        unit="epochs",
        better="lower",
        at=("replicate", "trial"),
        since=3,
        objective=True,
    ),
    "sequences_to_keep": Measure(
        heading="sequences to keep",
        unit="sequences",
        better="lower",
        at=("replicate", "trial"),
        since=3,
        objective=True,
        compared=True,
    ),
    "updates_to_keep": Measure(
        heading="updates to keep",
        unit="updates",
        better="lower",
        at=("replicate", "trial"),
        since=3,
        objective=True,
    ),
    "ert_sequences": Measure(
        heading="ERT (sequences)",
        unit="sequences",
        better="lower",
        at=("trial",),
        since=1,
        objective=True,
        interval_since=3,
    ),
    "ert_sequences_to_keep": Measure(
        heading="ERT to keep (sequences)",
        unit="sequences",
        better="lower",
        at=("trial",),
        since=3,
        objective=True,
        interval_since=3,
    ),
    "memoryless_loss": Measure(heading="memoryless loss", unit="nats", better=None, at=("trial",), since=3),
    "parameters": Measure(
        heading="weights", unit="weights", better="lower", at=("trial",), since=1, objective=True, whole=True
    ),
    "updates": Measure(heading="updates", unit="updates", better=None, at=("trial",), since=1, whole=True),
    "train_seconds": Measure(heading="training", unit="seconds", better="lower", at=("trial",), since=1),
    "compile_seconds": Measure(heading="compilation", unit="seconds", better="lower", at=("trial",), since=1),
    "solved": Measure(heading="solved", unit="yes or no", better="higher", at=("replicate",), since=1),
    "diverged": Measure(heading="diverged", unit="yes or no", better="lower", at=("replicate",), since=1),
    "max_error": Measure(heading="max_error", unit="distance", better="lower", at=("replicate",), since=1),
}
"""Name -> row, in the order in which messages list them, and in which columns follow that later versions add."""

OBJECTIVES = tuple(name for name, measure in OUTCOMES.items() if measure.objective)
"""Outcomes of a trial that a study may optimise."""

METRICS = tuple(name for name, measure in OUTCOMES.items() if measure.compared)
"""Outcomes that two sets of replicates can be compared by."""

REPORTED = tuple(name for name in OBJECTIVES if "test" in OUTCOMES[name].at)
"""Objectives that every test measures, so that they can be reported while a trial is trained."""


def measured_at(place: Place) -> tuple[str, ...]:
    """The outcomes of a place, in the order of the table.

    >>> measured_at("length")
    ('recall_accuracy', 'sequence_accuracy')
    """
    return tuple(name for name, measure in OUTCOMES.items() if place in measure.at)
