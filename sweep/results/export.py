"""Tables of the results as bytes of a file format; only LaTeX takes a detour through data frames."""

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet

# As a formula begins, in its wide letters too, and what a spreadsheet skips in front of it.
_FORMULA = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def exported(table: pa.Table, format_: str) -> bytes:
    """The table as CSV, Parquet, JSON (a list of records, null for missing) or LaTeX; numbers round-trip.

    In CSV, a missing value is an empty cell, and a text that a spreadsheet would run is kept from it.
    """
    if format_ == "parquet":
        sink = io.BytesIO()
        pa.parquet.write_table(table, sink)
        return sink.getvalue()
    if format_ == "json":
        rows = [{name: _json_value(value) for name, value in row.items()} for row in table.to_pylist()]
        return (json.dumps(rows) + "\n").encode()
    if format_ == "latex":
        cells = {name: table.column(name).to_pylist() for name in table.column_names}
        numeric = [pa.types.is_integer(field.type) or pa.types.is_floating(field.type) for field in table.schema]
        return latex({name: ["" if cell is None else str(cell) for cell in cells[name]] for name in cells}, numeric)
    columns = [map(inert, column.to_pylist()) for column in table.columns]
    lines: list[Iterable[Any]] = [table.column_names, *zip(*columns, strict=True)]
    return "".join(map(_csv_line, lines)).encode()


def latex(columns: Mapping[str, Sequence[str]], numeric: Sequence[bool]) -> bytes:
    """Columns of text as a LaTeX table for the package booktabs, the `numeric` ones set flush right.

    Whatever LaTeX would take for a command is escaped, and a text of several lines becomes one.

    >>> latex({"a": ["50%"]}, [True]).decode().splitlines()[4]
    '50\\\\% \\\\\\\\'
    """
    import pandas as pd  # here, as no other format needs it

    table = pd.DataFrame({name: [" ".join(cell.split()) for cell in cells] for name, cells in columns.items()})
    table.columns = pd.Index(list(columns), dtype=object)
    layout = "".join("r" if right else "l" for right in numeric)
    return str(table.to_latex(index=False, escape=True, column_format=layout)).encode()


def inert(cell: Any) -> Any:
    """A CSV cell that no spreadsheet runs: a text that begins like a formula gets an apostrophe in front.

    >>> inert("=1+1"), inert("lstm"), inert(-1.5)
    ("'=1+1", 'lstm', -1.5)
    """
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


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
