"""What the tasks of random sequences share: each replicate draws its own, and holds out its test set."""

import hashlib
from abc import abstractmethod
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from sweep.tasks.task import CRITERION, TEST, TRAINING, Sequences, Task

CRITERION_PART = 500
"""Most sequences of one part of the criterion."""


class Stream(Task):
    """Random sequences that end with the key they began with: only that last step can be predicted.

    A replicate's test sequences are all different, and none of them occurs in its training.
    """

    tested_on_training_sequences = False
    same_for_all_seeds = False

    key_symbols: range

    kinds: Mapping[str, int]
    """Kinds of symbols -> how many there are; of a kind, each is as likely as any other, whatever came just before."""

    def __init__(
        self, *, sequences_per_epoch: int, test_sequences: int, max_error: float, criterion_sequences: int | None
    ) -> None:
        self.num_sequences = sequences_per_epoch
        self.max_error = max_error
        self.criterion_sequences = criterion_sequences
        self._num_test_sequences = test_sequences
        self._test_sequences: dict[int, Sequences] = {}
        self._held_out: dict[int, frozenset[bytes]] = {}

    @abstractmethod
    def draw(self, rng: np.random.Generator, count: int) -> Sequences:
        """`count` independent sequences."""

    @abstractmethod
    def courses(self) -> Iterator[tuple[float, list[tuple[str, int]]]]:
        """Each course that a sequence can take: how likely it is, and the kinds of its symbols in runs of a length."""

    def draw_unseen(
        self, rng: np.random.Generator, count: int, *, seen: frozenset[bytes], distinct: bool = False
    ) -> Sequences:
        """`count` sequences whose digests are not in `seen`; with `distinct` no two of them are equal.

        Draws as many again until there are enough. More than have been seen must exist.
        """
        refused = set(seen)
        parts: list[Sequences] = []
        missing = count
        while missing:
            drawn = self.draw(rng, count)
            accepted = []
            for row, digest in enumerate(_digests(drawn)):
                if digest not in refused:
                    accepted.append(row)
                    if distinct:
                        refused.add(digest)
            accepted = accepted[:missing]
            parts.append(Sequences(symbols=drawn.symbols[accepted], lengths=drawn.lengths[accepted]))
            missing -= len(accepted)
        return Sequences(
            symbols=np.concatenate([part.symbols for part in parts]),
            lengths=np.concatenate([part.lengths for part in parts]),
        )

    def held_out(self, seed: int) -> frozenset[bytes]:
        """Digests of the sequences that this replicate's training must not show."""
        if seed not in self._held_out:
            self._held_out[seed] = frozenset(_digests(self.test_sequences(seed)))
        return self._held_out[seed]

    def training_sequences(self, seed: int, epoch: int) -> Sequences:
        """New sequences in every epoch."""
        rng = np.random.default_rng([seed, TRAINING, epoch])
        return self.draw_unseen(rng, self.num_sequences, seen=self.held_out(seed))

    def test_sequences(self, seed: int) -> Sequences:
        """The held-out sequences, the same after every epoch."""
        if seed not in self._test_sequences:
            rng = np.random.default_rng([seed, TEST])
            self._test_sequences[seed] = self.draw_unseen(
                rng, self._num_test_sequences, seen=frozenset(), distinct=True
            )
        return self._test_sequences[seed]

    def criterion_parts(self, seed: int) -> Iterator[Sequences]:
        """The `criterion_sequences`, `CRITERION_PART` at a time; they may repeat each other, as in 1997."""
        total = self.criterion_sequences or 0
        for part, first in enumerate(range(0, total, CRITERION_PART)):
            count = min(CRITERION_PART, total - first)
            yield self.draw(np.random.default_rng([seed, CRITERION, part]), count)

    def determined(self, sequences: Sequences) -> NDArray[np.bool_]:
        """The final step: all before it is random."""
        return sequences.last

    def memoryless_ceiling(self, *, recall: bool) -> float:
        """One key in all: the symbol before the last says nothing about which. Only last steps are scored."""
        return 1.0 / len(self.key_symbols)


def _digests(sequences: Sequences) -> list[bytes]:
    """16 bytes for each sequence, which stand for it: long ones need not be kept twice.

    If two different ones ever shared a digest (chance 2**-128), one draw too many would be refused.
    """
    return [hashlib.blake2b(row, digest_size=16).digest() for row in sequences.symbols]
