"""What both trainers share: the order of the data, the windows, the scores and the shape of an answer."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.model import Weights
from sweep.tasks import Sequences, Task

_SHUFFLE = 3  # purpose of a random stream; training 0, validation 1 and test 2 data are others


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The outcomes of R replicates at E tests; nan where a replicate had stopped before.

    `epochs` (E,) counted from 1; every other array is (R, E). `loss` is the mean of the updates' losses over
    the last epoch before the test, `max_error` the largest distance of an output from its target.
    """

    epochs: NDArray[np.int64]
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    recall_accuracy: NDArray[np.float64]
    sequence_accuracy: NDArray[np.float64]
    max_error: NDArray[np.float64]

    @property
    def solved(self) -> NDArray[np.bool_]:
        """(R, E): every scored step of every test sequence right."""
        return self.sequence_accuracy == 1.0

    @staticmethod
    def concatenate(parts: "list[Scores]") -> "Scores":
        """One object for tests that follow each other."""
        names = [field.name for field in fields(Scores)]
        return Scores(**{name: np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in names})


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

    @abstractmethod
    def advance(self, epochs: int) -> Scores:
        """Train on for `epochs` epochs and return the tests that fell into them."""

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
