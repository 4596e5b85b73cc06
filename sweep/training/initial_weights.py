"""The weights that a seed gives a model: what a plain Keras script starts from, drawn for many seeds at once."""

from __future__ import annotations

import functools
import math
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.cells import CELLS
from sweep.experiment.configuration import ModelConfig
from sweep.machine.backend import backend
from sweep.training.keras_model import Weights, build_layers, build_model, weight_shapes
from sweep.training.keras_private import random_numbers


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
    with random_numbers(random.Random(seed)):
        return build_model(config, num_symbols, batch_size=batch_size, timesteps=timesteps, lags=lags)


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
    with random_numbers(counter):
        layers = build_layers(config, num_symbols)
    features = num_symbols * CELLS[config.cell].side_by_side(lags)
    if backend() == "jax":
        sources = [random.Random(seed) for seed in seeds]
        # (R, draws, 2): each the key of the random numbers that Keras makes of a seed.
        keys = np.array([[(source.randint(*bounds), 0) for bounds in counter.asked] for source in sources], np.uint32)
        if config.gate_bias == "chrono":
            return _drawn_in_one_program(config, num_symbols, features, keys)
        return _drawn_for_any_shape(
            config, weight_shapes(config, num_symbols, lags), _random_initializers(layers), keys
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
        with random_numbers(_Counter()):
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
    blocks = CELLS[config.cell].blocks
    if "forget" in blocks and config.gate_bias == "unit_forget":
        first = blocks.index("forget") * config.units
        for bias in weights[2:-2:3]:
            bias[:, first : first + config.units] = 1.0
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
