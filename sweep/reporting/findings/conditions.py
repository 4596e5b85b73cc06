"""The conditions of an experiment as a report needs them: their rows, and what needs no memory in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweep.experiment.configuration import Configuration
from sweep.experiment.trials import conditions_of
from sweep.faults import plural
from sweep.reporting.look.display import settings_text, value_text
from sweep.tasks.facts import TaskFacts

if TYPE_CHECKING:
    from sweep.experiment.experiment import Experiment
    from sweep.results.phase_view import PhaseView
    from sweep.results.results import Results


@dataclass(frozen=True)
class Condition:
    """One setting of the problem: `values` is empty where the experiment has no conditions.

    It is the one at the place `number` in the file, of so many (`among`).
    """

    values: dict[str, Any]
    configuration: Configuration
    task: TaskFacts
    number: int = 0
    among: int = 1

    @property
    def label(self) -> str:
        """Its settings as text, empty where there are none.

        >>> from sweep.tasks.facts import facts_of
        >>> from sweep.tasks.increasing import Increasing, IncreasingTask
        >>> config = IncreasingTask(keys=3)
        >>> Condition({"keys": 3}, Configuration(task=config), facts_of(Increasing(config))).label
        'keys = 3'
        """
        return settings_text(self.values)

    @property
    def chance(self) -> float:
        """The accuracy of guessing."""
        return self.task.chance

    @property
    def recall_ceiling(self) -> float:
        """The best recall accuracy of a predictor that sees only the current symbol."""
        return self.task.recall_ceiling

    @property
    def length(self) -> int:
        """Symbols in a sequence of its training, the mean where lengths differ."""
        return round(self.task.expected_length)

    @property
    def one_length(self) -> bool:
        """Whether all sequences end at the same step."""
        return self.task.expected_length == self.task.num_steps + 1

    @property
    def is_strict(self) -> bool:
        """Whether right answers on the test sequences are not yet all that a solved task asks for."""
        return self.task.max_error < 1 or self.task.criterion_sequences is not None

    @property
    def success(self) -> str:
        """What a replicate has that solved the task, for a sentence."""
        if self.is_strict:
            return "the task solved"
        return "every step right" if self.task.same_for_all_seeds else "every scored step right"

    def rows(self, trials: pd.DataFrame) -> pd.DataFrame:
        """The trials that were run under it."""
        own: pd.DataFrame = trials[conditions_of(trials["trial"], self.among) == self.number]
        return own


def conditions(results: Results) -> list[Condition]:
    """The experiment's conditions in the order of its file."""
    experiment, settings = results.experiment, results.experiment.condition_settings
    return [
        Condition(
            values=values,
            configuration=experiment.base.with_recalled(**values),
            task=task,
            number=number,
            among=len(settings),
        )
        for number, (values, task) in enumerate(zip(settings, results.tasks, strict=True))
    ]


def axis_of(experiment: Experiment) -> str | None:
    """The one condition that takes two or more numbers; None where there is none, or more than one."""
    axes = [
        name
        for name, values in experiment.conditions.items()
        if len(set(map(str, values))) > 1 and all(type(value) in (int, float) for value in values)
    ]
    return axes[0] if len(axes) == 1 else None


def criterion(settings: list[Condition]) -> str:
    """When a seed has solved the task, in a sentence."""
    tasks = [condition.task for condition in settings]
    sentence = "A seed solves the task when it gets every step of every test sequence right"
    if not all(task.same_for_all_seeds for task in tasks):
        sentence = (
            "A seed solves the task when it gets every scored step of every test sequence right: "
            "the final one, and any other that the symbols before it determine"
        )
    bounds = sorted({task.max_error for task in tasks})
    if bounds[0] < 1:
        sentence += f", with no output there further than {' or '.join(map(value_text, bounds))} from its target"
    numbers = sorted({task.criterion_sequences for task in tasks if task.criterion_sequences is not None})
    if numbers:
        sentence += f", and the same on {' or '.join(f'{number:,}' for number in numbers)} fresh sequences"
    return f"{sentence}."


def trained_with(experiment: Experiment, condition: Condition, trial: pd.Series, name: str) -> Any:
    """A training parameter of a trial: as the search chose it, or as it is fixed where it was not searched."""
    if name in experiment.search and pd.notna(trial[name]):
        return trial[name]
    return getattr(condition.configuration.training, name)


def epochs_of(experiment: Experiment, condition: Condition, trial: pd.Series) -> int:
    """The most epochs that a replicate of the trial is trained."""
    return int(trained_with(experiment, condition, trial, "epochs"))


def given_up(results: PhaseView, condition: Condition, trial: pd.Series) -> str:
    """How the replicates ended that never solved the task, where each is trained until it does; else empty."""
    replicates = of_trial(results.replicates, int(trial["trial"]))
    unsolved = int((~replicates["solved"].astype(bool) & ~replicates["diverged"].astype(bool)).sum())
    if not condition.configuration.training.stop_when_solved or not unsolved:
        return ""
    most = epochs_of(results.experiment, condition, trial) * condition.task.num_sequences
    return f"not solved within {most:,} training sequences: {unsolved} of {plural(len(replicates), 'seed')}"


def of_trial(frame: pd.DataFrame, trial: int) -> pd.DataFrame:
    """The rows of `frame` (replicates, curves, steps or lengths of one phase) that belong to one trial."""
    return frame[frame["trial"] == trial]
