"""What the values of searched parameters do, all else equal, and where the effect of one hangs on another."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sweep import stats
from sweep.comparison.compare import LEVEL, Arm, Comparison, common_seeds, compare, limits_of, of_seeds
from sweep.comparison.replicate_sets import Contrast, arm_of, by_others, cells, contrasts, levels
from sweep.experiment.outcomes import OUTCOMES
from sweep.experiment.trials import Phase
from sweep.results.phase_view import PhaseView

if TYPE_CHECKING:
    from sweep.results.results import Results


@dataclass(frozen=True)
class Effect:
    """Two values of a parameter, `a` and `b` in the file's order, under one condition, by one metric."""

    parameter: str
    a: Any
    b: Any
    found: Comparison

    @property
    def told(self) -> bool:
        """Whether it is more than chance."""
        return self.found.verdict in ("better", "worse")

    @property
    def better(self) -> Any:
        """The value that does better, as measured where it is not told."""
        return self.a if (self.found.verdict == "better" if self.told else self.found.improvement >= 0.5) else self.b


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """How the difference between two values of the one parameter hangs on the other, under one condition.

    `at_first` and `at_second` are the differences a - b of the metric of the first one's two `values`, beside the first
    and the second of the `beside` ones; `p_value` is of these being equal, corrected for all interactions.
    """

    parameters: tuple[str, str]
    condition: dict[str, Any]
    values: tuple[Any, Any]
    beside: tuple[Any, Any]
    metric: str
    at_first: float
    at_second: float
    p_value: float

    @property
    def told(self) -> bool:
        """Whether the two differences differ by more than chance."""
        return self.p_value < LEVEL


@dataclass(frozen=True, kw_only=True)
class Effects:
    """`rows` of all metrics, the first metric's first; `unmatched` says what could not be compared all else equal."""

    rows: list[Effect]
    interactions: list[Interaction]
    notes: list[str]
    unmatched: list[str]


def effects(results: Results, parameters: Sequence[str], within: Sequence[str], metrics: Sequence[str]) -> Effects:
    """Every two values of each of the `parameters` against each other, trials that agree in all else.

    P-values are corrected (Holm) for all rows of one metric: the first decides, and what a second one says is another
    question. SweepError where the complete trials have no two values of a parameter.
    """
    found: list[Contrast] = []
    notes: list[str] = []
    unmatched: list[str] = []
    for parameter in parameters:
        own, said = contrasts(results, parameter, within)
        found += [contrast for contrast in own if contrast.pair.matched]
        if lost := sum(not contrast.pair.matched for contrast in own):
            unmatched.append(f"{lost} of {len(own)} pairs of values of {parameter}")
            said = said[:-1]  # the note of those
        notes += said
    rows = [
        Effect(contrast.parameter, contrast.a, contrast.b, row)
        for metric in metrics
        for contrast, row in zip(found, compare([contrast.pair for contrast in found], [metric]), strict=True)
    ]
    between = interactions(results, parameters, within, metrics[0]) if found else []
    return Effects(rows=rows, interactions=between, notes=list(dict.fromkeys(notes)), unmatched=unmatched)


def interactions(results: Results, parameters: Sequence[str], within: Sequence[str], metric: str) -> list[Interaction]:
    """Of every two of the `parameters`, for every two values of each; where all four combinations have the same seeds.

    Each seed has a difference of differences, the mean over all that the four agree in; that their signs may be
    changed is tested (Fisher 1935), with Holm's correction over all of them.
    """
    searched = PhaseView.of(results, Phase.SEARCH)
    trials = searched.trials[searched.trials["state"] == "complete"]
    search = results.experiment.search
    found: list[tuple[dict[str, Any], np.ndarray[Any, Any]]] = []
    for first, second in itertools.combinations(parameters, 2):
        others = [name for name in search if name not in (first, second, *within)]
        for condition, rows in cells(results, trials, within):
            groups = {
                (value, beside): by_others(rows[(rows[first] == value) & (rows[second] == beside)], others)
                for value in levels(search[first], rows[first].dropna())
                for beside in levels(search[second], rows[second].dropna())
            }
            firsts, seconds = (list(dict.fromkeys(key[place] for key in groups)) for place in (0, 1))
            for values, beside in itertools.product(
                itertools.combinations(firsts, 2), itertools.combinations(seconds, 2)
            ):
                four = [groups[value, other] for other in beside for value in values]
                arms = [
                    [arm_of(searched, trials_of[key]) for trials_of in four]
                    for key in four[0]
                    if all(key in trials_of for trials_of in four)
                ]
                differences = _differences(arms, metric)
                if differences is None:
                    continue
                about = {"parameters": (first, second), "condition": condition, "values": values, "beside": beside}
                found.append((about, differences))
    alone = [stats.paired_permutation_test(d[0] - d[1], comparisons=len(found)) for _, d in found]
    return [
        Interaction(
            **about, metric=metric, at_first=float(d[0].mean()), at_second=float(d[1].mean()), p_value=float(p_value)
        )
        for (about, d), p_value in zip(found, stats.holm(alone) if alone else (), strict=True)
    ]


