"""The literal loop in the tests, without what Keras makes anew each time though it is the same, to the last bit.

Most of its time goes into a `tf.data` pipeline for every `fit`, and into tracing and compiling a step for every model:
`test_the_literal_trainer_learns_the_same_...` in training/test_trainers.py holds it to what it is without this file.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from numpy.typing import NDArray

from sweep.machine.loading import import_keras


def with_one_pipeline_for_equal_arrays(monkeypatch: pytest.MonkeyPatch) -> dict[Any, Any]:
    """Keras makes one for equal arrays; its batches are kept, and handed out again. Returned is what was made."""
    import_keras()
    import tensorflow as tf
    from keras.src import tree
    from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

    made: dict[Any, Any] = {}
    keras_pipeline = ArrayDataAdapter.get_tf_dataset
    as_it_is = tf.data.Options()  # looking for a faster one takes longer than a few batches
    as_it_is.experimental_optimization.apply_default_optimizations = False
    as_it_is.autotune.enabled = False

    def pipeline(self: Any) -> Any:
        arrays = [(array.shape, array.dtype.str, array.tobytes()) for array in tree.flatten(self._inputs)]
        key = (self.batch_size, *arrays)
        assert not self._shuffle, "the literal loop shuffles by itself"
        if key not in made:
            batches = tf.nest.map_structure(lambda *each: tf.stack(each), *keras_pipeline(self))
            made[key] = tf.data.Dataset.from_tensor_slices(batches).with_options(as_it_is)
        return made[key]

    monkeypatch.setattr(ArrayDataAdapter, "get_tf_dataset", pipeline)
    return made


@dataclass
class _Lender:
    """A compiled Keras model, and whose variables it has at present."""

    model: Any
    borrower: "Borrowed | None" = None

    def values(self) -> list[NDArray[Any]]:
        """Of all its variables: weights, states, and what the optimiser keeps."""
        return [variable.numpy().copy() for variable in self._variables()]

    def assign(self, values: list[NDArray[Any]]) -> None:
        """The inverse."""
        for variable, value in zip(self._variables(), values, strict=True):
            variable.assign(value)

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]


class Borrowed:
    """A model with variables of its own and the traced functions of another that was built with the same options."""

    def __init__(self, lender: _Lender, values: list[NDArray[Any]]) -> None:
        self._lender, self._values = lender, values

    def __getattr__(self, name: str) -> Any:
        lender = self._lender
        if lender.borrower is not self:
            if lender.borrower is not None:
                lender.borrower._values = lender.values()
            lender.assign(self._values)
            lender.borrower = self
        return getattr(lender.model, name)


_LENDERS: dict[Any, _Lender] = {}


def with_one_traced_model_for_equal_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `FitTrainer` makes for each seed is still made, and gives the variables, but the first of a kind trains."""
    import_keras()
    from sweep.training.fit import FitTrainer

    compiled: Callable[[Any, int], Any] = FitTrainer._compiled_model

    def model_for(self: Any, seed: int) -> Any:
        own = compiled(self, seed)
        own.optimizer.build(own.trainable_variables)
        training = self.configuration.training
        # All that a step is built of; where its weights begin, and how fast it learns, are variables.
        network = self.model.model_dump(exclude={"gate_bias", "chrono_max"})
        key = (
            *network.items(),
            *(self.task.num_symbols, training.batch_size, self.layout.window, training.lags),
            *(training.optimizer, training.clip_norm),
        )
        started = _Lender(own).values()
        return Borrowed(_LENDERS.setdefault(key, _Lender(own)), started)

    monkeypatch.setattr(FitTrainer, "_compiled_model", model_for)
