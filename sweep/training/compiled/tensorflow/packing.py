"""The weights as the compiled program holds them: few matrices, each one all that a product needs.

A matrix has a row for each input, for each unit of the state, and for the bias: a product with
(input, state, 1) is all that a cell sums, and the outer product with that vector is all of the gradient.
One update then runs over two long arrays instead of five short ones. Rows and columns are filled up with
zeros to sizes that vectors fit; the zeros meet zeros, and stay.
"""

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.cells import CELLS
from sweep.experiment.configuration import ModelConfig
from sweep.training.compiled.shape import MULTIPLIED_FEATURES
from sweep.training.compiled.tensorflow.cells import WRITTEN_OUT, Part
from sweep.training.keras_model import Weights

_COLUMNS = 8


class Packing:
    """From Keras's list of one model's weights to the program's, and back."""

    def __init__(self, config: ModelConfig, num_symbols: int, num_features: int) -> None:
        self.cell, self.states = WRITTEN_OUT[config.cell], CELLS[config.cell].states
        self.units, self.layers, self.num_symbols = config.units, config.layers, num_symbols
        self.num_features = num_features
        self.looked_up = num_features > MULTIPLIED_FEATURES["tensorflow"]

    def inputs(self, layer: int, part: Part) -> int:
        """Rows of a part's matrix for the layer's input; none where the rows are looked up in a table."""
        if not part.of_input or (layer == 0 and self.looked_up):
            return 0
        return self.units if layer else self.num_features

    def rows(self, layer: int, part: Part) -> int:
        """Rows of a part's matrix: an even number, so that a product can be halved."""
        return _up(self.inputs(layer, part) + self.units * part.of_state + 1, 2)

    @property
    def output_rows(self) -> int:
        """Rows of the last matrix: the units, the bias, and what makes them even."""
        return _up(self.units + 1, 2)

    @property
    def output_columns(self) -> int:
        """Columns of the last matrix: the symbols, filled up."""
        return _up(self.num_symbols, _COLUMNS)

    def packed(self, weights: Weights) -> Weights:
        """The matrices of each layer's parts, the output's, and last the table where rows are looked up."""
        matrices, table = [], []
        for layer in range(self.layers):
            kernel, recurrent, bias = self._of_layer(weights, layer)
            if layer == 0 and self.looked_up:
                table, kernel = [kernel], kernel[:0]
            for part, row in zip(self.cell.parts, bias, strict=True):
                matrix = np.zeros((self.rows(layer, part), kernel.shape[1]), np.float32)
                stacked = [*([kernel] if part.of_input else []), *([recurrent] if part.of_state else []), row[None]]
                values = np.concatenate(stacked)
                matrix[: len(values)] = values
                matrices.append(matrix)
        output = np.zeros((self.output_rows, self.output_columns), np.float32)
        output[: self.units, : self.num_symbols] = weights[-2]
        output[self.units, : self.num_symbols] = weights[-1]
        return [*matrices, output, *table]

    def unpacked(self, packed: Weights) -> Weights:
        """The inverse."""
        matrices, weights = iter(packed), []
        for layer in range(self.layers):
            kernel = recurrent = np.zeros((0, 0), np.float32)
            biases = []
            for part in self.cell.parts:
                matrix, inputs = next(matrices), self.inputs(layer, part)
                state = inputs + self.units * part.of_state
                kernel = matrix[:inputs] if part.of_input else kernel
                recurrent = matrix[inputs:state] if part.of_state else recurrent
                biases.append(matrix[state])
            if layer == 0 and self.looked_up:
                kernel = packed[-1]
            bias = np.stack(biases) if len(biases) > 1 else biases[0]
            kernel, recurrent, bias = (self._blocks(each) for each in (kernel, recurrent, bias))
            weights += [kernel, *([recurrent] if self.states else []), bias]
        output = next(matrices)
        return [
            *weights,
            output[: self.units, : self.num_symbols].copy(),
            output[self.units, : self.num_symbols].copy(),
        ]

    def _of_layer(self, weights: Weights, layer: int) -> tuple[NDArray[np.float32], ...]:
        """Kernel, recurrent kernel and biases (parts, G) of a layer, in the cell's order of blocks."""
        if not self.states:
            kernel, bias = weights[2 * layer : 2 * layer + 2]
            return kernel, np.zeros((0, self.units), np.float32), bias[None]
        kernel, recurrent, bias = (self._blocks(each) for each in weights[3 * layer : 3 * layer + 3])
        return kernel, recurrent, bias.reshape(len(self.cell.parts), -1)

    def _blocks(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """The blocks in the cell's other order: doing it twice undoes it."""
        order = self.cell.order
        if not order:
            return values.copy()
        return np.concatenate([np.split(values, len(order), axis=-1)[block] for block in order], axis=-1)


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple
