"""The command line: parse, call one function, print. Data go to stdout, everything else to stderr.

For people at a terminal. Begin with `training.py`, where `sweep run` is; `shared.py` is what commands share.
"""

import errno
import sys

import click

from sweep.cli.benchmark import bench
from sweep.cli.files import init, plan, schema
from sweep.cli.results import answer, compare, dashboard, export, list_, predict, report, show
from sweep.cli.streams import drop_stdout, forgiving_streams
from sweep.cli.table import forget_no_width
from sweep.cli.training import confirm, run
from sweep.distribution import NAME
from sweep.errors import SweepError
from sweep.execution.stopping import STOPPED, Terminated, ends_when_told
from sweep.foreign import harmless


def main() -> None:
    """Run the command line; the exit code is 0, 1 (a run failed), 2 (the input is wrong) or 130 (Ctrl-C).

    It is 143 and 129 where SIGTERM or SIGHUP ended it.
    """
    forget_no_width()
    with forgiving_streams():
        _main()


def _main() -> None:
    try:
        with ends_when_told(trains=False):  # what trains says more
            cli(standalone_mode=False)
            sys.stdout.flush()  # here, where a full disk is still answered
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except SweepError as error:
        click.echo(f"Error: {harmless(str(error), lines=True)}", err=True)
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo(STOPPED, err=True)
        sys.exit(130)
    except Terminated as told:
        click.echo(STOPPED, err=True)
        sys.exit(128 + told.signal)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        drop_stdout()
        click.echo(f"Error: {error.filename or 'output'}: the disk is full; what was stored before is kept", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name=NAME, prog_name="sweep")
def cli() -> None:
    """What can an LSTM remember? Sweeps over a tutorial's questions, fast and with honest statistics.

    \b
    Example:
      sweep run tutorial          run experiments/tutorial.toml
      sweep show tutorial         its accuracy table
      sweep report tutorial       write its report anew
    """


for _command in (
    run,
    confirm,
    plan,
    list_,
    show,
    answer,
    compare,
    report,
    export,
    predict,
    bench,
    dashboard,
    init,
    schema,
):
    cli.add_command(_command)
