"""The PostgreSQL server that holds the study is stopped as by a power cut, and started again."""

import time
from pathlib import Path

import psycopg
import pytest
from postgresql import Server
from stubs import Stub, stub_outcome

import sweep
from faults.conftest import Found
from faults.faulty import assert_whole, calm_run, ended, finished, forked, run, write
from sweep.results.outcome import Outcome
from sweep.search.job import Job

TRIALS = 14


def slow(job: Job) -> Outcome:
    time.sleep(0.1)
    return stub_outcome(job)


@pytest.mark.parametrize("seconds", [2, 20, 60])
def test_the_server_is_stopped_and_started_again(seconds: int, tmp_path: Path, found: Found) -> None:
    calm = calm_run(tmp_path / "calm", TRIALS)
    servers = [Server() for _ in range(5)]
    paths = [write(tmp_path / str(number), TRIALS) for number in range(5)]
    for server in servers:
        server.start()
    pids = [
        forked(lambda path=path, server=server: run(path, Stub(outcome=slow), storage=server.url))
        for path, server in zip(paths, servers, strict=True)
    ]
    for number, path in enumerate(paths):  # each at another place
        while len(finished(path)) < 3 + 2 * number:
            time.sleep(0.02)
        servers[number].stop()
    time.sleep(seconds)
    for server in servers:
        server.start()
    assert [ended(pid) for pid in pids] == [0] * 5
    for path, server in zip(paths, servers, strict=True):
        assert_whole(sweep.load(path.parent / "results" / "faulty"), calm, server.url)
        server.remove()
    found(
        f"PostgreSQL stopped for {seconds} s",
        "pg_ctl stop -m immediate, then start",
        5,
        "the training goes on: identical",
    )


def test_two_runs_open_an_empty_database_at_once(tmp_path: Path, found: Found) -> None:
    """One of two folders of the same experiment gets the study, and the other is refused; nothing is mixed."""
    calm, server = calm_run(tmp_path / "calm", TRIALS), Server()
    server.start()
    for number in range(5):
        with psycopg.connect(server.url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        paths = [write(tmp_path / f"{number}-{folder}", TRIALS) for folder in "ab"]
        pids = [forked(lambda path=path: run(path, Stub(outcome=slow), storage=server.url)) for path in paths]
        ends = [ended(pid) for pid in pids]
        assert sorted(ends) == [0, 1]
        winner = paths[ends.index(0)]
        assert_whole(sweep.load(winner.parent / "results" / "faulty"), calm, server.url)
    server.remove()
    found(
        "two runs open an empty PostgreSQL database at once",
        "two results folders of one experiment, started together",
        5,
        "one is refused in one line, the other identical",
    )
