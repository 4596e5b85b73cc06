"""Studies in a PostgreSQL database are those of SQLite, each its folder's alone; the password is told to nobody."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import psycopg
import pytest
from conftest import SMALL, Result
from faults.faulty import assert_whole, calm_run, run, write
from postgresql import Server
from stubs import Stub, stub_outcome

from sweep.errors import RunError, SweepError
from sweep.experiment.file import load
from sweep.experiment.identity import identity_of
from sweep.results.outcome import Outcome
from sweep.search.job import Job
from sweep.search.ownership import Lock, only_run
from sweep.search.storage_copy import open_storage

pytestmark = pytest.mark.slow
Sweep = Callable[..., Result]


@pytest.fixture(scope="module")
def started() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def server(started: Server) -> Server:
    """The server, with an empty database."""
    with psycopg.connect(started.url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return started


def test_a_shared_study_holds_what_the_records_hold_also_after_a_stop(tmp_path: Path, server: Server) -> None:
    left = iter(range(7))

    def stops(job: Job) -> Outcome:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return stub_outcome(job)

    path = write(tmp_path / "shared", 12)
    with pytest.raises(KeyboardInterrupt):
        run(path, Stub(outcome=stops), storage=server.url)
    shared = run(path, Stub(3), storage=server.url)
    assert not (shared.path / "study.db").exists()
    assert_whole(shared, calm_run(tmp_path / "calm", 12), server.url)


def test_the_password_is_in_nothing_that_a_run_writes_or_says(
    tmp_path: Path, server: Server, sweep_command: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.cli.training._executor", lambda *_: Stub())
    Path("experiments").mkdir()
    Path("experiments/small.toml").write_text(SMALL)
    wrong = server.url.replace(server.password, "wrong" + server.password)
    elsewhere = server.url.replace("/postgres", "/nothing")
    said = []
    for url, code in ((server.url, 0), (wrong, 2), (elsewhere, 2)):
        for arguments in (["--storage", url], [f"--storage={url}"]):
            result = sweep_command("run", "small", *arguments)
            assert result.code == code, result.err
            said.append(result.out + result.err)
            assert "Traceback" not in result.err
    assert "***" in said[-1]
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert b"***" in (tmp_path / "results" / "small" / "manifest.json").read_bytes()
    for text in [*map(str.encode, said), *written]:
        assert server.password.encode() not in text


def a_folder(tmp_path: Path, name: str, trials: int = 4) -> Path:
    return write(tmp_path / name, trials)


def test_another_folders_study_of_the_same_experiment_is_left_alone(tmp_path: Path, server: Server) -> None:
    first = run(a_folder(tmp_path, "one", 6), Stub(), storage=server.url)
    for trials in (4, 6, 8):
        with pytest.raises(SweepError, match="another experiment or another results folder") as refusal:
            run(a_folder(tmp_path, f"two-{trials}", trials), Stub(), storage=server.url)
        assert refusal.value.exit_code == 2
        assert "\n" not in str(refusal.value)
    assert_whole(first, calm_run(tmp_path / "calm", 6), server.url)


def test_a_folder_that_was_moved_goes_on_with_its_study(tmp_path: Path, server: Server) -> None:
    run(a_folder(tmp_path, "here"), Stub(), storage=server.url)
    (tmp_path / "here").rename(tmp_path / "there")
    moved = run(a_folder(tmp_path, "there", 6), Stub(), storage=server.url)
    assert_whole(moved, calm_run(tmp_path / "calm", 6), server.url)


def without_an_id(path: Path, url: str) -> None:
    """As a version before ids left it: no id in the manifest, none in the mark."""
    manifest = path.parent / "results" / "faulty" / "manifest.json"
    stored = json.loads(manifest.read_bytes())
    del stored["id"]
    manifest.write_text(json.dumps(stored))
    with open_storage(url) as storage:
        for length in (4, 5):
            study = optuna.load_study(study_name=f"faulty/sequence_length={length}", storage=storage)
            study.set_user_attr("sweep_experiment", identity_of(load(path)))


def test_a_study_without_an_id_is_gone_on_with_where_its_trials_are_the_folders(tmp_path: Path, server: Server) -> None:
    path = a_folder(tmp_path, "one")
    run(path, Stub(), storage=server.url)
    without_an_id(path, server.url)
    with pytest.raises(SweepError, match="another experiment or another results folder"):
        run(a_folder(tmp_path, "two"), Stub(), storage=server.url)
    later = run(a_folder(tmp_path, "one", 6), Stub(), storage=server.url)
    assert len(later.manifest["id"]) == 32
    assert_whole(later, calm_run(tmp_path / "calm", 6), server.url)


def test_while_a_run_writes_a_study_another_is_told_in_one_line(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sweep.search.ownership._WAIT_SECONDS", 0.5)

    def another_starts(job: Job) -> Outcome:
        if job.key.trial == 2:
            with pytest.raises(SweepError, match="another run is writing the studies of 'faulty' there"):
                run(a_folder(tmp_path, "two"), Stub(), storage=server.url)
        return stub_outcome(job)

    first = run(a_folder(tmp_path, "one"), Stub(outcome=another_starts), storage=server.url)
    assert_whole(first, calm_run(tmp_path / "calm", 4), server.url)


def test_the_lock_is_let_go_of_with_the_run_and_taken_again_after_a_restart(tmp_path: Path, server: Server) -> None:
    with open_storage(server.url) as storage, open_storage(server.url) as other:
        with only_run(storage, "faulty") as lock:
            server.stop()
            server.start()
            lock.hold()
            with pytest.raises(RunError, match="another run is writing"):
                Lock(other, "faulty").hold()
            another = Lock(other, "another")
            another.hold()
            another.let_go()
        with only_run(other, "faulty"):
            pass
