"""Running an experiment: every trial chosen, trained, recorded and told, in fixed rounds, by one writer."""

import json
import os
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import optuna
from filelock import FileLock, Timeout

from sweep.errors import RunError, SweepError
from sweep.execution.executor import Executor, InProcess, Observer
from sweep.experiment.experiment import ConfirmConfig, Experiment
from sweep.experiment.identity import differences, identity_of
from sweep.experiment.trials import Phase, TrialNumber, numbered
from sweep.files import write_whole
from sweep.machine.backend import backend, backend_of
from sweep.results.manifest import make_manifest, new_id
from sweep.results.outcome import Outcome, summary
from sweep.results.record import Record, TrialKey
from sweep.results.store import Store
from sweep.results.task_facts import stored_facts
from sweep.search.confirmation import confirmation_jobs
from sweep.search.finished import finished_trial, named_directions
from sweep.search.job import Job
from sweep.search.ownership import Lock, Owner, only_run
from sweep.search.pruning import History, Reports, reported_outcome
from sweep.search.samplers import Search, round_size
from sweep.search.storage_copy import Copying, Mirror, clear_damaged, open_storage, url_of_file

_WRITER = ".writer.json"  # beside the lock, which is emptied by whoever tries it


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


def run_experiment(run: Run, observer: Observer, executor: Executor | None = None) -> Store:
    """Run what is missing of an experiment, then confirm; the same call again goes on where the last one stopped.

    SweepError if the results belong to a different experiment file.
    """
    store = Store(run.results / run.name)
    store.refuse_links()
    url = run.storage or url_of_file(store.path / "study.db")
    with _entered(executor) as executor, _only_writer(store.path):
        run = replace(run, experiment=store.as_begun(run.experiment))
        _prepare(store, run)
        experiment = run.experiment
        ended = {record.key.trial: _recorded(experiment, record) for record in store.recorded(experiment)}
        total = experiment.trials * len(experiment.condition_settings)
        if run.storage is None:
            clear_damaged(store.path / "study.db")
        with (
            open_storage(url) as storage,
            only_run(storage, run.name) as lock,
        ):
            owner = Owner(experiment=identity_of(experiment), folder=store.manifest()["id"], alone=run.storage is None)
            search = _Search(run, storage, lock, owner, ended)
            observer.started(total, sum(trial < total for trial in ended))
            if any(trial not in ended for trial in range(total)):
                _note_run(store, run, executor.device())
            search.run(store, executor, observer)
        _check_none_has_vanished(store, total)
        if experiment.confirm is not None:
            _confirm(store, run, experiment.confirm, observer, executor)
    return store


def confirm_experiment(run: Run, confirm: ConfirmConfig, observer: Observer, executor: Executor | None = None) -> Store:
    """Train the best configurations that the search has found so far again, from new seeds; what is there is kept."""
    store = Store(run.results / run.name)
    store.refuse_links()
    with _entered(executor) as executor, _only_writer(store.path):
        _refuse_another_backend(store)
        _confirm(store, run, confirm, observer, executor)
    return store


def _check_none_has_vanished(store: Store, total: int) -> None:
    """RunError if a trial of the search that has been trained, or was found as the run began, has no record now."""
    vanished = set(range(total)) - {int(path.name.split("-")[0]) for path in store.files(Phase.SEARCH)}
    if vanished:
        first = ", ".join(map(str, sorted(vanished)[:5])) + (", ..." if len(vanished) > 5 else "")
        raise RunError(
            f"{store.path}: the records of trials {first} have vanished during the run; "
            "the same command trains them again"
        )


def _entered(executor: Executor | None) -> AbstractContextManager[Executor]:
    """The executor, which its owner has entered and leaves again; left out, one in this process for the while."""
    return InProcess() if executor is None else nullcontext(executor)


def _confirm(store: Store, run: Run, confirm: ConfirmConfig, observer: Observer, executor: Executor) -> None:
    jobs, finished = confirmation_jobs(store, store.load(), confirm)
    before = len(store.files(Phase.SEARCH)) + finished
    observer.started(before + len(jobs), before)
    if jobs:
        _note_run(store, run, executor.device())
    for _ in record_each(store, run.experiment, jobs, executor, observer):
        pass  # nobody learns from it


