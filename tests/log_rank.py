"""The log-rank test of two groups, put together of the product's scores and permutations as a comparison does it."""

import numpy as np
from numpy.typing import ArrayLike

from sweep import stats


def log_rank_test(
    times_a: ArrayLike, solved_a: ArrayLike, times_b: ArrayLike, solved_b: ArrayLike, *, paired: bool = False
) -> float:
    """Two-sided p-value of two groups that solve a task equally soon (Mantel 1966), by permutation of the scores."""
    scores = stats.log_rank_scores(np.concatenate([times_a, times_b]), np.concatenate([solved_a, solved_b]))
    first, second = np.split(scores, [len(np.asarray(times_a))])
    return stats.paired_permutation_test(first - second) if paired else stats.permutation_test(first, second)
