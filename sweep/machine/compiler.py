"""How XLA compiles for the backend, and that it finds on disk what it has compiled before.

TensorFlow, JAX and XLA read their options from the environment, once: `prepare` has to come before the import.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sweep.machine.backend import PACKAGES, backend
from sweep.machine.checked_programs import loading, note_crashes, remove_damaged
from sweep.machine.program_cache import emptied, program_cache
from sweep.machine.tensorflow_private import call, define

# XLA compiles a loop into one native function if a pass over it touches no more bytes than this; beyond, it dispatches
# the loop's operations one by one, which costs more than most of them do. Its own limit is meant for toys. Within such
# a function a product of matrices is three plain loops, unless LLVM tiles it; libraries for products cannot be called
# from there, and threads within an operation cost more than they save.
_FLAGS = (
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=6000000,"
    "xla_force_enable_experimental_llvm_ir_gemm",
    "--xla_cpu_multi_thread_eigen=false",
    "--xla_cpu_use_xnnpack=false",
    "--xla_cpu_experimental_ynn_fusion_type=",
)
_KEEP = "--tf_xla_persistent_cache_directory="


def prepare() -> None:
    """Set the environment; what the user has set there stays as it is."""
    if "xla_backend_extra_options" not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = " ".join([os.environ.get("XLA_FLAGS", ""), *_FLAGS]).strip()
    if backend() == "jax":
        _prepare_jax()
        return
    options = os.environ.get("TF_XLA_FLAGS", "")
    if _KEEP not in options and (folder := program_cache(version("tensorflow"), os.environ["XLA_FLAGS"], options)):
        os.environ["TF_XLA_FLAGS"] = f"{options} {_KEEP}{folder}".strip()


def _prepare_jax() -> None:
    """JAX keeps what it compiles in a folder by itself; what it cannot read there, it compiles again.

    It decomposes the small matrices of an orthogonal initialisation by OpenBLAS, whose threads wait for each other for
    longer than one of them would take for all.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ and (folder := program_cache(*_jax(), os.environ["XLA_FLAGS"])):
        remove_damaged(folder)
        note_crashes(folder)
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")


def _jax() -> list[str]:
    return [f"{package} {version(package)}" for package in PACKAGES["jax"]]


class Compiled:
    """A function of nested arrays as XLA programs of TensorFlow's, one for each shape, from disk where they are there.

    TensorFlow finds a program there by the name of its function, which `tf.function` ends in a count of all that the
    process has traced so far. Here a function is traced once, and then called by a name that is the same each time.
    `what` has to differ for whatever makes the programs different, but for the shapes of the arguments.
    """

    def __init__(self, function: Callable[..., Any], what: str) -> None:
        self._function, self._what = function, what
        self._names: dict[tuple[Any, ...], str] = {}

    def __call__(self, **arguments: Any) -> Any:
        """The function's value; the first call compiles."""
        import tensorflow as tf

        tensors = [tf.convert_to_tensor(value) for value in tf.nest.flatten(arguments)]
        shapes = tuple((tensor.dtype, tuple(tensor.shape)) for tensor in tensors)
        name = self._names.setdefault(shapes, f"sweep_{_digest(f'{self._what} {shapes}')}")
        first = name not in _TRACED
        if first:
            _TRACED[name] = self._trace(arguments, tensors, name)
        with loading(_folder() if first else None):
            try:
                return _TRACED[name].call(tensors)
            except tf.errors.OpError:
                # A file that TensorFlow cannot read counts as a failure of the function of this name, for good.
                if not _forgotten():
                    raise
                name = self._names[shapes] = name + "_again"
                _TRACED[name] = self._trace(arguments, tensors, name)
                return _TRACED[name].call(tensors)

    def _trace(self, arguments: dict[str, Any], tensors: list[Any], name: str) -> _Traced:
        """Make the function and those that it calls known to TensorFlow by names that depend on `name` alone."""
        import tensorflow as tf

        structure: list[Any] = []

        def flat(*tensors: Any) -> list[Any]:
            structure.append(self._function(**tf.nest.pack_sequence_as(arguments, tensors)))
            return list(tf.nest.flatten(structure[0]))

        specs = [tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in tensors]
        traced = tf.function(flat, autograph=False, jit_compile=True).get_concrete_function(*specs)
        called = {each.signature.name: each for each in traced.graph.as_graph_def().library.function}
        in_order = sorted(called, key=lambda each: [int(number) for number in re.findall(r"\d+", each)])
        names = {each: f"{name}_{number}" for number, each in enumerate(in_order)}
        names[traced.function_def.signature.name] = name
        for definition in [*(called[each] for each in in_order), traced.function_def]:
            define(_renamed(definition, names))
        return _Traced(name=name, captured=list(traced.captured_inputs), structure=structure[0])


@dataclass(frozen=True)
class _Traced:
    """A function that TensorFlow knows."""

    name: str
    captured: list[Any]  # what it takes beside its arguments
    structure: Any  # of its value

    def call(self, tensors: list[Any]) -> Any:
        import tensorflow as tf

        outputs = len(tf.nest.flatten(self.structure))
        values = call(self.name, [*tensors, *self.captured], outputs)
        return tf.nest.pack_sequence_as(self.structure, values)


_TRACED: dict[str, _Traced] = {}
"""By name what TensorFlow knows: it would not take another of the same name, and forgets none."""


def _renamed(definition: Any, names: dict[str, str]) -> Any:
    """A copy of a FunctionDef in which it and what it calls have other `names`."""
    copy = type(definition)()
    copy.CopyFrom(definition)
    copy.signature.name = names[copy.signature.name]
    for node in copy.node_def:
        node.op = names.get(node.op, node.op)
        for value in node.attr.values():
            for called in [value.func, *value.list.func]:
                if called.name in names:
                    called.name = names[called.name]
    return copy


@functools.cache
def _forgotten() -> bool:
    """Whether there were programs on disk, which are gone now.

    Once in a process: a program that never compiles would remove the others again and again.
    """
    folder = _folder()
    return folder is not None and emptied(folder)


def _folder() -> Path | None:
    """Where TensorFlow keeps its programs."""
    _, keeps, folder = os.environ.get("TF_XLA_FLAGS", "").rpartition(_KEEP)
    return Path(folder.split(" ")[0]) if keeps else None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
