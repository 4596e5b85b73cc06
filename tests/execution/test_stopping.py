"""A process that is told to stop says so, and ends, also where it does not come back to Python."""

import signal
import subprocess
import sys
import time

import pytest

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
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
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
def test_what_was_started_deaf_to_a_hang_up_stays_so() -> None:
    code = """
import os, signal
from sweep.execution.stopping import ends_when_told
signal.signal(signal.SIGHUP, signal.SIG_IGN)
with ends_when_told():
    os.kill(os.getpid(), signal.SIGHUP)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
