"""Optuna's part: search spaces, samplers, and trials as Optuna stores them.

Trials are chosen in rounds: a trial is a function of the experiment, of its number and of the trials of earlier
rounds, never of those trained beside it. It is then the same whatever the process did before and however many
workers train: a resumed study, an undisturbed one and a parallel one draw the same configurations.
"""

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.study import StudyDirection

from sweep.experiment import Choices, Experiment

optuna.logging.set_verbosity(optuna.logging.WARNING)

ROUND = 10
"""Trials of a study that are chosen before any of them is told: as many as TPE draws at random before it learns."""

_LEARNING = ("tpe",)


def learns(experiment: Experiment) -> bool:
    """Whether the sampler looks at what came of earlier trials."""
    return bool(experiment.search) and experiment.study.sampler in _LEARNING


def round_size(experiment: Experiment) -> int:
    """Trials of each study in a round: all of them, where nothing is learnt from one for another."""
    return ROUND if learns(experiment) or experiment.study.pruner != "none" else experiment.trials


def directions(experiment: Experiment) -> list[StudyDirection]:
    """Optuna's direction for each objective."""
    return [
        StudyDirection.MINIMIZE if objective.startswith("-") else StudyDirection.MAXIMIZE
        for objective in experiment.study.objectives
    ]


def distributions(experiment: Experiment) -> dict[str, BaseDistribution]:
    """Optuna's distribution for each searched parameter."""
    return {name: _distribution(experiment, name) for name in experiment.search}


class Search:
    """One condition's search: chooses the parameters of its trials in their order, and is told how each ended."""

    def __init__(self, experiment: Experiment, condition: int) -> None:
        self._experiment, self._condition = experiment, condition
        self._distributions = distributions(experiment)
        self._study = optuna.create_study(directions=directions(experiment)) if learns(experiment) else None
        self._open: dict[int, optuna.Trial] = {}

    def choose(self, number: int, recorded: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The parameters of trial `number`; those of its record, where it has one."""
        if self._study is None:
            return dict(recorded) if recorded is not None else self._fixed_choice(number)
        if recorded is not None:
            self._study.enqueue_trial(dict(recorded))
        self._study.sampler = _sampler(self._experiment, self._seed(number))
        self._open[number] = self._study.ask(self._distributions)
        return self._open[number].params

    def tell(self, number: int, trial: optuna.trial.FrozenTrial) -> None:
        """Trial `number` ended as `trial`; only the trials of later rounds may be chosen from now on."""
        if self._study is None:
            return
        asked = self._open.pop(number)
        if len(self._study.directions) == 1:  # Optuna takes reports for a single objective only
            for epoch, value in trial.intermediate_values.items():
                asked.report(value, epoch)
        self._study.tell(asked, trial.values, trial.state)

    def _fixed_choice(self, number: int) -> dict[str, Any]:
        if not self._experiment.search:
            return {}
        if self._experiment.study.sampler == "grid":
            # Optuna's own grid sampler picks what is left at random; here the n-th trial has to be a fixed one.
            return _grid_point(self._experiment, number)
        sampler = optuna.samplers.RandomSampler(seed=self._seed(number))
        return optuna.create_study(sampler=sampler).ask(self._distributions).params

    def _seed(self, number: int) -> int:
        entropy = [self._experiment.study.seed, self._condition, number]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])


def finished_trial(
    experiment: Experiment,
    trial: int,
    state: str,
    parameters: Mapping[str, Any],
    figures: Mapping[str, Any],
    curve: Mapping[int, float],
) -> optuna.trial.FrozenTrial:
    """A trial that is over, as Optuna keeps it; `curve` is epoch -> reported value."""
    states = {
        "complete": optuna.trial.TrialState.COMPLETE,
        "pruned": optuna.trial.TrialState.PRUNED,
        "failed": optuna.trial.TrialState.FAIL,
    }
    error = figures.get("error")
    return optuna.trial.create_trial(
        state=states[state],
        values=objective_values(experiment, figures) if state == "complete" else None,
        params=dict(parameters),
        distributions=distributions(experiment),
        intermediate_values=dict(curve),
        user_attrs={"trial": trial} | ({"error": error} if error else {}),
    )


def objective_values(experiment: Experiment, figures: Mapping[str, Any]) -> list[float]:
    """The value of each objective; a time that is missing, because too few solved, is infinite."""
    values = []
    for objective in experiment.study.objectives:
        value = figures.get(objective.removeprefix("-"))
        if value is None or np.isnan(value):
            value = np.inf if objective.startswith("-") else -np.inf
        values.append(float(value))
    return values


def _distribution(experiment: Experiment, name: str) -> BaseDistribution:
    dimension = experiment.search[name]
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    if experiment.base.number_type(name) is int:
        step = int(dimension.step or 1)
        high = dimension.low + (dimension.high - dimension.low) // step * step
        return IntDistribution(int(dimension.low), int(high), log=dimension.log, step=step)
    return FloatDistribution(float(dimension.low), float(dimension.high), log=dimension.log, step=dimension.step)


def _sampler(experiment: Experiment, seed: int) -> optuna.samplers.BaseSampler:
    return optuna.samplers.TPESampler(seed=seed)


def _grid_point(experiment: Experiment, number: int) -> dict[str, Any]:
    """The grid's `number`-th point, in an order shuffled by the study's seed: any part of it is a fair sample."""
    grid = experiment.grid
    points = list(itertools.product(*grid.values()))
    order = np.random.default_rng(experiment.study.seed).permutation(len(points))
    return dict(zip(grid, points[order[number]], strict=True))
