"""The bound that a loss is read against: the least that a predictor without memory can reach."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from sweep.experiment.configuration import Configuration
from sweep.tasks.stream import Stream
from sweep.tasks.task import Sequences, Task
from sweep.training.lanes import Layout
from sweep.training.measures import shares_of_updates
from sweep.training.trainer import loss_weights

Successions = Sequence[Sequence[tuple[int, float]]]
"""For each symbol, or kind of symbols, that can be shown: the groups of symbols that can be asked for next.

Of each group how many symbols it has, all alike, and what the steps that ask for one of them add to the loss's mean.
"""


def memoryless_loss(configuration: Configuration, task: Task) -> float | None:
    """The least loss of any function of the current symbol alone that stays the same over an epoch, in nats.

    A network without memory whose weights move between updates can have less of `loss` for a while: it has just been
    shown what comes again. What does not move is `test_loss`, which is to be held against it.

    It counts the windows, the weights of steps and the output's loss as training does: it is the mean over updates.
    Of sequences that are the same for all seeds it is exact, of random ones the expectation over new ones: a small
    fixed training set can be learnt by heart below it. None where it is not defined: sequences of unequal length share
    batches, in an order that is drawn anew or with lengths that are; what a step counts then depends on which ones
    meet.

    >>> from sweep.tasks.increasing import Increasing, IncreasingTask
    >>> configuration = Configuration(task=IncreasingTask())
    >>> round(memoryless_loss(configuration, Increasing(configuration.task)), 4)
    0.0693
    """
    found = _of_stream(configuration, task) if isinstance(task, Stream) else _of_sequences(configuration, task)
    if found is None:
        return None
    return sum(_least(configuration, task.num_symbols, asked) for asked in found if asked)


def _least(configuration: Configuration, symbols: int, asked: Sequence[tuple[int, float]]) -> float:
    """What steps that show the same cost at least: the entropy of what they ask for, as the output's loss counts it."""
    each, share = np.array(asked, float).T
    total = share.sum()
    chance = share / total / each
    costs = -chance * np.log(chance, out=np.zeros_like(chance), where=chance > 0)
    if configuration.model.output == "sigmoid":
        rest = 1 - chance
        costs = (costs - rest * np.log(rest, out=np.zeros_like(rest), where=rest > 0)) / symbols
    return float(total * (each * costs).sum())


def _of_sequences(configuration: Configuration, task: Task) -> Successions | None:
    if task.fresh or not task.same_for_all_seeds:
        return None
    training, layout, sequences = configuration.training, Layout(configuration, task), task.training_sequences(0, 1)
    if training.shuffle and _share_batches(configuration, layout) and len(set(sequences.lengths.tolist())) > 1:
        return None
    weights = layout.laid(loss_weights(configuration, sequences))
    shares = layout.collected(shares_of_updates(weights, layout.window, training.batch_size))
    shares /= shares.sum()
    counts = shares > 0
    pairs = np.stack([sequences.symbols[:, :-1][counts], sequences.symbols[:, 1:][counts]], axis=1)
    different, place = np.unique(pairs, axis=0, return_inverse=True)
    found: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for (shown, _), share in zip(different.tolist(), np.bincount(place, shares[counts]).tolist(), strict=True):
        found[shown].append((1, share))
    return list(found.values())


def _of_stream(configuration: Configuration, task: Stream) -> Successions | None:
    training, layout = configuration.training, Layout(configuration, task)
    names = list(task.kinds)
    sums = np.zeros((len(names), len(names)))
    for likely, runs in task.courses():
        if likely < 1 and training.loss_on != "last" and _share_batches(configuration, layout):
            return None
        kinds = np.repeat([names.index(name) for name, _ in runs], [count for _, count in runs])
        sequence = Sequences(symbols=np.zeros((1, len(kinds)), np.int32), lengths=np.array([len(kinds)], np.int32))
        weights = layout.laid(loss_weights(configuration, sequence))
        shares = layout.collected(shares_of_updates(weights, layout.window, layout.rows_per_sequence))[0]
        np.add.at(sums, (kinds[:-1], kinds[1:]), likely * shares)
    sums /= sums.sum()
    sizes = list(task.kinds.values())
    return [[(sizes[asked], row[asked]) for asked in np.flatnonzero(row)] for row in sums]


def _share_batches(configuration: Configuration, layout: Layout) -> bool:
    return configuration.training.batch_size > layout.rows_per_sequence
