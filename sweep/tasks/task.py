"""What every task offers, and the scores that no predictor without memory can pass."""

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """A set of sequences of symbols, padded at the end to one length.

    `symbols` (sequences, length) int32, each below the alphabet's size; `lengths` (sequences,) int32.
    Step t of a sequence shows symbol t and asks for symbol t + 1, so there are length - 1 steps.
    """

    symbols: NDArray[np.int32]
    lengths: NDArray[np.int32]

    @property
    def num_sequences(self) -> int:
        """How many sequences there are."""
        return len(self.symbols)

    @property
    def num_steps(self) -> int:
        """Steps of the longest sequence."""
        return int(self.symbols.shape[1]) - 1

    @cached_property
    def steps(self) -> NDArray[np.bool_]:
        """(sequences, steps): the steps that exist, padding left out."""
        return np.asarray(np.arange(self.num_steps) < (self.lengths - 1)[:, None])

    @cached_property
    def last(self) -> NDArray[np.bool_]:
        """(sequences, steps): the final step of each sequence, the one that needs memory."""
        return np.asarray(np.arange(self.num_steps) == (self.lengths - 2)[:, None])


TRAINING, VALIDATION, TEST, SHUFFLE, CRITERION, LENGTHS = range(6)
"""Purposes of a replicate's random streams: a generator is seeded by (seed, purpose, ...), so none overlap."""


class Task(ABC):
    """A family of sequences and what must be predicted in them.

    A task deals in integers: `alphabet[i]` is the symbol that the integer i stands for. Where sequences are
    random, each replicate has its own, drawn from its seed; a task of fixed sequences ignores the seed.
    """

    alphabet: tuple[str, ...]

    numbered = False
    """Whether its symbols are numbers that nobody wrote down, which are printed as the tutorial does, 3 as 3.0."""

    num_sequences: int
    """Sequences of an epoch."""

    num_steps: int
    """Steps of the longest sequence that training or the test can show."""

    expected_length: float
    """Mean number of symbols in a sequence."""

    fresh = False
    """Whether each epoch draws new sequences, which training never sees again."""

    same_for_all_seeds = True
    """Whether all replicates train and are tested on the same sequences."""

    max_error = 1.0
    """A replicate has solved the task only if no scored output is further from its target than this."""

    criterion_sequences: int | None = None
    """Fresh sequences that must meet the criterion before a replicate counts as solved; None: the test set."""

    tested_at: tuple[int, ...] = ()
    """Other lengths that a trained network is tested at, once."""

    key_symbols: range | None = None
    """The symbols that what must be recalled is one of, each as likely as any other; None: what the sequences say."""

    tested_on_training_sequences = True
    """Whether a high score says only that the sequences were learnt by heart; the report tells its reader."""

    @abstractmethod
    def training_sequences(self, seed: int, epoch: int) -> Sequences:
        """The sequences of one epoch (counted from 1) of a replicate, in their unshuffled order."""

    @abstractmethod
    def test_sequences(self, seed: int) -> Sequences:
        """The sequences that a replicate's scores are measured on."""

    def criterion_parts(self, seed: int) -> Iterator[Sequences]:
        """The `criterion_sequences`, some at a time, so that a failure is found early; none by default."""
        yield from ()

    def other_lengths(self, seed: int) -> Sequences | None:
        """Sequences of the lengths that a trained network is tested at beside its own; None without any."""
        return None

    @abstractmethod
    def determined(self, sequences: Sequences) -> NDArray[np.bool_]:
        """(sequences, steps): the steps whose answer follows from the symbols so far."""

    def scored(self, sequences: Sequences) -> NDArray[np.bool_]:
        """(sequences, steps): the determined steps and the final one, which is what must be recalled.

        The final step counts even where nothing determines it, so that a task without an answer, such as
        0, 1 beside 0, 2, shows as one that nobody solves.
        """
        return self.determined(sequences) | sequences.last

    def recalls(self, sequences: Sequences) -> NDArray[np.bool_]:
        """(sequences, steps): the scored steps at which something must be recalled: the final one of each."""
        return sequences.last

    def recallable(self, sequences: Sequences) -> NDArray[np.int32]:
        """(K,): what an answer to be recalled is one of: the task's keys, or whatever these sequences ask for there."""
        if self.key_symbols is not None:
            return np.array(self.key_symbols, np.int32)
        return np.unique(sequences.symbols[:, 1:][self.recalls(sequences)])

    def recall_entropy(self, sequences: Sequences) -> float:
        """Bits that must be remembered: what the symbol shown leaves open of the one to be recalled.

        log2 of the number of keys; without keys, the entropy of what these sequences ask for given what they show
        just before it. No `recall_bits` can be more.
        """
        if self.key_symbols is not None:
            return float(np.log2(len(self.key_symbols)))
        at = self.recalls(sequences)
        pairs = np.stack([sequences.symbols[:, :-1][at], sequences.symbols[:, 1:][at]], axis=1)
        return _entropy(pairs) - _entropy(pairs[:, :1])

    @property
    def step_counts(self) -> frozenset[int] | None:
        """How many steps the training sequences have, if not all as many as the longest; None where chance decides."""
        return frozenset({self.num_steps})

    @property
    def num_symbols(self) -> int:
        """Size of the alphabet."""
        return len(self.alphabet)

    @property
    def chance(self) -> float:
        """The accuracy of guessing: every symbol of the alphabet is as likely as any other."""
        return 1.0 / self.num_symbols

    def memoryless_ceiling(self, *, recall: bool) -> float:
        """The best accuracy, on the test sequences, of any predictor that sees only the current symbol.

        With `recall` only the final step of each sequence counts, otherwise every scored step.
        The best such predictor answers each symbol with its most frequent successor. Tasks of random
        sequences compute it from their distribution: a small test set would flatter the predictor.
        """
        test = self.test_sequences(0)
        scored = test.last if recall else self.scored(test)
        successors: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for current, following in zip(test.symbols[:, :-1][scored], test.symbols[:, 1:][scored], strict=True):
            successors[int(current)][int(following)] += 1
        best = sum(max(counts.values()) for counts in successors.values())
        return best / int(scored.sum())


def _entropy(rows: NDArray[np.int32]) -> float:
    """Bits of a row (rows, n) drawn at random."""
    share = np.unique(rows, axis=0, return_counts=True)[1] / len(rows)
    return float(-(share * np.log2(share)).sum())


def determined_by_prefix(sequences: Sequences) -> NDArray[np.bool_]:
    """(sequences, steps): the steps after which all sequences of the set that began alike go on alike.

    >>> both = Sequences(symbols=np.array([[0, 1, 2], [0, 1, 0]], np.int32), lengths=np.array([3, 3], np.int32))
    >>> determined_by_prefix(both).tolist()
    [[True, False], [True, False]]
    """
    beginnings: dict[tuple[int, int], int] = {}  # (the beginning without its last symbol, that symbol) -> its number
    following: dict[int, set[int]] = defaultdict(set)
    begun = np.zeros((sequences.num_sequences, sequences.num_steps), np.int64)
    for index, (row, length) in enumerate(zip(sequences.symbols.tolist(), sequences.lengths, strict=True)):
        number = 0
        for step in range(length - 1):
            number = beginnings.setdefault((number, row[step]), len(beginnings) + 1)
            following[number].add(row[step + 1])
            begun[index, step] = number
    settled = np.array([len(following[number]) == 1 for number in range(len(beginnings) + 1)])
    return np.asarray(settled[begun])
