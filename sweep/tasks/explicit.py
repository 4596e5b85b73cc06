"""The user's own sequences, over whatever symbols they use."""

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sweep.frozen import Frozen
from sweep.tasks.task import Sequences, Task, determined_by_prefix

Symbol = Annotated[str | int, Field(union_mode="left_to_right")]


class ExplicitTask(Frozen):
    """The sequences that the user wrote down, over whatever symbols they use."""

    name: Literal["explicit"] = "explicit"
    sequences: tuple[Annotated[tuple[Symbol, ...], Field(strict=False)], ...] = Field(
        min_length=1,
        strict=False,  # TOML and JSON have lists, not tuples
        description="the sequences, each a list of symbols (strings or whole numbers)",
    )
    max_error: float = Field(
        1.0, gt=0, le=1, description="solved only if no scored output is further from its target; 1: any that is right"
    )

    @model_validator(mode="after")
    def _sequences_have_a_step_to_predict(self) -> Self:
        for number, sequence in enumerate(self.sequences, start=1):
            if len(sequence) < 2:
                raise ValueError(f"sequence {number} has {len(sequence)} symbols; it needs at least 2")
            if "" in sequence or any(isinstance(s, str) and s.split() != [s] for s in sequence):
                raise ValueError(f"sequence {number} has a symbol that is empty or holds white space")
        if len({str(s) for sequence in self.sequences for s in sequence}) < 2:
            raise ValueError("the sequences use one symbol only; there is nothing to predict")
        return self


class Explicit(Task):
    """Sequences as written down; symbols are numbered in the order in which they first appear.

    >>> task = Explicit(ExplicitTask(sequences=(("C", "a", "b", "C"), ("D", "a", "b", "D"))))
    >>> task.training_sequences(0, 1).symbols.tolist(), task.alphabet
    ([[0, 1, 2, 0], [3, 1, 2, 3]], ('C', 'a', 'b', 'D'))
    """

    def __init__(self, config: ExplicitTask) -> None:
        rows = [[str(symbol) for symbol in sequence] for sequence in config.sequences]
        self.alphabet = tuple(dict.fromkeys(symbol for row in rows for symbol in row))
        number = {symbol: index for index, symbol in enumerate(self.alphabet)}
        symbols = np.zeros((len(rows), max(map(len, rows))), np.int32)
        for index, row in enumerate(rows):
            symbols[index, : len(row)] = [number[symbol] for symbol in row]
        self._sequences = Sequences(symbols=symbols, lengths=np.array([len(row) for row in rows], np.int32))
        self.num_sequences, self.num_steps = len(rows), self._sequences.num_steps
        self.expected_length = float(self._sequences.lengths.mean())
        self.max_error = config.max_error

    def training_sequences(self, seed: int, epoch: int) -> Sequences:
        """All sequences that were written down."""
        return self._sequences

    def test_sequences(self, seed: int) -> Sequences:
        """The same: there are no others."""
        return self._sequences

    def determined(self, sequences: Sequences) -> NDArray[np.bool_]:
        """The steps after which all the sequences that began alike go on alike."""
        return determined_by_prefix(sequences)
