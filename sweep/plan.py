"""What an experiment would do: whether it can run at all, how much there is, and about how long it takes."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sweep.config import Configuration
from sweep.errors import SweepError
from sweep.experiment import Choices, Experiment, Range
from sweep.model import num_weights
from sweep.tasks import build_task
from sweep.training.contract import window_length
from sweep.training.padding import bucket
from sweep.trial import check

_COMBINATIONS_CHECKED = 5_000

# Measured on two cores (Keras 3.15, TensorFlow 2.21); they only have to give the right order of magnitude.
_IMPORT_SECONDS = 9.0
_COMPILE_SECONDS = 3.0
_MODEL_SECONDS = 0.035
_FIT_CALL_SECONDS = 0.05
_WINDOW_SECONDS = 5e-6
_WEIGHT_SECONDS = 0.6e-9
_BASE_MB = 960
_PROGRAM_MB = 35


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The extent of an experiment; `seconds` and `memory_mb` are estimates."""

    studies: int
    trials: int
    replicates: int
    updates: int
    programs: int
    seconds: float
    memory_mb: float


def check_experiment(experiment: Experiment, where: str) -> None:
    """SweepError lists, one a line, what is impossible in a condition or with a value of the search."""
    faults: dict[tuple[str, str], str] = {}  # (key, condition) -> what is wrong with the first such value
    for setting, configuration in _checked_configurations(experiment):
        for parameter, sentence in check(configuration):
            key = f"search.{parameter}" if parameter in experiment.search else f"training.{parameter}"
            condition = ", ".join(f"{name} = {value}" for name, value in setting.items())
            faults.setdefault((key, condition), f"{sentence}{f' (where {condition})' if condition else ''}")
    if faults:
        raise SweepError("\n".join(f"{where}: {key}: {fault}" for (key, _), fault in faults.items()))


def make_plan(experiment: Experiment) -> Plan:
    """Count what would run, from the file alone; TensorFlow is not needed for it."""
    seeds, settings = len(experiment.study.replicate_seeds), experiment.condition_settings
    trials = experiment.trials * len(settings)
    programs, updates, seconds, weights = set(), 0, 0.0, 0
    typical = _typical(experiment)
    for number, setting in enumerate(settings):
        configuration = typical.replace(**setting)
        per_trial = _updates(configuration) * seeds
        updates += per_trial * experiment.trials
        weights = max(weights, _weights_of(configuration))
        seconds += experiment.trials * _trial_seconds(configuration, seeds)
        programs |= {(number, *shape) for shape in _shapes(experiment)}
    fused = experiment.training.trainer == "fused"
    num_programs = len(programs) if fused else 0
    return Plan(
        studies=len(settings),
        trials=trials,
        replicates=trials * seeds,
        updates=updates,
        programs=num_programs,
        seconds=_IMPORT_SECONDS + seconds + num_programs * _COMPILE_SECONDS,
        memory_mb=_BASE_MB + num_programs * _PROGRAM_MB + weights * seeds * 4 * 6 / 1e6,
    )


def _checked_configurations(experiment: Experiment) -> Iterator[tuple[dict[str, Any], Configuration]]:
    """Every condition with every batch size and window of the search, as far as they are not too many."""
    names = [name for name in experiment.search if name in ("batch_size", "timesteps")]
    combinations = list(
        itertools.islice(itertools.product(*(_values(experiment.search[n]) for n in names)), _COMBINATIONS_CHECKED)
    )
    for setting in experiment.condition_settings:
        for values in combinations:
            yield setting, experiment.base.replace(**setting, **dict(zip(names, values, strict=True)))


def _values(dimension: Choices | Range) -> tuple[Any, ...]:
    """The values that a whole number may take, a range's ends first."""
    if isinstance(dimension, Choices):
        return dimension.choices
    between = range(int(dimension.low), int(dimension.high) + 1, int(dimension.step or 1))
    return tuple(dict.fromkeys([dimension.low, *between[-1:], *between[:_COMBINATIONS_CHECKED]]))


def _typical(experiment: Experiment) -> Configuration:
    """The configuration in the middle of the search space."""
    middle = {
        name: d.choices[len(d.choices) // 2]
        if isinstance(d, Choices)
        else _middle(d, whole=isinstance(getattr(experiment.base.section(name), name), int))
        for name, d in experiment.search.items()
    }
    return experiment.base.replace(**middle)


def _middle(dimension: Range, *, whole: bool) -> float | int:
    middle = (dimension.low * dimension.high) ** 0.5 if dimension.log else (dimension.low + dimension.high) / 2
    return round(middle) if whole else float(middle)


def _updates(configuration: Configuration) -> int:
    """Updates of one replicate."""
    sequences, training = build_task(configuration.task).training_sequences(), configuration.training
    windows = 1 if training.loss_on == "last" else -(-sequences.num_steps // window_length(configuration, sequences))
    return training.epochs * windows * (sequences.num_sequences // training.batch_size)


def _weights_of(configuration: Configuration) -> int:
    return num_weights(configuration.model, build_task(configuration.task).num_symbols)


def _trial_seconds(configuration: Configuration, seeds: int) -> float:
    updates, training = _updates(configuration), configuration.training
    if training.trainer == "fit":
        sequences = build_task(configuration.task).training_sequences().num_sequences
        calls = training.epochs + training.epochs // training.evaluate_every  # `fit`, and `predict` to test
        return seeds * calls * (sequences // training.batch_size) * _FIT_CALL_SECONDS
    per_window = _WINDOW_SECONDS + seeds * _weights_of(configuration) * _WEIGHT_SECONDS
    return seeds * _MODEL_SECONDS + 1.5 * updates * per_window


def _shapes(experiment: Experiment) -> set[tuple[Any, ...]]:
    """The distinct shapes of program that the search space can ask for, within one condition."""
    axes = []
    for name in ("units", "layers", "output", "stateful", "batch_size", "timesteps", "optimizer"):
        dimension = experiment.search.get(name)
        values = (getattr(experiment.base.section(name), name),) if dimension is None else _values(dimension)
        axes.append({bucket(value) for value in values} if name == "units" else set(values))
    return set(itertools.product(*axes))
