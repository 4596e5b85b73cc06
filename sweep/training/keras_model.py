"""The Keras model of a configuration, and the weights that a seed gives it."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.cells import CELLS
from sweep.experiment.configuration import Configuration, ModelConfig, TrainingConfig
from sweep.experiment.normal_form import usual_chrono_max
from sweep.machine.backend import backend
from sweep.tasks.task import Task

if TYPE_CHECKING:
    import keras

Weights = list[NDArray[np.float32]]
"""A model's trainable weights in Keras's order: of each recurrent layer kernel, recurrent kernel, bias; then Dense."""


def resolved(configuration: Configuration, task: Task) -> ModelConfig:
    """The model's configuration with what it leaves to the task: how long a memory chrono prepares for."""
    model = configuration.model
    if model.gate_bias != "chrono" or model.chrono_max is not None:
        return model
    return model.model_copy(update={"chrono_max": usual_chrono_max(task)})


def build_model(
    config: ModelConfig,
    num_symbols: int,
    *,
    batch_size: int,
    timesteps: int | None,
    lags: int = 1,
    drawn: bool = True,
) -> keras.Sequential:
    """The tutorial's network: one-hot symbols -> recurrent layers -> a score for each symbol as the next.

    Input (batch_size, timesteps, num_symbols), output of the same shape. The layers return whole sequences
    so that every step of a window can be scored; with one timestep that is the tutorial's network itself.
    The mlp has dense layers instead, and sees the last `lags` symbols side by side: its input is
    (batch_size, timesteps, lags x num_symbols). Its weights are `drawn`, or zero for those who bring their own.
    """
    import keras

    features = num_symbols * CELLS[config.cell].side_by_side(lags)
    inputs = keras.Input(batch_shape=(batch_size, timesteps, features))
    return keras.Sequential([inputs, *build_layers(config, num_symbols, drawn=drawn)])


def num_weights(config: ModelConfig, num_symbols: int, lags: int = 1) -> int:
    """The trainable weights of the model, counted without building it.

    >>> num_weights(ModelConfig(units=20), num_symbols=5)
    2185
    """
    return sum(math.prod(shape) for shape in weight_shapes(config, num_symbols, lags))


def weight_shapes(config: ModelConfig, num_symbols: int, lags: int) -> list[tuple[int, ...]]:
    """Of a model's trainable weights, in Keras's order."""
    cell, units = CELLS[config.cell], config.units
    width = len(cell.blocks) * units
    shapes: list[tuple[int, ...]] = []
    for inputs in [num_symbols * cell.side_by_side(lags), *[units] * (config.layers - 1)]:
        shapes += [(inputs, width), (units, width)] if cell.recurrent else [(inputs, width)]
        shapes.append((cell.biases, width) if cell.biases > 1 else (width,))
    return [*shapes, (units, num_symbols), (num_symbols,)]


def build_layers(config: ModelConfig, num_symbols: int, *, drawn: bool = True) -> list[Any]:
    """The layers of `build_model`, which have no weights yet."""
    import keras

    constant = {} if drawn else {"kernel_initializer": "zeros"}

    kinds = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "simple_rnn": keras.layers.SimpleRNN}
    if backend() == "jax":
        kinds = {name: _keeping_its_state(kind) for name, kind in kinds.items()}
    cell = CELLS[config.cell]
    layers: list[Any] = []
    for _ in range(config.layers):
        if not cell.recurrent:
            layers.append(keras.layers.Dense(config.units, activation="relu", **constant))
            continue
        options: dict[str, Any] = {"stateful": config.stateful, "return_sequences": True, **constant}
        if not drawn:
            options["recurrent_initializer"] = "zeros"
        if "forget" in cell.gates:
            options["unit_forget_bias"] = config.gate_bias == "unit_forget" and drawn
        if config.gate_bias == "chrono" and drawn:
            options["bias_initializer"] = _chrono(config)
        layers.append(kinds[config.cell](config.units, **options))
    return [*layers, keras.layers.Dense(num_symbols, activation=config.output, **constant)]


@functools.cache
def _keeping_its_state(kind: Any) -> Any:
    """Keras's recurrent layer, its state among its variables.

    Keras 3.15 leaves it out, and in JAX, where a layer's variables are all that a call can change, `fit` and `predict`
    then begin every batch with the state that the first one had, stateful or not.
    """

    def build(self: Any, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        kind.build(self, sequences_shape, initial_state_shape)
        if self.stateful:
            self.carried = list(self.states)  # an attribute that is set here is tracked

    return type(kind.__name__, (kind,), {"build": build})


def _chrono(config: ModelConfig) -> Any:
    """The chrono initialisation of the biases (Tallec & Ollivier 2018, section 3).

    LSTM: forget bias log U(1, chrono_max - 1), input bias its negative. A GRU has one gate for both, which
    Keras has keep the state where it is open: its bias is the former.
    """
    assert config.chrono_max is not None, "resolved() fills it in"
    return _chrono_class()(1.0, config.chrono_max - 1.0)


@functools.cache
def _chrono_class() -> Any:
    import keras

    class Chrono(keras.initializers.RandomUniform):  # type: ignore[misc]
        """A random initialiser of Keras's in all but its values."""

        def __call__(self, shape: Any, dtype: Any = None) -> Any:
            blocks = 4 if len(shape) == 1 else 3  # an LSTM's biases (4 units,), or a GRU's (2, 3 units)
            keep = keras.ops.log(super().__call__((shape[-1] // blocks,), dtype))
            zero = keras.ops.zeros_like(keep)
            if blocks == 4:
                return keras.ops.concatenate([-keep, keep, zero, zero])
            inputs = keras.ops.concatenate([keep, zero, zero])
            return keras.ops.stack([inputs, keras.ops.zeros_like(inputs)])

    return Chrono


def recurrent_layers(model: Any) -> list[Any]:
    """The layers that carry a state from step to step, lowest first."""
    return [layer for layer in model.layers if hasattr(layer, "cell")]


def reset_states(model: Any) -> None:
    """Set the state of every recurrent layer to zero; `Sequential` itself cannot in Keras 3."""
    for layer in recurrent_layers(model):
        if layer.stateful:
            layer.reset_state()


def set_weights(model: Any, weights: Weights) -> None:
    """Give a model its trainable weights, and leave its state as it is."""
    for variable, weight in zip(model.trainable_variables, weights, strict=True):
        variable.assign(weight)


def build_optimizer(training: TrainingConfig) -> Any:
    """The Keras optimiser of a training, with Keras's defaults but for the learning rate and clipping."""
    import keras

    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
    return kinds[training.optimizer](learning_rate=training.learning_rate, global_clipnorm=training.clip_norm)
