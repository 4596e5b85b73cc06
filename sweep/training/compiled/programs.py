"""The compiled programs of this process, each for its shape, on the backend that Keras has.

Nothing else knows both backends: what trains asks here, and what is written for one of them knows the contract alone.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from sweep.machine.backend import backend
from sweep.training.compiled.shape import Shape

if TYPE_CHECKING:
    from sweep.training.compiled.program import Program

PROGRAMS_KEPT = 32
"""By a process; the one that was used longest ago goes first."""


@functools.lru_cache(maxsize=PROGRAMS_KEPT)
def compiled_program(shape: Shape) -> Program:
    """The program of a shape for Keras's backend, built once in a process."""
    if backend() == "jax":
        from sweep.training.compiled.jax.program import JaxProgram

        return JaxProgram(shape)
    from sweep.training.compiled.tensorflow.program import TensorFlowProgram

    return TensorFlowProgram(shape)
