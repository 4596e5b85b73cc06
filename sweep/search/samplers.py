"""Which configuration a trial has: Optuna's samplers, and those that need no Optuna.

Trials are chosen in rounds: a trial is a function of the experiment, of its number and of the trials of earlier
rounds, never of those trained beside it. It is then the same whatever the process did before and however many
workers train: a resumed study, an undisturbed one and a parallel one draw the same configurations.
"""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import optuna
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.stats import qmc

from sweep.experiment.experiment import Experiment
from sweep.experiment.grid import shuffled
from sweep.search.distributions import distributions, on_its_step, suggest, value_at
from sweep.search.finished import directions
from sweep.search.optuna_private import prepare_optuna

ROUND = 10
"""Trials of a study that are chosen before any of them is told: as many as TPE draws at random before it learns."""

REMEMBERED = 50 * ROUND
"""TPE's work grows with the trials that it looks at: once they are so many, it keeps the later half and the best."""

_BEST = 25  # so many of the best make TPE's model of what is good
_LEARNING = ("tpe", "cmaes", "nsga2")
_EVOLVING = ("cmaes", "nsga2")


def learns(experiment: Experiment) -> bool:
    """Whether the sampler looks at what came of earlier trials."""
    return bool(experiment.search) and experiment.study.sampler in _LEARNING


def round_size(experiment: Experiment) -> int:
    """Trials of each study in a round: all of them, where nothing is learnt from one for another."""
    return ROUND if learns(experiment) or experiment.study.pruner != "none" else experiment.trials