def record_each(
    store: Store, experiment: Experiment, jobs: Iterable[Job], executor: Executor, observer: Observer
) -> Iterator[tuple[Job, Outcome, dict[str, Any]]]:
    """Train jobs of any phase; each is yielded, with its figures, once its record is on disk."""
    for job, outcome in executor.run(jobs, observer):
        figures = summary(outcome)
        store.append(experiment, job.key, outcome)
        observer.trial_finished(job.key, outcome.state, figures)
        yield job, outcome, figures


@dataclass(frozen=True, kw_only=True)
class _Ended:
    """A trial that is over: as Optuna is told of it, and what it reported, epoch -> (R,)."""

    trial: optuna.trial.FrozenTrial
    points: Mapping[int, Any]


class _Search:
    """The search phase: in each round, trials of all conditions are chosen, trained in any order, told in theirs.

    `ended` are the trials that have a record. A study's copy in the storage gets a trial as soon as it and all
    before it have ended.
    """

    def __init__(
        self, run: Run, storage: optuna.storages.RDBStorage, lock: Lock, owner: Owner, ended: dict[int, _Ended]
    ) -> None:
        self._experiment, self._ended = run.experiment, ended
        self._settings = run.experiment.condition_settings
        conditions = range(len(self._settings))
        self._searches = [Search(run.experiment, condition) for condition in conditions]
        prunes = run.experiment.study.pruner != "none"
        self._histories = [History(run.experiment, condition) for condition in conditions] if prunes else None
        self._copied = 0  # trials of all conditions
        while self._copied in ended:
            self._copied += 1
        mirrors = []
        for condition, setting in enumerate(self._settings):
            mirror = Mirror(storage, _study_name(run.name, setting), owner, named_directions(run.experiment))
            before = range(self._copied)
            mirror.hold([ended[trial].trial for trial in before if self._place(trial).condition == condition])
            mirrors.append(mirror)
        self._copying = Copying(mirrors, lock)

    def run(self, store: Store, executor: Executor, observer: Observer) -> None:
        """Train what has no record yet."""
        size, trials = round_size(self._experiment), self._experiment.trials
        for first in range(0, trials, size):
            numbers = range(first, min(first + size, trials))
            jobs = self._jobs(numbers)
            for job, outcome, figures in record_each(store, self._experiment, jobs, executor, observer):
                self._ended[job.key.trial] = _just_trained(self._experiment, job, outcome, figures)
                self._copy()
            self._tell(numbers)
        self._copying.finish()

    def _jobs(self, numbers: range) -> Iterator[Job]:
        """The round's trials that are still to be trained; all of them are chosen on the way."""
        study = self._experiment.study
        for trial, (number, condition) in self._trials(numbers):
            recorded = self._ended.get(trial)
            parameters = self._searches[condition].choose(number, recorded.trial.params if recorded else None)
            if recorded:
                continue
            setting = self._settings[condition]
            yield Job(
                key=TrialKey(trial=trial, phase=Phase.SEARCH, condition=setting, parameters=parameters),
                configuration=self._experiment.base.replace(**setting, **parameters),
                seeds=study.replicate_seeds,
                pruning=self._histories[condition].pruning(number) if self._histories else None,
                timeout=study.trial_timeout,
            )

    def _tell(self, numbers: range) -> None:
        for trial, (number, condition) in self._trials(numbers):
            ended = self._ended.pop(trial)
            self._searches[condition].tell(number, ended.trial)
            if self._histories:
                self._histories[condition].tell(ended.trial.state, ended.points)

    def _copy(self) -> None:
        while self._copied in self._ended:
            self._copying.add(self._place(self._copied).condition, self._ended[self._copied].trial)
            self._copied += 1

    def _trials(self, numbers: range) -> Iterator[tuple[int, TrialNumber]]:
        return numbered(numbers.start, numbers.stop, len(self._settings))

    def _place(self, trial: int) -> TrialNumber:
        return TrialNumber.of(trial, len(self._settings))


