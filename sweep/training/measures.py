"""What a test measures of a network's outputs, each defined once, for one symbol asked.

`fit` computes them here; the compiled programs say the same in their own terms, and a test holds the two together.
Letters in shapes: n rows of L steps, S symbols, K keys.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

CLIPPED = 1e-7
"""The least that an output counts as before its logarithm is taken, as in Keras."""

MOST = float(np.float32(1 - CLIPPED))
"""The most that it counts as in a loss, again as in Keras, where it is in single precision."""


def leads(outputs: ArrayLike, asked: ArrayLike) -> NDArray[np.float64]:
    """(...): how far the output (..., S) of the symbol `asked` (...) leads the best other one; negative: it is behind.

    nan where an output is no number. The smallest lead of a test is the replicate's `margin`.

    >>> leads([[0.7, 0.2, 0.1], [0.4, 0.5, 0.1]], [0, 0]).round(3).tolist()
    [0.5, -0.1]
    """
    values, right = _split(outputs, asked)
    others = np.where(right, -np.inf, values).max(axis=-1)
    return np.where(np.isfinite(values).all(axis=-1), _of_right(values, right) - others, np.nan)


def key_bits(outputs: ArrayLike, asked: ArrayLike, keys: ArrayLike) -> NDArray[np.float64]:
    """(...): log2 of the share that the key `asked` (...) has of the outputs (..., S) of all `keys` (K,).

    0 for a network that is sure of the right key, -1 for one that cannot tell two apart. The entropy of the key plus
    the mean of a test is the replicate's `recall_bits`. Outputs are clipped to [1e-7, 1] first; one that is no number
    makes nan.

    >>> key_bits([[0.3, 0.1, 0.6], [0.2, 0.2, 0.9]], [0, 1], keys=[0, 1]).round(3).tolist()
    [-0.415, -1.0]
    """
    values, right = _split(np.clip(np.asarray(outputs, float), CLIPPED, 1.0), asked)
    return np.asarray(np.log2(_of_right(values, right) / values[..., np.asarray(keys)].sum(axis=-1)))


def losses(outputs: ArrayLike, asked: ArrayLike, output: str) -> NDArray[np.float64]:
    """(...): the loss of each step in nats, for outputs (..., S) and the symbol `asked` (...).

    With `output` "sigmoid" it is the binary cross-entropy, a mean over all symbols; with "softmax" the categorical one.

    >>> losses([[0.5, 0.5]], [0], "sigmoid").round(4).tolist(), losses([[0.25, 0.75]], [1], "softmax").round(4).tolist()
    ([0.6931], [0.2877])
    """
    values, right = _split(np.clip(np.asarray(outputs, float), CLIPPED, MOST), asked)
    if output == "softmax":
        return np.asarray(-np.log(_of_right(values, right)))
    return np.asarray(-np.log(np.where(right, values, 1 - values)).mean(axis=-1))


def shares_of_updates(weights: NDArray[np.float32], window: int, lanes: int) -> NDArray[np.float64]:
    """(n, L): what each step's loss adds to the sum of the updates' losses, for the weights (n, L) of rows.

    `lanes` rows that follow each other make a batch, and `window` steps of a batch an update, whose loss is the
    weighted mean over its steps. Where all weights of a window are 0 there is no update, so that the sum of the shares
    is the number of updates.

    >>> shares_of_updates(np.array([[1, 1, 1, 1]], np.float32), window=3, lanes=1).round(3).tolist()
    [[0.333, 0.333, 0.333, 1.0]]
    """
    rows, steps = weights.shape
    windows = -(-steps // window)
    filled = np.pad(weights.astype(float), ((0, 0), (0, windows * window - steps)))
    by_update = filled.reshape(rows // lanes, lanes, windows, window)
    totals = by_update.sum(axis=(1, 3), keepdims=True)
    shares = np.divide(by_update, totals, out=np.zeros_like(by_update), where=totals > 0)
    return np.asarray(shares.reshape(rows, -1)[:, :steps])


def _split(outputs: ArrayLike, asked: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    values = np.asarray(outputs, float)
    return values, np.arange(values.shape[-1]) == np.asarray(asked)[..., None]


def _of_right(values: NDArray[np.float64], right: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.asarray(np.where(right, values, 0.0).sum(axis=-1))
