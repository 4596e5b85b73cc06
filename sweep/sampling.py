"""Optuna's part: search spaces, samplers, pruners, and trials as Optuna stores them.

Sampling happens on a study in memory that holds exactly the trials before the one that is asked for. With a
sampler seeded by the trial's number, the n-th trial is then the same whatever the process did before: a
resumed study and an undisturbed one draw the same configurations.
"""

import itertools
import warnings
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


def directions(experiment: Experiment) -> list[StudyDirection]:
    """Optuna's direction for each objective."""
    return [
        StudyDirection.MINIMIZE if objective.startswith("-") else StudyDirection.MAXIMIZE
        for objective in experiment.study.objectives
    ]


def distributions(experiment: Experiment) -> dict[str, BaseDistribution]:
    """Optuna's distribution for each searched parameter."""
    return {name: _distribution(experiment, name) for name in experiment.search}


def new_study(experiment: Experiment) -> optuna.Study:
    """An empty study in memory."""
    pruner = optuna.pruners.MedianPruner() if experiment.study.pruner == "median" else optuna.pruners.NopPruner()
    return optuna.create_study(directions=directions(experiment), pruner=pruner)


def ask(study: optuna.Study, experiment: Experiment, condition: int) -> optuna.Trial:
    """The study's next trial, a function of the experiment and of the trials before it alone."""
    number = len(study.get_trials(deepcopy=False))
    seed = int(np.random.SeedSequence([experiment.study.seed, condition, number]).generate_state(1)[0])
    if experiment.study.sampler == "grid":
        # Optuna's own grid sampler picks what is left at random; here the n-th trial has to be a fixed one.
        study.enqueue_trial(_grid_point(experiment, number))
    study.sampler = _sampler(experiment, seed)
    return study.ask(distributions(experiment))


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
    if experiment.study.sampler != "tpe":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # said once a trial otherwise
        return optuna.samplers.TPESampler(seed=seed)


def _grid_point(experiment: Experiment, number: int) -> dict[str, Any]:
    """The grid's `number`-th point, in an order shuffled by the study's seed: any part of it is a fair sample."""
    grid = experiment.grid
    points = list(itertools.product(*grid.values()))
    order = np.random.default_rng(experiment.study.seed).permutation(len(points))
    return dict(zip(grid, points[order[number]], strict=True))
