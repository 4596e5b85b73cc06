"""The tutorial's task: a key, the numbers from 0 upwards, and the key again."""

from functools import cached_property
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sweep.frozen import Frozen
from sweep.tasks.task import Sequences, Task

_MOST_SYMBOLS = 100_000


class IncreasingTask(Frozen):
    """Key, 0, 1, 2, ..., key: one sequence for each key. Length 5 with 2 keys is the tutorial's pair."""

    name: Literal["increasing"] = "increasing"
    sequence_length: int = Field(5, ge=3, le=_MOST_SYMBOLS, description="symbols in a sequence, both keys counted")
    keys: int = Field(2, ge=1, le=_MOST_SYMBOLS, description="how many different first symbols, hence sequences")
    alphabet_size: int | None = Field(
        None,
        ge=2,
        le=_MOST_SYMBOLS,
        description="symbols in the alphabet; left out: just those that the sequences need",
    )
    max_error: float = Field(
        1.0, gt=0, le=1, description="solved only if no scored output is further from its target; 1: any that is right"
    )

    @model_validator(mode="after")
    def _alphabet_holds_the_sequences(self) -> Self:
        needed = self.sequence_length - 2 + self.keys
        if needed > _MOST_SYMBOLS:
            raise ValueError(
                f"sequence_length = {self.sequence_length} with keys = {self.keys} needs {needed} symbols; "
                f"an alphabet has at most {_MOST_SYMBOLS}"
            )
        if self.alphabet_size is not None and self.alphabet_size < needed:
            raise ValueError(
                f"alphabet_size is {self.alphabet_size}; sequence_length = {self.sequence_length} with "
                f"keys = {self.keys} needs at least {needed} symbols"
            )
        return self


class Increasing(Task):
    """One sequence for each key; the keys are the highest symbols that the sequences need.

    >>> task = Increasing(IncreasingTask(sequence_length=5, keys=2))
    >>> task.training_sequences(0, 1).symbols.tolist()
    [[3, 0, 1, 2, 3], [4, 0, 1, 2, 4]]

    The first symbol comes back as the last one, and everything between is the same in all sequences: only
    a network that remembers can tell the endings apart. Length p + 1 is Experiment 2a of Hochreiter &
    Schmidhuber (1997).
    """

    numbered = True

    def __init__(self, config: IncreasingTask) -> None:
        middle = config.sequence_length - 2
        self.alphabet = tuple(map(str, range(config.alphabet_size or middle + config.keys)))
        self.key_symbols = range(middle, middle + config.keys)
        self.num_sequences, self.num_steps = config.keys, config.sequence_length - 1
        self.expected_length = float(config.sequence_length)
        self.max_error = config.max_error

    @cached_property
    def _sequences(self) -> Sequences:
        """Drawn up when they are asked for: a plan only counts them."""
        middle = self.num_steps - 1
        symbols = np.empty((self.num_sequences, middle + 2), np.int32)
        symbols[:, 1:-1] = np.arange(middle)
        symbols[:, 0] = symbols[:, -1] = middle + np.arange(self.num_sequences)
        return Sequences(symbols=symbols, lengths=np.full(self.num_sequences, middle + 2, np.int32))

    def training_sequences(self, seed: int, epoch: int) -> Sequences:
        """All sequences that there are."""
        return self._sequences

    def test_sequences(self, seed: int) -> Sequences:
        """The same: there are no others."""
        return self._sequences

    def determined(self, sequences: Sequences) -> NDArray[np.bool_]:
        """Every step: the first symbol settles all that follows."""
        return sequences.steps

    def memoryless_ceiling(self, *, recall: bool) -> float:
        """That of its sequences, counted without drawing them up: every step is told but the last, one key's of all."""
        if recall:
            return 1 / self.num_sequences
        told = self.num_sequences * (self.num_steps - 1) + 1
        return told / (self.num_sequences * self.num_steps)
