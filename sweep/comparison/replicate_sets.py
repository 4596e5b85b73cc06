"""What `sweep compare` was asked for: experiments, trials or the values of a parameter, as pairs to be compared."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep.comparison.compare import Arm, Pair
from sweep.errors import SweepError
from sweep.experiment.answer import MOST_VALUES
from sweep.experiment.space import Choices, Range
from sweep.experiment.trials import Phase, TrialNumber, conditions_of
from sweep.faults import plural, quoted, unknown
from sweep.results.phase_view import PhaseView
from sweep.results.same_computation import Computations

if TYPE_CHECKING:
    from sweep.results.results import Results

_MOST_SAME = 3  # pairs of trials that are the same computation, told one by one


@dataclass(frozen=True)
class Side:
    """One side of a comparison: the results `name`, all of them or one `trial`."""

    name: str
    results: Results
    trial: int | None = None

    @property
    def label(self) -> str:
        """As it is named on the command line."""
        return self.name if self.trial is None else f"{self.name}:{self.trial}"


@dataclass(frozen=True, eq=False)
class Contest:
    """What each of the sides that are compared did under one condition that all of them have, in their order.

    `same`: pairs of sides, by their places, that are the same computation.
    """

    condition: dict[str, Any]
    labels: tuple[str, ...]
    arms: tuple[Arm, ...]
    same: frozenset[tuple[int, int]]

    @property
    def pairs(self) -> list[Pair]:
        """Each two of the sides against each other."""
        return [
            Pair(self.condition, self.labels[i], self.labels[j], (a,), (b,), same=(i, j) in self.same)
            for (i, a), (j, b) in itertools.combinations(enumerate(self.arms), 2)
        ]


def contests_of(sides: Sequence[Side]) -> tuple[list[Contest], list[str]]:
    """A contest for each condition that all of the sides have, and notes; SweepError where there is none.

    Of an experiment the best configuration stands for it, by its confirmed scores if it has any, and with these.
    """
    arms = [_arms(side) for side in sides]
    shared = [task for task in arms[0] if all(task in others for others in arms[1:])]
    if not shared:
        raise SweepError(_nothing_shared(sides))
    contests, notes = [], []
    computed = [Computations(side.results) for side in sides]
    for task in shared:
        chosen = [each[task][1] for each in arms]
        labels = tuple(_labelled(side, arm) for side, arm in zip(sides, chosen, strict=True))
        alike = set()
        for i, j in itertools.combinations(range(len(sides)), 2):
            trials = chosen[i].trial, chosen[j].trial
            one_folder = sides[i].results.path == sides[j].results.path
            if one_folder and trials[0] == trials[1] and len(sides) > 2:  # of two it is a comparison like others
                alike.add((i, j))
                notes.append(
                    f"{sides[i].label} and {sides[j].label} are one trial, {trials[0]}, so the same computation."
                )
            elif one_folder and (same := computed[i].same(*trials)):
                alike.add((i, j))
                notes.append(same.sentence)
            elif not one_folder and None is not computed[i].of(trials[0]) == computed[j].of(trials[1]):
                notes.append(
                    f"{labels[i]} and {labels[j]} are the same computation: only seeds, versions and machines differ."
                )
        contests.append(Contest(arms[0][task][0], labels, tuple(chosen), frozenset(alike)))
    notes += [note for side, own in zip(sides, arms, strict=True) if (note := _optimism(side, own))]
    whose = "none of the other's" if len(sides) == 2 else "not shared by all"
    for side, own in zip(sides, arms, strict=True):
        if alone := len(set(own) - set(shared)):
            notes.append(f"{alone} of {plural(len(own), 'condition')} of {side.label} are {whose}; left out.")
    return contests, notes


def pairs_of(*sides: Side) -> tuple[list[Pair], list[str]]:
    """A pair for each condition that all of the sides have and each two of these, and notes, as `contests_of`."""
    contests, notes = contests_of(sides)
    return [pair for contest in contests for pair in contest.pairs], notes


@dataclass(frozen=True, eq=False)
class Contrast:
    """Two values, `a` and `b` in the file's order, of a searched parameter, and what stands for them in `pair`.

    The pair's condition holds the values of the parameters too within which they are compared.
    """

    parameter: str
    a: Any
    b: Any
    pair: Pair


def pairs_by(results: Results, parameter: str) -> tuple[list[Pair], list[str]]:
    """A pair for each condition and each two values of a searched parameter, and notes; see `contrasts`."""
    try:
        found, notes = contrasts(results, parameter)
    except SweepError as error:
        raise SweepError(f"--by {error}") from None
    return [contrast.pair for contrast in found], notes


def contrasts(results: Results, parameter: str, within: Sequence[str] = ()) -> tuple[list[Contrast], list[str]]:
    """One for each condition, combination of values of `within` and two values of a searched parameter, and notes.

    Complete trials of the search that agree in all other parameters stand against each other, but for those that are
    the same computation. Where no two agree, all trials with one value stand against all with the other.
    """
    search = results.experiment.search
    if parameter not in search:
        raise SweepError(f"{parameter}: " + unknown("searched parameter", parameter, search))
    searched = PhaseView.of(results, Phase.SEARCH)
    trials = searched.trials[searched.trials["state"] == "complete"]
    values = levels(search[parameter], trials[parameter].dropna())
    if len(values) < 2:
        raise SweepError(f"{parameter}: the complete trials have {plural(len(values), 'value')} of it; two are needed")
    if len(values) > MOST_VALUES:
        raise SweepError(
            f"{parameter}: the complete trials have {len(values)} values of it; at most {MOST_VALUES} can be "
            "compared, so choose a parameter of few values"
        )
    others = [name for name in search if name != parameter and name not in within]
    computed, same = Computations(searched), dict[str, None]()
    found, unmatched = [], 0
    for setting, own in cells(results, trials, within):
        groups = {value: by_others(own[own[parameter] == value], others) for value in values}
        for value_a, value_b in itertools.combinations(values, 2):
            of_a, of_b = groups[value_a], groups[value_b]
            common = [key for key in of_a if key in of_b]
            if not of_a or not of_b:
                continue
            unmatched += not common
            alike = {key: one for key in common if (one := computed.same(of_a[key], of_b[key]))}
            some = 0 < len(alike) < len(common)
            same |= dict.fromkeys(f"{each.sentence}{' They are left out.' if some else ''}" for each in alike.values())
            if some:
                common = [key for key in common if key not in alike]
            a, b = (
                tuple(arm_of(searched, trial) for trial in ([of[key] for key in common] or of.values()))
                for of in (of_a, of_b)
            )
            label_a, label_b = (f"{parameter} = {_written(value)}" for value in (value_a, value_b))
            pair = Pair(setting, label_a, label_b, a, b, matched=bool(common), same=bool(alike) and not some)
            found.append(Contrast(parameter, value_a, value_b, pair))
    if not found:
        raise SweepError(f"{parameter}: under no condition have complete trials two values of it")
    notes = list(same)[:_MOST_SAME]
    if len(same) > _MOST_SAME:
        notes.append(f"The same holds for {plural(len(same) - _MOST_SAME, 'other pair')} of trials.")
    if not unmatched:
        return found, notes
    notes.append(
        f"{unmatched} of {plural(len(found), 'comparison')} {'has' if unmatched == 1 else 'have'} no two trials that "
        "agree in all else: there, trials as the search drew them are compared, whose other parameters may differ as "
        "well."
    )
    return found, notes


def cells(
    results: Results, trials: pd.DataFrame, within: Sequence[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Each condition, and in it each combination of values of `within` that occurs in its `trials`, with its rows."""
    settings = results.experiment.condition_settings
    for number, setting in enumerate(settings):
        own = trials[conditions_of(trials["trial"], len(settings)) == number]
        present = [levels(results.experiment.search[name], own[name].dropna()) for name in within]
        for values in itertools.product(*present):
            rows = own
            for name, value in zip(within, values, strict=True):
                rows = rows[rows[name] == value]
            if len(rows):
                yield setting | dict(zip(within, values, strict=True)), rows


