"""How sequences lie in lanes: windows of lags, and steps dealt out to lanes."""

from typing import Any

import numpy as np
import pytest

from sweep.experiment.configuration import Configuration
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.registry import build_task
from sweep.training.lanes import Layout

NOTHING = 5  # the tutorial has five symbols; this stands for none of them


def layout(**parameters: Any) -> Layout:
    configuration = Configuration(task=IncreasingTask()).replace(**parameters)
    return Layout(configuration, build_task(configuration.task))


def sequences() -> Any:
    return build_task(IncreasingTask()).training_sequences(0, 1)


def test_a_lane_carries_one_sequence_a_symbol_a_step() -> None:
    rows = layout().rows(sequences())
    assert rows.shown[..., 0].tolist() == [[3, 0, 1, 2], [4, 0, 1, 2]]
    assert rows.asked.tolist() == [[0, 1, 2, 3], [0, 1, 2, 4]]
    assert rows.lengths.tolist() == [4, 4]


def test_with_two_lags_a_recurrent_network_reads_each_window_before_it_answers() -> None:
    plan = layout(lags=2)
    rows = plan.rows(sequences())
    assert plan.window == 2
    assert rows.shown[0, :, 0].tolist() == [NOTHING, 3, 3, 0, 0, 1, 1, 2]
    assert plan.laid(sequences().steps)[0].tolist() == [False, True] * 4
    assert rows.asked[0, 1::2].tolist() == [0, 1, 2, 3]


def test_the_mlp_sees_its_lags_side_by_side() -> None:
    rows = layout(cell="mlp", lags=2).rows(sequences())
    nothing = 2 * 5
    assert rows.shown[0].tolist() == [[nothing, 3 + 5], [3, 0 + 5], [0, 1 + 5], [1, 2 + 5]]


def test_in_the_readers_batch_of_two_the_steps_of_a_sequence_alternate_between_lanes() -> None:
    rows = layout(batch_layout="steps", batch_size=2).rows(sequences())
    assert rows.shown[:2, :, 0].tolist() == [[3, 1], [0, 2]]
    assert rows.asked[:2].tolist() == [[0, 2], [1, 3]]
    assert rows.lengths.tolist() == [2, 2, 2, 2]


@pytest.mark.parametrize(
    "parameters", [{}, {"lags": 3}, {"cell": "mlp", "lags": 3}, {"batch_layout": "steps", "batch_size": 4}]
)
def test_what_was_laid_out_is_collected_again(parameters: dict[str, Any]) -> None:
    plan = layout(**parameters)
    values = np.arange(8).reshape(2, 4)
    np.testing.assert_array_equal(plan.collected(plan.laid(values)), values)


@pytest.mark.parametrize("parameters", [{}, {"lags": 3}, {"cell": "mlp", "lags": 3}])
def test_a_prediction_is_shown_what_training_shows_at_that_step(parameters: dict[str, Any]) -> None:
    plan = layout(**parameters)
    rows = plan.rows(sequences())
    for step in range(4):
        seen = sequences().symbols[0, : step + 1].tolist()
        wanted = rows.shown[0, step * plan.lags : (step + 1) * plan.lags]
        np.testing.assert_array_equal(plan.shown_last(seen), wanted)
