"""How much each searched parameter mattered, beside what chance alone would show: PED-ANOVA, and its permutations."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.experiment.checks import faults_of_configuration
from sweep.experiment.space import Choices, Dimension
from sweep.reporting.findings.computations import computations
from sweep.reporting.look.display import outcome_text, value_text
from sweep.stats.ped_anova import Axis, axis_of_choices, axis_of_range, divergences, divergences_by_chance
from sweep.tasks.registry import build_task
from sweep.training.cost import TrialCost

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sweep.reporting.findings.findings import Findings

_FEWEST_TRIALS = 10
_FEWEST_BEST = 5  # trials that are compared with all
_MOST_TIED = 1 / 4  # of the trials, at the score where the best ones end
_DRAWS = 999
_LEVEL = 0.05  # of all bars together
_TRIALS_VARIED = 12  # to see what the number of updates depends on


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Of one parameter: `share` of all importance, and how large a share by chance alone could be.

    `by_chance` is in the same unit, and may be above 1 where nothing matters. `changes_updates`: its values differ in
    how many updates a trial makes, so that it may be these that matter.
    """

    share: float
    by_chance: float
    changes_updates: bool

    @property
    def told(self) -> bool:
        """Whether chance alone would hardly have shown it."""
        return self.share > self.by_chance


@dataclass(frozen=True, kw_only=True)
class Importances:
    """Parameter -> its importance, the largest first, from so many `best` trials; or the reason why there are none."""

    of: dict[str, Importance] = field(default_factory=dict)
    best: int = 0
    why_not: str = ""


def importances(findings: Findings, trials: pd.DataFrame) -> Importances:
    """The importance of each searched parameter for the first objective, from one condition's trials.

    PED-ANOVA (Watanabe, Bansal & Hutter 2023): how far the best tenth's values of a parameter are spread otherwise
    than those of all trials. Who is level with the last of the tenth is among the best too; where that is more than a
    quarter of all trials, nothing sets the best apart. By chance: as many best trials drawn at random, 999 times. In 95
    of 100 searches in which no parameter matters, no bar is above its own (Bonferroni over the parameters).
    """
    # What is searched only beside some values of another parameter has no value in the other trials.
    search = {name: dimension for name, dimension in findings.experiment.search.items() if not dimension.when}
    objective = findings.experiment.study.objectives[0]
    name = objective.removeprefix("-")
    complete = trials[trials["state"] == "complete"]
    complete = complete[complete[name].notna()].sort_values("trial")
    outcome = name.replace("_", " ")
    if not search:
        return Importances(why_not="nothing was searched")
    if len(complete) < _FEWEST_TRIALS:
        return Importances(why_not=f"{_FEWEST_TRIALS} complete trials are needed, and there are {len(complete)}")
    sign = 1 if objective.startswith("-") else -1
    costs = sign * complete[name].to_numpy(float)
    if len(set(costs)) == 1:
        return Importances(why_not=f"every trial has the same {outcome}")
    number = math.ceil(min(0.5, max(0.1, _FEWEST_BEST / len(costs))) * len(costs))
    last = np.sort(costs)[number - 1]
    if (tied := int((costs == last).sum())) > _MOST_TIED * len(costs):
        return Importances(
            why_not=f"{tied} of {len(costs)} trials tie at the {outcome} at which the best {number} end "
            f"({outcome_text(name, sign * float(last))}), so that nothing tells which are the best"
        )
    return _evaluated(findings, search, complete, np.flatnonzero(costs <= last))


def _evaluated(
    findings: Findings, search: dict[str, Dimension], trials: pd.DataFrame, best: NDArray[np.int64]
) -> Importances:
    base = findings.experiment.base
    axes = [_axis(dimension, trials[name], base.number_type(name)) for name, dimension in search.items()]
    found = np.array([divergences(axis, best[None])[0] for axis in axes])
    if not found.sum():
        return Importances(why_not="the best trials have the same values as all")
    draws = max(_DRAWS, math.ceil(len(axes) / _LEVEL) - 1)
    chance = divergences_by_chance(axes, len(trials), len(best), draws)
    rarest = int(_LEVEL / len(axes) * (draws + 1))  # so many draws, of which one is what was found, are above
    ends = np.sort(chance, axis=0)[-rarest] / found.sum()
    changing = _changing_updates(findings, search, [int(trial) for trial in trials["trial"]])
    of = {
        name: Importance(share=float(share), by_chance=float(end), changes_updates=name in changing)
        for name, share, end in zip(search, found / found.sum(), ends, strict=True)
    }
    return Importances(of=dict(sorted(of.items(), key=lambda item: (-item[1].share, item[0]))), best=len(best))


def _axis(dimension: Dimension, values: pd.Series, numbers: type | None) -> Axis:
    if isinstance(dimension, Choices):
        texts = [value_text(choice) for choice in dimension.choices]
        return axis_of_choices([texts.index(value_text(value)) for value in values], len(texts))
    step = int(dimension.step or 1) if numbers is int else dimension.step
    return axis_of_range(values.to_numpy(float), dimension.low, dimension.high, log=dimension.log, step=step)


def _changing_updates(findings: Findings, names: Iterable[str], trials: list[int]) -> set[str]:
    """Those parameters of which one end makes another number of updates than the other, beside the rest of a trial's.

    A number of updates that a success ends early does not count: it is the most that is made.
    """
    found = set()
    for trial in trials[:: max(1, len(trials) // _TRIALS_VARIED)]:
        configuration = computations(findings).configuration(trial)
        task = build_task(configuration.task)
        for name in names:
            ends = findings.experiment.search[name].extremes
            varied = [configuration.with_recalled(**{name: value}) for value in ends]
            possible = [each for each in varied if not faults_of_configuration(each, task)]
            if len({TrialCost(each, 1).updates() for each in possible}) > 1:
                found.add(name)
    return found
