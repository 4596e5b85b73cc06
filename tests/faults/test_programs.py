"""Compiled programs that are kept between runs are damaged: no run ends by it, and no trial fails."""

import os
import random
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from same_tables import assert_same_tables

import sweep
from faults.conftest import Found
from sweep.machine.program_cache import programs_in, sum_of
from sweep.results.results import Results

EXPERIMENT = """
question = "Does it run damaged code?"
[task]
name = "increasing"
sequence_length = 4
[training]
epochs = 6
[search]
cell = { choices = ["lstm", "gru"] }
learning_rate = { choices = [0.01, 0.1] }
[study]
sampler = "grid"
seeds = 2
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def trained(folder: Path, workers: int = 0) -> Results:
    """The experiment, really trained, by a process of its own: no fork of this one, where TensorFlow may be at work."""
    folder.mkdir()
    path = folder / "faulty.toml"
    path.write_text(EXPERIMENT)
    command = [sys.executable, "-m", "sweep", "run", str(path), "--results", str(folder / "results"), "--device", "cpu"]
    command += ["--workers", str(workers)] if workers else []
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return sweep.load(folder / "results" / "faulty")


def kept(cache: Path) -> list[Path]:
    (folder,) = (cache / "sweep").iterdir()
    return sorted(programs_in(folder))


INVALID = b"\x06" * 0x2000


def invalid(code: bytes) -> bytes:
    """The same program with instructions that no processor has."""
    begin = code.index(b"\x7fELF") + 0x1000
    return code[:begin] + INVALID + code[begin + len(INVALID) :]


def test_a_damaged_program_is_compiled_anew(tmp_path: Path, own_cache: Path, found: Found) -> None:
    calm, rng = trained(tmp_path / "calm"), random.Random(0)
    whole = len(kept(own_cache))
    assert whole >= 2
    damages = [
        invalid,
        lambda code: code[: rng.randrange(len(code))],
        lambda code: code + bytes(1),
        lambda code: b"",
        lambda code: rng.randbytes(len(code)),
    ]
    for number, damage in enumerate(damages):
        for program in kept(own_cache):
            program.write_bytes(damage(program.read_bytes()))
        assert_same_tables(trained(tmp_path / str(number)), calm)
        assert len(kept(own_cache)) == whole
    found(
        "damaged compiled programs",
        "all that are kept: other instructions, cut, longer, empty, random bytes",
        len(damages),
        "compiled anew: identical",
    )


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "something").touch()


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_no_regular_file_is_not_opened_in_the_place_of_a_program(
    workers: int, tmp_path: Path, own_cache: Path, found: Found
) -> None:
    calm = trained(tmp_path / "calm")
    whole = len(kept(own_cache))
    damages = [(become, of) for of in (lambda path: path, sum_of) for become in (a_folder, a_pipe)]
    made = 0
    for number in range(2):
        for program in kept(own_cache):
            become, of = damages[made % len(damages)]
            become(of(program))
            made += 1
        assert_same_tables(trained(tmp_path / str(number), workers), calm)
        assert len(kept(own_cache)) == whole
        assert all(program.is_file() for program in kept(own_cache))
    assert made >= len(damages)
    found(
        "kept programs that are no files" + (", with workers" if workers else ""),
        "a folder or a pipe in the place of each, or of its checksum",
        made,
        "compiled anew: identical",
    )


def test_a_worker_that_dies_while_loading_programs_costs_no_trial(
    tmp_path: Path, own_cache: Path, found: Found
) -> None:
    calm = trained(tmp_path / "calm")
    for number in range(3):
        for program in kept(own_cache):
            damaged = invalid(program.read_bytes())
            program.write_bytes(damaged)
            sum_of(program).write_text(f"{zlib.crc32(damaged):08x}")
        disturbed = trained(tmp_path / str(number), workers=2)
        assert (disturbed.trials["state"] == "complete").all()
        assert_same_tables(disturbed, calm)
        assert not any(INVALID in program.read_bytes() for program in kept(own_cache))
    found(
        "worker crashes while loading a program",
        "SIGILL, from other instructions in all that are kept, with matching checksums",
        3,
        "the programs are left aside: identical",
    )
