"""Loading Keras and its backend, quietly, and what device the backend then finds."""

import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from sweep.machine.backend import VARIABLE, backend
from sweep.machine.compiler import prepare

ONE_AT_A_TIME = threading.RLock()
"""Held by the thread that trains: Keras, its backend and what `sweep` does to them are the whole process's."""


def import_keras() -> None:
    """Import Keras and its backend without what TensorFlow writes to stderr before its log level counts.

    Whoever trains calls this first; an import anywhere else works too, and is noisy.
    """
    with ONE_AT_A_TIME:  # stderr is the whole process's too
        _import_quietly()


def _import_quietly() -> None:
    # Read by TensorFlow, and by JAX, when they are imported. They greet on stderr, and complain where there is no GPU.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault(VARIABLE, backend())  # or Keras looks into a file of its own
    prepare()
    with _without_jax() if backend() == "tensorflow" else nullcontext(), tempfile.TemporaryFile() as unheard:
        stderr = os.dup(2)
        os.dup2(unheard.fileno(), 2)
        try:
            import keras  # noqa: F401
        except Exception as error:  # told with what came before it; Ctrl-C is no fault, which greetings would explain
            if told := _told_to_stop(error):
                raise told from None
            os.dup2(stderr, 2)
            unheard.seek(0)
            os.write(2, unheard.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _told_to_stop(error: BaseException | None) -> BaseException | None:
    """The Ctrl-C or SIGTERM behind an error: a module of compiled code that it interrupts says that it cannot load."""
    while isinstance(error, Exception):
        error = error.__cause__ or error.__context__
    return error


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
