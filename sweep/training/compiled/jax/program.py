"""The programs in JAX: Keras's own model and optimiser as functions, JAX's gradient of them, `vmap` over replicates."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras

from sweep.machine.loading import device_name
from sweep.training.compiled.arrays import Learner
from sweep.training.compiled.program import Program
from sweep.training.compiled.shape import LANE_BY_LANE_BEYOND, MULTIPLIED_FEATURES, Shape
from sweep.training.keras_model import build_layers, build_model, build_optimizer

Array = Any
Arrays = list[Array]


class JaxProgram(Program):
    """Written for one replicate, and for the lanes with the state of one; `vmap` makes the rest of it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._network = _Network(shape)
        self._optimizer = build_optimizer(shape.training)
        self._optimizer.build(self._network.weights)
        self.weight_shapes = [tuple(weight.shape) for weight in self._network.weights]
        variables = self._optimizer.variables
        self._rate = next(i for i, variable in enumerate(variables) if variable is self._optimizer.learning_rate)
        slots = [variable for variable in variables if variable is not self._optimizer.learning_rate]
        self._initial_slots = [slot.numpy() for slot in slots]
        self._count = next(i for i, slot in enumerate(slots) if slot is self._optimizer.iterations)
        self.run = jax.jit(self._run)
        self.test = jax.jit(self._right)

    def initial_slots(self) -> list[Any]:
        """Those of Keras's optimiser, but for the learning rate, which is an input."""
        return self._initial_slots

    def zero_state(self, replicates: int, lanes: int) -> Arrays:
        """Of every layer."""
        return [jnp.zeros((replicates, lanes, size)) for size in self._network.state_sizes]

    def step(self, weights: Arrays, state: Arrays, shown: Array) -> tuple[Array, Arrays]:
        """A window of one step."""
        outputs, state = jax.vmap(self._network.outputs)(weights, state, shown[None].swapaxes(0, 1))
        return outputs[:, 0], state

    def answer(self, weights: Arrays, output: Array) -> Array:
        """The output layer, and its activation."""
        return jax.vmap(self._network.answer)(weights, output)

    def gradient(
        self,
        weights: Arrays,
        state: Arrays,
        shown: Array,
        asked: Array,
        loss_weights: Array,
        limit: Array,
    ) -> tuple[Array, Arrays, Arrays]:
        """As JAX derives it; the padding of a window is computed like any other step, and counts nothing."""
        total = jnp.sum(loss_weights, axis=(0, 2))
        share = loss_weights / jnp.where(total > 0, total, 1.0)[:, None]
        loss, state, gradients = jax.vmap(self._network.gradient, in_axes=(0, 0, 1, 1, 1))(
            weights, state, shown, asked, share
        )
        return loss, state, gradients

    def update(
        self,
        learner: Learner,
        gradients: Arrays,
        learning_rate: Array,
        clip_norm: Array | None,
        learns: Array | None,
    ) -> Learner:
        """Keras's optimiser, vectorised."""
        after: Learner = jax.vmap(self._updated)(learner, gradients, learning_rate, clip_norm, learns)
        return after

    def updates(self, learner: Learner) -> Array:
        """As the optimiser counts them."""
        return learner.slots[self._count]

    def _updated(
        self,
        learner: Learner,
        gradients: Arrays,
        learning_rate: Array,
        clip_norm: Array | None,
        learns: Array | None,
    ) -> Learner:
        if clip_norm is not None:
            norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
            scale = jnp.where(norm > clip_norm, clip_norm / norm, 1.0)
            gradients = [gradient * scale for gradient in gradients]
        slots = [*learner.slots[: self._rate], learning_rate, *learner.slots[self._rate :]]
        weights, slots = self._optimizer.stateless_apply(slots, gradients, learner.weights)
        after = Learner(weights, [*slots[: self._rate], *slots[self._rate + 1 :]])
        if learns is None:
            return after
        return Learner(*jax.tree.map(lambda new, old: jnp.where(learns, new, old), after, learner))


