"""The programs in TensorFlow: the gradient of a window written by hand, and XLA's programs kept on disk."""

from typing import Any

import tensorflow as tf

from sweep.machine.compiler import Compiled
from sweep.training.compiled.arrays import Learner
from sweep.training.compiled.program import Program
from sweep.training.compiled.shape import Shape
from sweep.training.compiled.tensorflow.network import Network
from sweep.training.compiled.tensorflow.optimizer import Optimizer
from sweep.training.keras_model import Weights, build_model


class TensorFlowProgram(Program):
    """Its arithmetic is in network.py, its updates are in optimizer.py."""

    def __init__(self, shape: Shape) -> None:
        super().__init__(shape)
        lags = shape.training.lags
        model = build_model(shape.model, shape.num_symbols, batch_size=1, timesteps=1, lags=lags, drawn=False)
        self.network = Network(shape.model, shape.num_symbols, shape.num_features)
        self.weight_shapes = [tuple(weight.shape) for weight in model.trainable_variables]
        packed = self.packed([weight.numpy() for weight in model.trainable_variables])
        self._optimizer = Optimizer(shape.training, packed, shape.replicates_per_program)
        self.run = Compiled(self._run, f"run {shape}")
        self.test = Compiled(self._right, f"test {shape}")

    def packed(self, weights: Weights) -> Weights:
        """As the packing lays them."""
        return self.network.packing.packed(weights)

    def unpacked(self, weights: Weights) -> Weights:
        """The inverse."""
        return self.network.packing.unpacked(weights)

    def initial_slots(self) -> list[Any]:
        """Those of Keras's optimiser."""
        return self._optimizer.initial_slots()

    def zero_state(self, replicates: int, lanes: int) -> list[tf.Tensor]:
        """Of every layer."""
        return self.network.zero_state(replicates, lanes)

    def step(
        self, weights: list[tf.Tensor], state: list[tf.Tensor], shown: tf.Tensor
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The network's."""
        return self.network.step(weights, state, shown)

    def answer(self, weights: list[tf.Tensor], output: tf.Tensor) -> tf.Tensor:
        """The network's."""
        return self.network.answer(weights, output)

    def gradient(
        self,
        weights: list[tf.Tensor],
        state: list[tf.Tensor],
        shown: tf.Tensor,
        asked: tf.Tensor,
        loss_weights: tf.Tensor,
        limit: tf.Tensor,
    ) -> tuple[tf.Tensor, list[tf.Tensor], list[tf.Tensor]]:
        """One loop forward, and one back."""
        last_only = self.shape.training.loss_on == "last"
        return self.network.gradient(weights, state, shown, asked, loss_weights, limit, last_only=last_only)

    def update(
        self,
        learner: Learner,
        gradients: list[tf.Tensor],
        learning_rate: tf.Tensor,
        clip_norm: tf.Tensor | None,
        learns: tf.Tensor | None,
    ) -> Learner:
        """Keras's optimiser, vectorised."""
        return self._optimizer.update(learner, gradients, learning_rate, clip_norm, learns)

    def updates(self, learner: Learner) -> tf.Tensor:
        """As the optimiser counts them."""
        return self._optimizer.updates(learner)
