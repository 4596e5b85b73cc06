"""The compiled trainer: prepares the data, pads the units, and hands both to an XLA program.

It must equal `fit.py` seed by seed: a test holds the two together.
"""

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.model import Weights, seeded_model
from sweep.tasks import Task
from sweep.training.contract import SCORES, Trainer, epoch_order, loss_weights, window_length
from sweep.training.padding import bucket, padded, unpadded
from sweep.training.program import EPOCHS_PER_CALL, Data, Shape, compiled_program


class FusedTrainer(Trainer):
    """Trains all replicates together; trials of one shape share one compiled program."""

    def __init__(self, configuration: Configuration, task: Task, seeds: tuple[int, ...]) -> None:
        super().__init__(configuration, task, seeds)
        training, test = task.training_sequences(), task.test_sequences()
        window = window_length(configuration, training)
        overhang = ((0, 0), (0, -training.num_steps % window))  # the last window is filled up with padding
        weights = np.pad(loss_weights(configuration, training), overhang)
        self._num_sequences = training.num_sequences
        self._data = Data(
            symbols=np.pad(training.symbols, overhang),
            weights=weights,
            test_symbols=test.symbols,
            test_exists=test.steps,
            test_scored=task.scored(test),
            test_last=test.last,
        )
        every_window_counts = weights.reshape(self._num_sequences, -1, window).any(axis=2).all()
        shape = Shape(
            configuration=_what_is_compiled(configuration),
            num_symbols=task.num_symbols,
            replicates=len(seeds),
            sequences=self._num_sequences,
            steps=weights.shape[1],
            test_sequences=test.num_sequences,
            test_steps=test.num_steps,
            window=window,
            masked=configuration.training.stop_when_solved or not every_window_counts,
        )
        initial = [_initial_weights(configuration, task, seed) for seed in seeds]
        self._shapes = [weight.shape for weight in initial[0]]

        started = time.perf_counter()
        self._program = compiled_program(shape)
        replicate, units = self._program.replicate, configuration.model.units
        large = [padded(weights, replicate.weight_shapes, units) for weights in initial]
        self._learner: Any = {
            "weights": [np.stack(weight) for weight in zip(*large, strict=True)],
            "slots": [np.stack([slot] * len(seeds)) for slot in replicate.optimizer_state()],
        }
        self._alive: Any = np.ones(len(seeds), bool)
        self._steps: Any = None
        self._call(0, 0)  # compiles, or finds the program compiled, and trains nothing
        self.compile_seconds = time.perf_counter() - started

    def _advance(self, epochs: int) -> dict[str, NDArray[np.float64]]:
        """As many epochs at a time as the program's buffers hold."""
        counts = [min(EPOCHS_PER_CALL, epochs - done) for done in range(0, epochs, EPOCHS_PER_CALL)]
        parts = [self._call(self.epoch + EPOCHS_PER_CALL * i, count) for i, count in enumerate(counts)]
        return {name: np.concatenate([part[name] for part in parts], axis=1) for name in SCORES}

    def weights(self) -> list[Weights]:
        """The trained weights, without the padding."""
        stacked = [np.asarray(weight) for weight in self._learner["weights"]]
        each = [[weight[r] for weight in stacked] for r in range(len(self.seeds))]
        return [unpadded(weights, self._shapes, self.configuration.model.units) for weights in each]

    def step_accuracy(self) -> NDArray[np.float64]:
        """As the latest test found it."""
        return np.asarray(self._steps, np.float64)

    def _call(self, done: int, epochs: int) -> dict[str, NDArray[np.float64]]:
        training, following = self.configuration.training, range(done + 1, done + 1 + EPOCHS_PER_CALL)
        order = [
            [epoch_order(self.configuration, seed, epoch, self._num_sequences) for seed in self.seeds]
            for epoch in following
        ]
        tested = np.array([self.is_test_epoch(epoch) for epoch in following])
        self._learner, self._alive, curves, self._steps = self._program.run(
            learner=self._learner,
            alive=self._alive,
            data=self._data.arrays(),
            order=np.array(order, np.int32),
            tested=tested,
            num_epochs=np.int32(epochs),
            learning_rate=np.full(len(self.seeds), training.learning_rate, np.float32),
            stop_when_solved=np.bool_(training.stop_when_solved),
        )
        rows = np.flatnonzero(tested[:epochs])
        return {name: np.asarray(curve, np.float64)[rows].T for name, curve in curves.items()}


def _initial_weights(configuration: Configuration, task: Task, seed: int) -> Weights:
    model = seeded_model(configuration.model, task.num_symbols, seed, batch_size=1, timesteps=1)
    return [np.asarray(weight) for weight in model.get_weights()]


def _what_is_compiled(configuration: Configuration) -> Configuration:
    """The configuration as far as a program depends on it: whatever is a run-time input takes its default."""
    inputs = (
        "epochs",
        "learning_rate",
        "shuffle",
        "evaluate_every",
        "stop_when_solved",
        "trainer",
        "loss_on",
    )
    defaults = type(configuration.training)()
    training = configuration.training.model_copy(update={name: getattr(defaults, name) for name in inputs})
    model = configuration.model.model_copy(update={"units": bucket(configuration.model.units)})
    return configuration.model_copy(update={"model": model, "training": training})
