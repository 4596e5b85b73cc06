"""Tables of the results as bytes of a file format, without a detour through data frames."""

import csv
import io
import json
import math
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet


def exported(table: pa.Table, format_: str) -> bytes:
    """The table as CSV, Parquet, or JSON (a list of records, null for missing); numbers round-trip.

    In CSV, a missing value is an empty cell, and a text that a spreadsheet would run is kept from it.
    """
    if format_ == "parquet":
        sink = io.BytesIO()
        pa.parquet.write_table(table, sink)
        return sink.getvalue()
    if format_ == "json":
        rows = [{name: _json_value(value) for name, value in row.items()} for row in table.to_pylist()]
        return (json.dumps(rows) + "\n").encode()
    columns = [map(inert, column.to_pylist()) for column in table.columns]
    lines: list[Iterable[Any]] = [table.column_names, *zip(*columns, strict=True)]
    return "".join(map(_csv_line, lines)).encode()


def inert(cell: Any) -> Any:
    """A CSV cell that no spreadsheet runs: a text that begins like a formula gets an apostrophe in front.

    >>> inert("=1+1"), inert("lstm"), inert(-1.5)
    ("'=1+1", 'lstm', -1.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _csv_line(cells: Iterable[Any]) -> str:
    """One row of CSV; written with the end "\\r\\n" at first, as Python quotes a "\\r" in a cell only then."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow(cells)
    return line.getvalue().removesuffix("\r\n") + "\n"


def _json_value(value: Any) -> Any:
    """JSON knows no nan and no infinity: nan is missing, and infinity is its name."""
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value
