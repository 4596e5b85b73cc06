"""optuna-dashboard opens on an experiment's studies, for this machine alone."""

import html
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from conftest import Result, started
from searched import run
from stubs import Stub

from sweep.experiment.configuration import Configuration
from sweep.reporting.figures.learning import trial_curve
from sweep.reporting.findings.findings import Findings
from sweep.results.store import Store
from sweep.search.note import configuration_table
from sweep.tasks.explicit import ExplicitTask

Sweep = Callable[..., Result]


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.slow
def test_the_dashboard_shows_the_studies_with_curves_pictures_and_notes(tmp_path: Path) -> None:
    results = run(tmp_path, "random", "none", Stub(), 3)
    port = free_port()
    command = [sys.executable, "-m", "sweep", "dashboard", "rounds", "--port", str(port)]
    with started(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:

        def asked(path: str) -> dict[str, object]:
            deadline = time.monotonic() + 60
            while True:
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
                        return dict(json.load(answer))
                except urllib.error.URLError:
                    assert process.poll() is None
                    assert time.monotonic() < deadline
                    time.sleep(0.1)

        studies = asked("/api/studies")["study_summaries"]
        assert isinstance(studies, list)
        assert [s["study_name"] for s in studies] == ["rounds/sequence_length=4", "rounds/sequence_length=5"]
        study = asked(f"/api/studies/{studies[0]['study_id']}?after=0")
        assert study["objective_names"] == ["recall_bits"]
        trials = study["trials"]
        assert isinstance(trials, list)
        recorded = results.trials[results.trials["sequence_length"] == 4]
        assert [t["values"][0] for t in trials] == recorded["recall_bits"].tolist()
        assert all(len(t["intermediate_values"]) == 6 for t in trials)
        for trial, units in zip(trials, recorded["units"], strict=True):
            rows = trial["note"]["body"].splitlines()
            assert rows[:2] == ["| section | parameter | value |", "| --- | --- | --- |"]
            assert "| task | sequence_length | 4 |" in rows
            assert f"| model | units | {units} |" in rows
            assert "| training | epochs | 6 |" in rows
        last = trials[-1]
        (artifact,) = last["artifacts"]
        where = f"/artifacts/{studies[0]['study_id']}/{last['trial_id']}/{artifact['artifact_id']}"
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{where}", timeout=60) as picture:
            assert picture.headers["Content-Type"].startswith("image/svg+xml")
            assert picture.read().decode() == trial_curve(Findings(results), int(recorded["trial"].iloc[-1]))
        led_here = urllib.request.Request(f"http://127.0.0.1:{port}/api/studies", headers={"Host": "evil.example"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(led_here, timeout=60)
        heard = [c.laddr.ip for c in psutil.Process(process.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert heard == ["127.0.0.1"]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


INTERRUPTED = """
import os, signal, sys, threading, urllib.request
import optuna_dashboard
from sweep.search.dashboard import show_dashboard

def pages(request, start):
    os.kill(os.getpid(), signal.SIGINT)
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"answered"]

def ask():
    while True:
        try:
            print(urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60).read().decode(), flush=True)
            return
        except OSError:
            pass  # it does not listen yet

port = int(sys.argv[1])
optuna_dashboard.wsgi = lambda *_, **__: pages
asking = threading.Thread(target=ask)
asking.start()
show_dashboard("sqlite:///study.db", port, lambda number: b"")
asking.join()
"""


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_an_answer_ends_the_dashboard_when_it_is_given(tmp_path: Path) -> None:
    """The server of Python's library takes it for an error of that answer, and would go on for ever."""
    command = [sys.executable, "-c", INTERRUPTED, str(free_port())]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (0, "answered\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_a_configuration_is_a_table_that_nothing_breaks_out_of() -> None:
    task = ExplicitTask(sequences=(("a|b", "<img/src=x>", "`*_c_*`", "a|b"),))
    rows = configuration_table(Configuration(task=task)).splitlines()
    assert all(row.startswith("| ") and row.count(" | ") == 2 and row.endswith(" |") for row in rows)
    (shown,) = [row for row in rows if "sequences" in row and row.startswith("| task")]
    assert not set("<*`") & set(shown)
    assert '[["a|b", "<img/src=x>", "`*_c_*`", "a|b"]]' in html.unescape(shown)


def test_an_experiment_that_never_ran_has_no_dashboard(small: Store, sweep_command: Sweep) -> None:
    result = sweep_command("dashboard", "small")
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert "there is no study yet" in result.err
