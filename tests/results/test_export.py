"""Exported tables: every number bit for bit, and no cell that a spreadsheet would run."""

import csv
import io
import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import outcome_of
from hypothesis import given
from hypothesis import strategies as st

from sweep.results.export import exported
from sweep.results.record import TrialKey
from sweep.results.store import Store

TEXTS = st.text("=+-@\t\r\n\"',;aé ", max_size=6)
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "trial": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "loss": (pa.float64(), st.floats()),
    "solved": (pa.bool_(), st.booleans()),
    "error": (pa.string(), TEXTS),
}


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    length = draw(st.integers(0, 4))
    columns = {
        name: pa.array(draw(st.lists(st.none() | values, min_size=length, max_size=length)), type_)
        for name, (type_, values) in COLUMNS.items()
    }
    return pa.table(columns)


def from_csv(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


@pytest.mark.slow
@given(tables())
def test_a_parquet_export_is_the_table(table: pa.Table) -> None:
    again = pq.read_table(io.BytesIO(exported(table, "parquet")))
    assert repr(again.to_pylist()) == repr(table.to_pylist())
    assert again.schema == table.schema


@given(tables())
def test_a_json_export_is_the_table_with_null_for_nan_and_names_for_infinities(table: pa.Table) -> None:
    rows = json.loads(exported(table, "json"), parse_constant=pytest.fail)
    assert len(rows) == len(table)
    for row, original in zip(rows, table.to_pylist(), strict=True):
        loss = original["loss"]
        if loss is not None and not math.isfinite(loss):
            original["loss"] = None if math.isnan(loss) else str(loss)
        assert repr(row) == repr(original)


@given(tables())
def test_a_csv_export_holds_every_number_bit_for_bit(table: pa.Table) -> None:
    rows = from_csv(exported(table, "csv"))
    assert len(rows) == len(table)
    for row, original in zip(rows, table.to_pylist(), strict=True):
        assert row["trial"] == ("" if original["trial"] is None else str(original["trial"]))
        if original["loss"] is not None:
            assert repr(float(row["loss"])) == repr(original["loss"])


@given(tables())
def test_no_text_cell_of_a_csv_export_begins_like_a_formula(table: pa.Table) -> None:
    for row, original in zip(from_csv(exported(table, "csv")), table.to_pylist(), strict=True):
        error = original["error"] or ""
        assert not row["error"].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert row["error"] in (error, f"'{error}")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1+1"])
def test_a_formula_gets_an_apostrophe_in_front(cell: str) -> None:
    table = pa.table({"error": [cell, "lstm"]})
    assert [row["error"] for row in from_csv(exported(table, "csv"))] == [f"'{cell}", "lstm"]


def test_a_negative_number_is_no_formula() -> None:
    assert exported(pa.table({"loss": [-1.5]}), "csv") == b"loss\n-1.5\n"


@pytest.mark.parametrize("name", ["trials", "replicates", "curves", "steps"])
def test_an_export_has_a_row_for_each_row_of_the_results(name: str, small: Store) -> None:
    table, frame = small.tables()[name], getattr(small.load(), name)
    rows = from_csv(exported(table, "csv"))
    assert len(rows) == len(frame) > 0
    assert list(rows[0]) == list(frame.columns)


def test_the_other_lengths_are_exported_seed_by_seed(small: Store) -> None:
    parameters = {"units": 1, "learning_rate": 0.1, "timesteps": 1, "shuffle": True}
    key = TrialKey(trial=5, phase="search", condition={"sequence_length": 6}, parameters=parameters)
    at_lengths = {"length_recall_accuracy": np.ones((3, 2)), "length_sequence_accuracy": np.zeros((3, 2))}
    small.append(small.experiment(), key, outcome_of([[1.0]] * 3, lengths=(20, 50), **at_lengths))
    rows = from_csv(exported(small.tables()["lengths"], "csv"))
    assert [(row["seed"], row["length"]) for row in rows] == [(s, n) for s in "012" for n in ("20", "50")]


def test_an_empty_table_is_exported_as_its_header() -> None:
    table = pa.table({"trial": pa.array([], pa.int64()), "loss": pa.array([], pa.float64())})
    assert exported(table, "csv") == b"trial,loss\n"
    assert json.loads(exported(table, "json")) == []


def test_a_latex_table_has_its_rows_between_booktabs_rules_and_numbers_flush_right() -> None:
    table = pa.table({"trial": [0, 1], "cell": ["lstm", None], "loss": [0.1, 1e-7]})
    assert exported(table, "latex").decode().splitlines() == [
        r"\begin{tabular}{rlr}",
        r"\toprule",
        r"trial & cell & loss \\",
        r"\midrule",
        r"0 & lstm & 0.1 \\",
        r"1 &  & 1e-07 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


@given(tables())
def test_a_latex_export_holds_every_number_bit_for_bit(table: pa.Table) -> None:
    lines = exported(table, "latex").decode().splitlines()
    cells = [line.removesuffix(r" \\").split(" & ") for line in lines[4:-2]] if len(table) else []
    assert len(cells) == len(table)
    for row, original in zip(cells, table.to_pylist(), strict=True):
        assert row[0].strip() == ("" if original["trial"] is None else str(original["trial"]))
        if original["loss"] is not None:
            assert repr(float(row[1])) == repr(original["loss"])


def test_what_latex_would_run_is_escaped() -> None:
    error = "\\input{/etc/passwd} 50% & $x_1$ #1 {a} ~ ^\nsecond line\n\nthird"
    row = exported(pa.table({"error": [error]}), "latex").decode().splitlines()[4]
    assert row == (
        r"\textbackslash input\{/etc/passwd\} 50\% \& \$x\_1\$ \#1 \{a\} \textasciitilde \space \textasciicircum "
        r"\space second line third \\"
    )


def test_the_accuracy_table_is_exported_as_the_report_prints_it(small: Store, sweep_command: Any) -> None:
    printed = sweep_command("export", "small", "--table", "accuracy", "--format", "latex").out
    assert r"sequence\_length & trial & state" in printed
    assert "67\\% (9\N{EN DASH}99\\%)" in printed
    rows = from_csv(sweep_command("export", "small", "--table", "accuracy").out.encode())
    assert len(rows) == len(small.load().trials)
    assert float(rows[0]["memoryless_ceiling"]) == 0.5
