"""The user's own sequences, over whatever symbols they use."""

import numpy as np
from numpy.typing import NDArray

from sweep.tasks.parameters import ExplicitTask
from sweep.tasks.task import Sequences, Task, determined_by_prefix


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
