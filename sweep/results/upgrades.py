"""Records of older versions with the columns of this one: what they lack is missing, and nothing else is forgiven."""

from typing import Any

import pyarrow as pa

from sweep.experiment.outcomes import OUTCOMES
from sweep.results.columns import NESTED, TRIALS
from sweep.results.manifest import SCHEMA_VERSION


class NewerVersionError(Exception):
    """A record that only a later version can read."""


def version_of(found: pa.Schema) -> int:
    """The schema version that a record's file says it has; ValueError if it says none."""
    text = (found.metadata or {}).get(b"sweep_schema_version", b"")
    if not text.isdigit() or not int(text[:9]) >= 1:
        raise ValueError("it has no schema version")
    if int(text[:9]) > SCHEMA_VERSION:
        raise NewerVersionError(
            f"has schema version {int(text[:9])}; this sweep reads up to version {SCHEMA_VERSION}: install a newer one"
        )
    return int(text)


def since(column: str) -> int:
    """The version of the first records that have a column."""
    name = column.removesuffix("_low").removesuffix("_high")
    if name not in OUTCOMES:
        return 1
    return OUTCOMES[name].since if name == column else OUTCOMES[name].interval_since or 1


def as_of(schema: pa.Schema, version: int, found: pa.Schema) -> pa.Schema:
    """The columns that a record of a version has, where one of this version has `schema`.

    Other lengths came in the middle of the first version: whether they are there, the file's columns say, `found`.
    """
    fields = []
    for field in schema:
        if field.name in NESTED and (field.name in found.names or field.name != "lengths"):
            known = [(name, type_) for name, type_ in NESTED[field.name].items() if since(name) <= version]
            fields.append(pa.field(field.name, pa.list_(pa.struct(known))))
        elif field.name not in NESTED and (field.name not in TRIALS or since(field.name) <= version):
            fields.append(field)
    return pa.schema(fields)


def upgraded(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """A record of any version, of the columns that it can have, as one of this version."""
    columns = []
    for field in schema:
        if field.name not in table.column_names:
            nothing: Any = [] if field.name in NESTED else None
            columns.append(pa.array([nothing], field.type))
        elif table.schema.field(field.name).type == field.type:
            columns.append(table.column(field.name))
        else:
            columns.append(_with_later(table.column(field.name), NESTED[field.name]))
    return pa.Table.from_arrays(columns, schema=schema.with_metadata({"sweep_schema_version": str(SCHEMA_VERSION)}))


def _with_later(column: pa.ChunkedArray, fields: dict[str, pa.DataType]) -> pa.Array:
    """The rows of a nested column, with fields that came later."""
    rows = column.combine_chunks()
    old = rows.flatten()
    known = dict(zip((field.name for field in old.type), old.flatten(), strict=True))
    arrays = [known[name] if name in known else pa.nulls(len(old), type_) for name, type_ in fields.items()]
    later = pa.StructArray.from_arrays(arrays, fields=[pa.field(name, type_) for name, type_ in fields.items()])
    return pa.ListArray.from_arrays(pa.array([0, len(later)], pa.int32()), later)
