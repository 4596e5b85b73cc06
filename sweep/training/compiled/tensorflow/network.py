"""The arithmetic of the Keras model for all replicates at once, with the gradient of a window of any length.

Keras's layers say what it computes; a test holds the two together. It is written again because TensorFlow's
own gradient of a loop over time is several times slower in XLA than the one here: one loop forward, which
keeps of each step what the way back needs, and one loop back, which adds up the weights' gradients as it goes.

Letters in shapes: R replicates, B lanes, t steps of a window, F features shown at a step, U units, S symbols,
Z rows and G columns of a matrix (see packing.py).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from sweep.experiment.configuration import ModelConfig
from sweep.training.compiled.shape import UNROLLED
from sweep.training.compiled.tensorflow.cells import Tensors
from sweep.training.compiled.tensorflow.packing import Packing


class Gradient(NamedTuple):
    """What a window gives: the mean loss (R,), the state after it, and the gradient of each packed matrix."""

    loss: tf.Tensor
    state: Tensors
    gradients: Tensors


class Network:
    """Functions of the packed matrices, each with the replicates as its first axis."""

    def __init__(self, config: ModelConfig, num_symbols: int, num_features: int) -> None:
        self.packing = Packing(config, num_symbols, num_features)
        self._cell = self.packing.cell
        self._layers, self._units, self._num_symbols = config.layers, config.units, num_symbols
        self._activation = keras.activations.get(config.output)
        self._cost = {"sigmoid": _binary_cost, "softmax": _categorical_cost}[config.output]
        self.state_sizes = [config.units] * (self.packing.states * config.layers)

    def gradient(
        self,
        weights: Tensors,
        state: Tensors,
        shown: tf.Tensor,
        asked: tf.Tensor,
        loss_weights: tf.Tensor,
        limit: tf.Tensor,
        *,
        last_only: bool,
    ) -> Gradient:
        """The mean loss of a window over its steps, and its gradient within the window.

        `loss_weights` (t, R, B) say how much each step counts; `shown` is (t, R, B, F) and `asked` (t, R, B); steps
        from `limit` on are padding in every lane. With `last_only`, at most one step of a lane counts.
        """
        steps, replicates, lanes = asked.shape
        share = tf.math.divide_no_nan(loss_weights, tf.reduce_sum(loss_weights, axis=(0, 2), keepdims=True))
        counts = loss_weights > 0
        rows = self._rows(weights, shown)
        output = self._output_matrix(weights)
        back = tf.transpose(weights[output], (0, 2, 1))

        def cost(signal: tf.Tensor, asked: tf.Tensor, share: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            """Of the highest layer's output: the loss (R,), and its gradients by the output and its matrix."""
            inputs = self._filled([signal], self.packing.output_rows)
            scores = _product(inputs, weights[output])[..., : self._num_symbols]
            losses, change = self._cost(scores, tf.one_hot(asked, self._num_symbols))
            change = _wide(change * share[..., None], self.packing.output_columns)
            by_signal = _product(change, back)[..., : self._units]
            return tf.reduce_sum(losses * share, axis=1), by_signal, _outer(inputs, change)

        def forward(step: Any, carry: Any) -> tuple[Any, Tensors]:
            state, loss, of_output, final = carry
            signal, state, kept = self._step(weights, state, shown[step], None if rows is None else rows[step])
            if last_only:
                return (state, loss, of_output, tf.where(counts[step][..., None], signal, final)), kept
            more, change, outer = cost(signal, asked[step], share[step])
            return (state, loss + more, of_output + outer, final), [*kept, change]

        start = (
            list(state),
            tf.zeros(replicates, loss_weights.dtype),
            tf.zeros_like(weights[output]),
            tf.zeros((replicates, lanes, self._units if last_only else 0), loss_weights.dtype),
        )
        (state, loss, of_output, final), kept = _forward_in_time(forward, start, steps, limit)
        if last_only:
            at_last = tf.reduce_sum(tf.where(counts, asked, 0), axis=0)
            loss, of_final, of_output = cost(final, at_last, tf.reduce_sum(share, axis=0))

        through = self._backward_matrices(weights)
        matrices = len(through)

        def backward(step: Any, carry: Any, kept: Tensors) -> tuple[Any, Tensors]:
            change, gradients = carry
            arriving = tf.where(counts[step][..., None], of_final, 0.0) if last_only else kept.pop()
            change, outers, of_rows = self._step_back(through, change, arriving, kept)
            return (change, [g + o for g, o in zip(gradients, outers, strict=True)]), of_rows

        zeros = [tf.zeros_like(part) for part in state], [tf.zeros_like(w) for w in weights[:matrices]]
        (_, gradients), of_rows = _backward_in_time(backward, zeros, kept, steps, limit)
        gradients = [*gradients, of_output]
        if self.packing.looked_up:
            gradients.append(_scattered(weights[-1], shown, of_rows))
        return Gradient(loss, state, gradients)

    def step(self, weights: Tensors, state: Tensors, shown: tf.Tensor) -> tuple[tf.Tensor, Tensors]:
        """One step: `shown` (R, B, F) to the highest layer's output (R, B, U) and the next state."""
        rows = self._rows(weights, shown[None])
        signal, state, _ = self._step(weights, state, shown, None if rows is None else rows[0])
        return signal, state

    def answer(self, weights: Tensors, output: tf.Tensor) -> tf.Tensor:
        """The scores of the symbols (R, B, S) from the highest layer's output (R, B, U)."""
        inputs = self._filled([output], self.packing.output_rows)
        sums = _product(inputs, weights[self._output_matrix(weights)])[..., : self._num_symbols]
        return self._activation(sums)

    def zero_state(self, replicates: int, lanes: int) -> Tensors:
        """The state before a sequence."""
        return [tf.zeros((replicates, lanes, size)) for size in self.state_sizes]

    def _output_matrix(self, weights: Tensors) -> int:
        return len(weights) - (2 if self.packing.looked_up else 1)

    def _step(
        self, weights: Tensors, state: Tensors, shown: tf.Tensor, row: tf.Tensor | None
    ) -> tuple[tf.Tensor, Tensors, Tensors]:
        """The highest layer's output, the state after, and of each layer what its step back needs."""
        parts, states = self._cell.parts, self.packing.states
        signal, after, kept = tf.zeros((0,)), [], []
        for layer in range(self._layers):
            before = state[layer * states : (layer + 1) * states]
            sums = []
            for index, part in enumerate(parts):
                seen = []
                if self.packing.inputs(layer, part):
                    seen.append(signal if layer else self._one_hot(shown, weights[0].dtype))
                if part.of_state:
                    seen.append(before[0])
                lanes, dtype = shown.shape[:2], weights[0].dtype
                inputs = self._filled(seen, self.packing.rows(layer, part), lanes, dtype)
                total = _product(inputs, weights[layer * len(parts) + index])
                if layer == 0 and part.of_input and row is not None:
                    total += row
                sums.append(total)
                kept.append(inputs)
            new, needed = self._cell.forward(sums, before)
            kept += needed
            after += new[:states]
            signal = new[0]
        return signal, after, kept

    def _step_back(
        self, through: list[tuple[tf.Tensor, tf.Tensor]], change: Tensors, arriving: tf.Tensor, kept: Tensors
    ) -> tuple[Tensors, Tensors, Tensors]:
        """Gradients of the state before and of each matrix, and, where rows are looked up, of the sum they are in."""
        parts, states = self._cell.parts, self.packing.states
        per_layer = len(kept) // self._layers
        before: Tensors = []
        outers: Tensors = []
        of_rows: Tensors = []
        for layer in reversed(range(self._layers)):
            mine = kept[layer * per_layer : (layer + 1) * per_layer]
            inputs, needed = mine[: len(parts)], mine[len(parts) :]
            after = change[layer * states : (layer + 1) * states]
            after = [after[0] + arriving, *after[1:]] if states else [arriving]
            sums, earlier = self._cell.backward(needed, after)
            outers = [*map(_outer, inputs, sums), *outers]
            for index, part in enumerate(parts):
                by_input, by_state = through[layer * len(parts) + index]
                if part.of_state:
                    earlier = [earlier[0] + _product(sums[index], by_state), *earlier[1:]]
                if layer and part.of_input:
                    arriving = _product(sums[index], by_input)
                if layer == 0 and part.of_input and self.packing.looked_up:
                    of_rows = [sums[index]]
            before = [*earlier, *before]
        return before, outers, of_rows

    def _backward_matrices(self, weights: Tensors) -> list[tuple[tf.Tensor, tf.Tensor]]:
        """Of each part's matrix the rows of its input and of the state, transposed: made once for a window."""
        through = []
        for layer in range(self._layers):
            for index, part in enumerate(self._cell.parts):
                matrix = weights[layer * len(self._cell.parts) + index]
                inputs = self.packing.inputs(layer, part)
                by_input, by_state = matrix[:, :inputs], matrix[:, inputs : inputs + self._units]
                through.append((tf.transpose(by_input, (0, 2, 1)), tf.transpose(by_state, (0, 2, 1))))
        return through

    def _filled(self, seen: Tensors, rows: int, lanes: Any = None, dtype: Any = None) -> tf.Tensor:
        """The vectors side by side (R, B, Z), followed by the 1 of the bias and the zeros that fill up `rows`."""
        lanes, dtype = (seen[0].shape[:2], seen[0].dtype) if seen else (lanes, dtype)
        zeros = rows - 1 - sum(each.shape[-1] for each in seen)
        ending = tf.one_hot(tf.zeros(lanes, tf.int32), 1 + zeros, dtype=dtype)
        return tf.concat([*seen, ending], axis=-1)

    def _one_hot(self, shown: tf.Tensor, dtype: Any) -> tf.Tensor:
        return tf.reduce_sum(tf.one_hot(shown, self.packing.num_features, dtype=dtype), axis=-2)

    def _rows(self, weights: Tensors, shown: tf.Tensor) -> tf.Tensor | None:
        """Where rows are looked up, the sum of those `shown` (t, R, B, F), as (t, R, B, G)."""
        if not self.packing.looked_up:
            return None
        table = tf.pad(weights[-1], ((0, 0), (0, 1), (0, 0)))  # one more row, of zeros, for "nothing"
        found = tf.gather(table, tf.transpose(shown, (1, 0, 2, 3)), batch_dims=1)  # (R, t, B, F, G)
        return tf.transpose(tf.reduce_sum(found, axis=-2), (1, 0, 2, 3))


