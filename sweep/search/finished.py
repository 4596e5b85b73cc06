"""Objectives and finished trials as Optuna keeps them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.experiment.experiment import Experiment
from sweep.experiment.trials import TrialNumber
from sweep.search.distributions import distribution_of, within
from sweep.search.note import configuration_table


def directions(experiment: Experiment) -> list[StudyDirection]:
    """Optuna's direction for each objective."""
    return [
        StudyDirection.MINIMIZE if objective.startswith("-") else StudyDirection.MAXIMIZE
        for objective in experiment.study.objectives
    ]


def named_directions(experiment: Experiment) -> dict[str, StudyDirection]:
    """The same by the objectives' names."""
    names = [objective.removeprefix("-") for objective in experiment.study.objectives]
    return dict(zip(names, directions(experiment), strict=True))


def finished_trial(
    experiment: Experiment,
    trial: int,
    state: str,
    parameters: Mapping[str, Any],
    figures: Mapping[str, Any],
    curve: Mapping[int, float],
) -> FrozenTrial:
    """A trial that is over, as Optuna keeps it; `curve` is epoch -> reported value.

    Its system attribute `note` is the whole configuration, as a table in Markdown.
    """
    states = {
        "complete": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAIL,
    }
    error = figures.get("error")
    settings = experiment.condition_settings
    setting = settings[TrialNumber.of(trial, len(settings)).condition]
    configuration = experiment.base.replace(**setting, **parameters)
    ranges = {name: distribution_of(experiment, name) for name in parameters}
    return optuna.trial.create_trial(
        state=states[state],
        values=objective_values(experiment, figures) if state == "complete" else None,
        params={name: within(ranges[name], value) for name, value in parameters.items()},
        distributions=ranges,
        intermediate_values=dict(curve),
        user_attrs={"trial": trial} | ({"error": error} if error else {}),
        system_attrs={"note": configuration_table(configuration)},
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
