"""The results of an experiment on disk: appended, never edited, and read back as data frames.

A trial is one Parquet file with one row: the trial's own columns, and its replicates, curves, steps and
weights as nested columns. One file, one rename: a record is there whole or not at all.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweep.config import Configuration
from sweep.environment import SCHEMA_VERSION
from sweep.errors import RunError, SweepError
from sweep.experiment import Choices, Experiment
from sweep.experiment_file import load as load_experiment
from sweep.experiment_file import override
from sweep.outcome import Outcome, curve_table, replicate_table, step_table, summary

if TYPE_CHECKING:
    import pandas as pd  # loaded by those who ask for data frames: it takes half a second

_FIGURES = {
    "parameters": pa.int64(),
    "seeds": pa.int64(),
    "solve_rate": pa.float64(),
    "solve_rate_low": pa.float64(),
    "solve_rate_high": pa.float64(),
    "recall_accuracy": pa.float64(),
    "sequence_accuracy": pa.float64(),
    "accuracy": pa.float64(),
    "loss": pa.float64(),
    "epochs_to_solve": pa.float64(),
    "sequences_to_solve": pa.float64(),
    "updates_to_solve": pa.float64(),
    "ert_sequences": pa.float64(),
    "updates": pa.int64(),
    "train_seconds": pa.float64(),
    "compile_seconds": pa.float64(),
    "error": pa.string(),
}
_REPLICATES = {
    "seed": pa.int64(),
    "solved": pa.bool_(),
    "diverged": pa.bool_(),
    "epochs_to_solve": pa.float64(),
    "sequences_to_solve": pa.float64(),
    "updates_to_solve": pa.float64(),
    "loss": pa.float64(),
    "accuracy": pa.float64(),
    "recall_accuracy": pa.float64(),
    "sequence_accuracy": pa.float64(),
    "max_error": pa.float64(),
}
_CURVES = {
    "seed": pa.int64(),
    "epoch": pa.int64(),
    "sequences": pa.int64(),
    "loss": pa.float64(),
    "accuracy": pa.float64(),
    "recall_accuracy": pa.float64(),
    "sequence_accuracy": pa.float64(),
}
_STEPS = {"seed": pa.int64(), "step": pa.int64(), "scored": pa.bool_(), "accuracy": pa.float64()}
_NESTED = {"replicates": _REPLICATES, "curves": _CURVES, "steps": _STEPS}


@dataclass(frozen=True, kw_only=True)
class TrialKey:
    """Which trial a record belongs to: `trial` is unique in the experiment, `phase` is search or confirm."""

    trial: int
    phase: str
    condition: Mapping[str, Any]
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Results:
    """An experiment's results, as pandas reads them.

    `trials` has a row for each trial, `replicates` one for each of its seeds, `curves` one for each test of
    a replicate, `steps` one for each step of a replicate's last test. `trial` and `phase` join them.
    """

    name: str
    path: Path
    experiment: Experiment
    manifest: dict[str, Any]
    trials: "pd.DataFrame"
    replicates: "pd.DataFrame"
    curves: "pd.DataFrame"
    steps: "pd.DataFrame"


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


class Store:
    """The folder of one experiment's results."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self._trials = path / "trials"

    @property
    def exists(self) -> bool:
        """Whether an experiment was ever started here."""
        return (self.path / "manifest.json").is_file()

    def create(self, text: str, manifest: Mapping[str, Any]) -> None:
        """Write the experiment file and the manifest; the manifest comes last and makes the store exist.

        What a killed run left half written is cleared away.
        """
        self._trials.mkdir(parents=True, exist_ok=True)
        for folder in (self.path, self._trials):
            for half_written in folder.glob(".writing-*"):
                half_written.unlink()
        write_whole(self.path / "experiment.toml", text.encode())
        self.write_manifest(manifest)

    def write_manifest(self, manifest: Mapping[str, Any]) -> None:
        """Replace the manifest: how and where the experiment was last run."""
        write_whole(self.path / "manifest.json", (json.dumps(manifest, indent=2) + "\n").encode())

    def manifest(self) -> dict[str, Any]:
        """What was noted when the experiment was run."""
        path = self.path / "manifest.json"
        try:
            manifest = json.loads(path.read_bytes())
            version = manifest["schema_version"]
        except FileNotFoundError:
            raise SweepError(f"{self.path}: holds no results; `sweep run {self.name}` makes them") from None
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise SweepError(f"{path}: is damaged ({error}); restore it, or remove the results folder") from None
        if version != SCHEMA_VERSION:
            raise SweepError(f"{path}: has schema version {version}; this sweep reads version {SCHEMA_VERSION}")
        return dict(manifest)

    def experiment(self) -> Experiment:
        """The experiment as it was run: the stored file, with what the command line replaced."""
        return override(load_experiment(self.path / "experiment.toml"), **self.manifest().get("overrides", {}))

    def append(self, experiment: Experiment, key: TrialKey, outcome: Outcome) -> None:
        """Write one trial's record; RunError if the disk refuses, and then nothing of it is left."""
        table = _record(self.name, experiment, key, outcome)
        sink = pa.BufferOutputStream()
        pq.write_table(table, sink, compression="zstd")
        write_whole(self._trials / f"{key.trial:06d}-{key.phase}.parquet", sink.getvalue().to_pybytes())

    def files(self) -> list[Path]:
        """The records, in the order of their trials."""
        return sorted(self._trials.glob("[0-9]*.parquet"))

    def records(self) -> list[pa.Table]:
        """All records, each a table of one row; SweepError names a damaged one."""
        return [_read(path) for path in self.files()]

    def recorded(self, experiment: Experiment) -> Iterator[Record]:
        """The trials so far, for a run that goes on."""
        return (_restored(experiment, table) for table in self.records())

    def tables(self) -> dict[str, pa.Table]:
        """The trials, replicates, curves and steps as Arrow tables."""
        records = self.records()
        plain = [record.drop_columns([*_NESTED, "weights", "weights_seed"]) for record in records]
        empty = _schema(self.experiment()).empty_table().drop_columns([*_NESTED, "weights", "weights_seed"])
        tables = {"trials": pa.concat_tables(plain or [empty])}
        return tables | {name: _unnested(records, name, columns) for name, columns in _NESTED.items()}

    def load(self) -> Results:
        """Everything, as data frames."""
        manifest, experiment = self.manifest(), self.experiment()
        frames = {name: table.to_pandas() for name, table in self.tables().items()}
        return Results(name=self.name, path=self.path, experiment=experiment, manifest=manifest, **frames)

    def configuration(self, experiment: Experiment, trial: int) -> Configuration:
        """What a trial of the search trained."""
        key = _restored(experiment, _read(self._file(trial))).key
        return experiment.base.replace(**key.condition, **key.parameters)

    def weights(self, trial: int) -> tuple[int, list[NDArray[np.float32]]]:
        """The seed and the weights of the replicate that a trial of the search kept; SweepError if there is none."""
        row = _read(self._file(trial)).select(["weights", "weights_seed"]).to_pylist()[0]
        if row["weights_seed"] is None:
            raise SweepError(f"{self.name}: trial {trial} failed and kept no weights; choose another")
        weights = [np.array(w["values"], np.float32).reshape(w["shape"]) for w in row["weights"]]
        return row["weights_seed"], weights

    def _file(self, trial: int) -> Path:
        path = self._trials / f"{trial:06d}-search.parquet"
        if not path.is_file():
            known = [int(file.name[:6]) for file in self.files()]
            have = f"trials {min(known)} to {max(known)} are there" if known else "none is there yet"
            raise SweepError(f"{self.name}: has no trial {trial}; {have}")
        return path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: a temporary file beside it, flushed to disk, then renamed."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".writing-", delete=False) as file:
            temporary = Path(file.name)
            try:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        temporary.chmod(0o644)
        temporary.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror}; what was stored before is kept") from None


