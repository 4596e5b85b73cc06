"""A key, random fillers, and the key again: the sequence must be remembered through noise."""

from collections.abc import Iterator
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from sweep.frozen import Frozen
from sweep.tasks.stream import Stream
from sweep.tasks.task import LENGTHS, TRAINING, Sequences


class RandomTask(Frozen):
    """Key, random fillers, key: Experiment 2b of Hochreiter & Schmidhuber (1997) at sequence_length p + 1."""

    name: Literal["random"] = "random"
    sequence_length: int = Field(10, ge=3, le=1_000_000, description="symbols in a sequence, both keys counted")
    alphabet_size: int = Field(10, ge=2, le=100_000, description="symbols in the alphabet, the keys counted")
    keys: int = Field(2, ge=2, le=100_000, description="how many different first symbols; the others fill the middle")
    train_sequences: Annotated[int, Field(le=1_000_000_000)] | Literal["fresh"] = Field(
        "fresh", description='size of a fixed training set; "fresh": every epoch draws new sequences'
    )
    sequences_per_epoch: int = Field(
        100, ge=1, le=1_000_000_000, description="sequences of an epoch, where they are fresh"
    )
    test_sequences: int = Field(100, ge=1, le=100_000, description="held-out sequences, which no training ever shows")
    test_lengths: tuple[Annotated[int, Field(ge=3, le=1_000_000)], ...] = Field(
        (), strict=False, description="other lengths that the trained network is tested at, once"
    )
    max_error: float = Field(
        1.0, gt=0, le=1, description="solved only if no scored output is further from its target; 1: any that is right"
    )
    criterion_sequences: int | None = Field(
        None,
        ge=1,
        le=1_000_000_000,
        description="fresh sequences that must meet the criterion; left out: the test sequences do",
    )

    @model_validator(mode="after")
    def _there_are_fillers_and_sequences(self) -> Self:
        if self.alphabet_size <= self.keys:
            raise ValueError(
                f"alphabet_size is {self.alphabet_size}; with keys = {self.keys} it must be at least {self.keys + 1}"
            )
        if self.train_sequences != "fresh":
            if self.train_sequences < 1:
                raise ValueError(f'train_sequences is {self.train_sequences}; it must be at least 1, or "fresh"')
            if "sequences_per_epoch" in self.model_fields_set:
                raise ValueError("sequences_per_epoch is for fresh sequences; a fixed training set is an epoch")
        trained = 1 if self.train_sequences == "fresh" else self.train_sequences
        fillers, places = self.alphabet_size - self.keys, self.sequence_length - 2
        existing = self.keys * fillers ** min(places, 40)  # 2 ** 40 are enough for any sizes
        if existing < trained + self.test_sequences:
            raise ValueError(
                f"test_sequences is {self.test_sequences}; only {existing} different sequences exist, so the test set "
                f"would overlap the training set; at most {max(existing - trained, 0)} can be held out"
            )
        if len(set(self.test_lengths)) < len(self.test_lengths):
            raise ValueError("test_lengths holds a length twice")
        return self


class Random(Stream):
    """Sequences of one length; the keys are the highest symbols, all others are fillers.

    >>> task = Random(RandomTask(sequence_length=8, alphabet_size=10, keys=2))
    >>> task.training_sequences(seed=0, epoch=1).symbols[0].tolist()
    [9, 3, 0, 3, 6, 4, 4, 9]

    The key (8 or 9) and each filler (0 to 7) are drawn uniformly. Length p + 1 over p + 1 symbols is
    Experiment 2b of Hochreiter & Schmidhuber (1997).
    """

    numbered = True

    def __init__(self, config: RandomTask) -> None:
        super().__init__(
            sequences_per_epoch=config.sequences_per_epoch,
            test_sequences=config.test_sequences,
            max_error=config.max_error,
            criterion_sequences=config.criterion_sequences,
        )
        self.alphabet = tuple(str(symbol) for symbol in range(config.alphabet_size))
        fillers = config.alphabet_size - config.keys
        self.key_symbols = range(fillers, config.alphabet_size)
        self.kinds = {"key": config.keys, "filler": fillers}
        self.num_steps = config.sequence_length - 1
        self.expected_length = float(config.sequence_length)
        self.fresh = config.train_sequences == "fresh"
        if config.train_sequences != "fresh":
            self.num_sequences = config.train_sequences
        self._length, self.tested_at = config.sequence_length, config.test_lengths
        self._training_sequences: dict[int, Sequences] = {}

    def draw(self, rng: np.random.Generator, count: int) -> Sequences:
        """`count` independent sequences of the task's own length."""
        return Sequences(
            symbols=self._draw_symbols(rng, count, self._length), lengths=np.full(count, self._length, np.int32)
        )

    def courses(self) -> Iterator[tuple[float, list[tuple[str, int]]]]:
        """All sequences take one: a key, fillers, the key."""
        yield 1.0, [("key", 1), ("filler", self._length - 2), ("key", 1)]

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
        if not self.tested_at:
            return None
        count = self._num_test_sequences
        symbols = np.zeros((count * len(self.tested_at), max(self.tested_at)), np.int32)
        for index, length in enumerate(self.tested_at):
            rng = np.random.default_rng([seed, LENGTHS, length])
            own = length == self._length
            drawn = self.test_sequences(seed).symbols if own else self._draw_symbols(rng, count, length)
            symbols[index * count : (index + 1) * count, :length] = drawn
        return Sequences(symbols=symbols, lengths=np.repeat(np.array(self.tested_at, np.int32), count))

    def _draw_symbols(self, rng: np.random.Generator, count: int, length: int) -> NDArray[np.int32]:
        fillers = self.kinds["filler"]
        symbols = rng.integers(fillers, size=(count, length), dtype=np.int32)
        symbols[:, 0] = symbols[:, -1] = rng.integers(fillers, self.num_symbols, size=count, dtype=np.int32)
        return symbols
