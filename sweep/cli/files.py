"""The commands about experiment files. Nothing is trained."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.shared import EXPERIMENTS, backend_option, checked, device_option, json_option, path_of
from sweep.errors import SweepError
from sweep.faults import plural
from sweep.machine.backend import BACKENDS

if TYPE_CHECKING:
    from sweep.execution.plan import Plan

_SAME_TOLD = 5  # sets of trials that are the same computation, told one by one


@click.command()
@click.argument("file")
@backend_option
@device_option
@json_option
def plan(file: str, backend: str | None, device: str, as_json: bool) -> None:
    """Check an experiment and say what would run, and about how long. Nothing is trained or written.

    Seconds and memory are estimates, for a machine like the one that they were measured on.

    \b
    Example:
      sweep plan tuning
      sweep plan tuning --device gpu        how many replicates its memory holds
    """
    from dataclasses import asdict

    from sweep.execution.excess import duration, excess, refuse_uncountable
    from sweep.execution.executor import Room
    from sweep.execution.plan import make_plan
    from sweep.machine.devices import checked_device, memory_mb

    path = path_of(file)
    experiment = checked(path, {}).experiment
    memory = memory_mb(checked_device(device))
    plan = make_plan(experiment, backend or BACKENDS[0], memory)
    refuse_uncountable(experiment, plan, str(path))
    refused = excess(plan.seconds, plan.memory_mb, Room(1, memory))
    if as_json:
        click.echo(json.dumps(asdict(plan) | {"refused": refused}))
        return
    studies = plural(plan.studies, "study", "studies")
    click.echo(f"{studies}, {plural(plan.trials, 'trial')}, {plural(plan.replicates, 'replicate')}")
    if plan.confirmed:
        fewer = "at most " if plan.confirmed_low < plan.confirmed else ""
        click.echo(
            f"then {fewer}{plural(plan.confirmed, 'trial')} again, {plural(plan.confirmed_replicates, 'replicate')}"
        )
    click.echo(f"{_said_of_updates(plan)}, {plural(plan.programs, 'compiled program')}")
    at_most = "at most " if experiment.training.stop_when_solved else ""  # every epoch is counted
    took, memory_needed = duration(plan.seconds), f"{plan.memory_mb:,.0f} MB of memory"
    click.echo(f"{at_most}about {took}, about {memory_needed} (estimates)")
    held = f"about {plural(plan.replicates_at_once, 'replicate')}" if plan.replicates_at_once else "no replicate"
    click.echo(f"{memory:,.0f} MB would hold {held}{' side by side' if plan.replicates_at_once > 1 else ''}")
    for fault in refused:
        click.echo(f"`sweep run` {fault}", err=True)
    for line in _said_of_sameness(plan):
        click.echo(line)


@click.command()
@click.argument("name")
def init(name: str) -> None:
    """Write a commented experiment file to start from; it runs as it stands, in less than a minute.

    NAME is a name under experiments/ (or in this folder, if there is none), or a path that ends in .toml.

    \b
    Example:
      sweep init my_question
    """
    from sweep.experiment.starter import write_starter

    path = path_of(name)
    if path.suffix.lower() != ".toml":
        raise SweepError(f"{path}: is no experiment file; end the path in .toml")
    if str(path) != name and not EXPERIMENTS.is_dir():  # a name, and no folder for it
        path = Path(path.name)
    write_starter(path)
    click.echo(str(path))
    runnable = path.stem if path.parent == EXPERIMENTS else path
    click.echo(f"Edit it, then `sweep plan {runnable}` checks it and `sweep run {runnable}` runs it.", err=True)


@click.command()
def schema() -> None:
    """Print the JSON Schema of the experiment file, for editors.

    \b
    Example:
      sweep schema > experiment.schema.json
    """
    from sweep.experiment.json_schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


def _said_of_updates(plan: "Plan") -> str:
    """How many there are, as far as that is known before they are made."""
    if plan.updates_low == plan.updates_high:
        return f"{plan.updates:,} updates"
    if plan.updates == plan.updates_high:  # what may end early
        return f"at most {plan.updates:,} updates (at least {plan.updates_low:,})"
    return f"about {plan.updates:,} updates ({plan.updates_low:,} to {plan.updates_high:,})"


def _said_of_sameness(plan: "Plan") -> list[str]:
    """Which trials are the same computation; of trials that nobody knows yet, where parameters have no effect."""
    from sweep.results.same_computation import sentences

    if not plan.same_computations:
        return [f"in a part of the search, {why}" for why in plan.without_effect]
    return sentences(plan.same_computations, most=_SAME_TOLD)