def _schema(experiment: Experiment) -> pa.Schema:
    """The columns of a record of this experiment."""
    columns: dict[str, pa.DataType] = {"experiment": pa.string()}
    columns |= {name: _type_of(values) for name, values in experiment.conditions.items()}
    columns |= {"trial": pa.int64(), "state": pa.string(), "phase": pa.string()}
    for name, dimension in experiment.search.items():
        values = dimension.choices if isinstance(dimension, Choices) else (dimension.low, dimension.high)
        is_real = isinstance(getattr(experiment.base.section(name), name), float)
        columns[name] = pa.float64() if is_real else _type_of(values)
    columns |= _FIGURES
    columns |= {name: pa.list_(pa.struct(list(fields.items()))) for name, fields in _NESTED.items()}
    shape, values = pa.field("shape", pa.list_(pa.int64())), pa.field("values", pa.list_(pa.float32()))
    columns |= {"weights_seed": pa.int64(), "weights": pa.list_(pa.struct([shape, values]))}
    return pa.schema(list(columns.items()), metadata={"sweep_schema_version": str(SCHEMA_VERSION)})


def _type_of(values: Iterable[Any]) -> pa.DataType:
    """The Parquet type that holds all values; text, as `column_value` writes it, where they differ in kind."""
    kinds = {type(value) for value in values}
    types = {bool: pa.bool_(), int: pa.int64(), float: pa.float64(), str: pa.string()}
    if kinds == {int, float}:
        return pa.float64()
    return types.get(kinds.pop(), pa.string()) if len(kinds) == 1 else pa.string()


