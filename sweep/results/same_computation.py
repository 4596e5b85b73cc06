"""Which trials of an experiment are the same computation: one configuration, however it is written."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sweep.experiment.normal_form import computation, why_same
from sweep.experiment.trials import conditions_of
from sweep.faults import plural
from sweep.results.record import as_column, parameters_of, record_schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from sweep.experiment.configuration import Configuration
    from sweep.results.results import Results


@dataclass(frozen=True)
class SameComputation:
    """Trials of one condition, by their numbers, that train the same; `why`, where their parameters differ."""

    trials: tuple[int, ...]
    why: str

    @property
    def sentence(self) -> str:
        """That they are, with its full stop.

        >>> SameComputation((1, 2), "shuffle has no effect on one sequence").sentence
        'Trials 1 and 2 are the same computation: shuffle has no effect on one sequence.'
        """
        return f"Trials {self.numbers} are the same computation{f': {self.why}' if self.why else ''}."

    @property
    def numbers(self) -> str:
        """Of its trials, in words."""
        *others, last = map(str, self.trials)
        return f"{', '.join(others)} and {last}"


def sentences(found: Iterable[SameComputation], most: int) -> list[str]:
    """One for each reason; of its sets of trials the first `most` are named.

    >>> sentences([SameComputation((1, 2), "no state"), SameComputation((5, 7), "no state")], most=3)
    ['Trials 1 and 2, and trials 5 and 7, are each the same computation: no state.']
    """
    said: dict[str, list[SameComputation]] = {}
    for each in found:
        said.setdefault(each.why, []).append(each)
    return [_together(sets, most) for sets in said.values()]


def _together(sets: list[SameComputation], most: int) -> str:
    if len(sets) == 1:
        return sets[0].sentence
    named = [f"trials {each.numbers}" for each in sets[:most]]
    if len(sets) > most:
        named.append(plural(len(sets) - most, "other set"))
    *some, last = named
    why = sets[0].why
    text = f"{', '.join(some)}, and {last}, are each the same computation{f': {why}' if why else ''}."
    return text[0].upper() + text[1:]


class Computations:
    """What the complete trials of some results compute; trials of one phase, or each only once."""

    def __init__(self, results: Results) -> None:
        self._experiment, self._tasks = results.experiment, results.tasks
        complete = results.trials[results.trials["state"] == "complete"].drop_duplicates("trial")
        self._rows = dict(zip(complete["trial"].astype(int), complete.to_dict("records"), strict=True))

    def same(self, one: int, other: int) -> SameComputation | None:
        """The two trials, if they are the same computation; None if not, or if one of them is not complete."""
        key = self._keys.get(one)
        return (
            self._found(sorted((one, other)))
            if one != other and key is not None and key == self._keys.get(other)
            else None
        )

    def of(self, trial: int) -> Hashable | None:
        """What a complete trial computes beside its task: equal in any results for the same computation."""
        return self._keys[trial][1] if trial in self._keys else None

    def configuration(self, trial: int) -> Configuration:
        """What a complete trial trained."""
        return self._configurations[trial]

    @cached_property
    def groups(self) -> list[SameComputation]:
        """Every two or more trials that are the same, in the order of the first of each."""
        found: dict[Hashable, list[int]] = {}
        for trial, key in sorted(self._keys.items()):
            found.setdefault(key, []).append(trial)
        return [self._found(trials) for trials in found.values() if len(trials) > 1]

    @cached_property
    def _keys(self) -> dict[int, tuple[int, Hashable]]:
        return {
            trial: (self._condition(trial), computation(configuration, self._tasks[self._condition(trial)]))
            for trial, configuration in self._configurations.items()
        }

    @cached_property
    def _configurations(self) -> dict[int, Configuration]:
        settings, schema = self._experiment.condition_settings, record_schema(self._experiment)
        bases = [self._experiment.base.with_recalled(**setting) for setting in settings]
        return {
            trial: bases[self._condition(trial)].with_recalled(
                **parameters_of(self._experiment, schema, _as_recorded(row, schema, self._experiment.search))
            )
            for trial, row in self._rows.items()
        }

    def _condition(self, trial: int) -> int:
        return int(conditions_of(trial, len(self._tasks)))

    def _found(self, trials: Sequence[int]) -> SameComputation:
        task = self._tasks[self._condition(trials[0])]
        return SameComputation(tuple(trials), why_same([self._configurations[trial] for trial in trials], task))


def _as_recorded(row: Mapping[Any, Any], schema: pa.Schema, names: Iterable[str]) -> dict[str, Any]:
    """What a data frame holds of these parameters as a record has it: plain, and None for what is not searched."""
    import pandas as pd

    recorded = {}
    for name in names:
        value = row[name].item() if isinstance(row[name], np.generic) else row[name]
        missing = pd.api.types.is_scalar(value) and pd.isna(value)
        recorded[name] = None if missing else as_column(value, schema.field(name).type)
    return recorded
