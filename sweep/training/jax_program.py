"""The programs in JAX: Keras's own model and optimiser as functions, JAX's gradient of them, `vmap` over replicates."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras

from sweep.model import build_model, build_optimizer, device_name, recurrent_layers
from sweep.training.program import Learner, Program
from sweep.training.shape import Shape

Array = Any
Arrays = list[Array]

_LONG_WINDOW = 64  # steps; of longer windows a CPU is faster with one lane after the other


class JaxProgram(Program):
    """Written for one replicate, and for the lanes with the state of one; `vmap` makes the rest of it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        self._network = _Network(shape)
        self._optimizer = build_optimizer(shape.configuration)
        self._optimizer.build(self._network.weights)
        self.weight_shapes = [tuple(weight.shape) for weight in self._network.weights]
        variables = self._optimizer.variables
        self._rate = next(i for i, variable in enumerate(variables) if variable is self._optimizer.learning_rate)
        slots = [variable for variable in variables if variable is not self._optimizer.learning_rate]
        self._initial_slots = [slot.numpy() for slot in slots]
        self._count = next(i for i, slot in enumerate(slots) if slot is self._optimizer.iterations)
        self.run = jax.jit(self._run)
        self.test = jax.jit(self._test)

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
        weight: Array,
        limit: Array,
    ) -> tuple[Array, Arrays, Arrays]:
        """As JAX derives it; the padding of a window is computed like any other step, and counts nothing."""
        total = jnp.sum(weight, axis=(0, 2))
        share = weight / jnp.where(total > 0, total, 1.0)[:, None]
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
        updates: Array | None,
    ) -> Learner:
        """Keras's optimiser, vectorised."""
        after: Learner = jax.vmap(self._updated)(learner, gradients, learning_rate, clip_norm, updates)
        return after

    def updates(self, learner: Learner) -> Array:
        """As the optimiser counts them."""
        return learner["slots"][self._count]

    def _updated(
        self,
        learner: Learner,
        gradients: Arrays,
        learning_rate: Array,
        clip_norm: Array | None,
        updates: Array | None,
    ) -> Learner:
        if clip_norm is not None:
            norm = jnp.sqrt(sum(jnp.sum(jnp.square(gradient)) for gradient in gradients))
            scale = jnp.where(norm > clip_norm, clip_norm / norm, 1.0)
            gradients = [gradient * scale for gradient in gradients]
        slots = [*learner["slots"][: self._rate], learning_rate, *learner["slots"][self._rate :]]
        weights, slots = self._optimizer.stateless_apply(slots, gradients, learner["weights"])
        after = {"weights": weights, "slots": [*slots[: self._rate], *slots[self._rate + 1 :]]}
        if updates is None:
            return after
        return dict(jax.tree.map(lambda new, old: jnp.where(updates, new, old), after, learner))


class _Network:
    """The Keras model of one replicate as functions of its weights and state; B lanes, t steps, S symbols."""

    def __init__(self, shape: Shape) -> None:
        configuration = shape.configuration
        lags = configuration.training.lags
        # Our own state goes in and out: where it is dropped between windows, the program puts zeros in.
        config = configuration.model.model_copy(update={"stateful": True})
        model = build_model(config, shape.num_symbols, batch_size=1, timesteps=None, lags=lags, drawn=False)
        self.weights = model.trainable_variables
        self._head = model.layers[-1]
        self._activation, self._head.activation = self._head.activation, keras.activations.linear
        self._body = keras.Model(model.inputs, model.layers[-2].output)
        states = [id(state) for layer in recurrent_layers(model) for state in layer.states]
        self._states = [index for index, each in enumerate(self._body.non_trainable_variables) if id(each) in states]
        self._constants = [variable.value for variable in self._body.non_trainable_variables]
        self.state_sizes = [self._constants[index].shape[-1] for index in self._states]
        self._last_only = configuration.training.loss_on == "last"
        self._cost: Callable[..., Any] = {
            "sigmoid": keras.losses.binary_crossentropy,
            "softmax": keras.losses.categorical_crossentropy,
        }[config.output]
        self._num_features, self._num_symbols = shape.num_features, shape.num_symbols
        self._lane_by_lane = shape.window > _LONG_WINDOW and device_name() == "cpu"

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
        inputs = jnp.sum(jax.nn.one_hot(shown, self._num_features), axis=-2)  # what is beyond the last is nothing

        def lane(state: Arrays, inputs: Array) -> tuple[Array, Arrays]:
            variables = list(self._constants)
            for index, part in zip(self._states, state, strict=True):
                variables[index] = part[None]
            outputs, variables = self._body.stateless_call(weights[:-2], variables, inputs[None])
            return outputs[0], [variables[index][0] for index in self._states]

        if inputs.shape[1] > 1:
            return jax.vmap(lane, in_axes=(0, 1), out_axes=(1, 0))(state, inputs)
        # Of a lane alone XLA computes a long window in two thirds of the time if it has no axis for lanes.
        outputs, after = lane([part[0] for part in state], inputs[:, 0])
        return outputs[:, None], [part[None] for part in after]

    def answer(self, weights: Arrays, output: Array) -> Array:
        """The scores of the symbols (..., S) from the highest layer's output (..., U)."""
        return self._activation(self._sums(weights, output))

    def _sums(self, weights: Arrays, output: Array) -> Array:
        return self._head.stateless_call(weights[-2:], [], output)[0]
