"""Which trials an experiment has: how they are numbered, and in which phases they are trained."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Phase(StrEnum):
    """Why a trial is trained: its first time, or again from seeds that the search never used."""

    SEARCH = "search"
    CONFIRM = "confirm"


class TrialNumber(NamedTuple):
    """Trial `number` of the study of the condition at this place in the file; both count from 0.

    The studies of an experiment take turns, so that a study that is extended keeps the trials that it has.
    """

    number: int
    condition: int

    @classmethod
    def of(cls, trial: int, conditions: int) -> Self:
        """Which one `trial`, a number that is unique in the experiment, is among those of so many `conditions`.

        >>> TrialNumber.of(7, conditions=3)
        TrialNumber(number=2, condition=1)
        """
        return cls(*divmod(trial, conditions))


def numbered(first: int, last: int, conditions: int) -> Iterator[tuple[int, TrialNumber]]:
    """Trials `first` to `last` - 1 of every study in their order, each under the number that is unique.

    >>> [trial for trial, _ in numbered(1, 3, conditions=2)]
    [2, 3, 4, 5]
    """
    return ((trial, TrialNumber.of(trial, conditions)) for trial in range(first * conditions, last * conditions))


def conditions_of(trials: ArrayLike, conditions: int) -> NDArray[np.int64]:
    """(trials,): the condition of each of `trials` (trials,), which are numbers unique in the experiment.

    >>> conditions_of([0, 1, 7], conditions=3).tolist()
    [0, 1, 1]
    """
    numbers: NDArray[Any] = np.asarray(trials, np.int64)
    return numbers % conditions
