"""What is used of Keras's private parts is still where it was, or a sentence says what a release moved."""

import random

import numpy as np
import pytest

from sweep.machine.loading import import_keras
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
