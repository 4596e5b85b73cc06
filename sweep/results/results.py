"""An experiment's results as data frames."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.errors import SweepError
from sweep.experiment.experiment import Experiment
from sweep.results.task_facts import stored_facts
from sweep.tasks.facts import TaskFacts

if TYPE_CHECKING:
    import pandas as pd  # loaded by those who ask for data frames: it takes half a second


@dataclass(frozen=True, kw_only=True)
class Results:
    """An experiment's results, as pandas reads them.

    `trials` has a row for each trial, `replicates` one for each of its seeds, `curves` one for each test of
    a replicate, `steps` one for each step that its last test measured, `lengths` one for each other length
    that the trained network was tested at. `trial` and `phase` join them.
    """

    name: str
    path: Path
    experiment: Experiment
    manifest: dict[str, Any]
    trials: "pd.DataFrame"
    replicates: "pd.DataFrame"
    curves: "pd.DataFrame"
    steps: "pd.DataFrame"
    lengths: "pd.DataFrame"

    @cached_property
    def tasks(self) -> tuple[TaskFacts, ...]:
        """What a report has to know of each condition's task, in the order of the conditions."""
        try:
            return stored_facts(self.manifest, self.experiment)
        except ValueError as error:
            raise SweepError(f"{self.path}: the task cannot be told from manifest.json: {error}") from None
