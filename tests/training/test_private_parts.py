"""Private parts of Keras and TensorFlow are still where they were, or a sentence says what a release moved."""

import random

import numpy as np
import pytest

from sweep.machine.loading import import_keras
from sweep.machine.tensorflow_private import call, define
from sweep.training.keras_private import random_numbers


@pytest.mark.slow
def test_keras_takes_its_initialisers_seeds_where_they_are_put() -> None:
    import_keras()
    import keras

    try:
        with random_numbers(random.Random(7)):
            first = keras.initializers.RandomUniform()
        with random_numbers(random.Random(7)):
            again = keras.initializers.RandomUniform()
    except (ImportError, AttributeError) as error:
        pytest.fail(
            f"keras.src.random.seed_generator.python_random has moved ({error}): mend training/keras_private.py"
        )
    assert first.seed == again.seed, (
        "Keras's initialisers take their seeds from somewhere else now: mend training/keras_private.py, "
        "or a seed is no plain script's any more"
    )
    assert np.array_equal(first((3, 2)), again((3, 2)))


@pytest.mark.slow
def test_tensorflow_knows_a_function_by_the_name_that_it_was_given() -> None:
    import_keras()
    import tensorflow as tf

    traced = tf.function(lambda x: x + 1.0).get_concrete_function(tf.TensorSpec((), tf.float32))
    renamed = type(traced.function_def)()
    renamed.CopyFrom(traced.function_def)
    renamed.signature.name = "sweep_canary"
    try:
        define(renamed)
        (value,) = call("sweep_canary", [tf.constant(2.0)], 1)
    except (ImportError, AttributeError, TypeError) as error:
        pytest.fail(f"TensorFlow's context of functions has changed ({error}): mend machine/tensorflow_private.py")
    assert float(value) == 3.0
