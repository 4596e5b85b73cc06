"""The loop that a Keras user writes who finds `fit` slow: `train_on_batch`, once for each update."""

from typing import Any

import numpy as np

from sweep.benchmark.cases import Case
from sweep.training.initial_weights import seeded_model
from sweep.training.keras_model import Weights, build_optimizer, reset_states, resolved, set_weights


class OnBatch:
    """Trains one seed after the other; the arrays are made once, before the first epoch."""

    def __init__(self, case: Case, initial: list[Weights] | None = None) -> None:
        configuration, task, seeds = case.configuration(), case.task(), range(case.seeds)
        config, self._case = resolved(configuration, task), case
        sizes: dict[str, Any] = {"batch_size": case.batch, "timesteps": case.window}
        self._models = [seeded_model(config, task.num_symbols, seed, **sizes) for seed in seeds]
        for model, weights in zip(self._models, initial or [], strict=False):
            set_weights(model, weights)
        for model in self._models:
            model.compile(optimizer=build_optimizer(configuration.training), loss="binary_crossentropy")
        one_hot = np.eye(task.num_symbols, dtype=np.float32)
        self._sequences = [one_hot[task.training_sequences(seed, 1).symbols] for seed in seeds]
        # Keras divides the loss by the number of steps, scored or not.
        self._weight = np.zeros((case.batch, case.window), np.float32)
        self._weight[:, -1] = case.window

    def advance(self, epochs: int) -> None:
        """Train every sequence `epochs` times."""
        case = self._case
        for model, sequences in zip(self._models, self._sequences, strict=True):
            for _ in range(epochs):
                for first in range(0, case.sequences, case.batch):
                    batch = sequences[first : first + case.batch]
                    reset_states(model)
                    for start in range(0, case.steps, case.window):
                        x = batch[:, start : start + case.window]
                        y = batch[:, start + 1 : start + 1 + case.window]
                        model.train_on_batch(x, y, sample_weight=self._weight if case.scored == "last" else None)

    def weights(self) -> list[Weights]:
        """The weights of each model."""
        return [[np.asarray(weight) for weight in model.trainable_variables] for model in self._models]
