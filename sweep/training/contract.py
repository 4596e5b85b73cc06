"""What both trainers share: the order of the data, the windows, the scores and the shape of an answer."""

import functools
import time
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.model import Weights
from sweep.outcome import Scores
from sweep.tasks import Sequences, Task

SCORES = ("loss", "accuracy", "recall_accuracy", "sequence_accuracy", "max_error")
"""What a trainer measures at a test, in this order."""

_SHUFFLE = 3  # purpose of a random stream; training 0, validation 1 and test 2 data are others


class Trainer(ABC):
    """Trains one configuration from several seeds at once, a chunk of epochs at a time.

    Replicate r starts from the weights that `keras.utils.set_random_seed(seeds[r])` gives a plain script.
    `compile_seconds` and `train_seconds` grow with use; neither holds the other.
    """

    def __init__(self, configuration: Configuration, task: Task, seeds: tuple[int, ...]) -> None:
        self.configuration = configuration
        self.task = task
        self.seeds = seeds
        self.epoch = 0
        self.compile_seconds = 0.0
        self.train_seconds = 0.0
        self._updates = np.zeros(len(seeds))

    def advance(self, epochs: int) -> Scores:
        """Train on for `epochs` epochs, and return the tests that fell into them."""
        started = time.perf_counter()
        following = range(self.epoch + 1, self.epoch + 1 + epochs)
        rows = self._advance(epochs)
        self.epoch += epochs
        self.train_seconds += time.perf_counter() - started
        updates = np.cumsum([self._updates, *(self._updates_in(epoch) for epoch in following)], axis=0)
        self._updates = updates[-1]
        tested = [epoch for epoch in following if self.is_test_epoch(epoch)]
        per_epoch = self.task.training_sequences().num_sequences
        return Scores(
            epochs=np.array(tested, np.int64),
            sequences=np.tile(np.array(tested, np.float64) * per_epoch, (len(self.seeds), 1)),
            updates=updates[[epoch - following.start + 1 for epoch in tested]].T,
            **rows,
        )

    @abstractmethod
    def _advance(self, epochs: int) -> dict[str, NDArray[np.float64]]:
        """Train on; each of `SCORES` as (R, tests), nan where a replicate had stopped before the test."""

    @abstractmethod
    def weights(self) -> list[Weights]:
        """The trained weights of each replicate, in Keras's order and shapes."""

    @abstractmethod
    def step_accuracy(self) -> NDArray[np.float64]:
        """(R, steps): at each step, the share of the test sequences answered rightly now; nan for padding."""

    def is_test_epoch(self, epoch: int) -> bool:
        """Whether a test follows `epoch` (counted from 1): every so many epochs, and after the last."""
        training = self.configuration.training
        return epoch % training.evaluate_every == 0 or epoch == training.epochs

    def _updates_in(self, epoch: int) -> NDArray[np.float64]:
        """(R,): the updates of one epoch: its windows that have something to score."""
        scored, lanes = self._scored_windows, self.configuration.training.batch_size
        if (scored == scored[0]).all():
            return np.full(len(self.seeds), scored[0].sum() * (len(scored) // lanes), np.float64)
        orders = [epoch_order(self.configuration, seed, epoch, len(scored)) for seed in self.seeds]
        return np.array([scored[order].reshape(-1, lanes, scored.shape[1]).any(axis=1).sum() for order in orders])

    @functools.cached_property
    def _scored_windows(self) -> NDArray[np.bool_]:
        """(sequences, windows): whether any step of the window counts in the loss."""
        training, window = self.task.training_sequences(), self._window
        weight = loss_weights(self.configuration, training)
        padded = np.pad(weight, ((0, 0), (0, -training.num_steps % window)))
        return np.asarray(padded.reshape(len(weight), -1, window).any(axis=2))

    @property
    def _window(self) -> int:
        return window_length(self.configuration, self.task.training_sequences())


def window_length(configuration: Configuration, sequences: Sequences) -> int:
    """Steps per update: `timesteps`, or all of them for "full"."""
    timesteps = configuration.training.timesteps
    return sequences.num_steps if timesteps == "full" else timesteps


def epoch_order(configuration: Configuration, seed: int, epoch: int, num_sequences: int) -> NDArray[np.int32]:
    """(num_sequences,): the order of the training sequences in one epoch (counted from 1) of one replicate.

    It depends on the seed and the epoch alone, so that it doesn't matter in which chunks an epoch is trained.
    """
    if not configuration.training.shuffle:
        return np.arange(num_sequences, dtype=np.int32)
    return np.random.default_rng([seed, _SHUFFLE, epoch]).permutation(num_sequences).astype(np.int32)


def loss_weights(configuration: Configuration, sequences: Sequences) -> NDArray[np.float32]:
    """(sequences, steps): how much each step's loss counts; 0 for padding."""
    steps = sequences.last if configuration.training.loss_on == "last" else sequences.steps
    return steps.astype(np.float32)
