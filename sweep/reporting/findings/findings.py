"""What a report knows of an experiment's results: each thing is found once, and handed down."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sweep.experiment.experiment import Experiment
from sweep.experiment.trials import Phase
from sweep.reporting.findings.conditions import Condition, conditions
from sweep.results.phase_view import PhaseView
from sweep.results.results import Results

_Found = TypeVar("_Found")


@dataclass(frozen=True, eq=False)
class Findings:
    """The results that a report is about, phase by phase and condition by condition."""

    results: Results
    _found: dict[Callable[..., Any], Any] = field(default_factory=dict, repr=False)

    @property
    def experiment(self) -> Experiment:
        """What was asked."""
        return self.results.experiment

    @functools.cached_property
    def search(self) -> PhaseView:
        """The trials of the search."""
        return PhaseView.of(self.results, Phase.SEARCH)

    @functools.cached_property
    def again(self) -> PhaseView:
        """The trials that were trained again, from seeds that the search never used."""
        return PhaseView.of(self.results, Phase.CONFIRM)

    @functools.cached_property
    def conditions(self) -> list[Condition]:
        """The experiment's conditions in the order of its file."""
        return conditions(self.results)


def found_once(find: Callable[[Findings], _Found]) -> Callable[[Findings], _Found]:
    """What `find` finds in some findings is kept with them: whoever asks again gets the same object."""

    @functools.wraps(find)
    def found(findings: Findings) -> _Found:
        if find not in findings._found:
            findings._found[find] = find(findings)
        return findings._found[find]  # type: ignore[no-any-return]

    return found
