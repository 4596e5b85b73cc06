"""Three or more sides at once: each two against each other, where each stands on average, and how soon each solves it.

Sides are ranked under the conditions that all of them have, and under no others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweep import stats
from sweep.comparison.compare import Comparison, compare, cut_off, measured_alike
from sweep.comparison.replicate_sets import Contest, Side, contests_of
from sweep.errors import SweepError

MOST_SIDES = 26
"""As many as there are letters to name them by; 325 pairs of them."""

EFFORT = "sequences_to_solve"
"""What a performance profile is of."""

_RENARD = (
    *(1.0, 1.12, 1.25, 1.4, 1.6, 1.8, 2.0, 2.24, 2.5, 2.8),
    *(3.15, 3.55, 4.0, 4.5, 5.0, 5.6, 6.3, 7.1, 8.0, 9.0),
)
"""Ratios of a profile in each decade: twenty, evenly apart on a logarithmic axis (Renard's series R20)."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a side came to under one condition, by one metric. `label` says which trial stands for it there.

    `value` is the mean over the seeds, of a time cut off at the smallest budget of all sides; None where seeds
    diverged, of a score without bounds. `rank` is the mean one over the seeds, 1 the best.
    """

    side: str
    label: str
    condition: dict[str, Any]
    metric: str
    value: float | None
    rank: float
    seeds: int


@dataclass(frozen=True, kw_only=True)
class Rank:
    """The mean rank of a side by one metric over so many `conditions`, with its 95% interval; see `stats.mean_ranks`.

    `paired`: under each condition all sides have the same seeds.
    """

    side: str
    metric: str
    rank: float
    low: float
    high: float
    conditions: int
    paired: bool


@dataclass(frozen=True, kw_only=True)
class Point:
    """Of a performance profile: the share of a side's runs that solved the task within `ratio` times the quickest.

    With its 95% interval, at this ratio by itself.
    """

    side: str
    ratio: float
    solved: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Quickest:
    """What a profile's ratios are multiples of, under one condition: the least mean of sequences to solve.

    The mean is cut off at `cut_off`, the smallest budget of all sides; None where all their runs solved the task.
    """

    condition: dict[str, Any]
    side: str
    sequences: float
    cut_off: float | None


@dataclass(frozen=True, kw_only=True)
class Several:
    """All that is said of three or more sides. `sides` are their names, as they were given, in that order."""

    sides: tuple[str, ...]
    conditions: tuple[dict[str, Any], ...]
    metrics: tuple[str, ...]
    rows: tuple[Comparison, ...]
    places: tuple[tuple[int, int], ...]
    """Of each row, which sides it compares: a and b by their place in `sides`."""
    scores: tuple[Score, ...]
    ranks: tuple[Rank, ...]
    quickest: tuple[Quickest, ...]
    profiles: tuple[Point, ...]
    notes: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For scripts: lists of flat rows; a row of `rows` has the names of its sides beside what two sides have."""
        rows = [
            {"side_a": self.sides[a], "side_b": self.sides[b], **asdict(row)}
            for row, (a, b) in zip(self.rows, self.places, strict=True)
        ]
        tables = {name: list(map(asdict, getattr(self, name))) for name in ("ranks", "scores", "quickest", "profiles")}
        return {"sides": list(self.sides), "rows": rows, **tables, "notes": list(self.notes)}


def compare_several(sides: Sequence[Side], metrics: Sequence[str]) -> Several:
    """Each two of the `sides` by each metric, their ranks and profiles; SweepError where they cannot be compared."""
    names = tuple(side.label for side in sides)
    if len(names) > MOST_SIDES:
        raise SweepError(f"compare: got {len(names)} names; at most {MOST_SIDES} can be compared at once")
    given: dict[tuple[Path, int | None], str] = {}
    for side in sides:
        key = side.results.path.resolve(), side.trial
        if key in given:
            what = "is given twice" if given[key] == side.label else f"is {given[key]} once more"
            raise SweepError(f"{side.label}: {what}; each side is compared with every other one")
        given[key] = side.label
    contests, notes = contests_of(sides)
    rows = compare([pair for contest in contests for pair in contest.pairs], metrics)
    pairs = [(a, b) for a in range(len(sides)) for b in range(a + 1, len(sides))]
    scores, ranks = [], []
    for metric in metrics:
        some, others = _standings(names, contests, metric)
        scores += some
        ranks += others
    quickest, profiles = _profiles(names, contests)
    return Several(
        sides=names,
        conditions=tuple(contest.condition for contest in contests),
        metrics=tuple(metrics),
        rows=tuple(rows),
        places=tuple(pair for _ in contests for pair in pairs for _ in metrics),
        scores=tuple(scores),
        ranks=tuple(ranks),
        quickest=tuple(quickest),
        profiles=tuple(profiles),
        notes=tuple(dict.fromkeys(notes)),
    )


def _standings(names: Sequence[str], contests: Sequence[Contest], metric: str) -> tuple[list[Score], list[Rank]]:
    scores, runs, alike = [], [], []
    for contest in contests:
        measured = measured_alike(contest.arms, metric)
        own = [stats.Runs(each.seeds, each.better) for each in measured]
        sets = _sets(contest.same)
        for name, label, each, found in zip(
            names, contest.labels, measured, stats.mean_ranks([own], [sets]), strict=True
        ):
            value = None if each.has_diverged else float(each.values.mean())
            scores.append(
                Score(
                    side=name,
                    label=label,
                    condition=contest.condition,
                    metric=metric,
                    value=value,
                    rank=found.value,
                    seeds=len(each.seeds),
                )
            )
        runs.append(own)
        alike.append(sets)
    paired = all(len({each.key for each in own}) == 1 for own in runs)
    ranks = [
        Rank(
            side=name,
            metric=metric,
            rank=found.value,
            low=found.low,
            high=found.high,
            conditions=len(contests),
            paired=paired,
        )
        for name, found in zip(names, stats.mean_ranks(runs, alike), strict=True)
    ]
    return scores, ranks


def _sets(same: frozenset[tuple[int, int]]) -> list[frozenset[int]]:
    """The sides that are the same computation, each set of them once."""
    found: list[frozenset[int]] = []
    for pair in sorted(same):
        joined = frozenset(pair).union(*(each for each in found if each & set(pair)))
        found = [each for each in found if not each & joined] + [joined]
    return found


def _profiles(names: Sequence[str], contests: Sequence[Contest]) -> tuple[list[Quickest], list[Point]]:
    quickest, runs = [], []
    for contest in contests:
        measured = measured_alike(contest.arms, EFFORT)
        means = [float(each.values.mean()) for each in measured]
        place, limit = int(np.argmin(means)), cut_off(contest.arms, EFFORT)
        quickest.append(
            Quickest(
                condition=contest.condition,
                side=names[place],
                sequences=means[place],
                cut_off=limit if math.isfinite(limit) else None,
            )
        )
        runs.append([stats.Runs(each.seeds, each.better / means[place]) for each in measured])
    ratios = _ratios(np.concatenate([-own.better for sides in runs for own in sides]))
    profiles = stats.solved_within(runs, ratios)
    points = [
        Point(side=name, ratio=float(ratio), solved=found.value, low=found.low, high=found.high)
        for name, own in zip(names, profiles, strict=True)
        for ratio, found in zip(ratios, own, strict=True)
    ]
    return quickest, points


def _ratios(efforts: NDArray[np.float64]) -> list[float]:
    """From the last at which no run has solved the task to the first at which all have that ever do; with 1."""
    reached = efforts[np.isfinite(efforts)]
    low, high = min(float(reached.min(initial=1.0)), 1.0), max(float(reached.max(initial=1.0)), 1.0)
    found = [round(step * 10.0**decade, 10) for decade in range(-9, 10) for step in _RENARD]
    below = [ratio for ratio in found if ratio < low][-1:]
    inside = [ratio for ratio in found if low <= ratio < high]
    return [*below, *inside, *[ratio for ratio in found if ratio >= high][:1]]