class _Network:
    """The Keras model of one replicate as functions of its weights and state; B lanes, t steps, S symbols.

    Its layers are called step by step. Of many symbols one-hot vectors are not multiplied with the first layer's
    kernel: what is shown is looked up there, as a row that is added to the layer's bias, and the layer has no inputs.
    """

    def __init__(self, shape: Shape) -> None:
        config, lags = shape.model, shape.training.lags
        model = build_model(config, shape.num_symbols, batch_size=1, timesteps=1, lags=lags, drawn=False)
        self.weights = model.trainable_variables
        *body, self._head = model.layers
        self._activation, self._head.activation = self._head.activation, keras.activations.linear
        sizes = [keras.tree.flatten(layer.cell.state_size) if hasattr(layer, "cell") else [] for layer in body]
        self._states = [len(each) for each in sizes]
        self.state_sizes = [size for each in sizes for size in each]
        self._layers = [getattr(layer, "cell", layer) for layer in body]
        self._looks_up = shape.num_features > MULTIPLIED_FEATURES["jax"]
        if self._looks_up:
            first = build_layers(config, shape.num_symbols, drawn=False)[0]
            self._layers[0] = getattr(first, "cell", first)
            self._layers[0].build((1, 0))
        self._counts = [len(layer.trainable_variables) for layer in self._layers]
        self._last_only = shape.training.loss_on == "last"
        self._cost: Callable[..., Any] = {
            "sigmoid": keras.losses.binary_crossentropy,
            "softmax": keras.losses.categorical_crossentropy,
        }[config.output]
        self._num_features, self._num_symbols = shape.num_features, shape.num_symbols
        self._lane_by_lane = shape.window > LANE_BY_LANE_BEYOND and device_name() == "cpu"

    def gradient(
        self, weights: Arrays, state: Arrays, shown: Array, asked: Array, share: Array
    ) -> tuple[Array, Arrays, Arrays]:
        """Of a window the loss, the state after it, and the gradients.

        A core's cache does not hold what a long window keeps of all lanes for the way back, but what it keeps of one.
        """
        differentiate = jax.value_and_grad(self.loss, has_aux=True)
        if not self._lane_by_lane:
            (loss, state), gradients = differentiate(weights, state, shown, asked, share)
            return loss, state, gradients

        def add_lane(sums: Any, lane: Any) -> tuple[Any, Arrays]:
            (loss, state), gradients = differentiate(weights, *lane)
            return jax.tree.map(jnp.add, sums, (loss, gradients)), state

        nothing = (jnp.zeros(()), [jnp.zeros_like(weight) for weight in weights])
        lanes = (
            [part[:, None] for part in state],
            *(jnp.swapaxes(each, 0, 1)[:, :, None] for each in (shown, asked, share)),
        )
        (loss, gradients), state = jax.lax.scan(add_lane, nothing, lanes)
        return loss, [part[:, 0] for part in state], gradients

    def loss(self, weights: Arrays, state: Arrays, shown: Array, asked: Array, share: Array) -> tuple[Array, Arrays]:
        """A window's loss, to which a step adds by its `share` (t, B), and the state after it; `shown` (t, B, F)."""
        outputs, state = self.outputs(weights, state, shown)
        if self._last_only:  # at most one step of a lane counts
            counts = share > 0
            outputs = jnp.sum(jnp.where(counts[..., None], outputs, 0.0), axis=0)
            asked, share = jnp.sum(jnp.where(counts, asked, 0), axis=0), jnp.sum(share, axis=0)
        target = jax.nn.one_hot(asked, self._num_symbols)
        return jnp.sum(self._cost(target, self._sums(weights, outputs), from_logits=True) * share), state

    def outputs(self, weights: Arrays, state: Arrays, shown: Array) -> tuple[Array, Arrays]:
        """The highest layer's output (t, B, U), and the state after, of `shown` (t, B, F)."""
        if self._looks_up:  # what is beyond the last is nothing
            each = jnp.take(weights[0], shown, axis=0, mode="fill", fill_value=0.0)
        else:
            each = jax.nn.one_hot(shown, self._num_features)
        inputs = jnp.sum(each, axis=-2)

        def lane(state: Arrays, inputs: Array) -> tuple[Arrays, Array]:
            return jax.lax.scan(lambda state, given: self._step(weights[:-2], state, given), state, inputs)

        if shown.shape[1] > 1:
            after, outputs = jax.vmap(lane, in_axes=(0, 1), out_axes=(0, 1))(state, inputs)
            return outputs, after
        # Of a lane alone XLA computes a long window in two thirds of the time if it has no axis for lanes.
        after, outputs = lane([part[0] for part in state], inputs[:, 0])
        return outputs[:, None], [part[None] for part in after]

    def _step(self, weights: Arrays, state: Arrays, given: Array) -> tuple[Arrays, Array]:
        """The state after a step of one lane, and the highest layer's output (U,)."""
        if self._looks_up:
            _, *between, bias = weights[: self._counts[0]]
            bias = bias + given if bias.ndim == 1 else bias.at[0].add(given)  # Keras's GRU has another for the state
            weights = [jnp.zeros((0, len(given))), *between, bias, *weights[self._counts[0] :]]
            given = jnp.zeros(0)
        output, after = given[None], []
        for layer, count, states in zip(self._layers, self._counts, self._states, strict=True):
            own, weights = weights[:count], weights[count:]
            before, state = [part[None] for part in state[:states]], state[states:]
            constants = [variable.value for variable in layer.non_trainable_variables]
            if states:
                (output, new), _ = layer.stateless_call(own, constants, output, before)
                after += [part[0] for part in new]
            else:
                output, _ = layer.stateless_call(own, constants, output)
        return after, output[0]

    def answer(self, weights: Arrays, output: Array) -> Array:
        """The scores of the symbols (..., S) from the highest layer's output (..., U)."""
        return self._activation(self._sums(weights, output))

    def _sums(self, weights: Arrays, output: Array) -> Array:
        return self._head.stateless_call(weights[-2:], [], output)[0]
