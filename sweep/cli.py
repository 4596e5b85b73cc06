"""The command line: parse, call one function, print. Data go to stdout, everything else to stderr."""

import errno
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweep.errors import SweepError
from sweep.experiment import Experiment
from sweep.experiment_file import checked_name, json_schema, load, name_of, override
from sweep.faults import unknown
from sweep.stopping import Terminated, ends_when_told

if TYPE_CHECKING:
    from sweep.executor import Executor
    from sweep.sides import Side
    from sweep.store import Results, Store

_EXPERIMENTS = Path("experiments")
_STOPPED = "Stopped. Finished trials are kept: the same command goes on from here."

_AS_WIDE_AS_IT_IS = 10_000
_TABLES = ["trials", "replicates", "curves", "steps", "lengths", "accuracy"]
_FORMATS = ["csv", "parquet", "json", "latex"]

_results = click.option(
    "--results", type=click.Path(path_type=Path), default=Path("results"), show_default=True, help="Folder of results."
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")


def main() -> None:
    """Run the command line; the exit code is 0, 1 (a run failed), 2 (the input is wrong) or 130 (Ctrl-C)."""
    try:
        cli(standalone_mode=False)
        sys.stdout.flush()  # here, where a reader that is gone and a full disk are still answered
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SweepError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo(_STOPPED, err=True)
        sys.exit(130)
    except Terminated:
        click.echo(_STOPPED, err=True)
        sys.exit(143)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        _drop_stdout()
        sys.exit(141)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        _drop_stdout()
        click.echo(f"Error: {error.filename or 'output'}: the disk is full; what was stored before is kept", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sweep")
def cli() -> None:
    """What can an LSTM remember? Sweeps over a tutorial's questions, fast and with honest statistics.

    \b
    Example:
      sweep run tutorial          run experiments/tutorial.toml
      sweep show tutorial         its accuracy table
      sweep report tutorial       write its report anew
    """


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@_results
@click.option("--seeds", type=click.IntRange(min=1), help="Replicates a trial, instead of the file's.")
@click.option("--trials", type=click.IntRange(min=1), help="Trials a condition; more than before extends a study.")
@click.option("--trainer", type=click.Choice(["fused", "fit"]), help="The compiled program, or Keras's own loop.")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Train on so many processes of this machine.")
@click.option("--cluster", metavar="ADDRESS", help="Train on a Dask cluster: its scheduler's address, or its file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu or gpu:N.")
@click.option("--storage", metavar="URL", help="Optuna storage instead of the results' study.db.")
def run(
    files: tuple[str, ...],
    results: Path,
    seeds: int | None,
    trials: int | None,
    trainer: str | None,
    workers: int,
    cluster: str | None,
    device: str,
    storage: str | None,
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
    experiments = [(path, _checked(path, overrides)) for path in map(_path_of, files)]
    with ends_when_told(), _executor(workers, cluster, device) as executor:
        failed = [
            not _run_one(path, experiment, overrides, results, storage, executor) for path, experiment in experiments
        ]
    if any(failed):
        sys.exit(1)


@cli.command()
@click.argument("name")
@_results
@click.option("--top", type=click.IntRange(1, 1000), help="How many of the best of each condition.  [file, or 3]")
@click.option("--seeds", type=click.IntRange(1, 100_000), help="From how many new seeds each.  [file, or 30]")
@click.option("--workers", type=click.IntRange(min=0), default=0, help="Train on so many processes of this machine.")
@click.option("--cluster", metavar="ADDRESS", help="Train on a Dask cluster: its scheduler's address, or its file.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, gpu or gpu:N.")
def confirm(
    name: str, results: Path, top: int | None, seeds: int | None, workers: int, cluster: str | None, device: str
) -> None:
    """Train the best configurations of a search again, from seeds that it never used.

    The search picks what did well on its own seeds, some of it by luck; here the luck shows. `sweep run` does the
    same by itself at its end where the experiment file has a [confirm] section.

    \b
    Example:
      sweep confirm tuning --top 3 --seeds 30
    """
    from sweep.experiment import ConfirmConfig
    from sweep.progress import Display
    from sweep.study import Run, confirm_experiment

    store = _store(results, name)
    manifest, experiment = store.manifest(), store.experiment()
    if not experiment.search:
        raise SweepError(f"{name}: nothing was searched, so there is no choice to confirm; raise study.seeds instead")
    base = experiment.confirm or ConfirmConfig()
    wanted = ConfirmConfig(top=top or base.top, seeds=seeds or base.seeds)
    text = (store.path / "experiment.toml").read_text(encoding="utf-8")
    command, overrides = ["sweep", *sys.argv[1:]], manifest.get("overrides", {})
    order = Run(name, experiment, text, overrides, results, None, command)
    found, asked = len(store.files("search")), experiment.trials * len(experiment.condition_settings)
    if found < asked:
        click.echo(f"{name}: the search has {found} of {asked} trials; the best so far are confirmed", err=True)
    with _executor(workers, cluster, device) as executor, Display(name, experiment) as display:
        loaded = confirm_experiment(order, wanted, display, executor).load()
    if not _finish(loaded):
        sys.exit(1)


@cli.command()
@click.argument("file")
@_as_json
def plan(file: str, as_json: bool) -> None:
    """Check an experiment and say what would run, and about how long. Nothing is trained or written.

    \b
    Example:
      sweep plan tuning
    """
    from dataclasses import asdict

    from sweep.plan import make_plan

    planned = asdict(make_plan(_checked(_path_of(file), {})))
    if as_json:
        click.echo(json.dumps(planned))
        return
    click.echo(f"{planned['studies']} studies, {planned['trials']} trials, {planned['replicates']} replicates")
    if planned["confirmed"]:
        click.echo(f"then {planned['confirmed']} trials again, {planned['confirmed_replicates']} replicates")
    click.echo(f"{planned['updates']:,} updates, {planned['programs']} compiled programs")
    click.echo(f"about {_duration(planned['seconds'])}, about {planned['memory_mb']:.0f} MB of memory")


@cli.command("list")
@_results
@_as_json
def list_(results: Path, as_json: bool) -> None:
    """List the experiments, and how far each one has come.

    \b
    Example:
      sweep list
    """
    from sweep.listing import listing

    rows = listing(_EXPERIMENTS, results)
    if as_json:
        click.echo(json.dumps(rows))
        return
    _print_table(
        ["experiment", "trials", "question"],
        [[row["experiment"], f"{row['finished']} of {row['trials'] or '?'}", row["question"]] for row in rows],
    )


@cli.command()
@click.argument("name")
@_results
@_as_json
def show(name: str, results: Path, as_json: bool) -> None:
    """Print an experiment's accuracy table: its best trials, with intervals and the memoryless ceiling.

    \b
    Example:
      sweep show tutorial
    """
    from sweep.report.confirmed import with_confirmed
    from sweep.report.tables import accuracy_table

    loaded = _store(results, name).load()
    if as_json:
        table = with_confirmed(loaded, accuracy_table(loaded, top=None))
        click.echo(table.to_json(orient="records", double_precision=15))
        return
    click.echo(loaded.experiment.question)
    _print_results(loaded)


@cli.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@_results
def report(names: tuple[str, ...], results: Path) -> None:
    """Write the report of an experiment anew from its stored results; of several, one page over all of them too.

    \b
    Example:
      sweep report tutorial
      sweep report tutorial tuning     also results/report.html, with an index
    """
    from sweep.report.page import drawn_trials, write_report
    from sweep.report.together import write_reports

    stores = [_store(results, name) for name in dict.fromkeys(names)]
    if len(stores) == 1:
        click.echo(str(write_report(stores[0].load(drawn_trials))))
        return
    for store in stores:
        store.manifest()  # says what is missing before anything is written
    click.echo(str(write_reports(results, (store.load(drawn_trials) for store in stores))))


@cli.command()
@click.argument("names", nargs=-1, required=True, metavar="A [B]")
@click.option("--by", metavar="PARAMETER", help="Compare the values of a searched parameter of A instead.")
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    help="What to compare by; can be given again.  [solve_rate, recall_accuracy, sequences_to_solve]",
)
@click.option("--fail-if", metavar="VERDICT", help="Exit with 1 if any verdict is this one; several with commas.")
@_results
@_as_json
def compare(
    names: tuple[str, ...], by: str | None, metrics: tuple[str, ...], fail_if: str | None, results: Path, as_json: bool
) -> None:
    """Say whether A does better than B, under each condition, and how sure that is.

    A and B are experiments, or trials as NAME:12; a path to a results folder will do too. Of an experiment the best
    configuration counts, with its confirmed scores if it has any. The verdict is better, worse or inconclusive.

    \b
    Example:
      sweep compare tuning tutorial
      sweep compare tuning:12 tuning:40 --metric solve_rate
      sweep compare gate_bias --by gate_bias
      sweep compare new/tutorial old/tutorial --fail-if worse
    """
    from dataclasses import asdict

    from sweep.compare import METRICS, VERDICTS
    from sweep.compare import compare as compared
    from sweep.report.compared import comparison_table, reading
    from sweep.sides import pairs_by, pairs_of

    failing = [verdict.strip() for verdict in fail_if.split(",")] if fail_if is not None else []
    for verdict in failing:
        if verdict not in VERDICTS:
            raise SweepError("--fail-if: " + unknown("verdict", verdict, VERDICTS))
    for metric in metrics:
        if metric not in METRICS:
            raise SweepError("--metric: " + unknown("metric", metric, METRICS))
    if len(names) != (1 if by else 2):
        wanted = "one experiment with --by" if by else "two of them, or one with --by"
        raise SweepError(f"compare: got {len(names)} names; give {wanted}")
    sides = [_side(results, name) for name in names]
    if by and sides[0].trial is not None:
        raise SweepError(f"{names[0]}: is one trial; --by compares all trials of an experiment, {sides[0].name}")
    pairs, notes = pairs_by(sides[0].results, by) if by else pairs_of(sides[0], sides[1])
    rows = compared(pairs, tuple(dict.fromkeys(metrics)) or ("solve_rate", "recall_accuracy", "sequences_to_solve"))
    if as_json:
        click.echo(json.dumps({"rows": [asdict(row) for row in rows], "notes": notes}, default=str))
    else:
        _print_table(*comparison_table(rows))
        for note in [reading(rows), *notes]:
            click.echo(note, err=True)
    if any(row.verdict in failing for row in rows):
        sys.exit(1)


@cli.command()
@click.argument("name")
@click.option("--table", type=click.Choice(_TABLES), default="trials", show_default=True)
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File instead of stdout.")
@_results
def export(name: str, table: str, format_: str, output: Path | None, results: Path) -> None:
    """Print a table of the results, every row of it; "accuracy" is the report's, with intervals and ceilings.

    \b
    Example:
      sweep export tutorial --table curves --format csv -o curves.csv
      sweep export tutorial --table accuracy --format latex
    """
    from sweep.export import exported
    from sweep.store import write_whole

    store = _store(results, name)
    content = _accuracy(store, format_) if table == "accuracy" else exported(store.tables()[table], format_)
    if output is None:
        sys.stdout.buffer.write(content)
    elif output.exists() and not output.is_file():  # a device or a pipe is written to, never replaced
        output.write_bytes(content)
    else:
        write_whole(output, content)


@cli.command()
@click.argument("name")
@click.option("--sequence", required=True, help='Symbols to show, with spaces between them: "3 0 1 2".')
@click.option("--steps", type=click.IntRange(min=0), default=0, help="Go on so many steps with its own predictions.")
@click.option("--trial", type=int, help="Trial whose network predicts; left out: the best.")
@_results
def predict(name: str, sequence: str, steps: int, trial: int | None, results: Path) -> None:
    """Show a sequence to a trained network and print what it expects next at each step.

    \b
    Example:
      sweep predict tutorial --sequence "3 0 1 2" --steps 4
    """
    from sweep.predict import check_symbols
    from sweep.predict import predict as predicted
    from sweep.ranking import best_trials

    store = _store(results, name)
    loaded = store.load()
    if trial is None:
        best = best_trials(loaded)
        if not best:
            raise SweepError(f"{name}: has no complete trial yet; `sweep run {name}` goes on with it")
        trial = int(best[min(best)]["trial"])
    seed, weights = store.weights(trial)
    configuration = store.configuration(loaded.experiment, trial)
    symbols = sequence.split()
    check_symbols(configuration, symbols)
    click.echo(f"trial {trial}, seed {seed}", err=True)
    for step in predicted(configuration, weights, symbols, steps):
        came = f" y={_as_tutorial(step.came)}," if step.came is not None else ""
        click.echo(f"X={_as_tutorial(step.shown)}{came} yhat={_as_tutorial(step.predicted)}")


@cli.command()
@click.argument("name")
@click.option("--port", type=click.IntRange(1, 65535), default=8080, show_default=True)
@click.option("--storage", metavar="URL", help="Optuna storage that the run was given.")
@_results
def dashboard(name: str, port: int, storage: str | None, results: Path) -> None:
    """Open optuna-dashboard on the studies of an experiment, also while it runs; Ctrl-C ends it.

    It is heard on this machine alone. What it changes in study.db is no more than a copy of the records.

    \b
    Example:
      sweep dashboard tuning
    """
    from sweep.mirror import show_dashboard

    database = _store(results, name).path / "study.db"
    if storage is None and not database.is_file():
        raise SweepError(f"{database}: there is no study yet; `sweep run {name}` makes it")
    click.echo(f"http://127.0.0.1:{port} shows {name}; Ctrl-C ends it", err=True)
    show_dashboard(storage or f"sqlite:///{database}", port)


@cli.command()
@click.argument("name")
def init(name: str) -> None:
    """Write a commented experiment file to start from; it runs as it stands, in less than a minute.

    NAME is a name under experiments/ (or in this folder, if there is none), or a path that ends in .toml.

    \b
    Example:
      sweep init my_question
    """
    from sweep.starter import write_starter

    path = _path_of(name)
    if path.suffix != ".toml":
        raise SweepError(f"{path}: is no experiment file; end the path in .toml")
    if str(path) != name and not _EXPERIMENTS.is_dir():  # a name, and no folder for it
        path = Path(path.name)
    write_starter(path)
    click.echo(str(path))
    runnable = path.stem if path.parent == _EXPERIMENTS else path
    click.echo(f"Edit it, then `sweep plan {runnable}` checks it and `sweep run {runnable}` runs it.", err=True)


@cli.command()
def schema() -> None:
    """Print the JSON Schema of the experiment file, for editors.

    \b
    Example:
      sweep schema > experiment.schema.json
    """
    click.echo(json.dumps(json_schema(), indent=2))


def _executor(workers: int, cluster: str | None, device: str) -> "Executor":
    """Where the trials are trained, as the options ask for it."""
    from sweep.devices import checked_device
    from sweep.executor import InProcess

    if cluster is not None and (workers or device != "auto"):
        raise SweepError("--cluster: the cluster has its own workers and devices; leave --workers and --device out")
    checked_device(device)
    if cluster is None and not workers:
        return InProcess(device)
    try:
        from sweep.workers import Workers, cluster_workers, local_workers
    except ModuleNotFoundError as error:
        option = "--cluster" if cluster else "--workers"
        raise SweepError(
            f'{option}: needs {error.name}, which is not installed; pip install "sweep[workers]"'
        ) from None
    return Workers(cluster_workers(cluster)) if cluster else Workers(local_workers(workers, device), device)


def _run_one(
    path: Path,
    experiment: Experiment,
    overrides: dict[str, Any],
    results: Path,
    storage: str | None,
    executor: "Executor",
) -> bool:
    from sweep.mirror import without_password
    from sweep.progress import Display
    from sweep.study import Run, run_experiment

    name = name_of(path)
    shown = without_password(storage) if storage else ""
    command = ["sweep", *(part.replace(storage, shown) if storage else part for part in sys.argv[1:])]
    order = Run(name, experiment, path.read_text(encoding="utf-8"), overrides, results, storage, command)
    with Display(name, experiment) as display:
        loaded = run_experiment(order, display, executor).load()
    return _finish(loaded)


def _finish(loaded: "Results") -> bool:
    """Print what came out and write the report; whether no trial failed."""
    from sweep.report.page import write_report

    _print_results(loaded)
    click.echo(f"Report: {write_report(loaded)}", err=True)
    failed = int((loaded.trials["state"] == "failed").sum())
    if failed:
        click.echo(
            f"{loaded.name}: {failed} of {len(loaded.trials)} trials failed; their errors are in the report", err=True
        )
    return failed == 0


def _drop_stdout() -> None:
    """Send what is still buffered nowhere, or the interpreter would fail over it again as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _path_of(file: str) -> Path:
    """The experiment file that an argument means: a path, or a name under experiments/."""
    path = Path(file)
    if path.suffix == ".toml" or os.sep in file:
        return path
    return _EXPERIMENTS / f"{checked_name(file)}.toml"


def _checked(path: Path, overrides: dict[str, Any]) -> Experiment:
    from sweep.plan import check_experiment

    name_of(path)
    experiment = override(load(path), **overrides)
    check_experiment(experiment, str(path))
    return experiment


def _side(results: Path, text: str) -> "Side":
    """A side of a comparison: NAME or NAME:TRIAL, where NAME may be the path of a results folder."""
    from sweep.sides import Side
    from sweep.store import Store

    name, colon, number = text.rpartition(":")
    if not colon:
        name = text
    elif not number.isdecimal():
        raise SweepError(f"{text}: names no trial; write NAME:12 for trial 12")
    store = Store(Path(name)) if os.sep in name else _store(results, name)
    return Side(name, store.load(), int(number) if colon else None)


def _store(results: Path, name: str) -> "Store":
    from sweep.store import Store

    store = Store(results / checked_name(name))
    store.refuse_links()
    return store


def _accuracy(store: "Store", format_: str) -> bytes:
    """The accuracy table of all trials: in LaTeX as the report prints it, otherwise the numbers themselves."""
    import pyarrow

    from sweep.export import exported, latex
    from sweep.report.display import columns
    from sweep.report.tables import accuracy_table

    table = accuracy_table(store.load(), top=None)
    if format_ != "latex":
        return exported(pyarrow.Table.from_pandas(table, preserve_index=False), format_)
    shown = columns(table)
    return latex({column.heading: column.texts for column in shown}, [column.numeric for column in shown])


def _print_results(results: Any) -> None:
    from sweep.report.confirmed import confirmed_table, optimism
    from sweep.report.display import displayed
    from sweep.report.tables import accuracy_table

    table = displayed(accuracy_table(results))
    _print_table(list(table.columns), table.to_numpy().tolist())
    if sentence := optimism(results):
        table = displayed(confirmed_table(results))
        click.echo(sentence)
        _print_table(list(table.columns), table.to_numpy().tolist())


def _print_table(head: list[str], rows: list[list[str]]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in head:
        table.add_column(Text(column), overflow="fold")  # nothing is cut off
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else _AS_WIDE_AS_IT_IS).print(table)


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _as_tutorial(symbol: str) -> str:
    """A symbol as the tutorial prints it: 3 as 3.0."""
    return f"{float(symbol):.1f}" if symbol.isdigit() else symbol


if __name__ == "__main__":
    main()