def _differences(arms: Sequence[Sequence[Arm]], metric: str) -> np.ndarray[Any, Any] | None:
    """(2, seeds): the difference beside the one value and beside the other, means over rows of four arms.

    None where there is no row, or the arms have not the same seeds.
    """
    every = {tuple(arm.replicates["seed"]) for four in arms for arm in four}
    if len(every) != 1:
        return None
    seeds = common_seeds([arm for four in arms for arm in four])
    limits = limits_of([arm for four in arms for arm in four], metric)
    values = np.array([[of_seeds(arm, metric, limits, seeds)[0] for arm in four] for four in arms])
    means = values.mean(axis=0)
    return np.stack([means[0] - means[1], means[2] - means[3]])


@dataclass(frozen=True, kw_only=True)
class Level:
    """What a value of a parameter came to under one condition: the mean over seeds, with its 95% interval.

    A seed counts once, with its mean over the `trials`, which are those that every value has a partner for;
    where there are no such, all trials with the value (`matched` is then false). nan where it is not known.
    """

    parameter: str
    condition: dict[str, Any]
    value: Any
    metric: str
    figure: float
    low: float
    high: float
    trials: tuple[int, ...]
    matched: bool


def levels_of(results: Results, parameter: str, within: Sequence[str], metric: str) -> list[Level]:
    """Every value of a parameter under every condition, and within each value of `within`, in the file's order."""
    searched = PhaseView.of(results, Phase.SEARCH)
    trials = searched.trials[searched.trials["state"] == "complete"]
    search = results.experiment.search
    others = [name for name in search if name not in (parameter, *within)]
    found = []
    for condition, rows in cells(results, trials, within):
        values = levels(search[parameter], rows[parameter].dropna())
        groups = {value: by_others(rows[rows[parameter] == value], others) for value in values}
        common = set.intersection(*(set(group) for group in groups.values())) if groups else set()
        arms = {
            value: [arm_of(searched, trial) for key, trial in group.items() if key in common or not common]
            for value, group in groups.items()
        }
        if not arms:
            continue
        limits = limits_of([arm for own in arms.values() for arm in own], metric)
        for value, own in arms.items():
            seeds = common_seeds(own)
            means = np.mean([of_seeds(arm, metric, limits, seeds)[0] for arm in own], axis=0)
            figure, interval = _mean_with_interval(metric, means)
            found.append(
                Level(
                    parameter=parameter,
                    condition=condition,
                    value=value,
                    metric=metric,
                    figure=figure,
                    low=interval.low,
                    high=interval.high,
                    trials=tuple(arm.trial for arm in own),
                    matched=bool(common),
                )
            )
    return found


def _mean_with_interval(metric: str, values: np.ndarray[Any, Any]) -> tuple[float, stats.Interval]:
    """Of (seeds,): exact of successes and failures, else the mean's; nan where it is not known."""
    unknown = stats.Interval(np.nan, np.nan)
    if len(values) == 0:
        return np.nan, unknown
    figure = float(values.mean())
    if metric == "solve_rate" and np.isin(values, (0, 1)).all():
        return figure, stats.binomial_interval(int(values.sum()), len(values))
    interval = stats.mean_interval(values, bounds=(0.0, 1.0) if OUTCOMES[metric].is_share else None)
    return figure, interval if np.isfinite(interval).all() else unknown
