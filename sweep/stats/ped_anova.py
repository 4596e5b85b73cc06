"""PED-ANOVA: how far the best trials' values of a parameter are spread otherwise than those of all trials.

Watanabe, Bansal & Hutter 2023 (arXiv:2304.10255), with the estimates and constants of Optuna 4's evaluator, for many
sets of best trials at once: what chance alone would show takes a thousand of them.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

_CELLS = 50  # that a range is divided into, at the most
_LEAST = 1e-12  # density


@dataclass(frozen=True, eq=False)
class Axis:
    """A parameter of n trials: `cell` (n,) is where each one's value lies among so many `cells`.

    The cells of a range are `ordered`, and values near each other tell of one another; choices are not.
    """

    cell: NDArray[np.int64]
    cells: int
    ordered: bool

    def counts(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """(sets, cells): how many of the `chosen` trials (sets, trials) lie in each cell."""
        offset = self.cells * np.arange(len(chosen))[:, None]
        flat = np.bincount((self.cell[chosen] + offset).ravel(), minlength=self.cells * len(chosen))
        return flat.reshape(len(chosen), self.cells)


def axis_of_choices(places: ArrayLike, choices: int) -> Axis:
    """Of the `places` (n,) of the trials' values among so many choices."""
    return Axis(np.asarray(places, np.int64), choices, ordered=False)


def axis_of_range(values: ArrayLike, low: float, high: float, *, log: bool = False, step: float | None = None) -> Axis:
    """Of the trials' `values` (n,) in a range; of whole numbers the step is 1, in a logarithmic range too.

    >>> axis_of_range([1, 4, 9], 1, 9, step=1).cell.tolist()
    [0, 3, 8]
    """
    numbers = np.asarray(values, float)
    cells = _CELLS
    if log and step is not None:
        cells = min(math.ceil(math.log(high - low + 1) / math.log(2)) + 1, _CELLS)
    elif step is not None:
        cells = min(round((high - low) / step) + 1, _CELLS)
    if log:
        numbers, low, high = np.log(numbers), math.log(low), math.log(high)
    if cells == 1 or low == high:
        return Axis(np.zeros(len(numbers), np.int64), 1, ordered=True)
    cell = np.ceil((numbers - low) / ((high - low) / (cells - 1)) - 0.5).astype(np.int64)
    return Axis(np.clip(cell, 0, cells - 1), cells, ordered=True)


def divergences(axis: Axis, best: NDArray[np.int64]) -> NDArray[np.float64]:
    """(sets,): Pearson's divergence of the `best` trials (sets, trials) from all, by their values on one axis.

    0 where the parameter has one value only. Importances are in its proportion.
    """
    if axis.cells == 1:
        return np.zeros(len(best))
    everyone = _density(axis, axis.counts(np.arange(len(axis.cell))[None]))
    return np.asarray((everyone * (_density(axis, axis.counts(best)) / everyone - 1) ** 2).sum(axis=1))


def divergences_by_chance(axes: list[Axis], trials: int, best: int, draws: int, seed: int = 0) -> NDArray[np.float64]:
    """(draws, axes): the same of `best` of so many `trials`, drawn at random: where no parameter has an effect.

    A draw takes the same trials on all axes.
    """
    order = np.random.default_rng(seed).random((draws, trials)).argpartition(best - 1, axis=1)
    return np.stack([divergences(axis, order[:, :best]) for axis in axes], axis=1)


def _density(axis: Axis, counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """(sets, cells): a Parzen estimate of each set's distribution, with one observation's weight of prior."""
    number = counts.sum(axis=1, keepdims=True)
    mixed = _smoothed(counts, number) if axis.ordered else _of_choices(counts, number)
    return np.asarray(mixed / (number + 1) + _LEAST)


def _of_choices(counts: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.float64]:
    cells = counts.shape[1]
    kernels = (counts > 0).sum(axis=1, keepdims=True) + 1
    return np.asarray((counts + number / kernels) / (1 + cells / kernels) + 1 / cells)


def _smoothed(counts: NDArray[np.int64], number: NDArray[np.int64]) -> NDArray[np.float64]:
    """A normal kernel on each observation, cut off at the ends, by Scott's rule; in the middle a wide one."""
    cells = counts.shape[1]
    at, until = np.arange(cells), counts.cumsum(axis=1)
    mean = (counts * at).sum(axis=1, keepdims=True) / number
    spread = np.sqrt((counts * (at - mean) ** 2).sum(axis=1, keepdims=True) / np.maximum(1, number - 1))
    first = (until >= np.maximum(1, number // 4)).argmax(axis=1)
    third = (until > number * 3 // 4).argmax(axis=1)
    width = 1.059 * np.minimum((third - first)[:, None] / 1.34, spread) * number**-0.2
    kernels = _kernels(np.maximum(width, 0.5 / 1.64)[:, 0], cells)
    prior = _normal(np.array([float(cells)]), at[:, None] - (cells - 1) / 2)[0, :, 0]
    return np.asarray(np.einsum("sm,smx->sx", counts, kernels) + prior / prior.sum())


def _kernels(width: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    """(sets, cells, cells): of each set a row for each cell that a kernel may stand on, which adds up to 1."""
    at = np.arange(cells)
    apart = _normal(width, np.arange(1.0 - cells, cells)[:, None])[:, :, 0]  # of each distance, once
    rows = apart[:, (at[None] - at[:, None]) + cells - 1]
    return np.asarray(rows / rows.sum(axis=2, keepdims=True))


def _normal(width: NDArray[np.float64], distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """(sets, distances, 1): share of a normal of each `width` (sets,) in a cell at each `distance` (distances, 1)."""
    return np.asarray(ndtr((distance + 0.5) / width[:, None, None]) - ndtr((distance - 0.5) / width[:, None, None]))
