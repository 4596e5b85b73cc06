"""A trial's record: its columns, and the way from an outcome to a row of Parquet and back.

One row holds the trial's own columns, and its replicates, curves, steps, lengths and weights as nested columns.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sweep.experiment.experiment import Experiment
from sweep.experiment.outcomes import measured_at
from sweep.experiment.space import Choices, Dimension
from sweep.experiment.trials import Phase, TrialNumber
from sweep.faults import quoted
from sweep.results.columns import NESTED, TRIALS
from sweep.results.manifest import SCHEMA_VERSION
from sweep.results.outcome import Outcome, curve_table, length_table, replicate_table, step_table, summary


@dataclass(frozen=True, kw_only=True)
class TrialKey:
    """Which trial a record belongs to: `trial` is unique in the experiment."""

    trial: int
    phase: Phase
    condition: Mapping[str, Any]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A trial as it was appended, as far as a run that goes on must know it.

    `figures` are the trial's columns. `epochs` (E,) are those of its tests; `curves` holds an (R, E) array
    for each measured outcome and `tested` (R, E) where there was a test.
    """

    key: TrialKey
    state: str
    figures: Mapping[str, Any]
    epochs: NDArray[np.int64]
    tested: NDArray[np.bool_]
    curves: Mapping[str, NDArray[np.float64]]


def record_name(trial: int, phase: str) -> str:
    """The name of a record's file, without its ending.

    >>> record_name(12, "search")
    '000012-search'
    """
    return f"{trial:06d}-{phase}"


def record_schema(experiment: Experiment) -> pa.Schema:
    """The columns of a record of this experiment."""
    columns: dict[str, pa.DataType] = {"experiment": pa.string()}
    columns |= {name: _type_of(values) for name, values in experiment.conditions.items()}
    columns |= {"trial": pa.int64(), "state": pa.string(), "phase": pa.string()}
    for name, dimension in experiment.search.items():
        values = dimension.choices if isinstance(dimension, Choices) else (dimension.low, dimension.high)
        is_real = experiment.base.number_type(name) is float
        columns[name] = pa.float64() if is_real else _type_of(values)
    columns |= TRIALS
    columns |= {name: pa.list_(pa.struct(list(fields.items()))) for name, fields in NESTED.items()}
    shape, values = pa.field("shape", pa.list_(pa.int64())), pa.field("values", pa.list_(pa.float32()))
    columns |= {"weights_seed": pa.int64(), "weights": pa.list_(pa.struct([shape, values]))}
    return pa.schema(list(columns.items()), metadata={"sweep_schema_version": str(SCHEMA_VERSION)})


def to_record(name: str, experiment: Experiment, key: TrialKey, outcome: Outcome) -> pa.Table:
    """A finished trial as a table of one row."""
    row: dict[str, Any] = {"experiment": name, "trial": key.trial, "phase": key.phase, "state": outcome.state}
    row |= {**key.condition, **key.parameters, **summary(outcome), "weights_seed": outcome.weights_seed}
    row["weights"] = [{"shape": list(w.shape), "values": w.ravel()} for w in outcome.weights]
    nested = {"replicates": replicate_table, "curves": curve_table, "steps": step_table, "lengths": length_table}
    schema = record_schema(experiment)
    columns = [
        _list_of_one(nested[field.name](outcome), NESTED[field.name])
        if field.name in nested
        else pa.array([as_column(row.get(field.name), field.type)], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def from_record(experiment: Experiment, table: pa.Table) -> Record:
    """The trial that a table of one row holds."""
    row = table.drop_columns([*NESTED, "weights"]).to_pylist()[0]
    settings = experiment.condition_settings
    parameters = parameters_of(experiment, record_schema(experiment), row)
    condition = settings[TrialNumber.of(row["trial"], len(settings)).condition]
    curves = dict(zip(NESTED["curves"], table.column("curves").combine_chunks().flatten().flatten(), strict=True))
    seeds, epochs = curves["seed"].to_numpy(), curves["epoch"].to_numpy()
    known = np.unique(epochs)
    order = {seed: index for index, seed in enumerate(experiment.study.replicate_seeds)}
    place = np.array([order[seed] for seed in seeds], np.int64), np.searchsorted(known, epochs)
    tested = np.zeros((len(order), len(known)), bool)
    tested[place] = True
    values = {}
    for name in measured_at("test"):
        values[name] = np.full(tested.shape, np.nan)
        values[name][place] = curves[name].to_numpy(zero_copy_only=False)
    return Record(
        key=TrialKey(trial=row["trial"], phase=Phase(row["phase"]), condition=condition, parameters=parameters),
        state=row["state"],
        figures=row,
        epochs=known,
        tested=tested,
        curves=values,
    )


def parameters_of(experiment: Experiment, schema: pa.Schema, row: Mapping[str, Any]) -> dict[str, Any]:
    """What the search chose for a trial, by the columns of its record; ValueError for what it cannot have chosen."""
    chosen = {}
    for name, dimension in experiment.search.items():
        if row[name] is not None:
            chosen[name] = _chosen(name, dimension, row[name], schema.field(name).type)
    for name, dimension in experiment.search.items():
        if dimension.applies(chosen) != (name in chosen):
            raise ValueError(
                f"{name}: is missing" if name not in chosen else f"{name}: is not searched beside the others"
            )
    return chosen


def _chosen(name: str, dimension: Dimension, value: Any, type_: pa.DataType) -> Any:
    if isinstance(dimension, Choices):  # the column may hold it as text, or 1 as 1.0
        for choice in dimension.choices:
            if as_column(choice, type_) == value:
                return choice
        raise ValueError(f"{name}: is {quoted(value)}; must be one of {quoted(dimension.choices)}")
    # Sums of a step may end beside the range by a rounding.
    inside = dimension.low <= value <= dimension.high
    if not inside and not any(math.isclose(value, end, rel_tol=1e-9) for end in dimension.extremes):
        raise ValueError(f"{name}: is {value}; must lie between {dimension.low} and {dimension.high}")
    return value


def unnested(records: list[pa.Table], name: str, fields: Mapping[str, pa.DataType]) -> pa.Table:
    """The nested column `name` of all records as one table, with the keys that join it to the trials."""
    head = {"experiment": pa.string(), "trial": pa.int64(), "phase": pa.string()}
    parts = [pa.schema([*head.items(), *fields.items()]).empty_table()]
    for record in records:
        column = record.column(name)
        rows = (column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()).flatten()  # a chunk is no copy
        keys = [pa.repeat(record.column(column)[0].cast(type_), len(rows)) for column, type_ in head.items()]
        parts.append(pa.Table.from_arrays([*keys, *rows.flatten()], names=[*head, *fields]))
    return pa.concat_tables(parts)


def _type_of(values: Iterable[Any]) -> pa.DataType:
    """The Parquet type that holds all values; text, as `column_value` writes it, where they differ in kind."""
    kinds = {type(value) for value in values}
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    if kinds == {int, float}:
        return pa.float64()
    return types.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()


def as_column(value: Any, type_: pa.DataType) -> Any:
    """A parameter's value as its column holds it: text, where the column is text because the kinds differ."""
    return str(value) if pa.types.is_string(type_) and value is not None else value


def _list_of_one(table: Mapping[str, NDArray[Any]], fields: Mapping[str, pa.DataType]) -> pa.Array:
    columns = [pa.array(table.get(name, []), type_) for name, type_ in fields.items()]
    rows = pa.StructArray.from_arrays(columns, fields=[pa.field(n, t) for n, t in fields.items()])
    return pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)
