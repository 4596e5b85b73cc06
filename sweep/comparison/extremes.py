"""The smallest or the largest value of a parameter that comes to something: as measured, and as far as is certain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep import stats
from sweep.comparison.replicate_sets import cells, levels
from sweep.errors import SweepError
from sweep.experiment.outcomes import OUTCOMES
from sweep.experiment.trials import Phase
from sweep.results.phase_view import PhaseView
from sweep.stats import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweep.experiment.answer import Bound
    from sweep.experiment.asked import Asked
    from sweep.results.results import Results

_SOLVED = "solve_rate"


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a value of the parameter came to: the figure of its best trial, with its 95% interval, nan where unknown.

    `tried` is of how many complete trials with this value that is the best; `confirmed`, whether it is of its
    confirmation.
    """

    value: Any
    trial: int
    seeds: int
    figure: float
    low: float
    high: float
    tried: int
    confirmed: bool

    def verdict(self, bound: Bound) -> str:
        """Whether it "meets" or "fails" the bound for certain, or that is "open"."""
        near, far = (self.low, self.high) if bound.rises else (self.high, self.low)
        if bound.met_by(near):
            return "meets"
        return "open" if np.isnan(far) or bound.met_by(far) else "fails"


@dataclass(frozen=True, kw_only=True)
class Extreme:
    """The answer under one condition: `measured` in the order of the values, the smallest first."""

    condition: dict[str, Any]
    bound: Bound
    largest: bool
    measured: list[Measured]

    @property
    def found(self) -> Measured | None:
        """The first from the end that is asked about whose figure meets the bound; None where none does."""
        return next((each for each in self._from_the_end if self.bound.met_by(each.figure)), None)

    @property
    def value(self) -> Any:
        """Its value; None where no figure meets the bound."""
        return None if self.found is None else self.found.value

    def values(self, verdict: str) -> list[Any]:
        """Those that "meet" it, or "fail", for certain, or are "open"."""
        return [each.value for each in self.measured if each.verdict(self.bound) == verdict]

    @property
    def certain(self) -> bool:
        """Whether no value is open from the end that is asked about up to the one that was found."""
        for each in self._from_the_end:
            if each.verdict(self.bound) == "open":
                return False
            if each is self.found:
                break
        return True

    @property
    def monotone(self) -> bool:
        """Whether every value beyond the one that was found meets the bound too, as measured."""
        met = [self.bound.met_by(each.figure) for each in self._from_the_end]
        return sorted(met) == met

    @property
    def candidates(self) -> tuple[Any, Any]:
        """The first and the last value that it may be, from the end that is asked about, by the intervals.

        The last is None where no value meets it for certain.
        """
        first = next((each.value for each in self._from_the_end if each.verdict(self.bound) != "fails"), None)
        last = next((each.value for each in self._from_the_end if each.verdict(self.bound) == "meets"), None)
        return first, last

    @property
    def _from_the_end(self) -> Sequence[Measured]:
        return self.measured[::-1] if self.largest else self.measured


def extremes(results: Results, asked: Asked) -> list[Extreme]:
    """An answer for each condition, and in it for each value of what it is asked within, in the file's order.

    Where several trials have a value, the best of them by the bound's metric stands for it, by its confirmed scores if
    it has any. SweepError where no complete trial has a value.
    """
    assert asked.bound is not None
    (parameter,) = asked.parameters
    views = [PhaseView.of(results, phase) for phase in (Phase.SEARCH, Phase.CONFIRM)]
    complete = [view.trials[view.trials["state"] == "complete"] for view in views]
    found: dict[str, Extreme] = {}
    searched = parameter in results.experiment.search
    for condition, rows in cells(results, complete[0], asked.within):
        about = condition if searched else {name: value for name, value in condition.items() if name != parameter}
        extreme = found.setdefault(
            str(about),
            Extreme(condition=about, bound=asked.bound, largest=asked.kind == "largest", measured=[]),
        )
        values = levels(results.experiment.search[parameter], rows[parameter].dropna()) if searched else []
        for value in values if searched else [condition[parameter]]:
            own = rows[rows[parameter] == value] if searched else rows
            extreme.measured.append(_measured(views, complete[1], own, value, asked.bound))
    if not found:
        raise SweepError(f"{results.name}: has no complete trial yet; `sweep run {results.name}` goes on with it")
    for extreme in found.values():
        extreme.measured.sort(key=lambda each: float(each.value))
    return list(found.values())


def figure_of(metric: str, trial: pd.Series, replicates: pd.DataFrame) -> tuple[float, Interval]:
    """A trial's figure of an outcome with its 95% interval, of its `replicates`: nan where it is not known.

    A rate has its exact interval, a score the mean's, a time until success the median's, where a replicate that never
    came to it counts as endless.
    """
    unknown = Interval(np.nan, np.nan)
    if metric == _SOLVED:
        solved = int(replicates["solved"].astype(bool).sum())
        return solved / len(replicates), stats.binomial_interval(solved, len(replicates))
    if metric not in trial or (metric not in replicates and f"{metric}_low" not in trial):
        return np.nan, unknown
    figure = float(trial[metric]) if pd.notna(trial[metric]) else np.nan
    if metric not in replicates:  # ERT, whose interval is stored with it
        low, high = (trial[f"{metric}_{end}"] for end in ("low", "high"))
        if pd.isna(figure) and "seeds" in trial and not replicates["solved"].astype(bool).any():
            figure = np.inf
        return figure, Interval(float(low) if pd.notna(low) else np.nan, float(high) if pd.notna(high) else np.inf)
    values = replicates[metric].to_numpy(float, na_value=np.nan)
    if OUTCOMES[metric].is_time:
        times = np.where(np.isnan(values), np.inf, values)
        return stats.censored_median(times), stats.median_interval(times)
    if not np.isfinite(values).all():
        return figure, unknown
    return figure, stats.mean_interval(values, bounds=(0.0, 1.0) if OUTCOMES[metric].is_share else None)


def _measured(
    views: Sequence[PhaseView], again: pd.DataFrame, rows: pd.DataFrame, value: Any, bound: Bound
) -> Measured:
    """The best of the `rows`, complete trials of the search with the `value`."""
    searched, confirmed = views
    candidates = rows[rows["trial"].isin(again["trial"])]
    view = confirmed if len(candidates) else searched
    if len(candidates):
        candidates = again[again["trial"].isin(candidates["trial"])]
    best: tuple[float, Measured] | None = None
    for _, trial in (candidates if len(candidates) else rows).iterrows():
        replicates = view.replicates[view.replicates["trial"] == trial["trial"]]
        figure, interval = figure_of(bound.metric, trial, replicates)
        goodness = -np.inf if np.isnan(figure) else figure if bound.rises else -figure
        if best is None or goodness > best[0]:
            best = (
                goodness,
                Measured(
                    value=value,
                    trial=int(trial["trial"]),
                    seeds=len(replicates),
                    figure=figure,
                    low=interval.low,
                    high=interval.high,
                    tried=len(rows),
                    confirmed=view is confirmed,
                ),
            )
    assert best is not None, "a value that occurs has a trial"
    return best[1]
