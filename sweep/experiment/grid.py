"""All combinations of a search space's values: counted from its dimensions, and listed once a study goes over them."""

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from sweep.experiment.space import Choices, Dimension
from sweep.experiment.steps import Steps

_MOST_COUNTED = 100_000
"""Combinations of what other parameters depend on: those are gone through one by one."""

Search = Mapping[str, Dimension]
Values = Mapping[str, Sequence[Any]]


def grid_values(name: str, dimension: Dimension, *, whole: bool) -> Sequence[Any]:
    """The values that a grid comes to, in order; of a range of `whole` numbers every one, where no step is given.

    ValueError where there is no end of them.
    """
    if isinstance(dimension, Choices):
        return dimension.choices
    if dimension.log:
        raise ValueError(
            f"search.{name}: has log = true, which is for drawing; a grid needs choices, or a range with a step"
        )
    if whole:
        return range(int(dimension.low), int(dimension.high) + 1, math.ceil(dimension.step or 1))
    if dimension.step is None:
        raise ValueError(f"search.{name}: has no step; a grid needs choices, or a range with a step")
    return Steps(dimension.low, dimension.high, dimension.step)


def grid_size(search: Search, values: Values) -> int:
    """How many combinations there are, without those that differ only in what is not searched beside the others.

    ValueError where they cannot be counted.
    """
    free = [name for name in search if not search[name].when]
    parents = [name for name in free if any(name in (dimension.when or ()) for dimension in search.values())]
    if _product(parents, values) > _MOST_COUNTED:
        raise ValueError(f"search: {', '.join(parents)} have more than {_MOST_COUNTED:,} combinations to depend on")
    beside = _product((name for name in free if name not in parents), values)
    chosen = (dict(zip(parents, row, strict=True)) for row in itertools.product(*(values[name] for name in parents)))
    return beside * sum(_product(_dependent(search, parameters), values) for parameters in chosen)


def grid_points(search: Search, values: Values) -> list[dict[str, Any]]:
    """Every combination once, without what is not searched beside the others; the file's last parameter changes first.

    >>> cell, units = Choices(choices=("lstm", "mlp")), Choices(choices=(1, 2), when={"cell": "lstm"})
    >>> grid_points({"units": units, "cell": cell}, {"units": (1, 2), "cell": ("lstm", "mlp")})
    [{'units': 1, 'cell': 'lstm'}, {'cell': 'mlp'}, {'units': 2, 'cell': 'lstm'}]
    """
    free = [name for name in search if not search[name].when]
    found = []
    for chosen in _places(free, values):
        parameters = {name: values[name][place] for name, place in chosen.items()}
        found += [chosen | others for others in _places(_dependent(search, parameters), values)]
    found.sort(key=lambda places: [places.get(name, 0) for name in search])
    return [{name: values[name][places[name]] for name in search if name in places} for places in found]


def shuffled(points: Sequence[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    """The points in the order of a grid's trials, which the study's `seed` shuffles: any part is a fair sample.

    Optuna's own grid sampler picks what is left at random; here the n-th trial has to be a fixed one.
    """
    order = np.random.default_rng(seed).permutation(len(points))
    return [points[place] for place in order]


def _places(names: list[str], values: Values) -> Iterator[dict[str, int]]:
    """Every combination of the values' places."""
    rows = itertools.product(*(range(len(values[name])) for name in names))
    return (dict(zip(names, row, strict=True)) for row in rows)


def _dependent(search: Search, parameters: Mapping[str, Any]) -> list[str]:
    """What is searched beside these values of what others depend on, and not beside all."""
    return [name for name, dimension in search.items() if dimension.when and dimension.applies(parameters)]


def _product(names: Iterable[str], values: Values) -> int:
    counts = (each.number if isinstance(each, Steps) else len(each) for each in (values[name] for name in names))
    return math.prod(counts)
