"""What commands share: options, the way from an argument to what it names, and an experiment's tables."""

import os
import shlex
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep.cli.table import print_table, print_text
from sweep.errors import SweepError
from sweep.machine.backend import BACKENDS, VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sweep.experiment.file import ExperimentFile
    from sweep.results.results import Results
    from sweep.results.store import Store

EXPERIMENTS = Path("experiments")
RESULTS = Path("results")

GOES_ON = "the same `sweep run` again goes on with it"

_MOST_NAMED = 8  # of the results that there are

_STORED = ("manifest.json", "experiment.toml", ".lock")

_LEAVING = (  # the first of them first
    *("ert_sequences_to_keep", "test_loss", "memoryless_loss", "below_memoryless_loss", "loss", "sequence_accuracy"),
    *("epochs_to_solve", "ert_sequences", "mean_sequences_to_solve", "recall_bits", "solved_with_margin"),
)

results_option = click.option(
    "--results", type=click.Path(path_type=Path), default=RESULTS, show_default=True, help="Folder of results."
)
backend_option = click.option(
    "--backend",
    type=click.Choice(BACKENDS),
    envvar=VARIABLE,
    help="What Keras runs on.  [KERAS_BACKEND, or tensorflow]",
)
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu or gpu:N.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def path_of(file: str) -> Path:
    """The experiment file that an argument means: a path, or a name under experiments/."""
    from sweep.experiment.file import ENDING, file_named  # reading an experiment loads NumPy: --help has no need of it

    path = Path(file)
    return path if path.suffix.lower() == ENDING or os.sep in file else file_named(file, EXPERIMENTS)


def checked(path: Path, overrides: dict[str, Any]) -> "ExperimentFile":
    """An experiment file, its experiment with what the command line replaces; SweepError lists every fault."""
    from sweep.execution.plan import check_experiment
    from sweep.experiment.file import name_of, override, read_checked

    name_of(path)
    file = read_checked(path)
    experiment = override(file.experiment, **overrides)
    check_experiment(experiment, str(path), file.text)
    return replace(file, experiment=experiment)


def store_of(results: Path, name: str) -> "Store":
    """The results folder of an experiment, by its name or its path; SweepError for a link, or where there is none."""
    from sweep.experiment.file import checked_name
    from sweep.results.store import Store

    if os.sep in name:
        store = Store(Path(name))
    else:
        store = Store(results / checked_name(name))
        store.refuse_links()
    if not store.begun:
        raise SweepError(_no_results(store, results, name))
    return store


def _no_results(store: "Store", results: Path, name: str) -> str:
    """That there are none, and what there is."""
    from sweep.experiment.file import files_in
    from sweep.faults import nearest, quoted
    from sweep.foreign import harmless
    from sweep.results.listing import stores_in

    files = {path.stem for path in files_in(EXPERIMENTS)}
    if name in files:
        elsewhere = "" if results == RESULTS else f" --results {shlex.quote(str(results))}"
        return f"{store.path}: holds no results; `sweep run {name}{elsewhere}` makes them"
    if os.sep in name:
        said = f"{name}: holds no results"
        there, close = ([str(each.path) for each in stores_in(at)] for at in (store.path, store.path.parent))
    else:
        said = f"{results}: has no results of {quoted(name)}"
        there = [each.name for each in stores_in(results)]
        close = sorted({*files, *there})
    what_there_is = f"there are those of {_some(there)}" if there else "`sweep list` names what there is"
    return harmless(f"{said}; {nearest(name, close) or what_there_is}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")


def checked_output(option: str, path: Path) -> Path:
    """A file that an option names to be written; SweepError where it can be none, or is a part of stored results."""
    if path == Path():
        raise SweepError(f"{option}: is empty; name a file")
    if not path.parent.is_dir():
        raise SweepError(f"{option}: {path.parent} is no folder; choose a file in one that is there")
    folder = path.parent.parent if path.parent.name == "trials" else path.parent
    own = path.parent.name == "trials" or path.name.startswith("study.db") or path.name in _STORED
    if own and (folder / "manifest.json").exists():
        raise SweepError(
            f"{option}: {path} is a part of stored results, which are never overwritten; choose another file"
        )
    return path


def print_results(results: "Results", sort: str | None = None, chosen: "Sequence[str] | None" = None) -> None:
    """Print question, answer, accuracy table, sorted by a column or of `chosen` ones alone, and what was confirmed."""
    from sweep.reporting.findings.answer import answer
    from sweep.reporting.findings.confirmed import confirmed_table, optimism
    from sweep.reporting.findings.findings import Findings
    from sweep.reporting.findings.tables import accuracy_table, arranged
    from sweep.reporting.look.display import displayed, heading_of_trials

    findings = Findings(results)
    shown = arranged(accuracy_table(findings, top=10 if sort is None else None), sort, chosen)
    print_text(results.experiment.question)
    table = displayed(shown)
    if table.empty:
        asked = results.experiment.trials * len(results.experiment.condition_settings)
        print_text(f"No trial has finished yet, of {asked:,}; {GOES_ON}.")
        return
    print_text(answer(findings).sentence)
    objectives = {objective.removeprefix("-") for objective in results.experiment.study.objectives}
    left = [heading_of_trials(name) for name in _LEAVING if name not in objectives and chosen is None]
    leaving = [head for plain in left for head in (plain, f"{plain} (95%)")]  # a column may have its interval in it
    left_out = print_table(list(table.columns), table.to_numpy().tolist(), leaving=leaving)
    if left_out:
        print_text(
            f"No room for {', '.join(left_out)}: `sweep export {results.name} --table accuracy` has every column."
        )
    if chosen is None and sort is None and (sentence := optimism(findings)):
        table = displayed(confirmed_table(findings))
        print_text(sentence)
        print_table(list(table.columns), table.to_numpy().tolist())
