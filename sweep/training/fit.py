"""The tutorial's own loop: `model.fit` on each sequence, the state reset in between.

This file is there to be read and to be believed. It is never made faster; `fused.py` must equal it.
"""

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.model import Weights, build_optimizer, reset_states, seeded_model
from sweep.tasks import Task
from sweep.training.contract import SCORES, Trainer, epoch_order, loss_weights, window_length

_LOSSES = {"sigmoid": keras.losses.BinaryCrossentropy, "softmax": keras.losses.CategoricalCrossentropy}


class FitTrainer(Trainer):
    """Trains one replicate after the other with plain Keras."""

    def __init__(self, configuration: Configuration, task: Task, seeds: tuple[int, ...]) -> None:
        super().__init__(configuration, task, seeds)
        self._training = task.training_sequences()
        self._timesteps = window_length(configuration, self._training)
        started = time.perf_counter()
        self._models = [self._compiled_model(seed) for seed in seeds]
        self._stopped = [False] * len(seeds)
        self.compile_seconds = time.perf_counter() - started

    def _advance(self, epochs: int) -> dict[str, NDArray[np.float64]]:
        """One replicate after the other."""
        rows = [self._advance_one(index, epochs) for index in range(len(self.seeds))]
        columns = np.array(rows, np.float64).reshape(len(self.seeds), -1, len(SCORES)).transpose(2, 0, 1)
        return dict(zip(SCORES, columns, strict=True))

    def weights(self) -> list[Weights]:
        """The trained weights of each model."""
        return [[np.asarray(weight) for weight in model.get_weights()] for model in self._models]

    def step_accuracy(self) -> NDArray[np.float64]:
        """Tested anew, which changes nothing but the state, and that is reset."""
        test = self.task.test_sequences()
        hits = np.array([_hits(self._predict(model), test.symbols[:, 1:]) for model in self._models])
        return np.asarray((hits & test.steps).sum(axis=1) / test.steps.sum(axis=0))

    def _compiled_model(self, seed: int) -> Any:
        lanes = self.configuration.training.batch_size
        model = seeded_model(
            self.configuration.model, self.task.num_symbols, seed, batch_size=lanes, timesteps=self._timesteps
        )
        loss = _LOSSES[self.configuration.model.output](reduction="mean_with_sample_weight")
        model.compile(optimizer=build_optimizer(self.configuration), loss=loss)
        return model

    def _advance_one(self, index: int, epochs: int) -> list[tuple[float, ...]]:
        model, rows = self._models[index], []
        for epoch in range(self.epoch + 1, self.epoch + 1 + epochs):
            loss = np.nan if self._stopped[index] else self._train_epoch(model, self.seeds[index], epoch)
            if not self.is_test_epoch(epoch):
                continue
            scores = [np.nan] * 4 if self._stopped[index] else self._test(model)
            rows.append((loss, *scores))
            if self.configuration.training.stop_when_solved and scores[2] == 1.0:
                self._stopped[index] = True
        return rows

    def _train_epoch(self, model: Any, seed: int, epoch: int) -> float:
        """Fit every batch of sequences once; the mean loss of the updates, as Keras reports it."""
        lanes = self.configuration.training.batch_size
        order = epoch_order(self.configuration, seed, epoch, self._training.num_sequences)
        losses: list[float] = []
        for batch in order.reshape(-1, lanes):
            reset_states(model)
            for x, y, weight in self._runs_of_windows(batch):
                if weight.any():
                    history = model.fit(
                        x, y, sample_weight=weight, epochs=1, batch_size=lanes, shuffle=False, verbose=0
                    )
                    losses += [history.history["loss"][0]] * (len(x) // lanes)
                else:
                    model.predict(x, batch_size=lanes, verbose=0)  # nothing to learn, but the state goes on
        return float(np.mean(losses))

    def _runs_of_windows(self, batch: NDArray[np.int32]) -> Iterator[tuple[Any, Any, Any]]:
        """Keras samples of one batch of sequences, in runs that are scored and runs that are not.

        A run's arrays are (windows x lanes, timesteps, ...): Keras takes `lanes` samples at a time, so lane i
        sees window after window of sequence i.
        """
        symbols, t = self._training.symbols[batch], self._timesteps
        weight = loss_weights(self.configuration, self._training)[batch]
        existing = self._training.steps[batch].any(axis=0).sum()
        windows = -(-int(existing) // t)
        overhang = ((0, 0), (0, max(0, windows * t - weight.shape[1])))
        symbols, weight = np.pad(symbols, overhang), np.pad(weight, overhang)
        one_hot = np.eye(self.task.num_symbols, dtype=np.float32)
        samples = [
            (
                one_hot[symbols[:, w * t : (w + 1) * t]],
                one_hot[symbols[:, w * t + 1 : (w + 1) * t + 1]],
                weight[:, w * t : (w + 1) * t],
            )
            for w in range(windows)
        ]
        first = 0
        for w in range(1, windows + 1):
            if w == windows or samples[w][2].any() != samples[first][2].any():
                x, y, counted = (np.concatenate(part) for part in zip(*samples[first:w], strict=True))
                yield x, y, counted
                first = w

    def _predict(self, model: Any) -> NDArray[np.float32]:
        """(sequences, steps, symbols): the outputs for the test sequences, state reset before and after."""
        test, lanes, t = self.task.test_sequences(), self.configuration.training.batch_size, self._timesteps
        windows = -(-test.num_steps // t)
        shown = np.pad(test.symbols[:, :-1], ((0, 0), (0, windows * t - test.num_steps)))
        inputs = np.eye(self.task.num_symbols, dtype=np.float32)[shown]
        outputs = np.empty_like(inputs)
        for first in range(0, test.num_sequences, lanes):
            batch = slice(first, first + lanes)
            reset_states(model)
            x = np.concatenate([inputs[batch, w * t : (w + 1) * t] for w in range(windows)])
            predicted = model.predict(x, batch_size=lanes, verbose=0)
            outputs[batch] = np.concatenate(np.split(predicted, windows), axis=1)
        reset_states(model)
        return outputs[:, : test.num_steps]

    def _test(self, model: Any) -> list[float]:
        """Accuracy, recall accuracy, sequence accuracy and the largest error over the test sequences."""
        test = self.task.test_sequences()
        scored = self.task.scored(test)
        outputs, wanted = self._predict(model), test.symbols[:, 1:]
        hits = _hits(outputs, wanted)
        distance = np.abs(outputs - np.eye(self.task.num_symbols, dtype=np.float32)[wanted]).max(axis=2)
        return [
            float(hits[scored].mean()),
            float(hits[test.last].mean()),
            float((hits | ~scored).all(axis=1).mean()),
            float(distance[scored].max()),
        ]


def _hits(outputs: NDArray[np.float32], wanted: NDArray[np.int32]) -> NDArray[np.bool_]:
    """(sequences, steps): the right answers; a network that has diverged gives none."""
    finite = np.isfinite(outputs).all(axis=2)
    return np.asarray((outputs.argmax(axis=2) == wanted) & finite)
