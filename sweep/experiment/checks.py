"""What is impossible about a configuration, known from its parameters and its task before anything runs."""

import functools
import math
from dataclasses import dataclass

from pydantic import ValidationError

from sweep.experiment.cells import CELLS
from sweep.experiment.configuration import Configuration
from sweep.faults import faults_of, plural, quoted
from sweep.tasks.task import Task


@dataclass(frozen=True)
class Impossible:
    """A parameter that cannot have its value; `sentence` names the values that collide, and what would be right."""

    parameter: str
    sentence: str


def faults_of_configuration(configuration: Configuration, task: Task) -> list[Impossible]:
    """Everything impossible about `configuration`, whose task is `task`; empty where it can be trained."""
    batches = _dealt_steps if configuration.training.batch_layout == "steps" else _whole_sequences
    return [
        *batches(configuration, task),
        *_windows(configuration, task),
        *_gates(configuration),
        *_loss_and_order(configuration, task),
    ]


def refused_by_now(configuration: Configuration) -> str:
    """The first value that no new file could have, of a configuration that was recalled; empty where there is none."""
    for key in ("task", "model", "training"):
        section = getattr(configuration, key)
        raw = section.model_dump(exclude_unset=True)
        try:
            type(section).model_validate(raw)
        except ValidationError as error:
            return faults_of(error, type(section), raw, key)[0]
    return ""


def _whole_sequences(configuration: Configuration, task: Task) -> list[Impossible]:
    """Faults of batches whose lanes carry a sequence each."""
    batch_size = configuration.training.batch_size
    if task.num_sequences % batch_size == 0:
        return []
    sentence = f"is {batch_size}, which does not divide the {plural(task.num_sequences, 'sequence')}"
    return [Impossible("batch_size", f"{sentence}; must be {_one_of_divisors(task.num_sequences)}")]


def _dealt_steps(configuration: Configuration, task: Task) -> list[Impossible]:
    """Faults of batches whose lanes share the steps of one sequence."""
    training, counts = configuration.training, task.step_counts
    if counts is None:
        sentence = f'is "steps", and the {configuration.task.name} task has random lengths, which no batch size divides'
        return [Impossible("batch_layout", f'{sentence}; must be "sequences"')]
    faults = []
    if task.tested_at:
        sentence = 'is "steps", which cannot be tested at other lengths; must be "sequences", or leave test_lengths out'
        faults.append(Impossible("batch_layout", sentence))
    if any(steps % training.batch_size for steps in counts):
        steps = " and ".join(map(str, sorted(counts)))
        sentence = f"is {training.batch_size}, which does not divide the {steps} steps of a sequence"
        choice = _one_of_divisors(math.gcd(*counts))
        faults.append(Impossible("batch_size", f'{sentence}, as batch_layout = "steps" needs; must be {choice}'))
    for name, value in (("timesteps", training.timesteps), ("lags", training.lags)):
        if value != 1:
            faults.append(Impossible(name, f'is {quoted(value)} with batch_layout = "steps"; must be 1 there'))
    return faults


def _windows(configuration: Configuration, task: Task) -> list[Impossible]:
    """Faults of the steps of an update, and of the symbols that a prediction is made from."""
    training, cell = configuration.training, CELLS[configuration.model.cell]
    faults = []
    if training.timesteps != "full" and training.timesteps > task.num_steps:
        sentence = f"is {training.timesteps}, longer than the sequence's {plural(task.num_steps, 'step')}"
        faults.append(Impossible("timesteps", f'{sentence}; must be at most {task.num_steps}, or "full"'))
    elif training.timesteps != 1 and training.lags > 1 and cell.recurrent:
        sentence = f"is {quoted(training.timesteps)} with lags = {training.lags}; each update sees one sliding window"
        faults.append(Impossible("timesteps", f"{sentence}, so it must be 1 there (or the cell an mlp)"))
    if training.lags > task.num_steps:
        sentence = f"is {training.lags}, longer than the sequence's {plural(task.num_steps, 'step')}"
        faults.append(Impossible("lags", f"{sentence}; must be at most {task.num_steps}"))
    return faults


def _gates(configuration: Configuration) -> list[Impossible]:
    """Faults of the initial gate biases."""
    model = configuration.model
    if model.gate_bias == "chrono" and not CELLS[model.cell].gates:
        sentence = f'is "chrono" with cell = "{model.cell}", which has no gates'
        return [Impossible("gate_bias", f"{sentence}; chrono needs an lstm or a gru")]
    if model.chrono_max is not None and model.gate_bias != "chrono":
        sentence = f'is {model.chrono_max} with gate_bias = "{model.gate_bias}"'
        return [Impossible("chrono_max", f'{sentence}; leave it out, or set gate_bias = "chrono"')]
    return []


def _loss_and_order(configuration: Configuration, task: Task) -> list[Impossible]:
    """Faults of what is scored, and of the order of the sequences."""
    training = configuration.training
    faults = []
    if training.loss_on == "last" and training.last_weight != 1:
        sentence = f'is {training.last_weight} with loss_on = "last"; no other step is scored that it could outweigh'
        faults.append(Impossible("last_weight", f'{sentence}; leave it out, or set loss_on = "every"'))
    if training.shuffle and task.fresh:
        sentence = "is true, and every epoch of this task draws fresh sequences, in random order already"
        faults.append(Impossible("shuffle", f"{sentence}; must be false"))
    return faults


@functools.cache
def _one_of_divisors(number: int) -> str:
    smaller = [divisor for divisor in range(1, math.isqrt(number) + 1) if number % divisor == 0]
    divisors = sorted({*smaller, *(number // divisor for divisor in smaller)})
    return "one of: " + ", ".join(map(str, divisors)) if len(divisors) <= 10 else "a divisor of it"
