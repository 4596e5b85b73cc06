"""Search spaces as Optuna has them: the distribution of each searched parameter, and values of it."""

import math
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.experiment.experiment import Experiment
from sweep.experiment.space import Choices
from sweep.experiment.steps import Steps


def distributions(experiment: Experiment) -> dict[str, BaseDistribution]:
    """Optuna's distribution for each searched parameter."""
    return {name: distribution_of(experiment, name) for name in experiment.search}


def distribution_of(experiment: Experiment, name: str) -> BaseDistribution:
    """Optuna's distribution for one searched parameter."""
    dimension = experiment.search[name]
    if isinstance(dimension, Choices):
        return CategoricalDistribution(dimension.choices)
    if experiment.base.number_type(name) is int:
        step = int(dimension.step or 1)
        high = dimension.low + (dimension.high - dimension.low) // step * step
        return IntDistribution(int(dimension.low), int(high), log=dimension.log, step=step)
    return FloatDistribution(float(dimension.low), float(dimension.high), log=dimension.log, step=dimension.step)


def suggest(trial: optuna.Trial, name: str, distribution: BaseDistribution) -> Any:
    """The value that a trial's sampler draws of a parameter."""
    match distribution:
        case CategoricalDistribution():
            return trial.suggest_categorical(name, distribution.choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            return trial.suggest_float(name, low, high, step=step, log=log)
    raise AssertionError(distribution)


def on_its_step(distribution: BaseDistribution, value: Any) -> Any:
    """Of a stepped range the decimal that `value` is meant to be."""
    match distribution:
        case FloatDistribution(low=low, high=high, step=float(step)):
            return Steps(low, high, step).nearest(value)
    return value


def within(distribution: BaseDistribution, value: Any) -> Any:
    """The value as Optuna takes it: earlier versions trained at low + i * step, which may be a rounding above high."""
    match distribution:
        case FloatDistribution(low=low, high=high, step=float()):
            return min(max(value, low), high)
    return value


def value_at(distribution: BaseDistribution, share: float) -> Any:
    """The value that lies `share` (0 to 1, without 1) of the way through a dimension."""
    match distribution:
        case CategoricalDistribution():
            return distribution.choices[int(share * len(distribution.choices))]
        case IntDistribution(log=True):
            low, high = math.log(distribution.low - 0.5), math.log(distribution.high + 0.5)
            return min(max(round(math.exp(low + share * (high - low))), distribution.low), distribution.high)
        case IntDistribution():
            return distribution.low + distribution.step * int(
                share * len(range(distribution.low, distribution.high + 1, distribution.step))
            )
        case FloatDistribution(log=True):
            low, high = math.log(distribution.low), math.log(distribution.high)
            return min(max(math.exp(low + share * (high - low)), distribution.low), distribution.high)
        case FloatDistribution(step=float(step)):
            steps = Steps(distribution.low, distribution.high, step)
            return steps[int(share * len(steps))]
        case FloatDistribution():
            return distribution.low + share * (distribution.high - distribution.low)
    raise AssertionError(distribution)
