"""Faults name the line that they are about, however the file is written."""

import time
from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.experiment.file import load
from sweep.experiment.lines import key_lines

SHIPPED = Path(__file__).parents[2] / "experiments"

FILE = '''\
question = """
[search] units = 3 # no key
"""
[task]
name = 'increasing'  # ] [

[ conditions ]
"keys" = [
  2,  # units = 1
  3,
]
sequence_length = [5]

[search]
units = { low = 1, high = 8, step = 3 }
[training]
epochs.unit = "[\\"{"
clip_norm = 0
'''


def test_keys_are_found_beside_strings_comments_and_lists_of_several_lines() -> None:
    assert key_lines(FILE) == {
        "question": 1,
        "task": 4,
        "task.name": 5,
        "conditions": 7,
        "conditions.keys": 8,
        "conditions.sequence_length": 12,
        "search": 14,
        "search.units": 15,
        "training": 16,
        "training.epochs": 17,
        "training.epochs.unit": 17,
        "training.clip_norm": 18,
    }


@pytest.mark.parametrize("file", sorted(SHIPPED.glob("*.toml")), ids=lambda file: file.stem)
def test_every_key_of_the_shipped_files_is_found_on_its_line(file: Path) -> None:
    lines = file.read_text().split("\n")
    for key, number in key_lines(file.read_text()).items():
        assert key.rpartition(".")[2] in lines[number - 1]
    written = {line.partition("=")[0].strip() for line in lines if line.partition("=")[0].strip().isidentifier()}
    assert written == {key.rpartition(".")[2] for key in key_lines(file.read_text())} & written


def faults(folder: Path, text: str) -> list[str]:
    file = folder / "f.toml"
    file.write_text('question = "q"\n[task]\nname = "increasing"\n' + text)
    with pytest.raises(SweepError) as refused:
        load(file)
    return str(refused.value).replace(str(file), "f.toml").split("\n")


def test_every_fault_of_a_file_names_its_own_line(tmp_path: Path) -> None:
    text = "keys = 0\n\n[model]\nunit = 4\n[study]\nseeds = 0\nobjective = 'loss'\n[studdy]\n"
    assert faults(tmp_path, text) == [
        'f.toml: unknown key "studdy"; did you mean "study"? (line 11)',
        "f.toml: task.keys: is 0; must be at least 1 (line 4)",
        'f.toml: model: unknown key "unit"; did you mean "units"? (line 7)',
        "f.toml: study: seeds is 0; at least one replicate is needed (line 9)",
    ]


def test_a_key_within_a_range_is_on_the_line_of_the_range(tmp_path: Path) -> None:
    text = "[search]\n\nunits = { low = 1, high = 8, step = 3 }\n"
    (line,) = faults(tmp_path, text)
    assert line.endswith("past 8; high could be 7 (line 6)")


def test_what_is_missing_names_the_line_of_the_table_that_it_belongs_in(tmp_path: Path) -> None:
    (line,) = faults(tmp_path, "[search]\nunits = { low = 1 }\n")
    assert line.endswith("(line 5)")


@pytest.mark.parametrize("text", ["{} ", "a{} .b = 1", "[a{}.b]", "a{}= 1"])
def test_a_hundred_thousand_spaces_take_no_time(text: str) -> None:
    started = time.process_time()
    key_lines(text.format(" " * 100_000))
    assert time.process_time() - started < 1
