"""The commands that train."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from sweep.cli.shared import (
    GOES_ON,
    backend_option,
    checked,
    device_option,
    path_of,
    print_results,
    results_option,
    store_of,
)
from sweep.distribution import installing
from sweep.errors import SweepError
from sweep.execution.stopping import ends_when_told
from sweep.faults import plural
from sweep.machine.backend import backend_of, choose_backend

if TYPE_CHECKING:
    from sweep.execution.executor import Executor, Room
    from sweep.execution.workers import Workers
    from sweep.experiment.experiment import ConfirmConfig
    from sweep.experiment.file import ExperimentFile
    from sweep.results.results import Results
    from sweep.results.store import Store

_workers_option = click.option(
    "--workers", type=click.IntRange(min=0), default=0, help="Train on so many processes of this machine."
)
_cluster_option = click.option(
    "--cluster", metavar="ADDRESS", help="Train on a Dask cluster: its scheduler's address, or its file."
)
_anyway_option = click.option(
    "--anyway", is_flag=True, help="Also what would take more than a week, or more memory than there is."
)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@results_option
@click.option("--seeds", type=click.IntRange(min=1), help="Replicates a trial, from the file's first seed on.")
@click.option("--trials", type=click.IntRange(min=1), help="Trials a condition; more than before extends a study.")
@click.option("--trainer", type=click.Choice(["fused", "fit"]), help="The compiled program, or Keras's own loop.")
@backend_option
@_workers_option
@_cluster_option
@device_option
@click.option("--storage", metavar="URL", help="Optuna storage instead of the results' study.db.")
@_anyway_option
def run(
    files: tuple[str, ...],
    results: Path,
    seeds: int | None,
    trials: int | None,
    trainer: str | None,
    backend: str | None,
    workers: int,
    cluster: str | None,
    device: str,
    storage: str | None,
    anyway: bool,
) -> None:
    """Run experiments, or go on with those that were stopped.

    FILE is a path, or a name under experiments/.

    \b
    Example:
      sweep run tutorial
      sweep run experiments/tuning.toml --trials 100 --workers 2
    """
    overrides = {"seeds": seeds, "trials": trials, "trainer": trainer}
    overrides = {name: value for name, value in overrides.items() if value is not None}
    experiments = [checked(path, overrides) for path in _of_different_names(files)]
    choose_backend(backend)
    with ends_when_told(), _executor(workers, cluster, device) as executor:
        for file in experiments:
            _refuse_excess(file, results, _room(executor, cluster, workers, device), anyway=anyway)
        failed = [not _run_one(file, overrides, results, storage, executor) for file in experiments]
    if any(failed):
        sys.exit(1)


def _of_different_names(files: tuple[str, ...]) -> list[Path]:
    """The files, each once; SweepError where two of them would share a results folder."""
    from sweep.experiment.file import name_of

    paths: dict[str, Path] = {}
    for path in map(path_of, files):
        first = paths.setdefault(name_of(path).lower(), path)  # some file systems do not tell A from a
        if first.absolute() != path.absolute():
            raise SweepError(f"{first} and {path}: both are named {name_of(path)}, as their results are; rename one")
    return list(paths.values())


@click.command()
@click.argument("name")
@results_option
@click.option("--top", type=click.IntRange(1, 1000), help="How many of the best of each condition.  [file, or 3]")
@click.option("--seeds", type=click.IntRange(1, 100_000), help="From how many new seeds each.  [file, or 30]")
@backend_option
@_workers_option
@_cluster_option
@device_option
@_anyway_option
def confirm(
    name: str,
    results: Path,
    top: int | None,
    seeds: int | None,
    backend: str | None,
    workers: int,
    cluster: str | None,
    device: str,
    anyway: bool,
) -> None:
    """Train the best configurations of a search again, from seeds that it never used.

    The search picks what did well on its own seeds, some of it by luck; here the luck shows. `sweep run` does the
    same by itself at its end where the experiment file has a [confirm] section.

    \b
    Example:
      sweep confirm tuning --top 3 --seeds 30
    """
    from sweep.cli.progress import Display
    from sweep.execution.rounds import Run, confirm_experiment
    from sweep.experiment.experiment import ConfirmConfig
    from sweep.experiment.trials import Phase

    store = store_of(results, name)
    name = store.name
    manifest, experiment = store.manifest(), store.experiment()
    if not experiment.search:
        raise SweepError(f"{name}: nothing was searched, so there is no choice to confirm; raise study.seeds instead")
    choose_backend(backend or backend_of(manifest))
    base = experiment.confirm or ConfirmConfig()
    wanted = ConfirmConfig(top=top or base.top, seeds=seeds or base.seeds)
    text = (store.path / "experiment.toml").read_text(encoding="utf-8")
    command, overrides = ["sweep", *sys.argv[1:]], manifest.get("overrides", {})
    order = Run(name, experiment, text, overrides, store.path.parent, None, command)
    found, asked = len(store.files(Phase.SEARCH)), experiment.trials * len(experiment.condition_settings)
    if not found:
        raise SweepError(f"{name}: no trial has finished yet, of {asked:,}; {GOES_ON}")
    if found < asked:
        click.echo(
            f"{name}: the search has {found} of {plural(asked, 'trial')}; the best so far are confirmed", err=True
        )
    _say_what_is_kept(store, wanted.seeds)
    with ends_when_told(), _executor(workers, cluster, device) as executor:
        if not anyway:
            _refuse_confirmation(store, wanted, _room(executor, cluster, workers, device))
        with Display(name, experiment) as display:
            loaded = confirm_experiment(order, wanted, display, executor).load()
    if not _finish(loaded):
        sys.exit(1)


def _say_what_is_kept(store: "Store", seeds: int) -> None:
    """That a confirmation from more seeds stays, where fewer are asked for now."""
    from sweep.experiment.trials import Phase
    from sweep.results.phase_view import PhaseView

    before = PhaseView.of(store.load(lambda _: ()), Phase.CONFIRM).trials
    if more := sorted({int(number) for number in before["seeds"] if number > seeds}):
        click.echo(
            f"{store.name}: trials that were confirmed from {', '.join(map(str, more))} seeds before are not trained "
            f"again from {seeds}; they keep their scores",
            err=True,
        )


def _refuse_excess(file: "ExperimentFile", results: Path, room: "Callable[[], Room]", *, anyway: bool) -> None:
    """SweepError for what would take too much of the machines, or too long, before anything is written."""
    from sweep.execution.excess import refuse_excess
    from sweep.experiment.trials import Phase
    from sweep.machine.backend import backend
    from sweep.results.store import Store

    store, experiment = Store(results / file.name), file.experiment
    store.refuse_links()
    finished = len(store.files(Phase.SEARCH))
    if finished < experiment.trials * len(experiment.condition_settings):
        refuse_excess(experiment, str(file.path), backend(), room(), finished=finished, anyway=anyway)
    elif experiment.confirm is not None and store.exists and not anyway:
        _refuse_confirmation(store, experiment.confirm, room)


def _refuse_confirmation(store: "Store", wanted: "ConfirmConfig", room: "Callable[[], Room]") -> None:
    """The same for what is trained again; nobody is waited for where nothing is."""
    from sweep.execution.excess import refuse_jobs
    from sweep.machine.backend import backend
    from sweep.search.confirmation import confirmation_jobs

    jobs, _ = confirmation_jobs(store, store.load(lambda _: ()), wanted)
    if jobs:
        refuse_jobs(jobs, store.name, backend(), room())


def _room(executor: "Executor", cluster: str | None, workers: int, device: str) -> "Callable[[], Room]":
    """Asks what this machine holds, or the workers of a cluster that have come."""
    from sweep.execution.executor import Room
    from sweep.machine.devices import memory_mb

    def room() -> Room:
        if cluster is None:
            return Room(max(1, workers), memory_mb(device))
        return cast("Workers", executor).room(lambda line: click.echo(line, err=True))

    return room


def _executor(workers: int, cluster: str | None, device: str) -> "Executor":
    """Where the trials are trained, as the options ask for it."""
    from sweep.execution.executor import InProcess
    from sweep.machine.devices import checked_device

    if cluster is not None and (workers or device != "auto"):
        raise SweepError("--cluster: the cluster has its own workers and devices; leave --workers and --device out")
    checked_device(device)
    if cluster is None and not workers:
        return InProcess(device)
    try:
        from sweep.execution.cluster import cluster_workers
        from sweep.execution.local import local_workers
        from sweep.execution.workers import Workers
    except ModuleNotFoundError as error:
        option = "--cluster" if cluster else "--workers"
        raise SweepError(f"{option}: needs {error.name}, which is not installed; {installing('workers')}") from None
    return Workers(cluster_workers(cluster)) if cluster else Workers(local_workers(workers, device), device)


def _run_one(
    file: "ExperimentFile",
    overrides: dict[str, Any],
    results: Path,
    storage: str | None,
    executor: "Executor",
) -> bool:
    from sweep.cli.progress import Display
    from sweep.execution.rounds import Run, run_experiment
    from sweep.results.store import Store
    from sweep.search.storage_copy import without_password

    shown = without_password(storage) if storage else ""
    command = ["sweep", *(part.replace(storage, shown) if storage else part for part in sys.argv[1:])]
    order = Run(file.name, file.experiment, file.text, overrides, results, storage, command)
    with Display(file.name, Store(results / file.name).as_begun(file.experiment)) as display:
        loaded = run_experiment(order, display, executor).load()
    return _finish(loaded)


def _finish(loaded: "Results") -> bool:
    """Write the report, then print what came out, so that no output costs the report; whether no trial failed."""
    from sweep.reporting.page import write_report

    report = write_report(loaded)
    print_results(loaded)
    click.echo(f"Report: {report}", err=True)
    failed = int((loaded.trials["state"] == "failed").sum())
    if failed:
        click.echo(
            f"{loaded.name}: {failed} of {plural(len(loaded.trials), 'trial')} failed; their errors are in the report",
            err=True,
        )
    return failed == 0