def _arms(side: Side) -> dict[str, tuple[dict[str, Any], Arm]]:
    """The task under a condition, as text -> that condition, and the configuration that stands for the side."""
    results = side.results
    searched, again = PhaseView.of(results, Phase.SEARCH), PhaseView.of(results, Phase.CONFIRM)
    settings = results.experiment.condition_settings
    if side.trial is not None:
        known = results.trials["trial"]
        if side.trial not in set(known):
            have = f"trials {known.min()} to {known.max()} are there" if len(known) else "none is there yet"
            raise SweepError(f"{side.label}: has no such trial; {have}")
        confirmed = side.trial in set(again.replicates["trial"])
        chosen = {TrialNumber.of(side.trial, len(settings)).condition: (side.trial, again if confirmed else searched)}
    else:
        chosen = {number: (int(trial["trial"]), searched) for number, trial in searched.best.items()}
        chosen |= {n: (int(trial["trial"]), again) for n, trial in again.best.items() if n in searched.best}
    arms = {}
    for number, (trial, view) in sorted(chosen.items()):
        task = results.experiment.base.with_recalled(**settings[number]).task
        arms[task.model_dump_json()] = (settings[number], arm_of(view, trial))
    if not arms:
        raise SweepError(f"{side.label}: has no complete trial yet; the same `sweep run` again goes on with it")
    return arms


