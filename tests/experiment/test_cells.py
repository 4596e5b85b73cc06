"""The table of cells says of each what Keras's own layer has."""

from typing import get_args

import pytest

from sweep.experiment.cells import CELLS, CellName
from sweep.experiment.configuration import ModelConfig
from sweep.training.keras_model import build_model, weight_shapes


def test_every_name_has_a_row() -> None:
    assert tuple(CELLS) == get_args(CellName)


def test_what_has_no_state_is_shown_all_lags_at_once() -> None:
    assert {name: cell.side_by_side(3) for name, cell in CELLS.items() if not cell.recurrent} == {"mlp": 3}


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_blocks_biases_and_states_are_those_of_keras(name: CellName) -> None:
    config = ModelConfig(cell=name, units=3, layers=2)
    model = build_model(config, 5, batch_size=1, timesteps=1, lags=2)
    assert [tuple(weight.shape) for weight in model.trainable_variables] == weight_shapes(config, 5, lags=2)
    sizes = [layer.cell.state_size for layer in model.layers if hasattr(layer, "cell")]
    states = [len(size) if isinstance(size, list | tuple) else 1 for size in sizes]
    assert states == [CELLS[name].states] * len(states)
    assert bool(states) == CELLS[name].recurrent
