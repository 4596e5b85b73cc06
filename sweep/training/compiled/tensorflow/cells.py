"""The recurrent cells, forward and back: each written out, so that its gradient costs no more than it has to.

Keras's layers say what a cell computes. A step forward takes the sums that the weights give and the state
before, and keeps what the step back needs; the step back turns the gradient of the state after it into that
of the sums and of the state before. Shapes end in (lanes, units), or (lanes, blocks x units) for sums.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import tensorflow as tf

from sweep.experiment.cells import CellName

Tensors = list[tf.Tensor]


class Part(NamedTuple):
    """A matrix product that a cell sums: of its input, of its state, or of both; a bias in any case."""

    of_input: bool
    of_state: bool


class Cell(ABC):
    """What a cell adds up, and what it makes of the sums. The state's first tensor is the cell's output."""

    parts: tuple[Part, ...] = (Part(of_input=True, of_state=True),)
    order: tuple[int, ...] = ()
    """Of Keras's blocks, where another one serves better; such that doing it twice undoes it."""

    @abstractmethod
    def forward(self, sums: Tensors, state: Tensors) -> tuple[Tensors, Tensors]:
        """The state after the step, and what `backward` needs: a tensor a part's sum, and further ones."""

    @abstractmethod
    def backward(self, kept: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
        """Gradients of the sums and of the state before, from that of the state after.

        The way through the state's weights is left out: it is the product of the sums' gradients with those.
        """


class LSTM(Cell):
    """Blocks in the order input gate, forget gate, output gate, candidate: one sigmoid serves the first three."""

    order = (0, 1, 3, 2)

    def forward(self, sums: Tensors, state: Tensors) -> tuple[Tensors, Tensors]:
        """As in Keras."""
        (total,) = sums
        units = total.shape[-1] // 4
        gates, candidate = tf.sigmoid(total[..., : 3 * units]), tf.tanh(total[..., 3 * units :])
        entry, forget, exit_ = tf.split(gates, 3, axis=-1)
        carried = forget * state[1] + entry * candidate
        shown = tf.tanh(carried)
        return [exit_ * shown, carried], [gates, candidate, state[1], shown]

    def backward(self, kept: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
        """The chain rule, term by term."""
        gates, candidate, before, shown = kept
        entry, forget, exit_ = tf.split(gates, 3, axis=-1)
        carried = change[1] + change[0] * exit_ * (1 - shown * shown)
        of_gates = tf.concat([carried * candidate, carried * before, change[0] * shown], axis=-1)
        of_candidate = carried * entry * (1 - candidate * candidate)
        total = tf.concat([of_gates * gates * (1 - gates), of_candidate], axis=-1)
        return [total], [tf.zeros_like(carried), carried * forget]


class GRU(Cell):
    """Keras's default, which resets after the product: the candidate's sum over the state is gated by itself."""

    parts = (Part(of_input=True, of_state=False), Part(of_input=False, of_state=True))

    def forward(self, sums: Tensors, state: Tensors) -> tuple[Tensors, Tensors]:
        """As in Keras."""
        inputs, states = sums
        units = inputs.shape[-1] // 3
        gates = tf.sigmoid(inputs[..., : 2 * units] + states[..., : 2 * units])
        keep, reset = tf.split(gates, 2, axis=-1)
        recurrent = states[..., 2 * units :]
        candidate = tf.tanh(inputs[..., 2 * units :] + reset * recurrent)
        return [keep * state[0] + (1 - keep) * candidate], [gates, candidate, recurrent, state[0]]

    def backward(self, kept: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
        """The chain rule, term by term."""
        gates, candidate, recurrent, before = kept
        keep, reset = tf.split(gates, 2, axis=-1)
        of_candidate = change[0] * (1 - keep) * (1 - candidate * candidate)
        of_gates = tf.concat([change[0] * (before - candidate), of_candidate * recurrent], axis=-1)
        of_gates *= gates * (1 - gates)
        sums = [tf.concat([of_gates, last], axis=-1) for last in (of_candidate, of_candidate * reset)]
        return sums, [change[0] * keep]


class SimpleRNN(Cell):
    """A tanh of one sum."""

    def forward(self, sums: Tensors, state: Tensors) -> tuple[Tensors, Tensors]:
        """As in Keras."""
        output = tf.tanh(sums[0])
        return [output], [output]

    def backward(self, kept: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
        """The chain rule."""
        return [change[0] * (1 - kept[0] * kept[0])], [tf.zeros_like(change[0])]


class Dense(Cell):
    """The mlp's layer: no state, a relu of one sum."""

    parts = (Part(of_input=True, of_state=False),)

    def forward(self, sums: Tensors, state: Tensors) -> tuple[Tensors, Tensors]:
        """Its output is the only tensor of what it returns; nobody carries it on."""
        output = tf.nn.relu(sums[0])
        return [output], [output]

    def backward(self, kept: Tensors, change: Tensors) -> tuple[Tensors, Tensors]:
        """Where the relu lets through."""
        return [tf.where(kept[0] > 0, change[0], 0.0)], []


WRITTEN_OUT: dict[CellName, Cell] = {"lstm": LSTM(), "gru": GRU(), "simple_rnn": SimpleRNN(), "mlp": Dense()}
