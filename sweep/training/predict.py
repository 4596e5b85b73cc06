"""Predictions of a trained network, step by step, and onwards from what it predicted itself."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from sweep.errors import SweepError
from sweep.experiment.configuration import Configuration
from sweep.faults import faults_of, quoted
from sweep.machine.loading import import_keras
from sweep.tasks.registry import build_task
from sweep.tasks.stream import Stream
from sweep.tasks.task import Task
from sweep.training.keras_model import Weights, build_model, reset_states, set_weights, weight_shapes
from sweep.training.lanes import Layout


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: the symbol shown, the one predicted, and the one that came, where it is known.

    `own` says that the symbol shown was itself a prediction. `output` is what the network gave for the one predicted,
    its probability of this symbol, and `next_output` what it gave for `runner_up`, the likeliest other one.
    """

    shown: str
    predicted: str
    came: str | None
    own: bool
    output: float
    runner_up: str
    next_output: float


def check_symbols(configuration: Configuration, symbols: Sequence[str]) -> list[int]:
    """The symbols' numbers in the task's alphabet; SweepError for one that is not in it."""
    alphabet = _task_of(configuration).alphabet
    number = {symbol: index for index, symbol in enumerate(alphabet)}
    if not symbols:
        raise SweepError('--sequence: is empty; give symbols with spaces between them, "3 0 1 2" for example')
    for symbol in symbols:
        if symbol not in number:
            raise SweepError(f"--sequence: {quoted(symbol)} is no symbol of this task; {_meant(symbol, alphabet)}")
    return [number[symbol] for symbol in symbols]


def check_weights(configuration: Configuration, weights: Weights) -> None:
    """SweepError for weights that are not those of the configuration's network, or that are no numbers."""
    task = _task_of(configuration)
    wanted = weight_shapes(configuration.model, task.num_symbols, configuration.training.lags)
    if [weight.shape for weight in weights] != wanted:
        shapes = quoted([list(weight.shape) for weight in weights])
        raise SweepError(
            f"weights: have the shapes {shapes}, and the network of this trial has {quoted(list(map(list, wanted)))}; "
            "the record is not of this experiment"
        )
    if not all(np.isfinite(weight).all() for weight in weights):
        raise SweepError("weights: are no longer finite, as every replicate diverged; choose another trial")


def example(configuration: Configuration, seed: int, which: int) -> list[str]:
    """One of the task's own sequences, of those that the replicate of `seed` is tested on; `which` seeds the draw."""
    task = _task_of(configuration)
    sequences = task.test_sequences(seed)
    row = int(np.random.default_rng(which).integers(len(sequences.symbols)))
    return [task.alphabet[number] for number in sequences.symbols[row, : sequences.lengths[row]]]


def facts(configuration: Configuration) -> str:
    """What the keys of random sequences are, and how long those are that training shows; empty for other tasks."""
    task = _task_of(configuration)
    if not isinstance(task, Stream):
        return ""
    keys = [task.alphabet[key] for key in task.key_symbols]
    shortest = min(sum(count for _, count in runs) for _, runs in task.courses())
    lengths = f"{shortest:,} symbols"
    if shortest != task.expected_length:
        lengths += f" and more, {task.expected_length:,.4g} on average"
    return (
        f"each sequence ends with the key that it had shown, one of {_listed(keys)}; trained on sequences of {lengths}"
    )


def predict(
    configuration: Configuration, weights: Weights, symbols: Sequence[str], steps: int, then: str | None = None
) -> list[Step]:
    """Show `symbols` to the network one by one, then `steps` more, each the prediction before it.

    `then` is what comes after the symbols, where that is known. The model is built from the configuration, and only its
    weights come from the results.
    """
    import_keras()
    numbers, task = check_symbols(configuration, symbols), build_task(configuration.task)
    layout = Layout(configuration, task)
    # One symbol at a time, so the state has to be kept here even where training drops it between windows.
    stateful = configuration.model.model_copy(update={"stateful": True})
    lags = configuration.training.lags
    model = build_model(stateful, task.num_symbols, batch_size=1, timesteps=1, lags=lags, drawn=False)
    set_weights(model, weights)
    reset_states(model)
    following = [*symbols[1:], *([then] if then is not None else [])]
    seen: list[int] = []
    trace: list[Step] = []
    predicted = 0
    for index in range(len(numbers) + steps):
        own = index >= len(numbers)
        shown = predicted if own else numbers[index]
        seen.append(shown)
        for step, features in enumerate(layout.shown_last(seen)):
            if not configuration.model.stateful and (index * layout.lags + step) % layout.window == 0:
                reset_states(model)
            output = np.asarray(model(_many_hot(features, layout.num_features)[None, None]))[0, 0]
        others = output.copy()
        predicted = int(output.argmax())
        others[predicted] = -np.inf
        trace.append(
            Step(
                shown=task.alphabet[shown],
                predicted=task.alphabet[predicted],
                came=following[index] if index < len(following) else None,
                own=own,
                output=float(output[predicted]),
                runner_up=task.alphabet[int(others.argmax())],
                next_output=float(others.max()),
            )
        )
    return trace


def _task_of(configuration: Configuration) -> Task:
    """The task; SweepError where its parameters are refused by now, as it might then take for ever to build."""
    parameters = configuration.task
    try:
        return build_task(type(parameters).model_validate(parameters.model_dump(exclude_unset=True)))
    except ValidationError as error:
        faults = faults_of(error, type(parameters), parameters.model_dump(), "task")
        raise SweepError(f"{faults[0]}; this version cannot predict with it") from None


def _meant(symbol: str, alphabet: Sequence[str]) -> str:
    """What would be right: symbols apart from each other, where they were written as one, or else the alphabet."""
    for apart in (re.split(r"[,;|/\s]+", symbol.strip(",;|/")), list(symbol)):
        if len(apart) > 1 and set(apart) <= set(alphabet):
            return f'put spaces between the symbols: "{" ".join(apart)}"'
    return "its alphabet is: " + _listed(alphabet)


def _listed(symbols: Sequence[str]) -> str:
    return " ".join(symbols[:20]) + (" ..." if len(symbols) > 20 else "")


def _many_hot(features: NDArray[np.int32], num_features: int) -> NDArray[np.float32]:
    """(num_features,): how often each of the features is shown; the one after the last stands for nothing."""
    counts = np.zeros(num_features + 1, np.float32)
    np.add.at(counts, features, 1)
    return counts[:-1]
