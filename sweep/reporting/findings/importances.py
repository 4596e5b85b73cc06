"""How much each searched parameter mattered: PED-ANOVA on the study, rebuilt in memory from its trials."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep.experiment.space import Choices, Dimension
from sweep.reporting.look.display import value_text

if TYPE_CHECKING:
    from sweep.reporting.findings.findings import Findings

_FEWEST_TRIALS = 10
_FEWEST_ABOVE = 5  # trials that the evaluator should find above its quantile


@dataclass(frozen=True)
class Importances:
    """Shares (parameter -> share, adding up to 1, largest first), or the reason why there are none."""

    shares: dict[str, float]
    why_not: str = ""


def importances(findings: Findings, trials: pd.DataFrame) -> Importances:
    """The importance of each searched parameter for the first objective, from one condition's trials.

    PED-ANOVA (Watanabe, Bansal & Hutter 2023): how far the best trials' values of a parameter are spread
    otherwise than those of all trials.
    """
    # What is searched only beside some values of another parameter has no value in the other trials.
    search = {name: dimension for name, dimension in findings.experiment.search.items() if not dimension.when}
    objective = findings.experiment.study.objectives[0]
    complete = trials[trials["state"] == "complete"]
    complete = complete[complete[objective.removeprefix("-")].notna()].sort_values("trial")
    outcome = objective.removeprefix("-").replace("_", " ")
    if not search:
        return Importances({}, "nothing was searched")
    if len(complete) < _FEWEST_TRIALS:
        return Importances({}, f"{_FEWEST_TRIALS} complete trials are needed, and there are {len(complete)}")
    if len(set(complete[objective.removeprefix("-")])) == 1:
        return Importances({}, f"every trial has the same {outcome}")
    whole = {name for name in search if findings.experiment.base.number_type(name) is int}
    return Importances(_evaluated(search, whole, objective, complete))


def _evaluated(search: dict[str, Dimension], whole: set[str], objective: str, trials: pd.DataFrame) -> dict[str, float]:
    import optuna

    distributions = {name: _distribution(dimension, whole=name in whole) for name, dimension in search.items()}
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # it announces even a study in memory
    try:
        study = optuna.create_study(direction="minimize" if objective.startswith("-") else "maximize")
        study.add_trials(
            optuna.trial.create_trial(
                params={name: _native(search[name], row[name]) for name in search},
                distributions=distributions,
                value=float(row[objective.removeprefix("-")]),
            )
            for row in trials.to_dict("records")
        )
        quantile = min(0.5, max(0.1, _FEWEST_ABOVE / len(trials)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # marks the evaluator as new
            evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
            shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    finally:
        optuna.logging.set_verbosity(verbosity)
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


def _distribution(dimension: Dimension, *, whole: bool) -> Any:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(dimension, Choices):
        return CategoricalDistribution(tuple(value_text(choice) for choice in dimension.choices))
    low, high, log, step = dimension.low, dimension.high, dimension.log, dimension.step
    if whole:
        return IntDistribution(int(low), int(high), log=log, step=int(step or 1))
    return FloatDistribution(float(low), float(high), log=log, step=step)


def _native(dimension: Dimension, value: Any) -> Any:
    """What a data frame holds as Optuna knows it; choices go by their text, which no column type changes."""
    if isinstance(dimension, Choices):
        return value_text(value)
    value = value.item() if isinstance(value, np.generic) else value
    return min(max(value, dimension.low), dimension.high)  # low + i * step of an earlier version may lie beyond
