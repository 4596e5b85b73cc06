"""What all statistics share: the interval, and arrays that are fit to be computed with."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """A confidence interval, both ends included."""

    low: float
    high: float


def numbers(values: ArrayLike) -> NDArray[np.float64]:
    """`values` as (n,) floats; inf is a value, ValueError where one is nan: what is missing must be decided before."""
    array = np.asarray(values, float)
    if array.ndim != 1:
        raise ValueError(f"expected values in one dimension; got the shape {array.shape}")
    if np.isnan(array).any():
        raise ValueError(
            f"{int(np.isnan(array).sum())} of {len(array)} values are nan; leave them out, or say their worth"
        )
    return array


def normal_quantile(confidence: float) -> float:
    """How many standard deviations around the mean hold a share `confidence` of a normal distribution."""
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
