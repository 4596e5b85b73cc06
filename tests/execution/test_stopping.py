"""A process that is told to stop says so, and ends, also where it does not come back to Python."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import started

from sweep.execution.stopping import STOPPED

HEARD = "Stops after the program that is running, in 6 s at the latest; Ctrl-C again ends it at once."
LONG = """
question = "Who waits?"
[task]
name = "increasing"
[training]
epochs = 20_000
[study]
seeds = 64
"""

IN_COMPILED_CODE = """
import ctypes
from sweep.execution.stopping import ends_when_told
lock, held = ctypes.CDLL(None).pthread_mutex_lock, ctypes.create_string_buffer(64)
lock(held)
with ends_when_told():
    print(flush=True)
    lock(held)
"""


@pytest.mark.slow
@pytest.mark.parametrize("again", [True, False])
def test_ctrl_c_is_heard_at_once_and_the_second_one_ends_the_process(again: bool) -> None:
    command = [sys.executable, "-c", IN_COMPILED_CODE]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        time.sleep(0.5)  # now it is in there
        since = time.monotonic()
        process.send_signal(signal.SIGINT)
        said = process.stderr.readline() + process.stderr.readline()
        assert said.strip().startswith("Stops after the program that is running, in 6 s at the latest; Ctrl-C again")
        assert time.monotonic() - since < 3
        if again:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert again or "Stopped. Finished trials are kept" in process.stderr.read()


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 3.0])
def test_ctrl_c_while_keras_loads_is_answered_and_nothing_else_is_said(seconds: float, tmp_path: Path) -> None:
    (tmp_path / "long.toml").write_text(LONG)
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(tmp_path)
        os.execv(sys.executable, [sys.executable, "-m", "sweep", "run", "long.toml"])
    shown = read_until(terminal, "loading Keras")
    time.sleep(seconds)
    os.write(terminal, b"\x03")
    shown += read_until(terminal, None)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\^C", "", shown)
    said = [line.strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
    bars = ("0:00:", "compiling", "trial", "loading Keras")
    assert {line for line in said if not any(part in line for part in bars)} <= {HEARD, STOPPED}
    assert HEARD in text
    assert STOPPED in text


def read_until(terminal: int, part: str | None) -> str:
    """What a terminal shows until `part` of it is there, or until nobody writes to it any more."""
    shown = b""
    while part is None or part.encode() not in shown:
        assert select.select([terminal], [], [], 60)[0], shown
        try:
            shown += os.read(terminal, 2**16)
        except OSError:
            assert part is None, shown
            break
    return shown.decode()


@pytest.mark.slow
def test_what_was_started_deaf_to_a_hang_up_stays_so() -> None:
    code = """
import os, signal
from sweep.execution.stopping import ends_when_told
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with ends_when_told():
    os.kill(os.getpid(), signal.SIGHUP)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=300).returncode == 0
