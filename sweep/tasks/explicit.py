"""The user's own sequences, over whatever symbols they use."""

from functools import cached_property
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from sweep.faults import plural, quoted
from sweep.foreign import harmless
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

    @field_validator("sequences", mode="before")
    @classmethod
    def _sequences_are_lists(cls, sequences: Any) -> Any:
        """Whoever writes symbols beside each other, or one list of them, is shown how lists of symbols are written."""
        rows = [sequences] if isinstance(sequences, str) else sequences
        if not isinstance(rows, list | tuple) or not any(isinstance(row, str | int) for row in rows):
            return sequences
        in_texts = len(rows) == 1 or any(isinstance(row, str) and len(row.split()) > 1 for row in rows)
        lists = [_symbols_in(row) for row in rows] if in_texts else [list(rows)]
        raise ValueError(f"is {quoted(sequences)}; must be a list of lists of symbols: {quoted(lists)}")

    @model_validator(mode="after")
    def _sequences_have_a_step_to_predict(self) -> Self:
        for number, sequence in enumerate(self.sequences, start=1):
            if "" in sequence or any(isinstance(s, str) and s.split() != [s] for s in sequence):
                raise ValueError(f"sequence {number} has a symbol that is empty or holds white space")
            if any(harmless(str(s)) != str(s) for s in sequence):
                raise ValueError(f"sequence {number} has a symbol with a control character")
            if len(sequence) < 2:
                raise ValueError(f"sequence {number} has {plural(len(sequence), 'symbol')}; it needs at least 2")
        if len({str(s) for sequence in self.sequences for s in sequence}) < 2:
            raise ValueError("the sequences use one symbol only; there is nothing to predict")
        return self


def _symbols_in(row: Any) -> list[Any]:
    if not isinstance(row, str):
        return list(row) if isinstance(row, list | tuple) else [row]
    return row.split() if len(row.split()) > 1 else list(row)


class Explicit(Task):
    """Sequences as written down; symbols are numbered in the order in which they first appear.

    >>> task = Explicit(ExplicitTask(sequences=(("C", "a", "b", "C"), ("D", "a", "b", "D"))))
    >>> task.training_sequences(0, 1).symbols.tolist(), task.alphabet
    ([[0, 1, 2, 0], [3, 1, 2, 3]], ('C', 'a', 'b', 'D'))
    """

    def __init__(self, config: ExplicitTask) -> None:
        self._rows = [[str(symbol) for symbol in sequence] for sequence in config.sequences]
        self.alphabet = tuple(dict.fromkeys(symbol for row in self._rows for symbol in row))
        lengths = [len(row) for row in self._rows]
        self.num_sequences, self.num_steps = len(lengths), max(lengths) - 1
        self.expected_length = sum(lengths) / len(lengths)
        self.max_error = config.max_error

    @property
    def step_counts(self) -> frozenset[int]:
        """Those of the sequences as they were written down."""
        return frozenset(len(row) - 1 for row in self._rows)

    @cached_property
    def _sequences(self) -> Sequences:
        """Padded to one length when they are asked for: a plan only counts them."""
        number = {symbol: index for index, symbol in enumerate(self.alphabet)}
        symbols = np.zeros((self.num_sequences, self.num_steps + 1), np.int32)
        for index, row in enumerate(self._rows):
            symbols[index, : len(row)] = [number[symbol] for symbol in row]
        return Sequences(symbols=symbols, lengths=np.array([len(row) for row in self._rows], np.int32))

    def training_sequences(self, seed: int, epoch: int) -> Sequences:
        """All sequences that were written down."""
        return self._sequences

    def test_sequences(self, seed: int) -> Sequences:
        """The same: there are no others."""
        return self._sequences

    def determined(self, sequences: Sequences) -> NDArray[np.bool_]:
        """The steps after which all the sequences that began alike go on alike."""
        return determined_by_prefix(sequences)