def _product(inputs: tf.Tensor, matrix: tf.Tensor) -> tf.Tensor:
    """(R, B, Z) times (R, Z, G).

    XLA computes the product of a single vector number by number, and those of several vectors vectorised:
    a single one is taken for two of half the length.
    """
    if inputs.shape[0] == inputs.shape[1] == 1 and inputs.shape[2] % 2 == 0:
        half, columns = inputs.shape[2] // 2, matrix.shape[2]
        return tf.reduce_sum(
            tf.matmul(tf.reshape(inputs, (2, 1, half)), tf.reshape(matrix, (2, half, columns))), axis=0, keepdims=True
        )
    return tf.matmul(inputs, matrix)


def _outer(inputs: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """(R, B, Z) and (R, B, G) to the sum over the lanes of their outer products (R, Z, G)."""
    if inputs.shape[1] == 1:
        return inputs[:, 0, :, None] * change[:, 0, None, :]
    return tf.matmul(inputs, change, transpose_a=True)


def _wide(values: tf.Tensor, columns: int) -> tf.Tensor:
    return tf.pad(values, ((0, 0), (0, 0), (0, columns - values.shape[-1])))


def _binary_cost(scores: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Keras's binary cross-entropy (R, B) of logits (R, B, S), and its gradient by them."""
    target = tf.cast(target, scores.dtype)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=scores)
    return tf.reduce_mean(losses, axis=-1), (tf.sigmoid(scores) - target) / scores.shape[-1]


def _categorical_cost(scores: tf.Tensor, target: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Keras's categorical cross-entropy, likewise."""
    target = tf.cast(target, scores.dtype)
    return -tf.reduce_sum(target * tf.nn.log_softmax(scores), axis=-1), tf.nn.softmax(scores) - target


def _scattered(table: tf.Tensor, shown: tf.Tensor, change: tf.Tensor) -> tf.Tensor:
    """The gradient (R, V, G) of a table's rows, from that of the sums (t, R, B, G) that they went into."""
    replicates, side_by_side = shown.shape[1], shown.shape[3]
    features, columns = table.shape[1:]
    row = shown + (tf.range(replicates) * (features + 1))[:, None, None]  # the last row of each takes what is nothing
    each = tf.repeat(change[..., None, :], side_by_side, axis=3)
    flat = tf.zeros((replicates * (features + 1), columns), table.dtype)
    flat = tf.tensor_scatter_nd_add(flat, tf.reshape(row, (-1, 1)), tf.reshape(each, (-1, columns)))
    return tf.reshape(flat, (replicates, features + 1, columns))[:, :features]


def _forward_in_time(
    one_step: Callable[[Any, Any], tuple[Any, Tensors]], start: Any, steps: int, limit: tf.Tensor
) -> tuple[Any, list[Any]]:
    """What is carried from step to step, at the end, and what each step kept: (t, ...), or a list of steps."""
    if steps <= UNROLLED:
        carry, kept = start, []
        for step in range(steps):
            carry, each = one_step(step, carry)
            kept.append(each)
        return carry, [list(values) for values in zip(*kept, strict=True)]
    like = _shapes_kept(one_step, start)

    def body(step: tf.Tensor, carry: Any, buffers: Any) -> Any:
        carry, kept = one_step(step, carry)
        return step + 1, carry, [buffer.write(step, each) for buffer, each in zip(buffers, kept, strict=True)]

    buffers = [_buffer(steps, each) for each in like]
    _, carry, buffers = tf.while_loop(lambda step, *_: step < limit, body, (tf.constant(0), start, buffers))
    return carry, [buffer.stack() for buffer in buffers]


def _backward_in_time(
    one_step: Callable[[Any, Any, Tensors], tuple[Any, Tensors]],
    start: Any,
    kept: list[Any],
    steps: int,
    limit: tf.Tensor,
) -> tuple[Any, tf.Tensor]:
    """The same from the last step to the first; what a step returns beside the carry is stacked, if anything."""
    if steps <= UNROLLED:
        carry = start
        given: list[Tensors] = []
        for step in reversed(range(steps)):
            carry, each = one_step(step, carry, [values[step] for values in kept])
            given = [each, *given]
        return carry, tf.stack([each[0] for each in given]) if given[0] else tf.zeros(0)
    like = _shapes_kept(lambda step, carry: one_step(step, carry, [values[step] for values in kept]), start)

    def body(step: tf.Tensor, carry: Any, buffers: Any) -> Any:
        carry, given = one_step(step, carry, [values[step] for values in kept])
        return step - 1, carry, [buffer.write(step, each) for buffer, each in zip(buffers, given, strict=True)]

    buffers = [_buffer(steps, each) for each in like]
    _, carry, buffers = tf.while_loop(lambda step, *_: step >= 0, body, (limit - 1, start, buffers))
    return carry, buffers[0].stack() if buffers else tf.zeros(0)


def _shapes_kept(one_step: Callable[[Any, Any], tuple[Any, Tensors]], start: Any) -> Tensors:
    """What a step keeps, for its shapes; XLA drops the computation."""
    return one_step(0, start)[1]


def _buffer(steps: int, like: tf.Tensor) -> tf.TensorArray:
    return tf.TensorArray(like.dtype, steps, element_shape=like.shape)
