"""No process loads a kept program that is damaged, and none dies of the same program twice."""

import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sweep.machine.checked_programs import loading, remove_damaged
from sweep.machine.program_cache import programs_in, sum_of

CONTENT = random.Random(0).randbytes(10_000)


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """One of two programs that were compiled, kept and checked."""
    for name in ("one.pb", "jit_other-cache"):
        (tmp_path / name).write_bytes(CONTENT)
    remove_damaged(tmp_path)
    return tmp_path / "one.pb"


def killed_while_loading(folder: Path) -> None:
    pid = os.fork()
    if not pid:
        with loading(folder):
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)


def test_programs_that_are_whole_stay_and_have_their_checksums_beside_them(program: Path) -> None:
    for _ in range(2):
        remove_damaged(program.parent)
        assert len(programs_in(program.parent)) == 2
        assert all(len(sum_of(each).read_text()) == 8 for each in programs_in(program.parent))


@pytest.mark.parametrize("damage", [b"", CONTENT[:5000], CONTENT[:7000] + b"\x06" + CONTENT[7001:], CONTENT + b"\0"])
def test_a_damaged_program_is_removed_and_the_others_stay(program: Path, damage: bytes) -> None:
    program.write_bytes(damage)
    with loading(program.parent):
        assert [path.name for path in programs_in(program.parent)] == ["jit_other-cache"]
        assert not sum_of(program).exists()


def test_a_program_whose_checksum_is_damaged_is_removed(program: Path) -> None:
    sum_of(program).write_bytes(b"\xff\xfe")
    os.utime(program)  # as another process finds it, which has not checked it yet
    remove_damaged(program.parent)
    assert not program.exists()


def in_its_place(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replaced(path: Path) -> None:
        path.unlink(missing_ok=True)
        make(path)

    return replaced


@in_its_place
def a_folder(path: Path) -> None:
    path.mkdir()
    (path / "somebody's.txt").write_text("worth keeping")


@in_its_place
def a_socket(path: Path) -> None:
    os.chdir(path.parent)  # its whole path may be too long
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


@in_its_place
def a_link(path: Path) -> None:
    path.with_name("elsewhere").write_bytes(CONTENT)
    path.symlink_to("elsewhere")


@in_its_place
def a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


@in_its_place
def a_huge_file(path: Path) -> None:
    path.touch()
    os.truncate(path, 2**40)


IRREGULAR = [a_folder, in_its_place(os.mkfifo), a_socket, a_link, a_link_to_nothing, a_huge_file]


@pytest.mark.parametrize("of", ["program", "checksum"])
@pytest.mark.parametrize("become", IRREGULAR)
def test_only_regular_files_are_opened_and_of_another_kind_a_program_is_compiled_anew(
    become: Callable[[Path], None], of: str, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(program.parent)
    become(program if of == "program" else sum_of(program))
    os.utime(program, follow_symlinks=False)
    with loading(program.parent):
        assert [path.name for path in programs_in(program.parent)] == ["jit_other-cache"]
        assert not os.path.lexists(sum_of(program))
        program.write_bytes(CONTENT)
    assert len(sum_of(program).read_text()) == 8


def test_a_folder_in_the_place_of_a_program_keeps_what_is_in_it(program: Path) -> None:
    a_folder(program)
    remove_damaged(program.parent)
    (kept,) = program.parent.glob("no-program-*/*")
    assert kept.read_text() == "worth keeping"


@pytest.mark.parametrize("name", [".loading-1", "jit_other-atime"])
def test_pipes_in_the_place_of_what_lies_beside_programs_are_not_waited_for(name: str, program: Path) -> None:
    os.mkfifo(program.with_name(name))
    remove_damaged(program.parent)
    assert not program.with_name(name).exists()
    assert len(programs_in(program.parent)) == 2


def test_what_is_compiled_meanwhile_has_its_checksum_afterwards(program: Path) -> None:
    new = program.with_name("new.pb")
    with loading(program.parent):
        new.write_bytes(CONTENT)
    assert sum_of(new).exists()


def test_after_a_death_while_loading_the_programs_are_left_aside(program: Path) -> None:
    killed_while_loading(program.parent)
    with loading(program.parent):
        assert programs_in(program.parent) == []


@pytest.mark.parametrize(
    ("ended_by", "left"),
    [*((each, 0) for each in (signal.SIGILL, signal.SIGSEGV, signal.SIGABRT)), (signal.SIGKILL, 2), (None, 2)],
)
def test_after_a_crash_at_any_later_time_the_programs_are_left_aside(
    ended_by: signal.Signals | None, left: int, program: Path
) -> None:
    code = f"""
import os
from pathlib import Path
from sweep.machine.checked_programs import loading
with loading(Path({str(program.parent)!r})):
    pass
{f"os.kill(os.getpid(), {int(ended_by)})" if ended_by else ""}
"""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONFAULTHANDLER"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=environment, timeout=300)
    assert (done.returncode, done.stderr) == (-ended_by if ended_by else 0, b"")
    remove_damaged(program.parent)
    assert len(programs_in(program.parent)) == left
    assert not list(program.parent.glob(".*")), "and no note is kept"


def test_programs_that_another_process_is_loading_stay(program: Path) -> None:
    with loading(program.parent):
        other = os.fork()
        if not other:
            remove_damaged(program.parent)
            os._exit(len(programs_in(program.parent)))
        assert os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]) == 2
    assert {path.suffix for path in program.parent.iterdir()} == {".pb", "", ".crc32"}


def test_where_nothing_is_kept_or_can_be_nothing_is_checked(tmp_path: Path) -> None:
    with loading(None), loading(tmp_path / "missing"):
        pass
    assert list(tmp_path.iterdir()) == []
