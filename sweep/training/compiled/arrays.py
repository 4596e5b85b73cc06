"""What a compiled program takes and gives, by name.

Letters in shapes: R replicates, E epochs, N rows of the tables, M sequences of an epoch, B lanes, L steps of a row,
F features shown at a step, Q test rows of T steps, S symbols.
"""

from typing import Any, NamedTuple

Tensor = Any
"""An array of the backend's, or of NumPy's."""


class Learner(NamedTuple):
    """What an update changes, each with the replicates as its first axis."""

    weights: list[Tensor]
    slots: list[Tensor]  # the optimiser's variables


class Replicates(NamedTuple):
    """What may differ between the replicates of a call, (R,) each."""

    alive: Tensor  # bool: those that still train
    halting: Tensor  # bool: those whose success ends the call, because it has yet to be confirmed
    learning_rate: Tensor
    clip_norm: Tensor  # read only where the configuration clips


class Data(NamedTuple):
    """The tables of training rows."""

    shown: Tensor  # (N, L, F)
    asked: Tensor  # (N, L)
    loss_weights: Tensor  # (N, L)
    lengths: Tensor  # (N,)


class TestData(NamedTuple):
    """The test rows of each replicate."""

    shown: Tensor  # (R, Q, T, F)
    asked: Tensor  # (R, Q, T)
    exists: Tensor  # (R, Q, T) bool, as the next two: the steps that are no padding
    scored: Tensor
    recalls: Tensor
    lengths: Tensor  # (R, Q)
    keys: Tensor  # (R, S) float32: 1 at the symbols that what must be recalled is one of
    loss_shares: Tensor  # (R, Q, T) float32: what each step's loss adds to the test's


class Epochs(NamedTuple):
    """The epochs of a call, counted from 0: from `first` on, ending before `end`, which is at most E."""

    order: Tensor  # (E, R, M) int32: of each sequence the first row in the tables
    tested: Tensor  # (E,) bool: whether a test follows the epoch
    first: Tensor
    end: Tensor


class Criterion(NamedTuple):
    """When a test is a success, and whether that ends a replicate's training."""

    max_error: Tensor
    stop_when_solved: Tensor  # () bool


class Scores(NamedTuple):
    """What the tests of a call measured, (E, R) each.

    The three accuracies are counts of what was right: dividing them in single precision would make 3 of 20 right
    0.15000001. `recall_bits` are the sums of `key_bits` over the steps at which something must be recalled.
    """

    loss: Tensor
    accuracy: Tensor
    recall_accuracy: Tensor
    sequence_accuracy: Tensor
    max_error: Tensor
    margin: Tensor
    recall_margin: Tensor
    recall_bits: Tensor
    test_loss: Tensor
    updates: Tensor


class Answers(NamedTuple):
    """What a test finds of each row, (R, Q) each but for the hits: as `training/measures.py` defines it."""

    hits: Tensor  # (R, Q, T) bool: where the answers are right; (R, Q) where only the final step is scored
    max_error: Tensor  # over the scored steps
    margin: Tensor
    recall_margin: Tensor
    recall_bits: Tensor  # summed over the steps at which something must be recalled
    loss: Tensor


class Trained(NamedTuple):
    """What a call came to."""

    learner: Learner
    alive: Tensor  # (R,) bool
    reached: Tensor  # (): the epoch before which it ended
    scores: Scores
    hits: Tensor  # (R, rows of a sequence, T): of each step, how many test sequences answered it rightly at last
