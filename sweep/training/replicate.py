"""One replicate of the compiled trainer: a Keras model and optimiser as functions of their variables' values.

Nothing here knows that there are other replicates: `program.py` vectorises these functions over them.
Letters in shapes: B lanes, t steps of a window.
"""

from typing import Any

import keras
import tensorflow as tf

from sweep.config import Configuration
from sweep.model import build_model, build_optimizer, recurrent_layers


class Replicate:
    """The model's own cells and dense layer, and its Keras optimiser, run without touching their variables."""

    def __init__(self, configuration: Configuration, num_symbols: int, *, window: int) -> None:
        self._num_symbols = num_symbols
        self._window = window
        lanes = configuration.training.batch_size
        model = build_model(configuration.model, num_symbols, batch_size=lanes, timesteps=window)
        self._cells = [layer.cell for layer in recurrent_layers(model)]
        self._dense = model.layers[-1]
        self._variables = model.trainable_variables
        losses = {
            "sigmoid": keras.losses.binary_crossentropy,
            "softmax": keras.losses.categorical_crossentropy,
        }
        self._loss = losses[configuration.model.output]
        self._optimizer = _stateless(build_optimizer(configuration))
        self._optimizer.build(self._variables)
        self._slots = [v for v in self._optimizer.variables if v is not self._optimizer.learning_rate]
        self.weight_shapes: list[tuple[int, ...]] = [tuple(v.shape) for v in self._variables]
        self.state_sizes: list[int] = [size for cell in self._cells for size in cell.state_size]

    def optimizer_state(self) -> list[Any]:
        """The optimiser's variables (its update count among them) before the first update."""
        return [slot.numpy() for slot in self._slots]

    def step(self, weights: list[tf.Tensor], state: list[tf.Tensor], symbols: tf.Tensor) -> tuple[tf.Tensor, Any]:
        """One time step: `symbols` (B,) to the outputs (B, symbols) and the next state."""
        with keras.StatelessScope(list(zip(self._variables, weights, strict=True))):
            signal = tf.one_hot(symbols, self._num_symbols)
            after: list[tf.Tensor] = []
            for cell in self._cells:
                before = state[len(after) : len(after) + len(cell.state_size)]
                signal, new = cell(signal, before)
                after += new
            return self._dense(signal), after

    def update(
        self,
        learner: dict[str, list[tf.Tensor]],
        state: list[tf.Tensor],
        seen: tf.Tensor,
        weight: tf.Tensor,
        alive: tf.Tensor,
        learning_rate: tf.Tensor,
        *,
        masked: bool,
    ) -> tuple[tf.Tensor, dict[str, list[tf.Tensor]], list[tf.Tensor], tf.Tensor]:
        """One window: forward, mean loss over what `weight` (B, t) counts, one update.

        `seen` (B, t + 1) are the symbols shown and, shifted by one, those asked for. With `masked`, a
        replicate that is not `alive`, or a window that counts nothing, makes no update. Returns the loss,
        the learner, the state, and the number of updates made (0.0 or 1.0).
        """
        weights, slots = learner["weights"], learner["slots"]
        with tf.GradientTape() as tape:
            tape.watch(weights)
            losses = []
            for step in range(self._window):
                output, state = self.step(weights, state, seen[:, step])
                target = tf.one_hot(seen[:, step + 1], self._num_symbols)
                losses.append(tf.reduce_sum(self._loss(target, output) * weight[:, step]))
            loss = tf.math.divide_no_nan(tf.add_n(losses), tf.reduce_sum(weight))
        gradients = tape.gradient(loss, weights)

        values = [*zip(self._variables, weights, strict=True), *zip(self._slots, slots, strict=True)]
        with keras.StatelessScope(values) as scope:
            for gradient, variable in zip(gradients, self._variables, strict=True):
                self._optimizer.update_step(gradient, variable, learning_rate)
            self._optimizer.iterations.assign_add(1)
        after = [scope.get_current_value(variable) for variable, _ in values]
        updated = tf.constant(1.0)
        if masked:
            updates = alive & (tf.reduce_sum(weight) > 0)
            after = [tf.where(updates, new, old) for new, (_, old) in zip(after, values, strict=True)]
            updated = tf.cast(updates, tf.float32)
        learner = {"weights": after[: len(weights)], "slots": after[len(weights) :]}
        return loss * updated, learner, state, updated


def _stateless(optimizer: Any) -> Any:
    """The optimiser, working through Keras variables: TensorFlow's own way ignores `StatelessScope`."""
    kind = type(optimizer)
    through_keras = {
        "_var_key": lambda self, variable: id(variable),
        "assign": lambda self, variable, value: variable.assign(value),
        "assign_add": lambda self, variable, value: variable.assign(variable + value),
        "assign_sub": lambda self, variable, value: variable.assign(variable - value),
    }
    stateless: Any = type(kind.__name__, (kind,), through_keras)
    return stateless.from_config(optimizer.get_config())
