"""Streams that show little, or that nobody reads: no command fails over them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.experiment.configuration import Configuration
from sweep.results.store import Store
from sweep.tasks.explicit import ExplicitTask
from sweep.tasks.increasing import IncreasingTask
from sweep.training.predict import check_symbols, check_weights


def in_shell(line: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The line in a shell, where `sweep` stands for this one."""
    line = line.replace("sweep ", f"{sys.executable} -m sweep ", 1)
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=os.environ | environment, capture_output=True, check=False, timeout=120
    )


@pytest.mark.slow
@pytest.mark.parametrize("command", ["list", "show small", "export small --table curves"])
@pytest.mark.parametrize("end", [">&-", "2>&-", "<&-", "1</dev/null", "| true; exit ${PIPESTATUS[0]}"])
def test_a_stream_that_nobody_reads_costs_nothing(command: str, end: str, small: Store) -> None:
    done = in_shell(f"sweep {command} {end}", small.path.parents[1])
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.slow
def test_on_an_ascii_terminal_what_is_missing_degrades(small: Store) -> None:
    folder = small.path.parents[1]
    (folder / "experiments" / "small.toml").write_text('question = "Größe \\u2013 大?"\ntask.name = "increasing"\n')
    done = in_shell("sweep list", folder, PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert b"Gr??e - ??" in done.stdout
    assert b"---" in done.stdout
    assert in_shell("sweep show small", folder, PYTHONIOENCODING="ascii").stdout.isascii()


@pytest.mark.slow
def test_a_full_disk_behind_the_output_is_said(small: Store) -> None:
    done = in_shell("sweep show small > /dev/full", small.path.parents[1])
    assert done.returncode == 1
    assert done.stderr == b"Error: output: the disk is full; what was stored before is kept\n"


@pytest.mark.parametrize(
    ("written", "meant"), [("3,0,1,2", "3 0 1 2"), ("3;0", "3 0"), ("3|0", "3 0"), ("3012", "3 0 1 2")]
)
def test_symbols_that_are_written_as_one_are_told_to_use_spaces(written: str, meant: str) -> None:
    with pytest.raises(SweepError) as error:
        check_symbols(Configuration(task=IncreasingTask()), [written])
    assert str(error.value).endswith(f'put spaces between the symbols: "{meant}"')


def test_symbols_are_found_as_they_were_written() -> None:
    task = ExplicitTask(sequences=(("²", "007", 7), ("a,b", "7", "007")))
    assert check_symbols(Configuration(task=task), ["7", "007", "²", "a,b"]) == [2, 1, 0, 3]


def test_weights_of_another_network_are_refused_before_one_is_built(small: Store) -> None:
    _, weights = small.weights(0)
    with pytest.raises(SweepError) as error:
        check_weights(small.configuration(small.experiment(), 0), weights)
    assert str(error.value).startswith(
        "weights: have the shapes [[2, 3], [1]], and the network of this trial has [[5, 16]"
    )
