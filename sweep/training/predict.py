"""Predictions of a trained network, step by step, and onwards from what it predicted itself."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sweep.errors import SweepError
from sweep.experiment.configuration import Configuration
from sweep.faults import quoted
from sweep.machine.loading import import_keras
from sweep.tasks.registry import build_task
from sweep.training.keras_model import Weights, build_model, reset_states, set_weights
from sweep.training.lanes import Layout


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: the symbol shown, the one predicted, and the one that came, where it is known.

    `own` says that the symbol shown was itself a prediction.
    """

    shown: str
    predicted: str
    came: str | None
    own: bool


def check_symbols(configuration: Configuration, symbols: Sequence[str]) -> list[int]:
    """The symbols' numbers in the task's alphabet; SweepError for one that is not in it."""
    alphabet = build_task(configuration.task).alphabet
    if not symbols:
        raise SweepError('--sequence: is empty; give symbols with spaces between them, "3 0 1 2" for example')
    for symbol in symbols:
        if symbol not in alphabet:
            known = " ".join(alphabet[:20]) + (" ..." if len(alphabet) > 20 else "")
            raise SweepError(f"--sequence: {quoted(symbol)} is no symbol of this task; its alphabet is: {known}")
    return [alphabet.index(symbol) for symbol in symbols]


def predict(configuration: Configuration, weights: Weights, symbols: Sequence[str], steps: int) -> list[Step]:
    """Show `symbols` to the network one by one, then `steps` more, each the prediction before it.

    The model is built from the configuration, and only its weights come from the results.
    """
    import_keras()
    numbers = check_symbols(configuration, symbols)
    task = build_task(configuration.task)
    layout = Layout(configuration, task)
    # One symbol at a time, so the state has to be kept here even where training drops it between windows.
    stateful = configuration.model.model_copy(update={"stateful": True})
    lags = configuration.training.lags
    model = build_model(stateful, task.num_symbols, batch_size=1, timesteps=1, lags=lags, drawn=False)
    set_weights(model, weights)
    one_hot = np.eye(layout.num_features + 1, dtype=np.float32)[:, :-1]
    reset_states(model)
    seen: list[int] = []
    trace: list[Step] = []
    for index in range(len(numbers) + steps):
        own = index >= len(numbers)
        shown = task.alphabet.index(trace[-1].predicted) if own else numbers[index]
        seen.append(shown)
        for step, features in enumerate(layout.shown_last(seen)):
            if not configuration.model.stateful and (index * layout.lags + step) % layout.window == 0:
                reset_states(model)
            output = np.asarray(model(one_hot[None, None, features].sum(axis=2)))[0, 0]
        trace.append(
            Step(
                shown=task.alphabet[shown],
                predicted=task.alphabet[int(output.argmax())],
                came=symbols[index + 1] if index + 1 < len(symbols) else None,
                own=own,
            )
        )
    return trace
