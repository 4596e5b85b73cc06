"""The commands that read stored results."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from sweep.cli.shared import (
    EXPERIMENTS,
    GOES_ON,
    backend_option,
    checked_output,
    json_option,
    print_results,
    results_option,
    store_of,
)
from sweep.cli.streams import write_bytes
from sweep.cli.table import print_table, print_text
from sweep.errors import SweepError
from sweep.faults import plural, unknown
from sweep.machine.backend import backend_of, choose_backend

if TYPE_CHECKING:
    from sweep.comparison.replicate_sets import Side
    from sweep.results.store import Store

_CLOSE = 0.1  # lead of an output over the next one, below which both are told
_TABLES = ["trials", "replicates", "curves", "steps", "lengths", "accuracy"]
_FORMATS = ["csv", "parquet", "json", "latex"]


@click.command("list")
@results_option
@json_option
def list_(results: Path, as_json: bool) -> None:
    """List the experiments, and how far each one has come.

    \b
    Example:
      sweep list
    """
    from sweep.results.listing import listing

    if (
        not results.is_dir()
        and click.get_current_context().get_parameter_source("results") is not ParameterSource.DEFAULT
    ):
        raise SweepError(f"--results: {results} is no folder")
    rows = listing(EXPERIMENTS, results)
    if as_json:
        click.echo(json.dumps(rows))
        return
    if not rows:
        nowhere = f"no experiment file in {EXPERIMENTS.absolute()}, and no results in {results.absolute()}"
        click.echo(f"There is {nowhere}; `sweep init NAME` writes a file to start from.", err=True)
        return
    cells = [[row["experiment"], f"{row['finished']} of {row['trials'] or '?'}", row["question"]] for row in rows]
    print_table(["experiment", "trials", "question"], cells)
    if alone := [row["experiment"] for row in rows if row["file"] is None]:
        click.echo(f"Only results, no file in {EXPERIMENTS}: {', '.join(alone)}", err=True)


@click.command()
@click.argument("name")
@results_option
@click.option("--sort", metavar="COLUMN", help="Order the rows by this column, best first; all trials are shown.")
@click.option("--columns", metavar="A,B,...", help="Show these columns alone, in this order.")
@json_option
def show(name: str, results: Path, sort: str | None, columns: str | None, as_json: bool) -> None:
    """Print the answer, and the accuracy table: the best trials, with intervals and the memoryless ceiling.

    Columns go by the names of `sweep export NAME --table accuracy`.

    \b
    Example:
      sweep show tutorial
      sweep show tuning --sort ert_sequences --columns trial,units,learning_rate,solve_rate,ert_sequences
    """
    from sweep.reporting.findings.confirmed import with_confirmed
    from sweep.reporting.findings.findings import Findings
    from sweep.reporting.findings.tables import accuracy_table, arranged

    loaded = store_of(results, name).load()
    chosen = None if columns is None else [column.strip() for column in columns.split(",")]
    findings = Findings(loaded)
    if as_json:
        table = with_confirmed(findings, accuracy_table(findings, top=None))
        click.echo(arranged(table, sort, chosen).to_json(orient="records", double_precision=15))
        return
    print_results(loaded, sort, chosen)


@click.command()
@click.argument("name")
@results_option
@json_option
def answer(name: str, results: Path, as_json: bool) -> None:
    """Print the answer to an experiment's question in one sentence: what the report says first.

    What is asked stands under [answer] in the experiment file; without it the design decides. A changed question or
    [answer] needs no training: `sweep run` stores it.

    \b
    Example:
      sweep answer shuffle
      sweep answer shuffle --json        the figures behind it too
    """
    from sweep.reporting.findings.answer import answer as answered
    from sweep.reporting.findings.answer_rows import answer_rows
    from sweep.reporting.findings.findings import Findings

    findings = Findings(store_of(results, name).load())
    if as_json:
        click.echo(json.dumps(answer_rows(findings)))
    else:
        print_text(answered(findings).sentence)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@results_option
def report(names: tuple[str, ...], results: Path) -> None:
    """Write the report of an experiment anew from its stored results; of several, one page over all of them too.

    \b
    Example:
      sweep report tutorial
      sweep report tutorial tuning     also results/report.html, with an index
    """
    from sweep.reporting.page import curves_needed, write_report
    from sweep.reporting.together import write_reports

    stores = [store_of(results, name) for name in dict.fromkeys(names)]
    if len(stores) == 1:
        click.echo(str(write_report(stores[0].load(curves_needed))))
        return
    for store in stores:
        store.manifest()  # says what is missing before anything is written
    click.echo(str(write_reports(results, (store.load(curves_needed) for store in stores))))


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="A [B...]")
@click.option("--by", metavar="PARAMETER", help="Compare the values of a searched parameter of A instead.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="What to compare by; can be given again.  [solve_rate, recall_accuracy, sequences_to_solve]",
)
@click.option("--fail-if", metavar="VERDICT", help="Exit with 1 if any verdict is this one; several with commas.")
@click.option(
    "--html", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write a page of it as well."
)
@results_option
@json_option
def compare(
    names: tuple[str, ...],
    by: str | None,
    metrics: tuple[str, ...],
    fail_if: str | None,
    html: Path | None,
    results: Path,
    as_json: bool,
) -> None:
    """Say whether A does better than B, under each condition, and how sure that is.

    A and B are experiments, or trials as NAME:12; a path to a results folder will do too. Of an experiment the best
    configuration counts, with its confirmed scores if it has any. The verdict is better, worse or inconclusive.

    Of three and more: each two against each other, all verdicts corrected together, each one's mean rank over the
    conditions that all have, and how many of its runs solve the task within so many times the sequences that the
    quickest takes (a performance profile). Their --json has "sides" (names), "rows" (as of two), and as flat rows
    "ranks", "scores" (by condition), "quickest" and "profiles".

    \b
    Example:
      sweep compare tuning tutorial
      sweep compare tuning:12 tuning:40 --metric solve_rate
      sweep compare gate_bias --by gate_bias
      sweep compare new/tutorial old/tutorial --fail-if worse
      sweep compare lags:0 lags:2 lags:4 --html lags.html
    """
    from dataclasses import asdict

    from sweep.cli.several import print_several, write_page
    from sweep.comparison.compare import VERDICTS
    from sweep.comparison.compare import compare as compared
    from sweep.comparison.replicate_sets import pairs_by, pairs_of
    from sweep.comparison.several import compare_several
    from sweep.experiment.outcomes import METRICS
    from sweep.reporting.findings.compared import comparison_table, reading

    failing = [verdict.strip() for verdict in fail_if.split(",")] if fail_if is not None else []
    for verdict in failing:
        if verdict not in VERDICTS:
            raise SweepError("--fail-if: " + unknown("verdict", verdict, VERDICTS))
    for metric in metrics:
        if metric not in METRICS:
            raise SweepError("--metric: " + unknown("metric", metric, METRICS))
    if len(names) != 1 if by else len(names) < 2:
        wanted = "one experiment with --by" if by else "two or more of them, or one with --by"
        raise SweepError(f"compare: got {plural(len(names), 'name')}; give {wanted}")
    if len(names) > 2 and failing:
        raise SweepError(f"--fail-if: is for two sides, of which A is judged; got {len(names)} names")
    if html is not None and by:
        raise SweepError("--html: is for experiments, trials and folders; with --by there is no page")
    if html is not None:
        checked_output("--html", html)
    chosen = tuple(dict.fromkeys(metrics)) or ("solve_rate", "recall_accuracy", "sequences_to_solve")
    sides = [_side(results, name) for name in names]
    if len(sides) > 2:
        found = compare_several(sides, chosen)
        if html is not None:
            write_page(html, found)
        if as_json:
            click.echo(json.dumps(found.as_json(), default=str))
        else:
            print_several(found)
        return
    if by and sides[0].trial is not None:
        raise SweepError(f"{names[0]}: is one trial; --by compares all trials of an experiment, {sides[0].name}")
    pairs, notes = pairs_by(sides[0].results, by) if by else pairs_of(sides[0], sides[1])
    rows = compared(pairs, chosen)
    if html is not None:
        write_page(html, compare_several(sides, chosen))
    if as_json:
        click.echo(json.dumps({"rows": [asdict(row) for row in rows], "notes": notes}, default=str))
    else:
        print_table(*comparison_table(rows))
        for note in [reading(rows), *notes]:
            print_text(note, err=True)
    if any(row.verdict in failing for row in rows):
        sys.exit(1)


@click.command()
@click.argument("name")
@click.option("--table", type=click.Choice(_TABLES), default="trials", show_default=True)
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File instead of stdout.")
@results_option
def export(name: str, table: str, format_: str, output: Path | None, results: Path) -> None:
    """Print a table of the results, every row of it; "accuracy" is the report's, with intervals and ceilings.

    \b
    Example:
      sweep export tutorial --table curves --format csv -o curves.csv
      sweep export tutorial --table accuracy --format latex
    """
    from sweep.files import write_whole
    from sweep.results.export import exported

    if output is not None:
        checked_output("-o", output)
    store = store_of(results, name)
    content = _accuracy(store, format_) if table == "accuracy" else exported(store.tables()[table], format_)
    if output is None:
        write_bytes(content)
    elif output.exists() and not output.is_file():  # a device or a pipe is written to, never replaced
        output.write_bytes(content)
    else:
        write_whole(output, content)


@click.command()
@click.argument("name")
@click.option("--sequence", help='Symbols to show, with spaces between them: "3 0 1 2".')
@click.option("--example", is_flag=True, help="Show one of the task's own test sequences instead.")
@click.option("--seed", type=click.IntRange(0), help="Which one: seeds the draw of --example.  [0]")
@click.option(
    "--steps", type=click.IntRange(0, 100_000), default=0, help="Go on so many steps with its own predictions."
)
@click.option("--trial", type=int, help="Trial whose network predicts; left out: the best.")
@backend_option
@results_option
def predict(
    name: str,
    sequence: str | None,
    example: bool,
    seed: int | None,
    steps: int,
    trial: int | None,
    backend: str | None,
    results: Path,
) -> None:
    """Show a sequence to a trained network and print what it expects next at each step.

    p is the network's own probability of its answer; where another symbol comes close, within 0.1, it stands behind.

    \b
    Example:
      sweep predict tutorial --sequence "3 0 1 2" --steps 4
      sweep predict long_random --example --seed 7
    """
    from sweep.experiment.trials import Phase
    from sweep.results.phase_view import PhaseView
    from sweep.tasks.registry import build_task
    from sweep.training.predict import check_symbols, check_weights, facts
    from sweep.training.predict import example as drawn
    from sweep.training.predict import predict as predicted

    if (sequence is None) != example:
        raise SweepError(
            'predict: give --sequence "3 0 1 2", symbols to show, or else --example, one of the task\'s own'
        )
    if seed is not None and not example:
        raise SweepError("--seed: chooses the sequence of --example, which is not given")
    store = store_of(results, name)
    loaded = store.load()
    if trial is None:
        best = PhaseView.of(loaded, Phase.SEARCH).best
        if not best:
            raise SweepError(f"{name}: has no complete trial yet; {GOES_ON}")
        trial = int(best[min(best)]["trial"])
    trained_from, weights = store.weights(trial)
    configuration = store.configuration(loaded.experiment, trial)
    symbols, then = (sequence or "").split(), None
    if example:
        *symbols, then = drawn(configuration, trained_from, seed or 0)
    check_symbols(configuration, symbols)
    check_weights(configuration, weights)
    printed = _as_tutorial if build_task(configuration.task).numbered else str
    choose_backend(backend or backend_of(loaded.manifest))
    click.echo(f"trial {trial}, seed {trained_from}", err=True)
    if about := facts(configuration):
        click.echo(about, err=True)
    if example:
        click.echo("example: " + " ".join([*symbols, then or ""]), err=True)
    for step in predicted(configuration, weights, symbols, steps, then):
        came = f" y={printed(step.came)}," if step.came is not None else ""
        sure = f"p={step.output:.2f}"
        if step.output - step.next_output < _CLOSE:
            sure = f"p={step.output:.4f}, next {printed(step.runner_up)} p={step.next_output:.4f}"
        click.echo(f"X={printed(step.shown)}{came} yhat={printed(step.predicted)} ({sure})")


@click.command()
@click.argument("name")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--storage", metavar="URL", help="Optuna storage that the run was given.")
@results_option
def dashboard(name: str, port: int, storage: str | None, results: Path) -> None:
    """Open optuna-dashboard on the studies of an experiment, also while it runs; Ctrl-C ends it.

    Each trial has its configuration as a note and its learning curve as a picture there.

    It is heard on this machine alone. What it changes in study.db is no more than a copy of the records.

    \b
    Example:
      sweep dashboard tuning
    """
    from sweep.reporting.figures.learning import trial_curve
    from sweep.reporting.findings.findings import Findings
    from sweep.search.dashboard import show_dashboard
    from sweep.search.storage_copy import url_of_file

    store = store_of(results, name)
    database = store.path / "study.db"
    if storage is None and not database.is_file():
        raise SweepError(f"{database}: there is no study yet; the same `sweep run` again makes it")
    click.echo(f"http://127.0.0.1:{port} shows {name}; Ctrl-C ends it", err=True)

    def picture(trial: int) -> bytes:
        return trial_curve(Findings(store.load(lambda _: {trial})), trial).encode()

    show_dashboard(storage or url_of_file(database), port, picture)


def _side(results: Path, text: str) -> "Side":
    """A side of a comparison: NAME or NAME:TRIAL, where NAME may be the path of a results folder, colons in it too."""
    from sweep.comparison.replicate_sets import Side
    from sweep.results.store import Store

    name, colon, number = text.rpartition(":")
    if not colon or os.sep in number or Store(Path(text)).exists:
        name, number = text, ""
    elif not number.isdecimal():
        raise SweepError(f"{text}: names no trial; write NAME:12 for trial 12")
    return Side(name, store_of(results, name).load(), int(number) if number else None)


def _accuracy(store: "Store", format_: str) -> bytes:
    """The accuracy table of all trials: in LaTeX as the report prints it, otherwise the numbers themselves."""
    import pyarrow

    from sweep.reporting.findings.findings import Findings
    from sweep.reporting.findings.tables import accuracy_table
    from sweep.reporting.look.display import columns
    from sweep.results.export import exported, latex

    table = accuracy_table(Findings(store.load()), top=None)
    if format_ != "latex":
        return exported(pyarrow.Table.from_pandas(table, preserve_index=False), format_)
    shown = columns(table)
    return latex({column.heading: column.texts for column in shown}, [column.numeric for column in shown])


def _as_tutorial(symbol: str) -> str:
    """A number as the tutorial prints it: 3 as 3.0."""
    return f"{float(symbol):.1f}"
