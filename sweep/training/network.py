"""The arithmetic of the Keras model for all replicates at once, with a gradient for windows of any length.

Keras's layers say what it computes; a test holds the two together. It is written again because TensorFlow's
own gradient of a loop over time is several times slower in XLA than the one here: the loop keeps what a
step adds to its gates, goes back over it, and leaves the weights' gradients to one product at the end.

Letters in shapes: R replicates, B lanes, t steps of a window, V input features, U units, G = blocks x units.
"""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from sweep.config import ModelConfig

_UNROLLED = 8  # windows up to so many steps are written out, longer ones are a loop
_ONE_HOT_FEATURES = 64  # up to so many, a product with a one-hot vector is faster than looking a row up
_BLOCK_BYTES = 16_000_000  # outputs of a window are made some steps at a time, never all of a large alphabet


class Network:
    """Functions of the stacked weights: each weight in Keras's order, with the replicates as its first axis."""

    def __init__(self, config: ModelConfig, num_symbols: int, num_features: int) -> None:
        self._cell = config.cell
        self._layers = config.layers
        self._num_symbols = num_symbols
        self._num_features = num_features
        self._activation = keras.activations.get(config.output)
        losses = {"sigmoid": keras.losses.binary_crossentropy, "softmax": keras.losses.categorical_crossentropy}
        self._loss: Callable[..., tf.Tensor] = losses[config.output]
        states = {"lstm": 2, "gru": 1, "simple_rnn": 1, "mlp": 0}[config.cell]
        self._states_per_layer = states
        self.state_sizes = [config.units] * (states * config.layers)

    def loss(
        self,
        weights: list[tf.Tensor],
        state: list[tf.Tensor],
        shown: tf.Tensor,
        asked: tf.Tensor,
        weight: tf.Tensor,
        limit: tf.Tensor,
        *,
        last_only: bool,
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The mean loss (R,) of a window over what `weight` (t, R, B) counts, and the state after it.

        `shown` (t, R, B, F) and `asked` (t, R, B); steps from `limit` on are padding in every lane. With
        `last_only`, at most one step of a lane counts.
        """
        outputs, state = self._recurrent_outputs(weights, state, shown, limit)
        if last_only:
            counts = tf.cast(weight > 0, tf.float32)
            outputs = tf.reduce_sum(outputs * counts[..., None], axis=0, keepdims=True)
            asked = tf.reduce_sum(asked * tf.cast(weight > 0, tf.int32), axis=0, keepdims=True)
            weight = tf.reduce_sum(weight, axis=0, keepdims=True)
        share = tf.math.divide_no_nan(weight, tf.reduce_sum(weight, axis=(0, 2), keepdims=True))
        return self._weighted_loss(outputs, asked, share, weights[-2], weights[-1]), state

    def step(self, weights: list[tf.Tensor], state: list[tf.Tensor], shown: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """One step: `shown` (R, B, F) to the highest layer's output (R, B, U) and the next state."""
        signal, after = None, []
        for layer, (kernel, recurrent, bias) in enumerate(self._gates(weights)):
            total = self._looked_up(kernel, shown) if signal is None else tf.matmul(signal, kernel)
            before = self._state_of(state, layer)
            if recurrent is not None:
                total += tf.matmul(before[0], recurrent)
            new = self._advanced(total + bias[:, None], before)
            after += new[: len(before)]
            signal = new[0]
        return signal, after

    def answer(self, weights: list[tf.Tensor], output: tf.Tensor) -> tf.Tensor:
        """The scores of the symbols (R, B, symbols) from the highest layer's output (R, B, U)."""
        return self._activation(tf.matmul(output, weights[-2]) + weights[-1][:, None])

    def zero_state(self, replicates: int, lanes: int) -> list[tf.Tensor]:
        """The state before a sequence."""
        return [tf.zeros((replicates, lanes, size)) for size in self.state_sizes]

    def _recurrent_outputs(
        self, weights: list[tf.Tensor], state: list[tf.Tensor], shown: tf.Tensor, limit: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The highest layer's outputs (t, R, B, U), and the state after the window."""
        signal, after = None, []
        for layer, (kernel, recurrent, bias) in enumerate(self._gates(weights)):
            total = self._looked_up(kernel, shown) if signal is None else tf.einsum("trbu,rug->trbg", signal, kernel)
            total += bias[:, None]
            if recurrent is None:
                signal = self._advanced(total, [])[0]
                continue
            signal, new = self._recurrence(total, recurrent, self._state_of(state, layer), limit)
            after += new
        return signal, after

    def _state_of(self, state: list[tf.Tensor], layer: int) -> list[tf.Tensor]:
        return state[layer * self._states_per_layer : (layer + 1) * self._states_per_layer]

    def _gates(self, weights: list[tf.Tensor]) -> list[tuple[tf.Tensor, tf.Tensor | None, tf.Tensor]]:
        """Of each layer the kernel (R, V, G), recurrent kernel (R, U, G) and bias (R, G): a step is their sum.

        A GRU multiplies the state's part of its candidate by a gate before it adds the input's. The two parts
        get a block each, with zeros where the other one's weights are.
        """
        if self._cell == "mlp":
            return [(weights[2 * i], None, weights[2 * i + 1]) for i in range(self._layers)]
        layers = [tuple(weights[3 * i : 3 * i + 3]) for i in range(self._layers)]
        if self._cell != "gru":
            return layers
        apart: list[tuple[tf.Tensor, tf.Tensor | None, tf.Tensor]] = []
        for kernel, recurrent, bias in layers:
            *gates, candidate = tf.split(recurrent, 3, axis=-1)
            of_input, of_state = bias[:, 0], bias[:, 1]
            units = candidate.shape[-1]
            apart.append(
                (
                    tf.pad(kernel, ((0, 0), (0, 0), (0, units))),
                    tf.concat([*gates, tf.zeros_like(candidate), candidate], axis=-1),
                    tf.concat(
                        [
                            of_input[:, : 2 * units] + of_state[:, : 2 * units],
                            of_input[:, 2 * units :],
                            of_state[:, 2 * units :],
                        ],
                        axis=-1,
                    ),
                )
            )
        return apart

    def _advanced(self, total: tf.Tensor, state: list[tf.Tensor]) -> list[tf.Tensor]:
        """The cell's new state, its output first, from what its gates add up to (..., G) and the state before."""
        if self._cell == "mlp":
            return [tf.nn.relu(total)]
        if self._cell == "simple_rnn":
            return [tf.tanh(total)]
        blocks = tf.split(total, 4, axis=-1)
        if self._cell == "gru":
            keep, reset = tf.sigmoid(blocks[0]), tf.sigmoid(blocks[1])
            return [keep * state[0] + (1 - keep) * tf.tanh(blocks[2] + reset * blocks[3])]
        carried = tf.sigmoid(blocks[1]) * state[1] + tf.sigmoid(blocks[0]) * tf.tanh(blocks[2])
        return [tf.sigmoid(blocks[3]) * tf.tanh(carried), carried]

    def _looked_up(self, kernel: tf.Tensor, shown: tf.Tensor) -> tf.Tensor:
        """The sum of the kernel's rows (R, V, G) that are `shown` (..., R, B, F), as (..., R, B, G)."""
        if self._num_features <= _ONE_HOT_FEATURES:
            one_hot = tf.reduce_sum(tf.one_hot(shown, self._num_features), axis=-2)
            return tf.einsum("trbv,rvg->trbg" if len(shown.shape) == 4 else "rbv,rvg->rbg", one_hot, kernel)
        rows = tf.pad(kernel, ((0, 0), (0, 1), (0, 0)))  # one more, of zeros, for "nothing"
        if len(shown.shape) == 3:
            return tf.reduce_sum(tf.gather(rows, shown, batch_dims=1), axis=-2)
        found = tf.gather(rows, tf.transpose(shown, (1, 0, 2, 3)), batch_dims=1)  # (R, t, B, F, G)
        return tf.transpose(tf.reduce_sum(found, axis=-2), (1, 0, 2, 3))

    def _recurrence(
        self, total: tf.Tensor, recurrent: tf.Tensor, state: list[tf.Tensor], limit: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """A layer's outputs (t, R, B, U) and its state after the window; `total` (t, R, B, G) from the input."""
        if total.shape[0] > _UNROLLED:
            return self._looped(total, recurrent, state, limit)
        outputs = []
        for step in range(total.shape[0]):
            state = self._advanced(total[step] + tf.matmul(state[0], recurrent), state)
            outputs.append(state[0])
        return tf.stack(outputs), state

    def _looped(
        self, total: tf.Tensor, recurrent: tf.Tensor, state: list[tf.Tensor], limit: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The same as a loop over time, and its gradient as a loop back: no gradient flows into `state`."""
        steps = total.shape[0]

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def recurrence(total: tf.Tensor, recurrent: tf.Tensor) -> Any:
            sums, before, outputs, after = forward(total, recurrent)

            def gradient(upstream: tf.Tensor, *_: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                change = backward(sums, before, recurrent, upstream)
                return change, tf.einsum("trbu,trbg->rug", before[0], change)

            return (outputs, *after), gradient

        def forward(total: tf.Tensor, recurrent: tf.Tensor) -> Any:
            def one_step(step: tf.Tensor, state: Any, sums: Any, before: Any, outputs: Any) -> Any:
                before = [array.write(step, part) for array, part in zip(before, state, strict=True)]
                gates = total[step] + tf.matmul(state[0], recurrent)
                state = self._advanced(gates, state)
                return step + 1, state, sums.write(step, gates), before, outputs.write(step, state[0])

            start = (
                tf.constant(0),
                state,
                _buffer(steps, total.shape[1:]),
                [_buffer(steps, part.shape) for part in state],
                _buffer(steps, state[0].shape),
            )
            _, after, sums, before, outputs = tf.while_loop(lambda step, *_: step < limit, one_step, start)
            return sums.stack(), [array.stack() for array in before], outputs.stack(), after

        def backward(sums: tf.Tensor, before: list[tf.Tensor], recurrent: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
            def one_step(step: tf.Tensor, later: Any, changes: Any) -> Any:
                inputs = [sums[step], *[part[step] for part in before]]
                with tf.GradientTape() as tape:
                    tape.watch(inputs)
                    after = self._advanced(inputs[0], inputs[1:])
                arriving = [later[0] + upstream[step], *later[1:]]
                change, *later = tape.gradient(
                    after, inputs, output_gradients=arriving, unconnected_gradients=tf.UnconnectedGradients.ZERO
                )
                later[0] += tf.matmul(change, recurrent, transpose_b=True)
                return step - 1, later, changes.write(step, change)

            start = (limit - 1, [tf.zeros_like(part[0]) for part in before], _buffer(steps, sums.shape[1:]))
            _, _, changes = tf.while_loop(lambda step, *_: step >= 0, one_step, start)
            return changes.stack()

        outputs, *after = recurrence(total, recurrent)
        return outputs, after

    def _weighted_loss(
        self, outputs: tf.Tensor, asked: tf.Tensor, share: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor
    ) -> tf.Tensor:
        """The sum (R,) of the losses of outputs (t, R, B, U), each times its `share` (t, R, B)."""

        def of_block(outputs: tf.Tensor, asked: tf.Tensor, share: tf.Tensor, kernel: Any, bias: Any) -> tf.Tensor:
            scores = self._activation(tf.einsum("trbu,rus->trbs", outputs, kernel) + bias[:, None])
            return tf.reduce_sum(self._loss(tf.one_hot(asked, self._num_symbols), scores) * share, axis=(0, 2))

        steps, replicates, lanes, units = outputs.shape
        size = min(steps, max(1, _BLOCK_BYTES // (4 * replicates * lanes * self._num_symbols)))
        if size == steps:
            return of_block(outputs, asked, share, kernel, bias)
        num_blocks = -(-steps // size)

        def blocks(values: tf.Tensor) -> tf.Tensor:
            padding = [(0, num_blocks * size - steps)] + [(0, 0)] * (len(values.shape) - 1)
            return tf.reshape(tf.pad(values, padding), (num_blocks, size, *values.shape[1:]))

        @tf.custom_gradient  # type: ignore[untyped-decorator]
        def in_blocks(outputs: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor) -> Any:
            inputs, targets, shares = blocks(outputs), blocks(asked), blocks(share)

            def one_block(index: tf.Tensor, loss: tf.Tensor, changes: Any, of_kernel: Any, of_bias: Any) -> Any:
                watched = [inputs[index], kernel, bias]
                with tf.GradientTape() as tape:
                    tape.watch(watched)
                    part = of_block(watched[0], targets[index], shares[index], *watched[1:])
                change, more_kernel, more_bias = tape.gradient(part, watched)
                return (
                    index + 1,
                    loss + part,
                    changes.write(index, change),
                    of_kernel + more_kernel,
                    of_bias + more_bias,
                )

            start = (
                tf.constant(0),
                tf.zeros(replicates),
                _buffer(num_blocks, (size, replicates, lanes, units)),
                tf.zeros_like(kernel),
                tf.zeros_like(bias),
            )
            _, loss, changes, of_kernel, of_bias = tf.while_loop(lambda index, *_: index < num_blocks, one_block, start)
            change = tf.reshape(changes.stack(), (-1, replicates, lanes, units))[:steps]

            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
                return (
                    change * upstream[:, None, None],
                    of_kernel * upstream[:, None, None],
                    of_bias * upstream[:, None],
                )

            return loss, gradient

        return in_blocks(outputs, kernel, bias)


def _buffer(steps: int, shape: Any) -> tf.TensorArray:
    return tf.TensorArray(tf.float32, steps, element_shape=shape)
