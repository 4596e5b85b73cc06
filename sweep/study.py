"""Running an experiment: every trial asked, trained, recorded and told, in one fixed order, by one writer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.environment import make_manifest
from sweep.errors import RunError, SweepError
from sweep.experiment import Experiment
from sweep.mirror import Mirror, open_storage
from sweep.model import device_name, import_keras
from sweep.outcome import Outcome, Scores, summary
from sweep.record import TrialKey
from sweep.sampling import ask, directions, finished_trial, new_study
from sweep.store import Store
from sweep.trial import CHUNKS, run_trial

REPORTED = ("recall_accuracy", "sequence_accuracy", "accuracy", "loss")
"""Outcomes that every test measures, so that they can be reported while a trial is trained."""


class Observer:
    """Told how a run is going; this one doesn't care."""

    def started(self, trials: int, finished: int) -> None:
        """The run begins: so many trials in all, so many of them finished before."""

    def trial_started(self, key: TrialKey, epochs: int) -> None:
        """A trial is about to be trained."""

    def chunk(self, key: TrialKey, scores: Scores) -> None:
        """A trial was trained some way; `scores` are all of it so far."""

    def trial_finished(self, key: TrialKey, state: str, figures: Mapping[str, Any]) -> None:
        """A trial's record is on disk."""


@dataclass(frozen=True)
class Run:
    """One call of `sweep run`: what is run, where its results go, and how it was asked for."""

    name: str
    experiment: Experiment
    text: str
    overrides: Mapping[str, Any]
    results: Path
    storage: str | None
    command: list[str]


def run_experiment(run: Run, observer: Observer) -> Store:
    """Run what is missing of an experiment; the same call again goes on where the last one stopped.

    Trial `number * conditions + condition` is trial `number` of that condition's study: a study that is
    extended keeps the trials that it has. SweepError if the results belong to a different experiment file.
    """
    store, experiment, settings = Store(run.results / run.name), run.experiment, run.experiment.condition_settings
    with _only_writer(store.path):
        _prepare(store, run)
        recorded = _recorded(store, experiment)
        gaps = bool(recorded) and max(recorded) >= len(recorded)
        storage = open_storage(run.storage or f"sqlite:///{store.path / 'study.db'}")
        studies = [new_study(experiment) for _ in settings]
        mirrors = [
            Mirror(storage, _study_name(run.name, setting), experiment.identity, directions(experiment))
            for setting in settings
        ]
        _mirror_all(mirrors, recorded)
        total = experiment.trials * len(settings)
        observer.started(total, sum(trial < total for trial in recorded))
        if any(trial not in recorded for trial in range(total)):
            _note_run(store, run)
        for trial in range(total):
            condition = trial % len(settings)
            if trial in recorded:
                studies[condition].add_trial(recorded[trial])
                continue
            asked = ask(studies[condition], experiment, condition)
            key = TrialKey(trial=trial, phase="search", condition=settings[condition], parameters=asked.params)
            outcome = _train(asked, experiment, key, observer)
            store.append(experiment, key, outcome)
            figures = summary(outcome)
            recorded[trial] = _told(experiment, key, outcome, figures)
            studies[condition].tell(asked, recorded[trial].values, recorded[trial].state)
            mirrors[condition].add(recorded[trial])
            observer.trial_finished(key, outcome.state, figures)
        if gaps:  # records that had been removed were trained last; the copies get them in their places
            _mirror_all(mirrors, recorded)
    return store


def _mirror_all(mirrors: list[Mirror], recorded: Mapping[int, optuna.trial.FrozenTrial]) -> None:
    """Make each condition's copy hold its recorded trials, in their order."""
    for condition, mirror in enumerate(mirrors):
        mirror.hold([recorded[trial] for trial in sorted(recorded) if trial % len(mirrors) == condition])


def _train(asked: optuna.Trial, experiment: Experiment, key: TrialKey, observer: Observer) -> Outcome:
    """Train one trial, reporting its learning curve after each chunk."""
    configuration = experiment.base.replace(**key.condition, **key.parameters)
    observer.trial_started(key, configuration.training.epochs)
    metric, reported = reported_outcome(experiment), set[int]()

    def progress(scores: Scores) -> bool:
        observer.chunk(key, scores)
        if len(experiment.study.objectives) > 1:  # Optuna takes reports, and prunes, for a single objective only
            return False
        values = getattr(scores, metric)
        for epoch, value in _learning_curve(scores.epochs, values, scores.tested, configuration).items():
            if epoch not in reported:
                asked.report(value, epoch)
                reported.add(epoch)
        return asked.should_prune()

    may_prune = experiment.study.pruner != "none"
    return run_trial(configuration, experiment.study.replicate_seeds, progress, may_prune=may_prune)