def arm_of(results: PhaseView, trial: int) -> Arm:
    """A trial as one phase trained it; SweepError where it failed."""
    rows = results.replicates[results.replicates["trial"] == trial]
    if rows.empty:
        raise SweepError(f"{results.name}:{trial}: failed and has no replicate to compare; choose another trial")
    return Arm(trial, rows.sort_values("seed"), budget_of(results, trial), confirmed=results.phase == Phase.CONFIRM)


def budget_of(results: PhaseView, trial: int) -> float:
    """The training sequences that a replicate of the trial is shown if it neither solves the task nor diverges."""
    experiment = results.experiment
    epochs: Any = experiment.base.training.epochs
    if "epochs" in experiment.search:
        (searched,) = results.trials["epochs"][results.trials["trial"] == trial]
        epochs = epochs if pd.isna(searched) else searched
    condition = TrialNumber.of(trial, len(results.tasks)).condition
    return float(int(epochs) * results.tasks[condition].num_sequences)


def _optimism(side: Side, arms: dict[str, tuple[dict[str, Any], Arm]]) -> str:
    """That the side was picked by the very seeds it is compared on; empty where it was not."""
    study, trials = side.results.experiment.study, side.results.experiment.trials
    searched = set(study.replicate_seeds)
    picked = any(searched & set(arm.replicates["seed"]) for _, arm in arms.values())
    if side.trial is not None or trials < 2 or not picked:
        return ""
    return (
        f"{side.label} is the best of up to {trials} trials, picked by these very seeds: its values are optimistic, "
        f"and so is the verdict. `sweep confirm {side.name}` trains it again from new ones."
    )


def _labelled(side: Side, arm: Arm) -> str:
    """Which trial stands for the side, and by which scores."""
    label = side.label if side.trial is not None or not side.results.experiment.search else f"{side.name}:{arm.trial}"
    return f"{label} (confirmed)" if arm.confirmed else label


def _nothing_shared(sides: Sequence[Side]) -> str:
    first, *others = sides
    for other in others:
        tasks = [side.results.experiment.task.name for side in (first, other)]
        if tasks[0] != tasks[1]:
            return (
                f"{first.label} is of the task {tasks[0]} and {other.label} of {tasks[1]}; compare "
                f"{'two' if len(sides) == 2 else 'those'} of the same task"
            )
    *some, last = (side.label for side in sides)
    return (
        f"{', '.join(some)} and {last} have no condition in common; compare {'two' if len(sides) == 2 else 'those'} "
        "that were measured on the same task"
    )


def levels(dimension: Choices | Range, found: pd.Series) -> list[Any]:
    """The values that occur, in the order of the experiment file."""
    present = list(dict.fromkeys(found))
    if isinstance(dimension, Choices):
        order = [str(choice) for choice in dimension.choices]
        return sorted(present, key=lambda value: order.index(str(value)) if str(value) in order else len(order))
    return sorted(present)


def by_others(trials: pd.DataFrame, others: list[str]) -> dict[tuple[str, ...], int]:
    """The values of the other parameters -> the earliest trial that has them."""
    found: dict[tuple[str, ...], int] = {}
    for _, row in trials.iterrows():
        found.setdefault(tuple(str(row[name]) for name in others), int(row["trial"]))
    return found


def _written(value: Any) -> str:
    return quoted(bool(value)) if isinstance(value, bool | np.bool_) else str(value)
