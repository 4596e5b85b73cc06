"""A trial has its process to itself."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from sweep.experiment.configuration import Configuration
from sweep.results.outcome import Outcome
from sweep.tasks.increasing import IncreasingTask
from sweep.training.initial_weights import initial_weights
from sweep.training.trial import run_trial

OTHERS: list[dict[str, Any]] = [
    {"units": 3},
    {"units": 5},
    {"units": 3, "layers": 2},
    {"units": 4, "cell": "gru"},
    {"units": 3, "trainer": "fit"},
    {"units": 4, "cell": "simple_rnn"},
]


@pytest.mark.slow
def test_trials_of_several_threads_have_the_numbers_that_each_has_alone() -> None:
    def trained(changes: dict[str, Any]) -> Outcome:
        configuration = Configuration(task=IncreasingTask(sequence_length=4)).replace(epochs=3, **changes)
        return run_trial(configuration, (0, 1), lambda scores: False)

    alone = [trained(changes) for changes in OTHERS]
    initial_weights.cache_clear()
    with ThreadPoolExecutor(len(OTHERS)) as threads:
        together = list(threads.map(trained, OTHERS))
    for one, other in zip(alone, together, strict=True):
        assert (one.error, other.error) == (None, None)
        assert one.scores is not None
        assert other.scores is not None
        np.testing.assert_array_equal(one.scores.loss, other.scores.loss)
        assert all(map(np.array_equal, one.weights, other.weights))