def reported_outcome(experiment: Experiment) -> str:
    """The outcome reported while a trial is trained: the objective, where every test measures it."""
    objective = experiment.study.objectives[0].removeprefix("-")
    return objective if objective in REPORTED else "recall_accuracy"


def _learning_curve(
    epochs: NDArray[np.int64], values: NDArray[np.float64], tested: NDArray[np.bool_], configuration: Configuration
) -> dict[int, float]:
    """Epoch -> mean over the replicates, at the end of each chunk; a stopped replicate keeps its last value.

    `values` and `tested` are (R, E). It is computed from what the record holds too, so that a study rebuilt
    from its records equals the one that was told.
    """
    if not len(epochs):
        return {}
    latest = np.maximum.accumulate(np.where(tested, np.arange(len(epochs)), 0), axis=1)
    mean = np.nan_to_num(np.take_along_axis(values, latest, axis=1), nan=np.inf).mean(axis=0)
    total = configuration.training.epochs
    chunk = -(-total // CHUNKS)
    ends = {int(epoch): min(-(-int(epoch) // chunk) * chunk, total) for epoch in epochs}
    last = {end: epoch for epoch, end in ends.items()}  # the last test of each chunk
    return {epoch: float(mean[i]) for i, epoch in enumerate(map(int, epochs)) if last[ends[epoch]] == epoch}


def _told(
    experiment: Experiment, key: TrialKey, outcome: Outcome, figures: Mapping[str, Any]
) -> optuna.trial.FrozenTrial:
    """What Optuna is told of a trial that was just trained."""
    curve: dict[int, float] = {}
    if outcome.scores is not None:
        values = getattr(outcome.scores, reported_outcome(experiment))
        configuration = experiment.base.replace(**key.condition, **key.parameters)
        curve = _learning_curve(outcome.scores.epochs, values, outcome.scores.tested, configuration)
    return finished_trial(experiment, key.trial, outcome.state, key.parameters, figures, curve)


def _recorded(store: Store, experiment: Experiment) -> dict[int, optuna.trial.FrozenTrial]:
    """Trial -> what Optuna was told of it, from the records."""
    trials = {}
    for record in store.recorded(experiment):
        configuration = experiment.base.replace(**record.key.condition, **record.key.parameters)
        values = record.curves[reported_outcome(experiment)]
        curve = _learning_curve(record.epochs, values, record.tested, configuration)
        trial = finished_trial(experiment, record.key.trial, record.state, record.key.parameters, record.figures, curve)
        trials[record.key.trial] = trial
    return trials


def _study_name(name: str, setting: Mapping[str, Any]) -> str:
    return "/".join([name, *(f"{parameter}={value}" for parameter, value in setting.items())])


def _prepare(store: Store, run: Run) -> None:
    """Make the results folder, or check that the one that is there belongs to this experiment."""
    if not store.exists:
        if store.files():
            raise SweepError(f"{store.path}: holds records but no manifest.json; restore it, or remove the folder")
        store.create(run.text, make_manifest(name=run.name, command=run.command, overrides=run.overrides))
        return
    changes = store.experiment().differences(run.experiment)
    if changes:
        raise SweepError(
            f"{store.path}: holds the results of another version of this experiment: "
            + "; ".join(changes)
            + ". Undo the change, or give the changed file a new name, or remove the old results"
        )


def _note_run(store: Store, run: Run) -> None:
    """Note in the manifest that this run is about to train something, and on what."""
    import_keras()
    manifest = make_manifest(name=run.name, command=run.command, overrides=run.overrides, earlier=store.manifest())
    store.create(run.text, manifest | {"device": device_name()})


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Hold the results folder for this process alone; the kernel lets go of it however the process ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        raise SweepError(f"{path}: another `sweep run` is writing here; wait for it to end, or stop it") from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}; choose another folder with --results") from None
    try:
        yield
    finally:
        lock.release()
