"""What `[search]` lets a sampler choose from: ranges and choices, some of them only beside others."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import Field, FiniteFloat, model_validator

from sweep.experiment.steps import Steps
from sweep.faults import quoted
from sweep.frozen import Frozen

_Real = int | FiniteFloat


class _Dimension(Frozen):
    when: dict[str, Any] | None = Field(
        None, min_length=1, description="searched only where these parameters have such values: one, or a list of them"
    )

    def applies(self, parameters: Mapping[str, Any]) -> bool:
        """Whether it is searched beside these `parameters`, those that it depends on among them.

        >>> Range(low=1, high=2, when={"cell": ["lstm", "gru"]}).applies({"cell": "mlp"})
        False
        """
        return all(name in parameters and parameters[name] in listed(values) for name, values in self.conditions)

    @property
    def conditions(self) -> tuple[tuple[str, Any], ...]:
        """The parameters that it depends on, with their values as written."""
        return tuple((self.when or {}).items())


def listed(values: Any) -> list[Any]:
    """The values that `when` names: a list of them, or just one."""
    return list(values) if isinstance(values, list | tuple) else [values]


def alike(values: Sequence[Any]) -> tuple[int, int] | None:
    """The places of the first two values that no table could tell apart: equal ones, and 1 and 1.0, 1 and "1".

    Numbers that differ in the fifth digit alone are two conditions, though tables print them alike.

    >>> alike([1, 2, 1.0]), alike(["true", 1, True]), alike([0.12341, 0.12342]), alike([1, "2"])
    ((0, 2), (1, 2), None, None)
    """
    for key in (_hashable, str, _shown):
        places: dict[Any, int] = {}
        for place, value in enumerate(values):
            first = places.setdefault(key(value), place)
            if first != place:
                return first, place
    return None


def said_of_alike(values: Sequence[Any]) -> str:
    """What is wrong with a list that holds such two; empty if none does."""
    places = alike(values)
    if places is None:
        return ""
    one, other = (values[place] for place in places)
    if repr(one) == repr(other):
        return f"holds a value twice: {quoted(values)}"
    return f"holds {quoted(one)} and {quoted(other)}, which no table could tell apart; leave one of them out"


def _hashable(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(map(_hashable, value))
    if isinstance(value, dict):
        return tuple(sorted((name, _hashable(inner)) for name, inner in value.items()))
    return value


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


class Choices(_Dimension):
    """A search dimension without an order: one of the values."""

    choices: tuple[Any, ...] = Field(min_length=1, strict=False, description="the values to choose from")

    @model_validator(mode="after")
    def _choices_are_distinct(self) -> Self:
        if twice := said_of_alike(self.choices):
            raise ValueError(f"choices {twice}")
        return self

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The values that a check of the whole dimension must try."""
        return self.choices


class Range(_Dimension):
    """A search dimension from low to high, both included; of whole numbers where the parameter is one."""

    low: _Real = Field(description="the smallest value")
    high: _Real = Field(description="the largest value")
    log: bool = Field(False, description="draw evenly between powers, for values of several magnitudes")
    step: _Real | None = Field(None, gt=0, description="distance between the values")

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low is {self.low} and high is {self.high}; low must not exceed high")
        if self.log and self.low <= 0:
            raise ValueError(f"low is {self.low} with log = true; a logarithmic range starts above 0")
        if self.log and self.step is not None:
            raise ValueError("step and log = true exclude each other; leave one out")
        return self

    @property
    def last(self) -> int | float:
        """The largest of its values: below `high` in older files only, whose steps might lead past it.

        >>> Range(low=1, high=8, step=3).last
        7
        """
        if self.step is None or not math.isfinite(self.step):
            return self.high
        steps = Steps(self.low, self.high, self.step)
        if steps.meet_high:
            return self.high
        return steps[-1] if isinstance(self.low + self.step, float) else int(steps[-1])

    @property
    def extremes(self) -> tuple[Any, ...]:
        """The values that a check of the whole dimension must try."""
        return (self.low, self.high)


Dimension = Choices | Range
