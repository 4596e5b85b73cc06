"""A key among distractors, due again after a marker that comes at a random time."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from sweep.frozen import Frozen
from sweep.tasks.stream import Stream
from sweep.tasks.task import Sequences

END_PROBABILITY = 0.1
"""Chance that the next symbol is the end marker, once the lag has passed."""

# One sequence in 6e13 would be longer (0.9**301 = 1.7e-14), and is cut to this: arrays need a width.
MOST_EXTRA = 300
"""Most distractors beyond the lag."""


class MarkedTask(Frozen):
    """Experiment 2c of Hochreiter & Schmidhuber (1997): b, key, distractors, e, key, with a random length."""

    name: Literal["marked"] = "marked"
    lag: int = Field(10, ge=1, le=1_000_000, description="q: distractors before the end marker may come")
    distractors: int = Field(10, ge=2, le=100_000, description="p: different distractors in the alphabet of p + 4")
    sequences_per_epoch: int = Field(100, ge=1, le=1_000_000_000, description="fresh sequences of an epoch")
    test_sequences: int = Field(100, ge=1, le=100_000, description="held-out sequences, which no training ever shows")
    max_error: float = Field(0.2, gt=0, le=1, description="solved only if no output at the end is further off")
    criterion_sequences: int | None = Field(
        10_000, ge=1, le=1_000_000_000, description="fresh sequences that must meet the criterion, as in 1997"
    )


class Marked(Stream):
    """b, the key x or y, `lag` distractors and a random number more, the end marker e, and the key again.

    >>> task = Marked(MarkedTask(lag=2, distractors=10))
    >>> sequences = task.training_sequences(seed=0, epoch=1)
    >>> " ".join(task.alphabet[symbol] for symbol in sequences.symbols[0, : sequences.lengths[0]])
    'b x a4 a10 a8 a4 a9 a4 a6 a1 a5 e x'

    After the lag each further symbol is e with probability 1/10, or else a distractor, so a sequence has
    lag + 13 symbols on average. With q = `lag` and p = `distractors` this is Experiment 2c of Hochreiter &
    Schmidhuber (1997). All sets of sequences are padded to the same width.
    """

    fresh = True
    step_counts = None

    def __init__(self, config: MarkedTask) -> None:
        super().__init__(
            sequences_per_epoch=config.sequences_per_epoch,
            test_sequences=config.test_sequences,
            max_error=config.max_error,
            criterion_sequences=config.criterion_sequences,
        )
        self.alphabet = (*(f"a{number}" for number in range(1, config.distractors + 1)), "e", "b", "x", "y")
        self.num_steps = config.lag + MOST_EXTRA + 3
        self.expected_length = config.lag + (1 - END_PROBABILITY) / END_PROBABILITY + 4
        self._lag, self._distractors = config.lag, config.distractors
        self.key_symbols = range(config.distractors + 2, config.distractors + 4)
        self.kinds = {"begin": 1, "key": 2, "distractor": config.distractors, "end": 1}

    def courses(self) -> Iterator[tuple[float, list[tuple[str, int]]]]:
        """One for each number of distractors beyond the lag."""
        for extra in range(MOST_EXTRA + 1):
            likely = (1 - END_PROBABILITY) ** extra * (END_PROBABILITY if extra < MOST_EXTRA else 1.0)
            yield likely, [("begin", 1), ("key", 1), ("distractor", self._lag + extra), ("end", 1), ("key", 1)]

    def draw(self, rng: np.random.Generator, count: int) -> Sequences:
        """`count` independent sequences."""
        width, rows = self.num_steps + 1, np.arange(count)
        end, begin, x, y = range(self._distractors, self._distractors + 4)
        extra = np.minimum(rng.geometric(END_PROBABILITY, size=count) - 1, MOST_EXTRA)
        lengths = (self._lag + extra + 4).astype(np.int32)
        key = rng.integers(x, y + 1, size=count, dtype=np.int32)
        symbols = rng.integers(self._distractors, size=(count, width), dtype=np.int32)
        symbols[:, 0], symbols[:, 1] = begin, key
        symbols[rows, lengths - 2], symbols[rows, lengths - 1] = end, key
        symbols[np.arange(width) >= lengths[:, None]] = 0
        return Sequences(symbols=symbols, lengths=lengths)
