"""Which trials did best: the order that the study's objectives give them, condition by condition."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sweep.experiment.trials import conditions_of

if TYPE_CHECKING:
    from sweep.results.results import Results

_STATES = ("complete", "pruned", "failed")


def ranking(results: Results) -> pd.DataFrame:
    """The trials of one phase, best first within each condition, with their `rank`, `layer` and `diverged`.

    Complete trials come before pruned and failed ones, and those with a diverged replicate (`diverged`
    counts them) after those without. Within such a class the study's objectives decide: `layer` is how many
    layers of better trials (Pareto fronts, of several objectives) lie before a trial; then come the
    objectives in turn, the solve rate, ERT, the earlier trial.
    """
    replicates = results.replicates
    lost = Counter(replicates["trial"][replicates["diverged"].astype(bool)])
    trials = results.trials.reset_index(drop=True)
    trials = trials.assign(diverged=[lost[trial] for trial in trials["trial"]])
    order: list[int] = []
    rank: list[int] = []
    layers: list[int] = []
    for rows in _by_condition(trials, len(results.experiment.condition_settings)):
        layer = _layers(rows, results.experiment.study.objectives)
        best_first = _order(rows, results.experiment.study.objectives, layer)
        order += [int(label) for label in rows.index.to_numpy()[best_first]]
        layers += layer[best_first].tolist()
        rank += range(1, len(rows) + 1)
    return trials.loc[order].assign(rank=np.array(rank, int), layer=np.array(layers, int)).reset_index(drop=True)


def best_of(ranked: pd.DataFrame, conditions: int) -> dict[int, pd.Series]:
    """Number of the condition -> the first of its `ranked` trials, if that is complete."""
    best = {}
    for number, rows in enumerate(_by_condition(ranked, conditions)):
        if len(rows) and rows.iloc[0]["state"] == "complete":
            best[number] = rows.iloc[0]
    return best


def as_good(ranked: pd.DataFrame, conditions: int, best: pd.Series) -> int:
    """How many other trials of its condition the objectives cannot tell from the `best` one.

    With one objective they have the same score; with several, each is better in one and worse in another.
    """
    for rows in _by_condition(ranked, conditions):
        if (rows["trial"] == best["trial"]).any():
            peers = (rows["state"] == best["state"]) & ((rows["diverged"] > 0) == (best["diverged"] > 0))
            return int((peers & (rows["layer"] == best["layer"])).sum()) - 1
    return 0


def _by_condition(trials: pd.DataFrame, conditions: int) -> list[pd.DataFrame]:
    """The rows of each condition, in their order."""
    numbers = conditions_of(trials["trial"], conditions)
    return [trials[numbers == number] for number in range(conditions)]


def _order(trials: pd.DataFrame, objectives: tuple[str, ...], layer: NDArray[np.int64]) -> NDArray[np.intp]:
    costs = [_cost(trials, objective) for objective in (*objectives, "solve_rate", "-ert_sequences")]
    keys = [_class(trials), layer, *costs, trials["trial"].to_numpy()]
    return np.lexsort(keys[::-1])


def _class(trials: pd.DataFrame) -> NDArray[np.int64]:
    """(trials,): what no score can make up for: the trial's state, then whether a replicate diverged."""
    state = [_STATES.index(state) if state in _STATES else len(_STATES) for state in trials["state"]]
    return 2 * np.array(state, np.int64) + (trials["diverged"].to_numpy() > 0)


def _layers(trials: pd.DataFrame, objectives: tuple[str, ...]) -> NDArray[np.int64]:
    """(trials,): how many layers of trials that are better by the objectives lie before each, in its class."""
    costs, classes = np.stack([_cost(trials, objective) for objective in objectives], axis=1), _class(trials)
    layers = np.zeros(len(trials), np.int64)
    for number in np.unique(classes):
        own = classes == number
        if len(objectives) == 1:
            layers[own] = np.unique(costs[own, 0], return_inverse=True)[1]  # the fronts of one axis, sooner
        else:
            layers[own] = _fronts(costs[own])
    return layers


def _cost(trials: pd.DataFrame, objective: str) -> NDArray[np.float64]:
    """(trials,): what is to be small; a missing outcome (never solved, diverged) is worse than any other."""
    values = trials[objective.removeprefix("-")].to_numpy(dtype=float, na_value=np.nan)
    costs = values if objective.startswith("-") else -values
    return np.where(np.isnan(costs), np.inf, costs)


def _fronts(costs: NDArray[np.float64]) -> NDArray[np.int64]:
    """(trials,): how many Pareto fronts of `costs` (trials, objectives) lie before each trial.

    >>> _fronts(np.array([[1.0, 2.0], [2.0, 1.0], [2.0, 2.0]])).tolist()
    [0, 0, 1]
    """
    no_worse: NDArray[np.bool_] = np.all(costs[:, None] <= costs[None], axis=-1)
    dominates = no_worse & ~no_worse.T
    fronts = np.zeros(len(costs), np.int64)
    left = np.arange(len(costs))
    while len(left):
        dominated = dominates[np.ix_(left, left)].any(0)
        left = left[dominated]
        fronts[left] += 1
    return fronts
