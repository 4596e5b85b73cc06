"""Compiled programs kept between runs: found again, never trusted from others' hands, and never the end of a trial."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from conftest import with_caches_in
from prepared import Prepared

from sweep.machine.program_cache import emptied, program_cache


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the user's caches."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    return tmp_path / "caches"


def test_the_folder_is_the_users_alone_and_the_same_each_time(caches: Path) -> None:
    folder = program_cache("TensorFlow 2.21", "--fast")
    assert folder is not None
    assert folder.parent == caches / "sweep"
    assert [path.stat().st_mode & 0o777 for path in (caches / "sweep", folder)] == [0o700, 0o700]
    assert program_cache("TensorFlow 2.21", "--fast") == folder
    assert list(folder.iterdir()) == []


def test_other_versions_and_options_have_another_folder(caches: Path) -> None:
    assert len({program_cache("2.21", ""), program_cache("2.22", ""), program_cache("2.21", "--fast")}) == 3


def test_without_a_variable_or_with_a_relative_one_it_is_in_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for given in ("", "here"):
        monkeypatch.setenv("XDG_CACHE_HOME", given)
        folder = program_cache("2.21")
        assert folder is not None
        assert folder.parent == tmp_path / ".cache" / "sweep"


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_that_others_may_write_into_is_not_used(caches: Path, mode: int) -> None:
    folder = program_cache("2.21")
    assert folder is not None
    folder.chmod(mode)
    assert program_cache("2.21") is None


@pytest.mark.parametrize("parent", ["", "caches"])
@pytest.mark.parametrize("mode", [0o770, 0o707, 0o777])
def test_a_folder_that_others_may_put_another_in_the_place_of_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parent: str, mode: int
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches" / "of" / "mine"))
    assert program_cache("2.21") is not None
    (tmp_path / parent).chmod(mode)
    assert program_cache("2.21") is None
    (tmp_path / parent).chmod(mode | 0o1000)
    assert program_cache("2.21") is not None, "with the sticky bit others cannot replace what is ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_within_another_users_is_not_used(caches: Path, tmp_path: Path) -> None:
    assert program_cache("2.21") is not None
    os.chown(tmp_path, 65534, 65534)
    assert program_cache("2.21") is None


def test_caches_behind_a_link_are_used_where_they_really_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "link"))
    folder = program_cache("2.21")
    assert folder is not None
    assert folder.parent == tmp_path / "elsewhere" / "sweep"


def test_a_link_to_another_folder_is_not_followed(caches: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    caches.mkdir()
    (caches / "sweep").symlink_to(tmp_path / "elsewhere")
    assert program_cache("2.21") is None
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("where", ["/dev/null", "/proc/nowhere"])
def test_where_nothing_can_be_written_nothing_is_kept(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", where)
    assert program_cache("2.21") is None


def test_the_oldest_programs_make_room(caches: Path) -> None:
    folder = program_cache("2.21")
    assert folder is not None
    for age in range(503):
        (folder / f"{age}.pb").touch()
        os.utime(folder / f"{age}.pb", (1e9 - age, 1e9 - age))
    assert program_cache("2.21") == folder
    assert {path.name for path in folder.iterdir()} == {f"{age}.pb" for age in range(500)}


def test_emptied_says_whether_there_was_anything(caches: Path) -> None:
    folder = program_cache("2.21")
    assert folder is not None
    (folder / "1.pb").touch()
    assert emptied(folder)
    assert not emptied(folder)
    assert not emptied(folder / "missing")


def test_emptied_takes_nothing_but_programs_and_what_lies_there_for_them(tmp_path: Path) -> None:
    for name in ("1.pb", "1.pb.crc32", "jit_f-cache", "jit_f-atime", ".loading-1", "letter.txt"):
        (tmp_path / name).touch()
    (tmp_path / "2.pb").mkdir()
    assert emptied(tmp_path)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {"letter.txt"}


TRAIN = """
import json, sys
from sweep.experiment.configuration import Configuration
from sweep.tasks.increasing import IncreasingTask
from sweep.tasks.registry import build_task
from sweep.training.trainers import start_training

found = {}
for units in json.loads(sys.argv[1]):
    configuration = Configuration(task=IncreasingTask(sequence_length=5)).replace(units=units, epochs=3)
    trainer = start_training(configuration, build_task(configuration.task), (0, 1))
    trainer.advance(3)
    found[units] = [[float(number).hex() for number in weight.ravel()] for one in trainer.weights() for weight in one]
print(json.dumps(found, sort_keys=True))
"""


def trained(prepared: Prepared, caches: Path, *units: int) -> str:
    """A digest of the weights that networks of these sizes end with, in a process that has its caches there."""
    done = prepared.start(["-c", TRAIN, json.dumps(units)], Path.cwd(), with_caches_in(caches))
    assert done.wait() == 0, done.err
    return hashlib.sha256(done.out.encode()).hexdigest()


@pytest.mark.slow
def test_programs_from_disk_give_the_same_weights_in_any_order_and_damaged_ones_are_made_anew(
    tmp_path: Path, prepared: Prepared
) -> None:
    uncached = trained(prepared, Path("/dev/null"), 4, 12)
    assert trained(prepared, tmp_path, 4, 12) == uncached
    programs = {path: path.read_bytes() for path in tmp_path.rglob("*.pb")}
    assert len(programs) == 2
    assert trained(prepared, tmp_path, 12, 4) == uncached
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.pb")} == programs, "compiled again"
    for path, content in programs.items():
        path.write_bytes(content[: len(content) // 2])
    assert trained(prepared, tmp_path, 4, 12) == uncached
    assert len(list(tmp_path.rglob("*.pb"))) == 2
    for path in tmp_path.rglob("*.pb"):
        assert path.stat().st_size > 10_000
