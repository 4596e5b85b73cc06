"""A whole number that is not searched in every trial is a whole number wherever it is shown."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result, outcome_of

from sweep.reporting.page import write_report
from sweep.results.manifest import make_manifest
from sweep.results.record import TrialKey
from sweep.results.store import Store

Sweep = Callable[..., Result]

TEXT = """
question = "A whole number searched beside one choice only?"
[task]
name = "increasing"
[training]
epochs = 4
[search]
cell = { choices = ["lstm", "mlp"] }
lags = { low = 1, high = 3, when = { cell = "mlp" } }
[study]
trials = 4
seeds = 2
"""


@pytest.fixture
def beside(tmp_path: Path) -> Store:
    """Results of three trials with `lags`, and one without that is the best of them."""
    store = Store(tmp_path / "results" / "beside")
    store.create(TEXT, make_manifest(name="beside", command=["sweep", "run", "beside"], overrides={}))
    chosen: list[dict[str, object]] = [{"cell": "mlp", "lags": lags} for lags in (1, 2, 3)]
    for trial, parameters in enumerate([*chosen, {"cell": "lstm"}]):
        key = TrialKey(trial=trial, phase="search", condition={}, parameters=parameters)
        store.append(store.experiment(), key, outcome_of([[0, 0.5], [0, 1.0 if trial == 3 else 0.5]]))
    return store


def test_data_frames_have_it_as_a_whole_number(beside: Store) -> None:
    lags = beside.load().trials["lags"]
    assert str(lags.dtype) == "Int64"
    assert lags.dropna().tolist() == [1, 2, 3]
    assert lags.isna().tolist() == [False, False, False, True]


def test_tables_and_their_json_show_it(beside: Store, sweep_command: Sweep) -> None:
    assert "1.0" not in sweep_command("show", "beside").out
    rows = json.loads(sweep_command("show", "beside", "--json").out)
    assert {json.dumps(row["lags"]) for row in rows} == {"1", "2", "3", "null"}


@pytest.mark.parametrize("format_", ["csv", "json", "latex"])
@pytest.mark.parametrize("table", ["trials", "accuracy"])
def test_exports_show_it(table: str, format_: str, beside: Store, sweep_command: Sweep) -> None:
    exported = sweep_command("export", "beside", "--table", table, "--format", format_)
    assert exported.code == 0
    written = {"csv": "mlp,{},", "json": '"cell": "mlp", "lags": {},', "latex": "mlp & {} &"}[format_]
    assert all(written.format(lags) in exported.out for lags in (1, 2, 3))


def test_a_comparison_by_it_names_the_numbers(beside: Store, sweep_command: Sweep) -> None:
    compared = sweep_command("compare", "beside", "--by", "lags", "--json")
    assert {row["a"] for row in json.loads(compared.out)["rows"]} == {"lags = 1", "lags = 2"}


@pytest.mark.slow
def test_the_report_shows_it(beside: Store) -> None:
    report = write_report(beside.load()).with_name("report.md").read_text()
    assert "| mlp | 1 |" in report.replace("  ", " ")
    assert "lags = 1.0" not in report
