"""Tables of the results as bytes of a file format."""

import io

import pandas as pd

from sweep.report.files import csv_text


def exported(table: pd.DataFrame, format_: str) -> bytes:
    """The table as CSV (numbers as they round-trip), Parquet, or JSON (a list of records, null for missing)."""
    if format_ == "csv":
        return csv_text(table).encode()
    if format_ == "json":
        text = table.to_json(orient="records", double_precision=15)
        return (text + "\n").encode()
    sink = io.BytesIO()
    table.to_parquet(sink, index=False)
    return sink.getvalue()