def _just_trained(experiment: Experiment, job: Job, outcome: Outcome, figures: Mapping[str, Any]) -> _Ended:
    points: dict[int, Any] = {}
    if outcome.scores is not None:
        scores, name = outcome.scores, reported_outcome(experiment)
        reports = Reports(outcome=name, epochs=scores.epochs, values=scores.of(name), tested=scores.tested)
        points = reports.at_points(job.configuration)
    return _ended(experiment, job.key, outcome.state, figures, points)


def _recorded(experiment: Experiment, record: Record) -> _Ended:
    configuration = experiment.base.replace(**record.key.condition, **record.key.parameters)
    name = reported_outcome(experiment)
    reports = Reports(outcome=name, epochs=record.epochs, values=record.curves[name], tested=record.tested)
    return _ended(experiment, record.key, record.state, record.figures, reports.at_points(configuration))


def _ended(
    experiment: Experiment, key: TrialKey, state: str, figures: Mapping[str, Any], points: Mapping[int, Any]
) -> _Ended:
    curve = {epoch: float(values.mean()) for epoch, values in points.items()}
    return _Ended(trial=finished_trial(experiment, key.trial, state, key.parameters, figures, curve), points=points)


def _study_name(name: str, setting: Mapping[str, Any]) -> str:
    return "/".join([name, *(f"{parameter}={value}" for parameter, value in setting.items())])


def _prepare(store: Store, run: Run) -> None:
    """Make the results folder, or check that the one that is there belongs to this experiment."""
    if not store.exists:
        if store.files():
            raise SweepError(f"{store.path}: holds records but no manifest.json; restore it, or remove the folder")
        store.create(run.text, _manifest(run))
        return
    _refuse_another_backend(store)
    stored, manifest = store.experiment(), store.manifest()
    changes = differences(stored, run.experiment)
    if changes:
        raise SweepError(
            f"{store.path}: holds the results of another version of this experiment: "
            + "; ".join(changes)
            + ". Undo the change, or give the changed file a new name, or remove the old results"
        )
    if not manifest.get("id") or stored != run.experiment:  # of an earlier version, or another question
        kept = {"id": manifest.get("id") or new_id(), "overrides": dict(run.overrides)}
        store.create(run.text, manifest | kept)


def _refuse_another_backend(store: Store) -> None:
    """Another backend starts from other weights: the trials of a study could no longer be told apart from it."""
    theirs = backend_of(store.manifest())
    if theirs != backend():
        raise SweepError(
            f"{store.path}: holds results of the backend {theirs}, and this run has {backend()}; "
            f"go on with --backend {theirs}, or give this run another folder with --results"
        )


def _note_run(store: Store, run: Run, device: str) -> None:
    """Note in the manifest that this run is about to train something, and on what."""
    store.create(run.text, _manifest(run, store.manifest()) | {"device": device})


def _manifest(run: Run, earlier: Mapping[str, Any] | None = None) -> dict[str, Any]:
    manifest = make_manifest(name=run.name, command=run.command, overrides=run.overrides, earlier=earlier)
    try:
        tasks = stored_facts(earlier or {}, run.experiment)
    except ValueError as error:
        raise SweepError(f"{run.results / run.name}: the task of these results cannot be trained: {error}") from None
    return manifest | {"tasks": [facts.model_dump() for facts in tasks]}


@contextmanager
def _only_writer(path: Path) -> Iterator[None]:
    """Hold the results folder for this process alone; the kernel lets go of it however the process ends."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path / ".lock")
        lock.acquire(timeout=0)
        write_whole(path / _WRITER, json.dumps(_this_process()).encode())
    except Timeout:
        raise SweepError(
            f"{path}: another `sweep run` is writing here{_said_of_writer(path)}; wait for it to end, or stop it"
        ) from None
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}; choose another folder with --results") from None
    try:
        yield
    finally:
        (path / _WRITER).unlink(missing_ok=True)
        lock.release()


def _this_process() -> dict[str, Any]:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": since}


def _said_of_writer(path: Path) -> str:
    """Which process it is, as far as it could say so before somebody else asked."""
    try:
        writer = json.loads((path / _WRITER).read_bytes())
        return f" (process {int(writer['pid'])} on {writer['host']}, since {writer['since']})"
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
