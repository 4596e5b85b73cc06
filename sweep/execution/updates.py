"""How many updates an experiment makes: exactly where neither the search nor chance decides it, else within a range."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.space import Choices, Dimension
from sweep.training.cost import DECIDE_UPDATES, Count, TrialCost
from sweep.training.trial import CHUNKS

_MOST_LISTED = 20_000
"""Combinations of a grid under all conditions: a second or two; of larger ones the ends stand for all."""

_MOST_COMBINED = 1_000
"""Of the values of what is searched; the ends of all that can be are fewer."""


def updates_of(experiment: Experiment, setting: dict[str, Any], usual: Configuration, confirmed: int) -> Count:
    """All updates under one condition: those of the search, and of so many trials `confirmed` at its end.

    Where there is no list of what the search comes to, it is taken to choose each choice as often, and of a range what
    the `usual` configuration has.
    """
    grid, search, base = grid_of(experiment), experiment.search, experiment.base.replace(**setting)

    def counts(points: list[dict[str, Any]]) -> list[Count]:
        return [_of(experiment, base.replace(**point)) for point in points]

    each = counts(grid or _combined(experiment, lambda name: _ends(search[name])))
    likely = each if grid else counts(_combined(experiment, lambda name: _likely(search[name], usual, name)))
    about = round(sum(count.about for count in likely) / len(likely))
    one = Count(min(count.low for count in each), about, max(count.high for count in each))
    searched = _some(each, experiment.trials) if grid else one.times(experiment.trials)
    again = one.times(confirmed * experiment.confirm.seeds) if experiment.confirm else Count(0, 0, 0)
    seeds = len(experiment.study.replicate_seeds)
    return Count(*(seeds * of_search + of_best for of_search, of_best in zip(searched, again, strict=True)))


def grid_of(experiment: Experiment) -> list[dict[str, Any]]:
    """What the trials are, or what they are taken from, where that is known and not too much to list; else nothing."""
    if not experiment.search:
        return [{}]
    if experiment.study.sampler != "grid":
        return []
    if experiment.grid_size * len(experiment.condition_settings) > _MOST_LISTED:
        return []
    return experiment.grid_points


def _some(each: list[Count], number: int) -> Count:
    """Of so many of them together, whichever they are."""
    lows, highs = sorted(count.low for count in each), sorted(count.high for count in each)
    about = round(number * sum(count.about for count in each) / len(each))
    return Count(sum(lows[:number]), about, sum(highs[-number:]))


def _of(experiment: Experiment, configuration: Configuration) -> Count:
    """Of one replicate, which may have learnt, or be pruned, before its epochs are over."""
    training = configuration.training
    least = min(training.evaluate_every, training.epochs) if training.stop_when_solved else training.epochs
    if experiment.study.pruner != "none":
        least = min(least, -(-training.epochs // CHUNKS))
    return TrialCost(configuration, 1).updates(least)


def _combined(experiment: Experiment, values: Callable[[str], Sequence[Any]]) -> list[dict[str, Any]]:
    """Every combination of some `values` of what the number of updates depends on."""
    asked = [name for name in experiment.search if name in DECIDE_UPDATES]
    names = dict.fromkeys([*asked, *(other for name in asked for other, _ in experiment.search[name].conditions)])
    rows = itertools.islice(itertools.product(*(values(name) for name in names)), _MOST_COMBINED)
    return [experiment.applicable(dict(zip(names, row, strict=True))) for row in rows]


def _ends(dimension: Dimension) -> Sequence[Any]:
    """The smallest and the largest number that it can be, and whatever is none: all others lie between those."""
    if isinstance(dimension, Choices):
        numbers = [value for value in dimension.choices if isinstance(value, int) and not isinstance(value, bool)]
        others = [value for value in dimension.choices if value not in numbers]
        return [*others, *dict.fromkeys((min(numbers), max(numbers)) if numbers else ())]
    whole = range(int(dimension.low), int(dimension.high) + 1, int(dimension.step or 1))
    return list(dict.fromkeys((whole[0], whole[-1])))


def _likely(dimension: Dimension, usual: Configuration, name: str) -> Sequence[Any]:
    return dimension.choices if isinstance(dimension, Choices) else [getattr(usual.section(name), name)]
