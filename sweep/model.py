"""The Keras model of a configuration, and the weights that a seed gives it."""

from __future__ import annotations

import functools
import math
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sweep.backend import VARIABLE, backend
from sweep.config import Configuration, ModelConfig
from sweep.tasks import Task
from sweep.xla import prepare

if TYPE_CHECKING:
    import keras

# Read by TensorFlow, and by JAX, when they are imported. They greet on stderr, and complain where there is no GPU.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault(VARIABLE, backend())  # or Keras looks into a file of its own

Weights = list[NDArray[np.float32]]
"""A model's trainable weights in Keras's order: of each recurrent layer kernel, recurrent kernel, bias; then Dense."""

BLOCKS = {"lstm": 4, "gru": 3, "simple_rnn": 1, "mlp": 1}
"""Cell -> blocks of units in its kernel: the gates and the candidate."""


def import_keras() -> None:
    """Import Keras and its backend without what TensorFlow writes to stderr before its log level counts.

    Whoever trains calls this first; an import anywhere else works too, and is noisy.
    """
    prepare()
    with _without_jax() if backend() == "tensorflow" else nullcontext(), tempfile.TemporaryFile() as unheard:
        stderr = os.dup(2)
        os.dup2(unheard.fileno(), 2)
        try:
            import keras  # noqa: F401
        except BaseException:
            os.dup2(stderr, 2)
            unheard.seek(0)
            os.write(2, unheard.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextmanager
def _without_jax() -> Iterator[None]:
    """TensorFlow's converter for phones imports JAX where it is installed, and does without it otherwise."""
    unless_loaded = {} if "jax" in sys.modules else {"jax": None}
    sys.modules |= unless_loaded  # type: ignore[arg-type] # None: an import fails
    try:
        yield
    finally:
        for name in unless_loaded:
            del sys.modules[name]


def device_name() -> str:
    """What the backend trains on: the name of the first GPU, or "cpu"."""
    if backend() == "jax":
        import jax

        device = jax.devices()[0]
        return "cpu" if device.platform == "cpu" else str(device.device_kind)
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    return str(tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")) if gpus else "cpu"


def resolved(configuration: Configuration, task: Task) -> ModelConfig:
    """The model's configuration with what it leaves to the task: how long a memory chrono prepares for."""
    model = configuration.model
    if model.gate_bias != "chrono" or model.chrono_max is not None:
        return model
    return model.model_copy(update={"chrono_max": max(3, round(task.expected_length))})


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

    features = num_symbols * (lags if config.cell == "mlp" else 1)
    inputs = keras.Input(batch_shape=(batch_size, timesteps, features))
    return keras.Sequential([inputs, *build_layers(config, num_symbols, drawn=drawn)])


def num_weights(config: ModelConfig, num_symbols: int, lags: int = 1) -> int:
    """The trainable weights of the model, counted without building it.

    >>> num_weights(ModelConfig(units=20), num_symbols=5)
    2185
    """
    return sum(math.prod(shape) for shape in _weight_shapes(config, num_symbols, lags))


def _weight_shapes(config: ModelConfig, num_symbols: int, lags: int) -> list[tuple[int, ...]]:
    """Of a model's trainable weights, in Keras's order."""
    units, width = config.units, BLOCKS[config.cell] * config.units
    shapes: list[tuple[int, ...]] = []
    for inputs in [num_symbols * (lags if config.cell == "mlp" else 1), *[units] * (config.layers - 1)]:
        shapes += [(inputs, width)] if config.cell == "mlp" else [(inputs, width), (units, width)]
        shapes.append((2, width) if config.cell == "gru" else (width,))  # Keras's GRU: the input's, and the state's
    return [*shapes, (units, num_symbols), (num_symbols,)]


def seeded_model(
    config: ModelConfig, num_symbols: int, seed: int, *, batch_size: int, timesteps: int, lags: int = 1
) -> Any:
    """The model as a plain Keras script gets it that calls `keras.utils.set_random_seed(seed)` first.

    The script's backend counts: Keras draws a seed's weights with the backend's own generator, so that the same seed
    starts from other weights on another backend, of the same distribution. Weights that were the same on both would
    be no script's on one of them.
    """
    import keras

    if backend() == "tensorflow":
        keras.utils.set_random_seed(
            seed
        )  # it imports TensorFlow, and a model takes no more from it than the line below
    with _random_numbers(random.Random(seed)):
        return build_model(config, num_symbols, batch_size=batch_size, timesteps=timesteps, lags=lags)


@contextmanager
def _random_numbers(source: Any) -> Iterator[None]:
    """Keras takes the seeds of its initialisers from `source`, whatever other threads do meanwhile.

    Otherwise it takes them from the generator of Python's `random`, which is everybody's: on a worker, Dask's own
    threads draw from it between two layers.
    """
    from keras.src.random import seed_generator

    everybodys = seed_generator.python_random
    seed_generator.python_random = source
    try:
        yield
    finally:
        seed_generator.python_random = everybodys


class _Counter:
    """Hands out 0, 1, 2, ... for random numbers, and knows what was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def randint(self, low: int, high: int) -> int:
        self.asked.append((low, high))
        return len(self.asked) - 1


@functools.lru_cache(maxsize=64)
def initial_weights(config: ModelConfig, num_symbols: int, seeds: tuple[int, ...], lags: int = 1) -> list[Weights]:
    """The weights of `seeded_model` for each seed, bit for bit, in a fraction of the time.

    Keras draws the seeds of the initialisers while it makes the layers, which takes much longer. Here it makes them
    once, to see which draw each initialiser gets; for every seed only the numbers are drawn.
    """
    counter = _Counter()
    with _random_numbers(counter):
        layers = build_layers(config, num_symbols)
    features = num_symbols * (lags if config.cell == "mlp" else 1)
    if backend() == "jax":
        sources = [random.Random(seed) for seed in seeds]
        # (R, draws, 2): each the key of the random numbers that Keras makes of a seed.
        keys = np.array([[(source.randint(*bounds), 0) for bounds in counter.asked] for source in sources], np.uint32)
        if config.gate_bias == "chrono":
            return _drawn_in_one_program(config, num_symbols, features, keys)
        return _drawn_for_any_shape(
            config, _weight_shapes(config, num_symbols, lags), _random_initializers(layers), keys
        )
    _build(layers, features, config)
    constant = [np.asarray(weight) for layer in layers for weight in layer.trainable_variables]
    initializers = _random_initializers(layers)
    draws = {index: initializer.seed for index, initializer in initializers.items()}
    drawn = []
    for seed in seeds:
        generator, weights = random.Random(seed), list(constant)
        numbers = [generator.randint(*bounds) for bounds in counter.asked]
        for index, initializer in initializers.items():
            initializer.seed = numbers[draws[index]]
            weights[index] = np.asarray(initializer(constant[index].shape))
        drawn.append(weights)
    return drawn


def _drawn_in_one_program(
    config: ModelConfig, num_symbols: int, features: int, keys: NDArray[np.uint32]
) -> list[Weights]:
    """The same, compiled whole: JAX would compile every operation of an initialiser by itself, for every shape."""
    import jax

    def weights(keys: Any) -> Any:
        with _random_numbers(_Counter()):
            layers = build_layers(config, num_symbols)
        for initializer in _random_initializers(layers).values():
            initializer.seed = keys[initializer.seed]
        _build(layers, features, config)
        return [weight.value for layer in layers for weight in layer.trainable_variables]

    drawn = [np.asarray(weight) for weight in jax.jit(jax.vmap(weights))(keys)]
    return [[weight[index] for weight in drawn] for index in range(len(keys))]


def _drawn_for_any_shape(
    config: ModelConfig, shapes: list[tuple[int, ...]], initializers: dict[int, Any], keys: NDArray[np.uint32]
) -> list[Weights]:
    """The same by a program that many shapes share, for a study that searches over `units`; not for chrono's biases.

    JAX's n-th random number depends on its key and on n alone, so that a shape's are the first of any longer row.
    What Keras's initialisers make of them, Glorot's limits and an orthogonal factor by LAPACK, is done here.
    """
    import keras

    normal = tuple(isinstance(each, keras.initializers.Orthogonal) for each in initializers.values())
    drawn = [shapes[index] for index in initializers]
    limits = np.array([math.sqrt(3.0 / max(1.0, sum(shape) / 2)) for shape in drawn], np.float32)  # Glorot's
    longest = max(math.prod(shape) for shape in drawn)
    length = 4 ** max(6, math.ceil(math.log(longest, 4)))  # few programs for many shapes
    rows = _rows(length, normal)(keys[:, [each.seed for each in initializers.values()]], limits)

    weights = [np.zeros((len(keys), *shape), np.float32) for shape in shapes]
    if config.cell == "lstm" and config.gate_bias == "unit_forget":
        for bias in weights[2:-2:3]:
            bias[:, config.units : 2 * config.units] = 1.0
    for index, row, of_normal in zip(initializers, rows, normal, strict=True):
        shape = shapes[index]
        numbers = np.asarray(row)[:, : math.prod(shape)]
        if of_normal:
            weights[index] = np.stack([_orthogonal(each, shape) for each in numbers])
        else:
            weights[index] = numbers.reshape(-1, *shape)
    return [[weight[replicate] for weight in weights] for replicate in range(len(keys))]


@functools.cache
def _rows(length: int, normal: tuple[bool, ...]) -> Any:
    """A program for rows of random numbers, normal ones or uniform ones between a limit and its negative."""
    import jax

    def rows(keys: Any, limits: Any) -> Any:  # (draws, 2), (draws,)
        return [
            jax.random.normal(key, (length,))
            if of_normal
            else jax.random.uniform(key, (length,), minval=-limit, maxval=limit)
            for key, limit, of_normal in zip(keys, limits, normal, strict=True)
        ]

    return jax.jit(jax.vmap(rows, in_axes=(0, None)))


def _orthogonal(numbers: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """A matrix of this shape whose rows, or columns where they are fewer, are orthonormal."""
    import scipy.linalg

    factor, triangle = scipy.linalg.qr(numbers.reshape(max(shape), min(shape)), mode="economic", check_finite=False)
    factor *= np.sign(np.diag(triangle))
    return np.ascontiguousarray(factor.T if shape[0] < shape[1] else factor)


def _build(layers: list[Any], features: int, config: ModelConfig) -> None:
    for layer in layers:
        layer.build((1, 1, features))
        features = config.units


def build_layers(config: ModelConfig, num_symbols: int, *, drawn: bool = True) -> list[Any]:
    """The layers of `build_model`, which have no weights yet."""
    import keras

    constant = {} if drawn else {"kernel_initializer": "zeros"}

    kinds = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "simple_rnn": keras.layers.SimpleRNN}
    if backend() == "jax":
        kinds = {name: _keeping_its_state(kind) for name, kind in kinds.items()}
    layers: list[Any] = []
    for _ in range(config.layers):
        if config.cell == "mlp":
            layers.append(keras.layers.Dense(config.units, activation="relu", **constant))
            continue
        options: dict[str, Any] = {"stateful": config.stateful, "return_sequences": True, **constant}
        if not drawn:
            options["recurrent_initializer"] = "zeros"
        if config.cell == "lstm":
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


def _random_initializers(layers: Sequence[Any]) -> dict[int, Any]:
    """Index among a model's weights -> the initialiser that draws it; the other weights start constant."""
    initializers: list[Any] = []
    for layer in layers:
        if hasattr(layer, "cell"):
            cell = layer.cell
            initializers += [cell.kernel_initializer, cell.recurrent_initializer, cell.bias_initializer]
        else:
            initializers += [layer.kernel_initializer, layer.bias_initializer]
    return {index: each for index, each in enumerate(initializers) if hasattr(each, "seed")}


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


def build_optimizer(configuration: Configuration) -> Any:
    """The Keras optimiser of a configuration, with Keras's defaults but for the learning rate and clipping."""
    import keras

    kinds = {"adam": keras.optimizers.Adam, "rmsprop": keras.optimizers.RMSprop, "sgd": keras.optimizers.SGD}
    training = configuration.training
    return kinds[training.optimizer](learning_rate=training.learning_rate, global_clipnorm=training.clip_norm)
