"""Manifests and experiment files of somebody else's results folder."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import SweepError
from sweep.results.manifest import checked_manifest, make_manifest
from sweep.results.store import Store

GOOD = make_manifest(name="small", command=["sweep", "run", "small"], overrides={})


def refused(store: Store) -> str:
    """What reading says: in one line, and soon."""
    started = time.monotonic()
    with pytest.raises(SweepError) as error:
        store.load()
    assert time.monotonic() - started < 5
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000
    return str(error.value)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("overrides", [], "overrides: is []"),
        ("overrides", None, "overrides: is None"),
        ("overrides", {"epochs": 3}, "overrides.epochs: is 3"),
        ("overrides", {"seeds": "many"}, 'overrides.seeds: is "many"'),
        ("overrides", {"seeds": 10**30}, "overrides.seeds: is 1000"),
        ("overrides", {"seeds": -1}, "overrides.seeds: is -1"),
        ("overrides", {"trainer": "\x1b[31m"}, "overrides.trainer: is "),
        ("command", "sweep run", 'command: is "sweep run"'),
        ("command", [1, 2], "command.0: is 1"),
        ("versions", ["3.11"], 'versions: is ["3.11"]'),
        ("versions", {"python": [3, 11]}, "versions.python: is [3, 11]"),
        ("hardware", 7, "hardware: is 7"),
        ("hardware", {"cpu": {}}, "hardware.cpu.constrained-str: is {}"),
        ("device", 3, "device: is 3"),
        ("commit", [], "commit: is []"),
        ("created", None, "created: is None"),
        ("created", "yesterday", 'created: is "yesterday"'),
        ("backend", "fortran", 'backend: is "fortran"'),
        ("earlier_runs", {}, "earlier_runs: is {}"),
        ("earlier_runs", [3], "earlier_runs.0: is 3"),
        ("commit", "c" * 1_000_000, "commit: is "),
    ],
)
def test_a_field_of_another_kind_is_named(key: str, value: Any, said: str, small: Store) -> None:
    (small.path / "manifest.json").write_text(json.dumps(GOOD | {key: value}))
    assert f"manifest.json: is damaged ({said}" in refused(small)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[" * 200_000, "it is nested too deep"),
        ('{"schema_version": 1, "x": ' + "[" * 200_000, "it is nested too deep"),
        ('{"schema_version": 1, "x": ' + "[" * 100 + "]" * 100 + "}", "it is nested more than 32 deep"),
        ('{"schema_version": ' + "9" * 5000 + "}", "Exceeds the limit"),
        ('"' + "x" * 9_000_000 + '"', "it has 9,000,002 bytes; at most 8,388,608 are read"),
    ],
    ids=["brackets", "brackets in a field", "a hundred brackets", "5000 digits", "nine megabytes"],
)
def test_a_manifest_that_no_reader_could_take_is_refused(content: str, said: str, small: Store) -> None:
    (small.path / "manifest.json").write_text(content)
    assert f"manifest.json: is damaged ({said}" in refused(small)


@pytest.mark.parametrize("created", ["2026-11-27T08:39:29+14:00", "2026-11-27T08:39:29-11:30", "2026-11-27T08:39:29"])
def test_the_time_may_be_that_of_any_zone(created: str, small: Store) -> None:
    (small.path / "manifest.json").write_text(json.dumps(GOOD | {"created": created}))
    assert small.load().manifest["created"] == created


def test_texts_of_a_manifest_command_no_terminal(small: Store) -> None:
    manifest = GOOD | {"device": "\x1b[31mcpu\x07", "hardware": {"c\x1bpu": "\x9bA"}, "x": [{"y": "\u202e"}]}
    (small.path / "manifest.json").write_text(json.dumps(manifest))
    read = small.load().manifest
    assert (read["device"], read["hardware"], read["x"]) == (
        "\\x1b[31mcpu\\x07",
        {"c\\x1bpu": "\\x9bA"},
        [{"y": "\\u202e"}],
    )


@pytest.mark.parametrize("name", ["manifest.json", "experiment.toml"])
def test_a_pipe_is_not_waited_for(name: str, small: Store) -> None:
    (small.path / name).unlink()
    os.mkfifo(small.path / name)
    assert f"{name}: is damaged (it is no regular file)" in refused(small)


@pytest.mark.parametrize(
    "text",
    [
        "question = " + "[" * 200_000,
        "question = " + "{a=" * 200_000,
        "question = " + "[" * 300 + "]" * 300,
        "a." * 100_000 + "a = 1",
        "question = " + "9" * 5000,
        "#" * 9_000_000,
        'question = "q"\ntask.name = "increasing"\ntask.sequence_length = 9223372036854775808',
        'question = "q"\ntask.name = "increasing"\ntraining.learning_rate = nan',
        'question = "q"\ntask.name = "increasing"\nstudy.seeds = [-1]',
        'question = "q"\ntask.name = "increasing"\nstudy.seeds = [1, 1]',
        'question = "q"\ntask.name = "increasing"\nstudy.seeds = 2000000000',
        'question = 1979-05-27T07:32:00Z\ntask.name = "increasing"',
        'question = "q"\ntask.name = "increasing"\ntask.sequence_length = "long"\nmodel = 3\nstudy = []',
        'question = "q"\ntask.name = "increasing"\ntask.sequence_length = 2000000000',
        'question = "q"\ntask.name = "random"\ntask.keys = 0',
        'question = "q"\ntask.name = "increasing"\nconditions.sequence_length = [5, -2000000000]',
        'question = "q"\ntask.name = "increasing"\nstudy.seeds = 0',
        'question = "q"\ntask.name = "increasing"\nsearch.units = { low = 9, high = 1 }',
        'question = "q"\ntask.name = "increasing"\nsearch.learning_rate = { low = 0, high = 1, log = true }',
        'question = "q"\ntask.name = "increasing"\nsearch.learning_rate = { low = 0.1, high = nan }',
        'question = "q"\ntask.name = "random"\n[conditions]\n'
        + "\n".join(f"{name} = {list(range(10, 110))}" for name in ("sequence_length", "keys", "alphabet_size")),
        '"\\u001b[31m" = 1',
        "\x1b[31m = 1",
    ],
    ids=range(23),
)
def test_an_experiment_file_that_no_run_can_have_stored_is_refused(text: str, small: Store) -> None:
    (small.path / "experiment.toml").write_text(text)
    assert refused(small).isprintable()


@given(
    st.dictionaries(
        st.sampled_from([*GOOD, "earlier_runs", "other"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
            max_leaves=6,
        ),
    )
)
def test_any_manifest_is_read_or_refused(changes: dict[str, Any]) -> None:
    content = json.dumps({**GOOD, **changes}).encode()
    try:
        read = checked_manifest(content)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017 # nothing else may be raised
    else:
        assert read.keys() >= GOOD.keys()
        make_manifest(name="small", command=[], overrides={}, earlier=read)


def test_what_is_no_folder_of_results_is_said(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(SweepError) as error:
        Store(tmp_path / "x").load()
    assert "\n" not in str(error.value)
