"""The conditions of an experiment as a report needs them: their rows, and what needs no memory in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep.config import Configuration
from sweep.report.display import value_text
from sweep.tasks import Task, build_task

if TYPE_CHECKING:
    from sweep.store import Results


@dataclass(frozen=True)
class Condition:
    """One setting of the problem: `values` is empty where the experiment has no conditions."""

    values: dict[str, Any]
    configuration: Configuration

    @property
    def label(self) -> str:
        """Its settings as text, empty where there are none.

        >>> from sweep.config import IncreasingTask
        >>> Condition({"keys": 3}, Configuration(task=IncreasingTask(keys=3))).label
        'keys = 3'
        """
        return ", ".join(f"{name} = {value_text(value)}" for name, value in self.values.items())

    @cached_property
    def task(self) -> Task:
        """Its task: chance, the memoryless ceiling, and whether it is tested on what it is trained on."""
        return build_task(self.configuration.task)

    @property
    def chance(self) -> float:
        """The accuracy of guessing."""
        return self.task.chance

    @cached_property
    def recall_ceiling(self) -> float:
        """The best recall accuracy of a predictor that sees only the current symbol."""
        return self.task.memoryless_ceiling(recall=True)

    def rows(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The trials that were run under it."""
        chosen = np.ones(len(trials), bool)
        for name, value in self.values.items():
            # Lists (of an explicit task) come back from Parquet as text, and some numbers as others.
            texts = (str(value), value_text(value))
            chosen &= np.array([str(cell) in texts or value_text(cell) in texts for cell in trials[name]], bool)
        return trials[chosen]


def conditions(results: Results) -> list[Condition]:
    """The experiment's conditions in the order of its file."""
    experiment = results.experiment
    return [
        Condition(values=values, configuration=experiment.base.replace(**values))
        for values in experiment.condition_settings
    ]


def search_trials(results: Results) -> pd.DataFrame:
    """The trials of the search itself; confirmed ones are measured on other seeds and never compete here."""
    return results.trials[results.trials["phase"] == "search"].reset_index(drop=True)


def of_trial(frame: pd.DataFrame, trial: int) -> pd.DataFrame:
    """The rows of `frame` (replicates, curves or steps) that belong to one trial of the search."""
    return frame[(frame["trial"] == trial) & (frame["phase"] == "search")]
