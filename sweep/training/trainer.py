"""What both trainers share: the order of the data, the loss's weights, the scores and when a task is solved."""

import time
from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.configuration import Configuration
from sweep.results.outcome import MEASURED, OTHERS, Scores
from sweep.tasks.task import SHUFFLE, Sequences, Task
from sweep.training.keras_model import Weights, resolved
from sweep.training.lanes import Layout
from sweep.training.measures import shares_of_updates

SCORES = (*MEASURED, "updates", "solved")
"""What a trainer gives of a test, in this order."""


class Trainer(ABC):
    """Trains one configuration from several seeds at once, a chunk of epochs at a time.

    Replicate r starts from the weights that `keras.utils.set_random_seed(seeds[r])` gives a plain script.
    `compile_seconds` and `train_seconds` grow with use; neither holds the other.

    A replicate has solved the task if its test meets the criterion: every scored step right, no output further
    from its target than the task allows. Where the task asks for more sequences than the test has, its first
    success and its last test have to hold on those too.
    """

    def __init__(self, configuration: Configuration, task: Task, seeds: tuple[int, ...]) -> None:
        self.configuration = configuration
        self.task = task
        self.seeds = seeds
        self.model = resolved(configuration, task)
        self.layout = Layout(configuration, task)
        self.epoch = 0
        self.compile_seconds = 0.0
        self.train_seconds = 0.0

    def advance(self, epochs: int) -> Scores:
        """Train on for `epochs` epochs, and return the tests that fell into them."""
        started, compiled = time.perf_counter(), self.compile_seconds
        following = range(self.epoch + 1, self.epoch + 1 + epochs)
        rows = self._advance(epochs)
        self.epoch += epochs
        self.train_seconds += time.perf_counter() - started - (self.compile_seconds - compiled)
        tested = [epoch for epoch in following if self.is_test_epoch(epoch)]
        return Scores(
            epochs=np.array(tested, np.int64),
            sequences=np.tile(np.array(tested, np.float64) * self.task.num_sequences, (len(self.seeds), 1)),
            solved=rows.pop("solved") == 1.0,
            others={name: rows.pop(name) for name in OTHERS},
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
        """(R, steps): at each step, the share of the test sequences answered rightly now; nan for padding.

        All nan where only the final step of a sequence is scored.
        """

    @abstractmethod
    def recalled(self, replicate: int, sequences: Sequences) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """For each sequence: whether all its scored steps are right, and the largest error of those; (n,) each.

        Tested with the present weights of one replicate.
        """

    def is_test_epoch(self, epoch: int) -> bool:
        """Whether a test follows `epoch` (counted from 1): every so many epochs, and after the last."""
        training = self.configuration.training
        return epoch % training.evaluate_every == 0 or epoch == training.epochs

    def meets_criterion(self, replicate: int) -> bool:
        """Whether a replicate's present weights solve all of the task's criterion sequences."""
        for part in self.task.criterion_parts(self.seeds[replicate]):
            right, error = self.recalled(replicate, part)
            if not right.all() or error.max() > self.task.max_error:
                return False
        return True


def only_last_is_scored(task: Task, seed: int) -> bool:
    """Whether nothing but the final step of each sequence can be predicted."""
    test = task.test_sequences(seed)
    return bool((task.scored(test) == test.last).all() and (task.recalls(test) == test.last).all())


def epoch_order(configuration: Configuration, seed: int, epoch: int, num_sequences: int) -> NDArray[np.int32]:
    """(num_sequences,): the order of the training sequences in one epoch (counted from 1) of one replicate.

    It depends on the seed and the epoch alone, so that it doesn't matter in which chunks an epoch is trained.
    """
    if not configuration.training.shuffle:
        return np.arange(num_sequences, dtype=np.int32)
    return np.random.default_rng([seed, SHUFFLE, epoch]).permutation(num_sequences).astype(np.int32)


def loss_weights(configuration: Configuration, sequences: Sequences) -> NDArray[np.float32]:
    """(sequences, steps): how much each step's loss counts; 0 for padding."""
    training = configuration.training
    if training.loss_on == "last":
        return sequences.last.astype(np.float32)
    return np.where(sequences.last, training.last_weight, sequences.steps).astype(np.float32)


def shares_of_test(configuration: Configuration, layout: Layout, sequences: Sequences) -> NDArray[np.float64]:
    """(rows, L): what the loss of each step of the test's rows adds to `test_loss`; 1 in all.

    The loss is that of an epoch of these sequences, one a batch, in which no weight moved: the mean over windows of the
    weighted mean over their steps.
    """
    weights = layout.laid(loss_weights(configuration, sequences))
    shares = shares_of_updates(weights, layout.window, layout.rows_per_sequence)
    return np.asarray(shares / shares.sum())
