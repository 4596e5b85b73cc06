"""A job: all that has to be known to train one trial anywhere."""

from dataclasses import dataclass

from sweep.experiment.configuration import Configuration
from sweep.results.record import TrialKey
from sweep.search.pruning import Pruning


@dataclass(frozen=True, kw_only=True)
class Job:
    """All that has to be known to train one trial anywhere: it travels to workers as it is; `timeout` in seconds."""

    key: TrialKey
    configuration: Configuration
    seeds: tuple[int, ...]
    alike: int | None = None
    """As many seeds as the trials have that share this one's compiled program; None: as many as it has itself."""
    pruning: Pruning | None = None
    timeout: float | None = None
