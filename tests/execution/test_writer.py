"""One process writes a results folder, and nothing that it writes ends up elsewhere."""

import json
import os
import pickle
import socket
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import Result
from same_tables import assert_same_tables
from searched import copies, run
from stubs import Stub

from sweep.errors import SweepError
from sweep.reporting.files import write_files
from sweep.reporting.page import write_report
from sweep.results.outcome import Outcome
from sweep.results.store import Store
from sweep.search.job import Job
from sweep.search.storage_copy import without_password

Sweep = Callable[..., Result]


def test_a_second_run_is_told_which_process_is_the_first(tmp_path: Path) -> None:
    def runs_it_again(job: Job) -> Outcome:
        run(tmp_path, "random", "none", Stub(), 2)
        raise AssertionError("the second run was let in")

    with pytest.raises(SweepError, match="another `sweep run` is writing here") as refusal:
        run(tmp_path, "random", "none", Stub(outcome=runs_it_again), 2)
    assert f"(process {os.getpid()} on {socket.gethostname()}, since 20" in str(refusal.value)
    assert refusal.value.exit_code == 2
    assert len(run(tmp_path, "random", "none", Stub(), 2).trials) == 4, "the lock is let go of"


def test_a_writer_that_said_something_else_is_not_believed(tmp_path: Path) -> None:
    def runs_it_again(job: Job) -> Outcome:
        (tmp_path / "results" / "rounds" / ".writer.json").write_text("[" * 100_000)
        run(tmp_path, "random", "none", Stub(), 2)
        raise AssertionError("the second run was let in")

    with pytest.raises(SweepError, match="another `sweep run` is writing here; wait for it to end"):
        run(tmp_path, "random", "none", Stub(outcome=runs_it_again), 2)


@pytest.mark.parametrize(
    "part", ["", "trials", "study.db", "study.db-journal", "study.db-wal", ".lock", "report", "report/figures"]
)
def test_a_results_folder_that_leads_elsewhere_is_refused(part: str, tmp_path: Path, sweep_command: Sweep) -> None:
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "results" / "rounds" / part
    elsewhere.mkdir()
    here.parent.mkdir(parents=True)
    here.symlink_to(elsewhere)
    with pytest.raises(SweepError, match="is a link; results stay in their own folder"):
        run(tmp_path, "random", "none", Stub(), 1)
    for command in ("show", "report", "export"):
        result = sweep_command(command, "rounds")
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "is a link" in result.err
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("part", ["report", "report/figures", "report/tables"])
def test_a_report_is_not_written_where_a_link_leads(part: str, tmp_path: Path) -> None:
    results = run(tmp_path, "random", "none", Stub(), 1)
    elsewhere, here = tmp_path / "elsewhere", results.path / part
    elsewhere.mkdir()
    here.parent.mkdir(exist_ok=True)
    here.symlink_to(elsewhere)
    with pytest.raises(SweepError, match="is a link; results stay in their own folder"):
        write_report(results)
    assert list(elsewhere.iterdir()) == []


