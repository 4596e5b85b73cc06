"""The command that measures what training costs."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweep.cli.shared import json_option
from sweep.cli.table import print_table
from sweep.errors import SweepError
from sweep.machine.backend import BACKENDS, VARIABLE, check_installed

if TYPE_CHECKING:
    from sweep.benchmark.growth import Growth
    from sweep.benchmark.measure import Measured
    from sweep.benchmark.stored import Bench


@click.command()
@click.option("--case", "cases", multiple=True, metavar="NAME", help="A case to measure, or all; can be given again.")
@click.option("--growth", "axes", multiple=True, metavar="AXIS", help="Measure along length, seeds, units, ... too.")
@click.option("--subject", "names", multiple=True, metavar="NAME", help="Only these, beside fused; can be given again.")
@click.option(
    "--backend",
    type=click.Choice([*BACKENDS, "both"]),
    envvar=VARIABLE,
    help="What our loops run on.  [KERAS_BACKEND, or tensorflow]",
)
@click.option("--repeats", type=click.IntRange(1, 1000), default=5, show_default=True, help="Of each, interleaved.")
@click.option("--starts", type=click.IntRange(1, 100), default=1, show_default=True, help="Processes of each subject.")
@click.option("--limit", type=click.FloatRange(1), default=60.0, show_default=True, help="Seconds for one answer.")
@click.option("--peers", type=click.Path(path_type=Path), help="Folder of the peers' files.  [tests/benchmarks]")
@click.option("--python", default=sys.executable, metavar="PATH", help="Interpreter that has the peers' libraries.")
@click.option("--figures", type=click.Path(path_type=Path, file_okay=False), help="Write figures into this folder.")
@click.option(
    "--read", type=click.Path(path_type=Path), multiple=True, metavar="FILE", help="Show what --json printed."
)
@json_option
def bench(
    cases: tuple[str, ...],
    axes: tuple[str, ...],
    names: tuple[str, ...],
    backend: str | None,
    repeats: int,
    starts: int,
    limit: float,
    peers: Path | None,
    python: str,
    figures: Path | None,
    read: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Measure what training costs on this machine: sweep's loops and other libraries' side by side.

    Import, compilation and steady state are three numbers. Each subject starts from the same weights in a process of
    its own, and has to learn the same; tests are left out. The usual cases take about three minutes. The axes are
    length, seeds, units, alphabet and trials; the last takes ten minutes.

    \b
    Example:
      sweep bench
      sweep bench --case step-8-seeds --case window-1000 --repeats 9
      sweep bench --backend both --subject fused_jax       the compiled trainer, on TensorFlow and JAX
      sweep bench --growth length --subject jax_scan --json > length.json
      sweep bench --read length.json --figures figures     several files make one
      sweep bench --python ~/peers/bin/python      where PyTorch and JAX are installed
    """
    from sweep.benchmark.cases import CASES, USUAL
    from sweep.benchmark.growth import AXIS_NAMES, grow
    from sweep.benchmark.measure import measure
    from sweep.benchmark.stored import Bench
    from sweep.benchmark.stored import read as stored
    from sweep.benchmark.subjects import subjects
    from sweep.benchmark.table import library_table, machine
    from sweep.machine.versions import hardware

    along = _checked("--growth", "axis", axes, AXIS_NAMES)
    chosen = _checked("--case", "case", cases, tuple(CASES)) if cases or along else USUAL
    if read:
        done = stored(read)
        for case, its in done.by_case().items():
            _print_case(case, its, as_json)
        for axis, growth in done.growth.items():
            _print_axis(axis, growth, as_json)
    else:
        backends = BACKENDS if backend == "both" else (backend or BACKENDS[0],)
        for each in backends:
            check_installed(each)
        racing = subjects(peers, python, names, backends)
        done = Bench([], {}, hardware())
        for case in chosen:
            its = measure(CASES[case], racing, repeats=repeats, starts=starts, limit=limit, note=_note)
            _print_case(case, its, as_json)
            done.cases.extend(its)
        for axis in along:
            done.growth[axis] = grow(axis, racing, repeats=repeats, limit=limit, note=_note)
            _print_axis(axis, done.growth[axis], as_json)
    if as_json:
        click.echo(done.as_json())
    else:
        print_table(*library_table(done.everything))
        click.echo(machine(done.hardware))
    for line in dict.fromkeys(each.remark for each in done.everything if each.error):
        click.echo(line, err=True)
    if figures is not None:
        _write_figures(figures, done)
    if any(each.state in ("failed", "differs") for each in done.everything):
        sys.exit(1)


def _checked(option: str, what: str, names: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    """The names, each once; all that are known for "all". SweepError for one that isn't."""
    from sweep.faults import unknown

    for name in names:
        if name not in (*known, "all"):
            raise SweepError(f"{option}: " + unknown(what, name, (*known, "all")))
    return known if "all" in names else tuple(dict.fromkeys(names))


def _print_case(name: str, measured: "Sequence[Measured]", as_json: bool) -> None:
    from sweep.benchmark.cases import CASES
    from sweep.benchmark.table import case_table

    if not as_json:
        click.echo(f"{name}: {CASES[name].sentence}")
        print_table(*case_table(measured, whole=CASES[name].whole))


def _print_axis(axis: str, growth: "Growth", as_json: bool) -> None:
    from sweep.benchmark.table import growth_table

    if not as_json:
        print_table(*growth_table(axis, growth))


def _write_figures(folder: Path, done: "Bench") -> None:
    from sweep.benchmark.figures import case_figure, growth_figures
    from sweep.files import write_whole

    figures = {"cases.svg": case_figure(done.cases)} if done.cases else {}
    for axis, growth in done.growth.items():
        figures |= growth_figures(axis, growth)
    folder.mkdir(parents=True, exist_ok=True)
    for name, svg in figures.items():
        write_whole(folder / name, svg.encode())
        click.echo(str(folder / name), err=True)


def _note(text: str) -> None:
    """Say what is being done, to whoever watches."""
    if sys.stderr.isatty():
        click.echo(text, err=True)
