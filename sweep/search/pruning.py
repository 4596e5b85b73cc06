"""When a hopeless trial is ended: decided at fixed points of its training, from the trials of earlier rounds alone.

What a decision depends on travels with the trial, so that it is the same wherever and in whatever company the
trial is trained.
"""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.outcomes import OUTCOMES, REPORTED
from sweep.experiment.space import Range
from sweep.results.outcome import Scores
from sweep.training.trial import CHUNKS


def reported_outcome(experiment: Experiment) -> str:
    """The outcome reported while a trial is trained: the objective, where every test measures it."""
    objective = experiment.study.objectives[0].removeprefix("-")
    return objective if objective in REPORTED else "recall_accuracy"


@dataclass(frozen=True, kw_only=True)
class Reports:
    """One `outcome` at a trial's tests: `values` and `tested` are (R, E), `epochs` (E,).

    A record holds it as well as a training, so that a study rebuilt from its records equals the one that was told.
    """

    outcome: str
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]
    tested: NDArray[np.bool_]

    def at_points(self, configuration: Configuration) -> dict[int, NDArray[np.float64]]:
        """Epoch -> (R,), at the last test before each point; who stopped keeps the last value; nan is the worst."""
        if not len(self.epochs):
            return {}
        latest = np.maximum.accumulate(np.where(self.tested, np.arange(len(self.epochs)), 0), axis=1)
        worst = -np.inf if OUTCOMES[self.outcome].better == "higher" else np.inf
        values = np.nan_to_num(np.take_along_axis(self.values, latest, axis=1), nan=worst)
        total = configuration.training.epochs
        chunk = -(-total // CHUNKS)
        ends = {int(epoch): min(-(-int(epoch) // chunk) * chunk, total) for epoch in self.epochs}
        last = {end: epoch for epoch, end in ends.items()}  # the last test of each chunk
        return {epoch: values[:, i] for i, epoch in enumerate(map(int, self.epochs)) if last[ends[epoch]] == epoch}


@dataclass(frozen=True, kw_only=True)
class Pruning:
    """What decides whether trial `number` of a study is pruned: the study's earlier rounds, as they were left.

    `earlier` are all their trials, without parameters; `best` is epoch -> (R,) of the best one's replicates.
    """

    rule: str
    outcome: str
    study: str
    number: int
    most_epochs: int
    earlier: tuple[FrozenTrial, ...]
    best: Mapping[int, NDArray[np.float64]]

    def pruner(self, configuration: Configuration) -> "Pruner":
        """What judges a trial of `configuration` while it is trained."""
        kind = WilcoxonOverReplicates if self.rule == "wilcoxon" else AgainstEarlier
        return kind(self, configuration)


class Pruner:
    """Judges one trial at the points of its training."""

    def __init__(self, pruning: Pruning, configuration: Configuration) -> None:
        self._pruning, self._configuration = pruning, configuration
        self._judged = set[int]()

    def should_prune(self, scores: Scores) -> bool:
        """Whether the trial is hopeless, from all of its scores so far."""
        name = self._pruning.outcome
        reports = Reports(outcome=name, epochs=scores.epochs, values=scores.of(name), tested=scores.tested)
        points = reports.at_points(self._configuration)
        new = {epoch: values for epoch, values in points.items() if epoch not in self._judged}
        self._judged |= set(new)
        hopeless = [self._judge(epoch, values) for epoch, values in new.items()]
        return any(hopeless)

    def _judge(self, epoch: int, values: NDArray[np.float64]) -> bool:
        raise NotImplementedError


class AgainstEarlier(Pruner):
    """Optuna's median rule or hyperband, on the mean over the replicates."""

    def __init__(self, pruning: Pruning, configuration: Configuration) -> None:
        super().__init__(pruning, configuration)
        study = _study(pruning.rule, pruning.outcome, pruning.study, pruning.most_epochs)
        study.add_trials(pruning.earlier)
        for _ in range(pruning.number - len(pruning.earlier)):  # hyperband deals trials out by their numbers
            study.add_trial(optuna.trial.create_trial(state=TrialState.FAIL))
        self._trial = study.ask()

    def _judge(self, epoch: int, values: NDArray[np.float64]) -> bool:
        self._trial.report(float(values.mean()), epoch)
        return self._trial.should_prune()


class WilcoxonOverReplicates(Pruner):
    """Optuna's Wilcoxon rule: replicate by replicate against the best earlier trial at the same point."""

    def _judge(self, epoch: int, values: NDArray[np.float64]) -> bool:
        before = [point for point in self._pruning.best if point <= epoch]
        if not before:
            return False
        best = self._pruning.best[max(before)]
        if not (np.isfinite(values).all() and np.isfinite(best).all()):
            return False
        study = _study("wilcoxon", self._pruning.outcome, self._pruning.study, self._pruning.most_epochs)
        by_replicate = {replicate: float(value) for replicate, value in enumerate(best)}
        study.add_trial(optuna.trial.create_trial(value=float(best.mean()), intermediate_values=by_replicate))
        trial = study.ask()
        for replicate, value in enumerate(values):
            trial.report(float(value), replicate)
        return trial.should_prune()


class History:
    """One condition's trials as its pruner sees them, told in their order by the one that asks for them."""

    def __init__(self, experiment: Experiment, condition: int) -> None:
        self._rule, self._outcome = experiment.study.pruner, reported_outcome(experiment)
        self._most_epochs, self._name = _most_epochs(experiment), f"condition {condition}"
        self._study = _study(self._rule, self._outcome, self._name, self._most_epochs)
        self._view: tuple[FrozenTrial, ...] | None = ()
        self._best: Mapping[int, NDArray[np.float64]] = {}
        self._best_cost = math.inf

    def pruning(self, number: int) -> Pruning:
        """The view for trial `number`: whatever was told up to now."""
        if self._view is None:
            self._view = tuple(self._study.get_trials(deepcopy=False))
        return Pruning(
            rule=self._rule,
            outcome=self._outcome,
            study=self._name,
            number=number,
            most_epochs=self._most_epochs,
            earlier=() if self._rule == "wilcoxon" else self._view,
            best=self._best,
        )

    def tell(self, state: TrialState, points: Mapping[int, NDArray[np.float64]]) -> None:
        """The next trial of the study ended like this; `points` are its reports, epoch -> (R,)."""
        self._view = None
        trial = self._study.ask()
        for epoch, values in points.items():
            trial.report(float(values.mean()), epoch)
            if self._rule == "hyperband":
                trial.should_prune()  # for the marks that it leaves on a trial
        value = float(points[max(points)].mean()) if points else math.nan
        complete = state == TrialState.COMPLETE and not math.isnan(value)
        self._study.tell(trial, value if complete else None, state if complete else _ended_early(state))
        cost = value if OUTCOMES[self._outcome].better == "lower" else -value
        if complete and cost < self._best_cost:
            self._best, self._best_cost = points, cost


def _ended_early(state: TrialState) -> TrialState:
    return TrialState.PRUNED if state == TrialState.PRUNED else TrialState.FAIL


def _study(rule: str, outcome: str, name: str, most_epochs: int) -> optuna.Study:
    """An empty study in memory for decisions alone."""
    pruner: optuna.pruners.BasePruner
    match rule:
        case "median":
            pruner = optuna.pruners.MedianPruner()
        case "hyperband":
            least = max(1, most_epochs // CHUNKS)
            pruner = optuna.pruners.HyperbandPruner(min_resource=least, max_resource=most_epochs)
        case _:
            with warnings.catch_warnings():  # it would say with every trial that its interface may change
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                pruner = optuna.pruners.WilcoxonPruner()
    direction = StudyDirection.MINIMIZE if OUTCOMES[outcome].better == "lower" else StudyDirection.MAXIMIZE
    return optuna.create_study(study_name=name, direction=direction, pruner=pruner)


def _most_epochs(experiment: Experiment) -> int:
    dimension = experiment.search.get("epochs")
    if dimension is None:
        return experiment.training.epochs
    return int(dimension.high if isinstance(dimension, Range) else max(dimension.choices))