def test_a_file_of_the_report_replaces_a_link_and_is_not_written_through_it(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("kept")
    for name in ("report.md", f".report.md.{os.getpid()}.tmp"):
        (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    write_files(tmp_path, {"report.md": "new"})
    assert [path.name for path in tmp_path.iterdir() if path.is_symlink()] == []
    assert (tmp_path / "report.md").read_text() == "new"
    assert (tmp_path / "elsewhere").read_text() == "kept"


@pytest.mark.parametrize("name", ["..", "../up", "/etc", "a/b", "a\0b", "x" * 101, "", ".hidden", "a\nb"])
def test_a_name_that_is_no_folder_of_the_results_is_refused(name: str, small: Store, sweep_command: Sweep) -> None:
    for command in ("show", "report", "export", "run"):
        result = sweep_command(command, name)
        assert result.code == 2
        assert "Traceback" not in result.err


class _Trap:
    """Unpickled, it makes the folder that it names."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (self._path,)


def test_a_trap_would_spring(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(_Trap(tmp_path / "sprung")))
    assert (tmp_path / "sprung").is_dir()


@pytest.mark.slow
def test_no_pickle_is_written_to_the_storage_and_none_there_is_loaded(tmp_path: Path) -> None:
    stored = run(tmp_path, "cmaes", "none", Stub(), 15).path / "study.db"
    trap = pickle.dumps(_Trap(tmp_path / "sprung")).hex()
    with sqlite3.connect(stored) as database:
        keys = [key for (key,) in database.execute("SELECT key FROM trial_system_attributes")]
        assert all(key.startswith("artifacts:") for key in keys)  # the pictures' names
        trials = [trial for (trial,) in database.execute("SELECT trial_id FROM trials")]
        attributes = [
            (t, key, json.dumps(v)) for t in trials for key, v in {"cma:optimizer:0": trap, "cma:generation": 0}.items()
        ]
        into = "INSERT INTO trial_system_attributes (trial_id, key, value_json) VALUES (?, ?, ?)"
        database.executemany(into, attributes)
    database.close()
    ended = run(tmp_path, "cmaes", "none", Stub(), 22)
    assert not (tmp_path / "sprung").exists()
    assert_same_tables(ended, run(tmp_path / "calm", "cmaes", "none", Stub(), 22))


def test_nothing_in_a_results_folder_is_executed_or_unpickled(
    small: Store, tmp_path: Path, sweep_command: Sweep
) -> None:
    trap, code = pickle.dumps(_Trap(tmp_path / "sprung")), f"import os; os.mkdir({str(tmp_path / 'sprung')!r})"
    for folder in (small.path, small.path / "trials", small.path / "report"):
        folder.mkdir(exist_ok=True)
        for name in ("sitecustomize.py", "conftest.py", "sweep.py", "__init__.py"):
            (folder / name).write_text(code)
        for name in ("state.pkl", "sampler.pickle", "model.keras"):
            (folder / name).write_bytes(trap)
    for command in ("show", "report", "export"):
        assert sweep_command(command, "small").code == 0
    (small.path / "trials" / "000005-search.parquet").write_bytes(trap)
    for command in ("show", "report", "export", "confirm"):
        result = sweep_command(command, "small")
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "000005-search.parquet: is damaged" in result.err
    assert not (tmp_path / "sprung").exists()


def test_a_password_is_hidden_wherever_it_stands_in_a_url() -> None:
    for url in (
        "postgresql://me:hush@host/db",
        "postgresql+psycopg://me:hush@host:5432/db?sslpassword=hush",
        "postgresql://host/db?user=me&password=hush",
        "postgresql://me:hush@@bad:port/db",
        "hush",
    ):
        assert "hush" not in without_password(url)


@pytest.mark.parametrize("damage", [b"garbage", None])
def test_a_damaged_copy_of_a_study_is_made_anew_from_the_records(damage: bytes | None, tmp_path: Path) -> None:
    results = run(tmp_path, "random", "none", Stub(), 3)
    before, database = copies(results), results.path / "study.db"
    whole = database.read_bytes()
    database.write_bytes(damage or whole[:4096] + b"\xff" * 5100 + whole[9196:])
    with closing(sqlite3.connect(database)) as connection:
        try:
            assert connection.execute("PRAGMA quick_check").fetchone() != ("ok",)
        except sqlite3.DatabaseError as error:
            assert error.sqlite_errorcode in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)  # noqa: PT017
    again = run(tmp_path, "random", "none", Stub(), 3)
    assert copies(again) == before
    assert_same_tables(again, results)
    database.unlink()
    database.mkdir()
    with pytest.raises(SweepError, match=r"study\.db: is a folder, in the place of Optuna's file"):
        run(tmp_path, "random", "none", Stub(), 3)
