"""A key, random fillers, and the key again: the sequence must be remembered through noise."""

import numpy as np
from numpy.typing import NDArray

from sweep.tasks.parameters import RandomTask
from sweep.tasks.stream import Stream
from sweep.tasks.task import LENGTHS, TRAINING, Sequences


class Random(Stream):
    """Sequences of one length; the keys are the highest symbols, all others are fillers.

    >>> task = Random(RandomTask(sequence_length=8, alphabet_size=10, keys=2))
    >>> task.training_sequences(seed=0, epoch=1).symbols[0].tolist()
    [9, 3, 0, 3, 6, 4, 4, 9]

    The key (8 or 9) and each filler (0 to 7) are drawn uniformly. Length p + 1 over p + 1 symbols is
    Experiment 2b of Hochreiter & Schmidhuber (1997).
    """

    def __init__(self, config: RandomTask) -> None:
        super().__init__(config)
        self.alphabet = tuple(str(symbol) for symbol in range(config.alphabet_size))
        self.keys = config.keys
        self.num_steps = config.sequence_length - 1
        self.expected_length = float(config.sequence_length)
        self.fresh = config.train_sequences == "fresh"
        if config.train_sequences != "fresh":
            self.num_sequences = config.train_sequences
        self._length, self._test_lengths = config.sequence_length, config.test_lengths
        self._training_sequences: dict[int, Sequences] = {}

    def draw(self, rng: np.random.Generator, count: int) -> Sequences:
        """`count` independent sequences of the task's own length."""
        return Sequences(
            symbols=self._draw_symbols(rng, count, self._length), lengths=np.full(count, self._length, np.int32)
        )

    def training_sequences(self, seed: int, epoch: int) -> Sequences:
        """New sequences in every epoch, or those of the fixed training set, all different."""
        if self.fresh:
            return super().training_sequences(seed, epoch)
        if seed not in self._training_sequences:
            rng = np.random.default_rng([seed, TRAINING])
            self._training_sequences[seed] = self.draw_unseen(
                rng, self.num_sequences, seen=self.held_out(seed), distinct=True
            )
        return self._training_sequences[seed]

    def other_lengths(self, seed: int) -> Sequences | None:
        """For each of `test_lengths` as many sequences as the test set has; for its own length, the test set."""
        if not self._test_lengths:
            return None
        count = self._num_test_sequences
        symbols = np.zeros((count * len(self._test_lengths), max(self._test_lengths)), np.int32)
        for index, length in enumerate(self._test_lengths):
            rng = np.random.default_rng([seed, LENGTHS, length])
            own = length == self._length
            drawn = self.test_sequences(seed).symbols if own else self._draw_symbols(rng, count, length)
            symbols[index * count : (index + 1) * count, :length] = drawn
        return Sequences(symbols=symbols, lengths=np.repeat(np.array(self._test_lengths, np.int32), count))

    def _draw_symbols(self, rng: np.random.Generator, count: int, length: int) -> NDArray[np.int32]:
        fillers = self.num_symbols - self.keys
        symbols = rng.integers(fillers, size=(count, length), dtype=np.int32)
        symbols[:, 0] = symbols[:, -1] = rng.integers(fillers, self.num_symbols, size=count, dtype=np.int32)
        return symbols
