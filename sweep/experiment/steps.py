"""Ranges of real numbers that are walked in steps: as many values as were meant, each as one would write it."""

from collections.abc import Sequence
from fractions import Fraction
from typing import overload

MOST_STEPS = 1_000_000
"""Values of a range; Optuna no longer tells neighbours apart from a hundred times as many on."""


class Steps(Sequence[float]):
    """`low`, `low + step`, ... up to `high`, counted and never listed.

    In floating point `low + i * step` is 0.30000000000000004 for 0.3, and may come out above `high`. Here the numbers
    are the decimals that they were written as.

    >>> list(Steps(0.1, 0.5, 0.1))
    [0.1, 0.2, 0.3, 0.4, 0.5]
    """

    def __init__(self, low: float, high: float, step: float) -> None:
        self._low, self._step = _written(low), _written(step)
        self._last = (
            _written(high) - self._low
        ) / self._step  # its number, counted from 0; a fraction if none is there

    @property
    def meet_high(self) -> bool:
        """Whether the last value is `high` itself."""
        return self._last.denominator == 1

    @property
    def number(self) -> int:
        """How many there are; `len` cannot tell of more than 2**63."""
        return int(self._last) + 1

    def __len__(self) -> int:
        return self.number

    @overload
    def __getitem__(self, index: int) -> float: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[float]: ...
    def __getitem__(self, index: int | slice) -> float | Sequence[float]:
        if isinstance(index, slice):
            return [self[place] for place in range(self.number)[index]]
        return float(self._low + range(self.number)[index] * self._step)

    def nearest(self, value: float) -> float:
        """The one of them that is closest to `value`.

        >>> Steps(0.1, 0.7, 0.1).nearest(0.7000000000000001)
        0.7
        """
        index = round((Fraction(value) - self._low) / self._step)
        return self[min(max(index, 0), self.number - 1)]


def _written(number: float) -> Fraction:
    """The number that its shortest decimal stands for: 1/10 for 0.1, which no float is."""
    return Fraction(repr(number))
