"""An experiment's results as data frames."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.experiment.experiment import Experiment

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
