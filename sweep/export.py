"""Tables of the results as bytes of a file format, without a detour through data frames."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet


def exported(table: pa.Table, format_: str) -> bytes:
    """The table as CSV, Parquet, or JSON (a list of records, null for missing); numbers round-trip.

    In CSV, a text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    if format_ == "json":
        return (json.dumps([_plain(row) for row in table.to_pylist()]) + "\n").encode()
    sink = io.BytesIO()
    if format_ == "csv":
        options = pa.csv.WriteOptions(quoting_style="needed", quoting_header="needed")
        pa.csv.write_csv(_inert(table), sink, options)
    else:
        pa.parquet.write_table(table, sink)
    return sink.getvalue()


def inert(cell: Any) -> Any:
    """A CSV cell that no spreadsheet runs: a text that begins like a formula gets an apostrophe in front.

    >>> inert("=1+1"), inert("lstm"), inert(-1.5)
    ("'=1+1", 'lstm', -1.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _plain(row: dict[str, object]) -> dict[str, object]:
    """JSON knows no nan and no infinity: nan is missing, infinity is its name."""
    return {
        name: (None if value != value else str(value) if value in (float("inf"), float("-inf")) else value)
        for name, value in row.items()
    }


def _inert(table: pa.Table) -> pa.Table:
    for index, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            cells = [inert(cell) for cell in table.column(index).to_pylist()]
            table = table.set_column(index, field, pa.array(cells, pa.string()))
    return table
