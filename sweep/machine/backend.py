"""Which backend Keras runs on: decided before Keras is imported, for this process and for those that it starts."""

import importlib.util
import os
import sys
from collections.abc import Mapping
from typing import Any

from sweep.distribution import installing
from sweep.errors import SweepError

BACKENDS = ("tensorflow", "jax")

PACKAGES = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib")}
"""Backend -> what has to be installed for it."""

VARIABLE = "KERAS_BACKEND"
"""As Keras reads it."""


def backend() -> str:
    """The backend of this process."""
    return os.environ.get(VARIABLE) or BACKENDS[0]


def choose_backend(wanted: str | None) -> None:
    """Make `wanted` the backend, or what the environment says already; SweepError where it cannot be."""
    chosen = wanted or backend()
    if chosen not in BACKENDS:
        raise SweepError(f'{VARIABLE}: is "{chosen}"; must be {" or ".join(BACKENDS)}')
    check_installed(chosen)
    loaded = sys.modules.get("keras")
    if loaded is not None and loaded.backend.backend() != chosen:
        raise SweepError(f"--backend: is {chosen}, and this process has loaded Keras on {loaded.backend.backend()}")
    os.environ[VARIABLE] = chosen


def check_installed(wanted: str) -> None:
    """SweepError if a package is missing that a backend needs."""
    for package in PACKAGES[wanted]:
        if importlib.util.find_spec(package) is None:
            how = installing("" if wanted == BACKENDS[0] else wanted)
            raise SweepError(f"--backend: is {wanted}, and {package} is not installed; {how}")


def backend_of(manifest: Mapping[str, Any]) -> str:
    """What the results of a manifest were trained on; those that do not say are older than the second backend."""
    return str(manifest.get("backend", BACKENDS[0]))
