"""The tutorial's own loop: `model.fit` on each sequence, the state reset in between.

This file is there to be read and to be believed. It is never made faster; `fused.py` must equal it.
"""

import time
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from sweep.experiment.configuration import Configuration
from sweep.tasks.task import Sequences, Task
from sweep.training.initial_weights import seeded_model
from sweep.training.keras_model import Weights, build_optimizer, reset_states, set_weights
from sweep.training.lanes import Rows
from sweep.training.measures import key_bits, leads, losses
from sweep.training.trainer import SCORES, Trainer, epoch_order, loss_weights, only_last_is_scored, shares_of_test

_LOSSES = {"sigmoid": keras.losses.BinaryCrossentropy, "softmax": keras.losses.CategoricalCrossentropy}


class FitTrainer(Trainer):
    """Trains one replicate after the other with plain Keras."""

    def __init__(
        self,
        configuration: Configuration,
        task: Task,
        seeds: tuple[int, ...],
        initial: list[Weights] | None = None,
    ) -> None:
        super().__init__(configuration, task, seeds)
        self._lanes = configuration.training.batch_size
        self._last_only = only_last_is_scored(task, seeds[0])
        started = time.perf_counter()
        self._models = [self._compiled_model(seed) for seed in seeds]
        for model, weights in zip(self._models, initial or [], strict=False):
            set_weights(model, weights)
        self._updates = [0] * len(seeds)
        self._solved_once = [False] * len(seeds)
        self._stopped = [False] * len(seeds)
        self.compile_seconds = time.perf_counter() - started

    def _advance(self, epochs: int) -> dict[str, NDArray[np.float64]]:
        """One replicate after the other."""
        rows = [self._advance_one(index, epochs) for index in range(len(self.seeds))]
        columns = np.array(rows, np.float64).reshape(len(self.seeds), -1, len(SCORES)).transpose(2, 0, 1)
        return dict(zip(SCORES, columns, strict=True))

    def weights(self) -> list[Weights]:
        """The trained weights of each model."""
        return [[np.asarray(weight) for weight in model.trainable_variables] for model in self._models]

    def step_accuracy(self) -> NDArray[np.float64]:
        """Tested anew, which changes nothing but the state, and that is reset."""
        rows = []
        for model, seed in zip(self._models, self.seeds, strict=True):
            test = self.task.test_sequences(seed)
            hits, _ = self._right(test, self._outputs(model, test))
            with np.errstate(invalid="ignore"):  # nan for steps that no test sequence has
                rows.append((hits & test.steps).sum(axis=0) / test.steps.sum(axis=0))
        return np.full_like(rows, np.nan) if self._last_only else np.array(rows)

    def recalled(self, replicate: int, sequences: Sequences) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Predicted with Keras, batch by batch."""
        hits, distance = self._right(sequences, self._outputs(self._models[replicate], sequences))
        scored = self.task.scored(sequences)
        return np.asarray((hits | ~scored).all(axis=1)), np.where(scored, distance, 0.0).max(axis=1)

    def _compiled_model(self, seed: int) -> Any:
        model = seeded_model(
            self.model,
            self.task.num_symbols,
            seed,
            batch_size=self._lanes,
            timesteps=self.layout.window,
            lags=self.configuration.training.lags,
        )
        loss = _LOSSES[self.configuration.model.output](reduction="mean_with_sample_weight")
        model.compile(optimizer=build_optimizer(self.configuration.training), loss=loss)
        return model

    def _advance_one(self, index: int, epochs: int) -> list[tuple[float, ...]]:
        model, rows = self._models[index], []
        for epoch in range(self.epoch + 1, self.epoch + 1 + epochs):
            loss = np.nan if self._stopped[index] else self._train_epoch(index, epoch)
            if not self.is_test_epoch(epoch):
                continue
            if self._stopped[index]:
                rows.append((np.nan,) * len(SCORES))
                continue
            scores = self._test(model, self.seeds[index])
            solved = scores["sequence_accuracy"] == 1.0 and scores["max_error"] <= self.task.max_error
            if solved and (not self._solved_once[index] or epoch == self.configuration.training.epochs):
                solved = self.meets_criterion(index)
            self._solved_once[index] |= solved
            self._stopped[index] = solved and self.configuration.training.stop_when_solved
            scores |= {"loss": loss, "updates": float(self._updates[index]), "solved": float(solved)}
            rows.append(tuple(scores[name] for name in SCORES))
        return rows

    def _train_epoch(self, index: int, epoch: int) -> float:
        """Fit every batch of sequences once; the mean loss of the updates, as Keras reports it."""
        model, seed = self._models[index], self.seeds[index]
        training = self.task.training_sequences(seed, epoch)
        rows = self.layout.rows(training)
        weights = self.layout.laid(loss_weights(self.configuration, training))
        order = epoch_order(self.configuration, seed, epoch, training.num_sequences)
        shares = self.layout.rows_per_sequence
        losses: list[float] = []
        for batch in (order[:, None] * shares + np.arange(shares)).reshape(-1, self._lanes):
            reset_states(model)
            for x, y, weight in self._runs_of_windows(rows, weights, batch):
                if weight.any():
                    history = model.fit(
                        x, y, sample_weight=weight, epochs=1, batch_size=self._lanes, shuffle=False, verbose=0
                    )
                    losses += [history.history["loss"][0]] * (len(x) // self._lanes)
                else:
                    model.predict(x, batch_size=self._lanes, verbose=0)  # nothing to learn, but the state goes on
        self._updates[index] += len(losses)
        return float(np.mean(losses))

    def _runs_of_windows(self, rows: Rows, weights: Any, batch: NDArray[np.int32]) -> Iterator[tuple[Any, Any, Any]]:
        """Keras samples of one batch of rows, in runs that are scored and runs that are not.

        A run's arrays are (windows x lanes, timesteps, ...): Keras takes `lanes` samples at a time, so lane i
        sees window after window of row i.
        """
        t = self.layout.window
        windows = -(-int(rows.lengths[batch].max()) // t)
        x = self._windows_of(self._inputs(rows.shown[batch]), windows)
        y = self._windows_of(np.eye(self.task.num_symbols, dtype=np.float32)[rows.asked[batch]], windows)
        weight = self._windows_of(weights[batch], windows)
        first = 0
        for w in range(1, windows + 1):
            if w == windows or weight[w].any() != weight[first].any():
                yield np.concatenate(x[first:w]), np.concatenate(y[first:w]), np.concatenate(weight[first:w])
                first = w

    def _windows_of(self, values: Any, windows: int) -> list[Any]:
        """The first `windows` windows of values (lanes, L, ...), the last one filled up with zeros."""
        t = self.layout.window
        overhang = [(0, 0)] * values.ndim
        overhang[1] = (0, max(0, windows * t - values.shape[1]))
        values = np.pad(values, overhang)
        return [values[:, w * t : (w + 1) * t] for w in range(windows)]

    def _inputs(self, shown: NDArray[np.int32]) -> NDArray[np.float32]:
        """(..., features): 1 at each of the features `shown` (..., F), which holds `num_features` for none."""
        one_hot = np.eye(self.layout.num_features + 1, dtype=np.float32)[:, :-1]
        return np.asarray(one_hot[shown].sum(axis=-2))

    def _outputs(self, model: Any, sequences: Sequences) -> NDArray[np.float32]:
        """(sequences, steps, S): what the network answers. The state is reset before and after."""
        rows = self.layout.rows(sequences)
        windows = -(-rows.shown.shape[1] // self.layout.window)
        outputs = np.zeros((*rows.asked.shape, self.task.num_symbols), np.float32)
        for first in range(0, rows.num_rows, self._lanes):
            batch = slice(first, min(first + self._lanes, rows.num_rows))
            filled = np.resize(np.arange(batch.start, batch.stop), self._lanes)  # the last batch, made full
            reset_states(model)
            x = np.concatenate(self._windows_of(self._inputs(rows.shown[filled]), windows))
            predicted = model.predict(x, batch_size=self._lanes, verbose=0)
            whole = np.concatenate(np.split(predicted, windows), axis=1)
            outputs[batch] = whole[: batch.stop - first, : rows.asked.shape[1]]
        reset_states(model)
        return self.layout.collected(outputs)

    def _right(
        self, sequences: Sequences, outputs: NDArray[np.float32]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
        """(sequences, steps) each: where the answer is right, and the largest distance of an output from its target.

        A network that has diverged has no right answer.
        """
        asked = sequences.symbols[:, 1:]
        finite = np.isfinite(outputs).all(axis=2)
        targets = np.eye(self.task.num_symbols, dtype=np.float32)[asked]
        return (outputs.argmax(axis=2) == asked) & finite, np.abs(outputs - targets).max(axis=2)

    def _test(self, model: Any, seed: int) -> dict[str, float]:
        """What a test measures, by name, over the test sequences."""
        test, task = self.task.test_sequences(seed), self.task
        outputs, asked = self._outputs(model, test), test.symbols[:, 1:]
        scored, recalls = task.scored(test), task.recalls(test)
        hits, distance = self._right(test, outputs)
        lead = leads(outputs, asked)
        bits = key_bits(outputs[recalls], asked[recalls], task.recallable(test))
        shares = self.layout.collected(shares_of_test(self.configuration, self.layout, test))
        counts = shares > 0
        loss = losses(outputs[counts], asked[counts], self.configuration.model.output)
        return {
            "accuracy": float(hits[scored].mean()),
            "recall_accuracy": float(hits[recalls].mean()),
            "sequence_accuracy": float((hits | ~scored).all(axis=1).mean()),
            "max_error": float(distance[scored].max()),
            "margin": float(lead[scored].min()),
            "recall_margin": float(lead[recalls].min()),
            "recall_bits": float(task.recall_entropy(test) + bits.mean()),
            "test_loss": float((shares[counts] * loss).sum()),
        }
