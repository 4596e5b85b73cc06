"""Units padded with zeros, so that trials of several sizes share one compiled program.

The padding is exact. A unit whose weights are all zero keeps state 0 and output 0, and since its outgoing
weights are zero too, every gradient that reaches it or leaves it is 0: it never comes alive.
"""

import numpy as np
from numpy.typing import NDArray

from sweep.training.keras_model import Weights

_BUCKETS = (8, 20, 40, 64)  # 20: the tutorial pays nothing


def bucket(units: int) -> int:
    """The size that `units` are padded to.

    >>> bucket(1), bucket(20), bucket(21), bucket(65)
    (8, 20, 40, 80)
    """
    return next((size for size in _BUCKETS if units <= size), -(-units // 16) * 16)


def padded(weights: Weights, shapes: list[tuple[int, ...]], units: int) -> Weights:
    """The weights of a model with `units`, laid into the `shapes` of a larger one, zero elsewhere."""
    large = [np.zeros(shape, np.float32) for shape in shapes]
    for target, weight in zip(large, weights, strict=True):
        corner = _corner(target, weight.shape, units)
        corner[...] = weight.reshape(corner.shape)
    return large


def unpadded(weights: Weights, shapes: list[tuple[int, ...]], units: int) -> Weights:
    """The weights of a model with `units` and these `shapes`, taken back out of the larger one's."""
    corners = [_corner(weight, shape, units) for weight, shape in zip(weights, shapes, strict=True)]
    return [corner.reshape(shape).copy() for corner, shape in zip(corners, shapes, strict=True)]


def _corner(large: NDArray[np.float32], shape: tuple[int, ...], units: int) -> NDArray[np.float32]:
    """A view of the entries of `large` that belong to a weight of `shape`.

    An axis that was padded holds one block of units for each gate, and each block is padded by itself: it
    becomes two axes of the view, (gates, units).
    """
    axes: list[int] = []
    index: list[slice] = []
    for size, full in zip(shape, large.shape, strict=True):
        gates = size // units if size != full else 1
        axes += [gates, full // gates]
        index += [slice(None), slice(size // gates)]
    return large.reshape(axes)[tuple(index)]
