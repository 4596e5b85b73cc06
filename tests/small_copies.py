"""Small copies of the experiments in experiments/, and a network that makes no calculation, to run them in no time."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXPERIMENTS = Path(__file__).parents[1] / "experiments"

_SMALLER = [
    (r"^seeds( *)= .*", r"seeds\1= 2"),
    (r"^trials( *)= .*", r"trials\1= 4"),
    (r"^epochs = \d+", "epochs = 4"),
    (r"^(lag|distractors) = (\d+)0", r"\1 = \2"),
    (r"^train_sequences = .*", "train_sequences = 20"),
    (r"^(test_sequences|criterion_sequences) = \d+", r"\1 = 4"),
]


def small_copy(name: str) -> str:
    """The file of an experiment with few epochs, sequences, trials and seeds; what is asked is the same."""
    text = (EXPERIMENTS / f"{name}.toml").read_text()
    for pattern, smaller in _SMALLER:
        text = re.sub(pattern, smaller, text, flags=re.MULTILINE)
    if "train_sequences" not in text:
        text = re.sub(r'^(name = "(random|marked)")$', r"\1\nsequences_per_epoch = 4", text, flags=re.MULTILINE)
    return text


class NoNetwork:
    """What the tutorial's loop trains, without weights to learn: its losses are 1, and its answers symbol 0."""

    layers = ()
    trainable_variables = (np.zeros(1, np.float32),)

    def __init__(self, config: Any, num_symbols: int, seed: int, **shape: Any) -> None:
        self._num_symbols = num_symbols

    def compile(self, **options: Any) -> None:
        """Nothing to compile."""

    def fit(self, x: Any, y: Any, **options: Any) -> SimpleNamespace:
        """Nothing to learn."""
        return SimpleNamespace(history={"loss": [1.0]})

    def predict(self, x: NDArray[np.float32], **options: Any) -> NDArray[np.float32]:
        """Whatever it is shown."""
        return np.zeros((*x.shape[:2], self._num_symbols), np.float32)
