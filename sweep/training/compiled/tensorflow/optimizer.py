"""The Keras optimiser as a function of its variables' values, for all replicates at once."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from sweep.experiment.configuration import TrainingConfig
from sweep.training.compiled.arrays import Learner
from sweep.training.keras_model import Weights, build_optimizer


class Optimizer:
    """Keras's own optimiser, run without touching its variables.

    A replicate's update is written for one plain model and vectorised: optimisers count updates, and the
    replicates' counts differ. A replicate alone keeps its axis, and only what is a number loses it: where matrices
    lose it too, XLA copies the moments and computes them twice.
    """

    def __init__(self, training: TrainingConfig, weights: Weights, replicates: int) -> None:
        self._alone = replicates == 1
        axes = (1,) if self._alone else ()
        self._variables = [keras.Variable(tf.zeros((*axes, *weight.shape))) for weight in weights]
        self._optimizer = _stateless(build_optimizer(training))
        self._optimizer.build(self._variables)
        self._slots = [v for v in self._optimizer.variables if v is not self._optimizer.learning_rate]
        self._count = next(i for i, slot in enumerate(self._slots) if slot is self._optimizer.iterations)

    def initial_slots(self) -> list[Any]:
        """The optimiser's variables of one replicate before the first update."""
        slots = [slot.numpy() for slot in self._slots]
        return [slot[0] if self._alone and slot.ndim else slot for slot in slots]

    def updates(self, learner: Learner) -> tf.Tensor:
        """(R,): the updates made so far."""
        return learner.slots[self._count]

    def update(
        self,
        learner: Learner,
        gradients: list[tf.Tensor],
        learning_rate: tf.Tensor,
        clip_norm: tf.Tensor | None,
        learns: tf.Tensor | None,
    ) -> Learner:
        """The learner after one update, in the replicates of which `learns` (R,) is true; None: in all."""
        if clip_norm is not None:
            squares = [tf.reduce_sum(tf.square(g), axis=range(1, len(g.shape))) for g in gradients]
            scale = tf.minimum(1.0, tf.math.divide_no_nan(clip_norm, tf.sqrt(tf.add_n(squares))))
            scale = tf.where(tf.add_n(squares) > 0, scale, 1.0)
            gradients = [g * tf.reshape(scale, [-1] + [1] * (len(g.shape) - 1)) for g in gradients]
        given = [learner, gradients, learning_rate, *([] if learns is None else [learns])]
        if not self._alone:
            return Learner(*vectorize(self._updated, *given))
        after = self._updated(*tf.nest.map_structure(lambda part: part[0] if len(part.shape) == 1 else part, given))
        return Learner(*tf.nest.map_structure(lambda part: part if len(part.shape) else part[None], after))

    def _updated(self, learner: Learner, gradients: Any, learning_rate: Any, learns: Any = None) -> Learner:
        before = [*learner.weights, *learner.slots]
        variables = [*self._variables, *self._slots]
        with keras.StatelessScope(list(zip(variables, before, strict=True))) as scope:
            for gradient, variable in zip(gradients, self._variables, strict=True):
                self._optimizer.update_step(gradient, variable, learning_rate)
            self._optimizer.iterations.assign_add(1)
        after = [scope.get_current_value(variable) for variable in variables]
        if learns is not None:
            after = [tf.where(learns, new, old) for new, old in zip(after, before, strict=True)]
        count = len(self._variables)
        return Learner(after[:count], after[count:])


def vectorize(function: Callable[..., Any], *arguments: Any) -> Any:
    """Apply a function of one replicate to all of them: R is the first axis of everything in and out."""
    return tf.vectorized_map(lambda packed: function(*packed), arguments, fallback_to_while_loop=False)


def _stateless(optimizer: Any) -> Any:
    """The optimiser, working through Keras variables: TensorFlow's own way ignores `StatelessScope`."""
    kind = type(optimizer)
    through_keras = {
        "_var_key": lambda self, variable: id(variable),
        "assign": lambda self, variable, value: variable.assign(value),
        "assign_add": lambda self, variable, value: variable.assign(variable + value),
        "assign_sub": lambda self, variable, value: variable.assign(variable - value),
    }
    stateless: Any = type(kind.__name__, (kind,), through_keras)
    return stateless.from_config(optimizer.get_config())