class Search:
    """One condition's search: chooses the parameters of its trials in their order, and is told how each ended.

    What a sampler keeps of its own (CMA-ES a pickle) lies in a study in memory, and is made anew by a resumed run.
    """

    def __init__(self, experiment: Experiment, condition: int) -> None:
        prepare_optuna()
        self._experiment, self._condition = experiment, condition
        self._distributions = distributions(experiment)
        self._together = _drawn_together(experiment, self._distributions)
        self._study = optuna.create_study(directions=directions(experiment)) if learns(experiment) else None
        self._open: dict[int, optuna.Trial] = {}
        self._points: NDArray[np.float64] | list[dict[str, Any]] = []
        if experiment.search and experiment.study.sampler == "grid":
            self._points = shuffled(experiment.grid_points, experiment.study.seed)
        elif experiment.search and experiment.study.sampler == "qmc":
            self._points = _sobol_points(experiment, condition)

    def choose(self, number: int, recorded: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The parameters of trial `number`; those of its record, where it has one."""
        if self._study is None:
            return dict(recorded) if recorded is not None else self._fixed_choice(number)
        given = recorded if recorded is not None else self._start(number)
        if given:
            self._study.enqueue_trial(dict(given))
        self._study.sampler = self._sampler(self._seed(number))
        self._open[number] = self._study.ask()
        if self._experiment.study.sampler in _EVOLVING:
            _ = self._open[number].relative_params  # drawn also where all are given, and so marked with its generation
        return self._suggested(self._open[number])

    def tell(self, number: int, trial: FrozenTrial) -> None:
        """Trial `number` ended as `trial`; only the trials of later rounds may be chosen from now on."""
        if self._study is None:
            return
        asked = self._open.pop(number)
        if len(self._study.directions) == 1:  # Optuna takes reports for a single objective only
            for epoch, value in trial.intermediate_values.items():
                asked.report(value, epoch)
        self._study.tell(asked, trial.values, trial.state)
        if self._experiment.study.sampler == "tpe" and (number + 1) % (REMEMBERED // 2) == 0:
            self._study = remembered(self._study)

    def _fixed_choice(self, number: int) -> dict[str, Any]:
        """Of a sampler that doesn't learn: a function of the number alone."""
        if not self._experiment.search:
            return {}
        if self._experiment.study.sampler == "grid":
            return dict(self._points[number])
        study = optuna.create_study(sampler=_Random(seed=self._seed(number)))
        given = self._start(number)
        if self._experiment.study.sampler == "qmc":
            names = self._experiment.search
            values = {n: value_at(self._distributions[n], u) for n, u in zip(names, self._points[number], strict=True)}
            given = self._experiment.applicable(values | given)
        if given:
            study.enqueue_trial(given)
        return self._suggested(study.ask())

    def _start(self, number: int) -> dict[str, Any]:
        """What the experiment file gives for one of the first trials; empty for the others."""
        starts = self._experiment.study.start
        given = starts[number] if number < len(starts) else {}
        real = (FloatDistribution,)
        given = {n: float(v) if isinstance(self._distributions[n], real) else v for n, v in given.items()}
        return {n: on_its_step(self._distributions[n], value) for n, value in given.items()}

    def _suggested(self, trial: optuna.Trial) -> dict[str, Any]:
        """Ask for each parameter, those that depend on others last."""
        search, values = self._experiment.search, dict[str, Any]()
        for name in sorted(search, key=lambda name: search[name].when is not None):
            if search[name].applies(values):
                values[name] = suggest(trial, name, self._distributions[name])
        return {name: values[name] for name in search if name in values}

    def _sampler(self, seed: int) -> optuna.samplers.BaseSampler:
        sampler: _Tpe | _CmaEs | _Nsga2
        with warnings.catch_warnings():  # said once a trial otherwise
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            match self._experiment.study.sampler:
                case "cmaes":  # a generation is a round
                    sampler = _CmaEs(seed=seed, popsize=ROUND, warn_independent_sampling=False)
                case "nsga2":
                    sampler = _Nsga2(seed=seed, population_size=2 * ROUND)
                case _ if any(dimension.when for dimension in self._experiment.search.values()):
                    return _GroupedTpe(seed=seed, group=True)
                case _:
                    sampler = _Tpe(seed=seed)
        sampler.space = self._together
        return sampler

    def _seed(self, number: int) -> int:
        entropy = [self._experiment.study.seed, self._condition, number]
        return int(np.random.SeedSequence(entropy).generate_state(1)[0])


class _OnSteps(optuna.samplers.BaseSampler):
    """A sampler whose stepped values are the decimals that they are meant to be; Optuna's may be a rounding beside."""

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """What is drawn together."""
        drawn = super().sample_relative(study, trial, search_space)  # type: ignore[safe-super] # the next base's
        return {name: on_its_step(search_space[name], value) for name, value in drawn.items()}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """What is drawn by itself."""
        drawn = super().sample_independent(study, trial, param_name, param_distribution)  # type: ignore[safe-super]
        return on_its_step(param_distribution, drawn)


class _KnownSpace(_OnSteps):
    """A sampler that is told the `space` of what every trial has; Optuna's compare all trials each time to find it."""

    space: Mapping[str, BaseDistribution]

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """What is drawn together."""
        return dict(self.space)


class _Random(_OnSteps, optuna.samplers.RandomSampler):
    pass


class _GroupedTpe(_OnSteps, optuna.samplers.TPESampler):
    pass


class _Tpe(_KnownSpace, optuna.samplers.TPESampler):
    pass


class _CmaEs(_KnownSpace, optuna.samplers.CmaEsSampler):
    pass


class _Nsga2(_KnownSpace, optuna.samplers.NSGAIISampler):
    pass


def _drawn_together(
    experiment: Experiment, distributions: Mapping[str, BaseDistribution]
) -> dict[str, BaseDistribution]:
    """What every trial has and the sampler draws together; the rest is drawn one by one."""
    if experiment.study.sampler == "tpe" and len(experiment.study.objectives) > 1:
        return {}  # as Optuna decides where it isn't told
    kinds = (FloatDistribution, IntDistribution) if experiment.study.sampler == "cmaes" else (BaseDistribution,)
    return {
        name: distribution
        for name, distribution in sorted(distributions.items())
        if experiment.search[name].when is None and not distribution.single() and isinstance(distribution, kinds)
    }


def remembered(study: optuna.Study) -> optuna.Study:
    """The study with its latest trials and, of those before, the best: `_BEST` of them, or the Pareto set's.

    What is left out had the least weight: TPE's own falls with a trial's age, but for the best.
    """
    trials = study.get_trials(deepcopy=False)
    older, latest = trials[: -REMEMBERED // 2], trials[-REMEMBERED // 2 :]
    if len(study.directions) > 1:
        best = {trial.number for trial in study.best_trials}
    else:
        sign = 1 if study.direction == StudyDirection.MINIMIZE else -1
        complete = [trial for trial in older if trial.state == TrialState.COMPLETE]
        best = {trial.number for trial in sorted(complete, key=lambda trial: sign * (trial.value or 0.0))[:_BEST]}
    kept = optuna.create_study(directions=study.directions)
    kept.add_trials([trial for trial in older if trial.number in best] + latest)
    return kept


def _sobol_points(experiment: Experiment, condition: int) -> NDArray[np.float64]:
    """(2^m, dimensions): the start of a scrambled Sobol sequence, long enough for all trials.

    Optuna's own sampler draws the first trial and all choices at random instead.
    """
    rng = np.random.default_rng([experiment.study.seed, condition])
    sequence = qmc.Sobol(len(experiment.search), rng=rng)
    return np.asarray(sequence.random_base2((experiment.trials - 1).bit_length()))
