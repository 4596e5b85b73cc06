"""The Keras model of a configuration, and the weights that a seed gives it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweep.config import Configuration, ModelConfig

if TYPE_CHECKING:
    import keras

# Read by TensorFlow when it is imported. It greets on stderr, and complains where there is no GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# XLA runs a loop of small steps as one native function, instead of dispatching its operations one by one,
# only below a size that is meant for toys; a recurrent network's step is small enough at any size we train.
_ONE_FUNCTION = "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=100000000"
if "xla_backend_extra_options" not in os.environ.get("XLA_FLAGS", ""):
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_ONE_FUNCTION}".strip()

Weights = list[NDArray[np.float32]]
"""A model's trainable weights in Keras's order: of each recurrent layer kernel, recurrent kernel, bias; then Dense."""


def build_model(config: ModelConfig, num_symbols: int, *, batch_size: int, timesteps: int) -> keras.Sequential:
    """The tutorial's network: one-hot symbols -> recurrent layers -> a score for each symbol as the next.

    Input (batch_size, timesteps, num_symbols), output of the same shape. The layers return whole sequences
    so that every step of a window can be scored; with one timestep that is the tutorial's network itself.
    """
    import keras

    model = keras.Sequential([keras.Input(batch_shape=(batch_size, timesteps, num_symbols))])
    for _ in range(config.layers):
        model.add(keras.layers.LSTM(config.units, stateful=config.stateful, return_sequences=True))
    model.add(keras.layers.Dense(num_symbols, activation=config.output))
    return model


def seeded_model(config: ModelConfig, num_symbols: int, seed: int, *, batch_size: int, timesteps: int) -> Any:
    """The model as a plain Keras script gets it that calls `keras.utils.set_random_seed(seed)` first."""
    import keras

    keras.utils.set_random_seed(seed)
    return build_model(config, num_symbols, batch_size=batch_size, timesteps=timesteps)


def recurrent_layers(model: Any) -> list[Any]:
    """The layers that carry a state from step to step, lowest first."""
    return [layer for layer in model.layers if hasattr(layer, "cell")]


def reset_states(model: Any) -> None:
    """Set the state of every recurrent layer to zero; `Sequential` itself cannot in Keras 3."""
    for layer in recurrent_layers(model):
        if layer.stateful:
            layer.reset_state()


def build_optimizer(configuration: Configuration) -> Any:
    """The Keras optimiser of a configuration, with Keras's defaults but for the learning rate."""
    import keras

    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
    return kinds[configuration.training.optimizer](learning_rate=configuration.training.learning_rate)