def _as_column(value: Any, type_: pa.DataType) -> Any:
    """A parameter's value as its column holds it: text, where the column is text because the kinds differ."""
    return str(value) if pa.types.is_string(type_) and value is not None else value


def _record(name: str, experiment: Experiment, key: TrialKey, outcome: Outcome) -> pa.Table:
    row: dict[str, Any] = {"experiment": name, "trial": key.trial, "phase": key.phase, "state": outcome.state}
    row |= {**key.condition, **key.parameters, **summary(outcome), "weights_seed": outcome.weights_seed}
    row["weights"] = [{"shape": list(w.shape), "values": w.ravel()} for w in outcome.weights]
    nested = {"replicates": replicate_table, "curves": curve_table, "steps": step_table}
    schema = _schema(experiment)
    columns = [
        _list_of_one(nested[field.name](outcome), _NESTED[field.name])
        if field.name in nested
        else pa.array([_as_column(row.get(field.name), field.type)], field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(columns, schema=schema)


def _restored(experiment: Experiment, table: pa.Table) -> Record:
    row = table.drop_columns([*_NESTED, "weights"]).to_pylist()[0]
    schema, settings = _schema(experiment), experiment.condition_settings
    parameters = {}
    for name, dimension in experiment.search.items():
        value = row[name]
        if isinstance(dimension, Choices):  # the column may hold it as text, or 1 as 1.0
            value = next(c for c in dimension.choices if _as_column(c, schema.field(name).type) == value)
        parameters[name] = value
    condition = settings[row["trial"] % len(settings)]
    curves = dict(zip(_CURVES, table.column("curves").combine_chunks().flatten().flatten(), strict=True))
    seeds, epochs = curves["seed"].to_numpy(), curves["epoch"].to_numpy()
    known = np.unique(epochs)
    order = {seed: index for index, seed in enumerate(experiment.study.replicate_seeds)}
    place = np.array([order[seed] for seed in seeds], np.int64), np.searchsorted(known, epochs)
    tested = np.zeros((len(order), len(known)), bool)
    tested[place] = True
    values = {}
    for name in ("loss", "accuracy", "recall_accuracy", "sequence_accuracy"):
        values[name] = np.full(tested.shape, np.nan)
        values[name][place] = curves[name].to_numpy(zero_copy_only=False)
    return Record(
        key=TrialKey(trial=row["trial"], phase=row["phase"], condition=condition, parameters=parameters),
        state=row["state"],
        figures=row,
        epochs=known,
        tested=tested,
        curves=values,
    )


def _list_of_one(table: Mapping[str, NDArray[Any]], fields: Mapping[str, pa.DataType]) -> pa.Array:
    columns = [pa.array(table.get(name, []), type_) for name, type_ in fields.items()]
    rows = pa.StructArray.from_arrays(columns, fields=[pa.field(n, t) for n, t in fields.items()])
    return pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows)


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path, memory_map=False, partitioning=None)
        if table.num_rows != 1 or not {"trial", "phase", *_NESTED} <= set(table.column_names):
            raise ValueError("it is no trial's record")
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise SweepError(
            f"{path}: is damaged ({reason}); remove it and run the experiment again: the trial is then trained anew"
        ) from None
    return table


def _unnested(records: list[pa.Table], name: str, fields: Mapping[str, pa.DataType]) -> pa.Table:
    head = {"experiment": pa.string(), "trial": pa.int64(), "phase": pa.string()}
    parts = [pa.schema([*head.items(), *fields.items()]).empty_table()]
    for record in records:
        rows = record.column(name).combine_chunks().flatten()
        keys = [pa.repeat(record.column(column)[0].cast(type_), len(rows)) for column, type_ in head.items()]
        parts.append(pa.Table.from_arrays([*keys, *rows.flatten()], names=[*head, *fields]))
    return pa.concat_tables(parts)
