"""Studies in a PostgreSQL database are those of SQLite, and its password is told to nobody."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import SMALL, Result
from faults.faulty import assert_whole, calm_run, run, write
from postgresql import Server
from stubs import Stub, stub_outcome

from sweep.results.outcome import Outcome
from sweep.search.job import Job

pytestmark = pytest.mark.slow
Sweep = Callable[..., Result]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    server.start()
    yield server
    server.remove()


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
