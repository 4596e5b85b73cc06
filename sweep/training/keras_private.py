"""What is used of Keras's private parts: where its initialisers take their seeds from."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sweep.machine.loading import ONE_AT_A_TIME


@contextmanager
def random_numbers(source: Any) -> Iterator[None]:
    """Keras takes the seeds of its initialisers from `source`, whatever other threads do meanwhile.

    Otherwise it takes them from the generator of Python's `random`, which is everybody's: on a worker, Dask's own
    threads draw from it between two layers.
    """
    from keras.src.random import seed_generator

    with ONE_AT_A_TIME:
        everybodys = seed_generator.python_random
        seed_generator.python_random = source
        try:
            yield
        finally:
            seed_generator.python_random = everybodys
