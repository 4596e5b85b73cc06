"""Whether a record is one that a run of its experiment can have left: asked once, where a record is read.

A results folder may come from somebody else. What passes here, every table, figure and prediction can rely on: the
columns are those of the experiment, nothing is missing that cannot be, numbers lie where they can lie, and the parts of
a record agree with each other.
"""

import math
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweep.experiment.experiment import Experiment
from sweep.experiment.outcomes import OUTCOMES, measured_at
from sweep.experiment.trials import Phase, TrialNumber
from sweep.faults import quoted
from sweep.foreign import harmless
from sweep.machine.devices import memory_mb
from sweep.results.columns import NESTED, TRIALS
from sweep.results.record import as_column, parameters_of, record_name, record_schema
from sweep.results.upgrades import as_of, since, upgraded, version_of

_STATES = ("complete", "pruned", "failed")
_MOST_REPLICATES = 100_000
_MOST_EPOCHS = 10_000_000
_LARGEST = 3.5e38  # 32 bits hold no larger number
_LONGEST = 2**20  # step or length that a task of ours comes to
_FEW_BYTES = 2**26  # so much is read without a second look
_TEXT_BYTES = 2**20
_MOST_DIMENSIONS = 8


class Bounds(NamedTuple):
    """Where the numbers of a column can lie; `missing` where there may be none although the trial was scored."""

    low: float
    high: float
    missing: bool = False
    diverged: bool = False
    """Whether it is not finite where a replicate diverged."""


_BOUNDED = ("share", "lead", "epochs", "sequences", "updates", "weights", "seconds")


def _bounds(name: str) -> Bounds:
    measure = OUTCOMES[name]
    if measure.unit in ("epochs", "sequences", "updates") and not measure.whole:
        return Bounds(1, 2**53, missing=True)  # never reached
    if measure.unit == "lead":
        return Bounds(-math.inf, 1, missing=True)  # of networks that diverged: missing, and of their trial endless
    return Bounds(0, {"share": 1, "weights": 2**53, "updates": 2**53, "seconds": 1e12}[measure.unit])


BOUNDS = {name: _bounds(name) for name, measure in OUTCOMES.items() if measure.unit in _BOUNDED}
BOUNDS |= {
    f"{name}_{end}": BOUNDS[name]._replace(low=0)
    for name, measure in OUTCOMES.items()
    for end in ("low", "high")
    if measure.interval_since
}
BOUNDS |= {
    "memoryless_loss": Bounds(0, 1000, missing=True),
    "seeds": Bounds(1, _MOST_REPLICATES),
    "seed": Bounds(0, 2**32 - 1),
    "epoch": Bounds(1, _MOST_EPOCHS),
    "sequences": Bounds(0, 2**53),
    **dict.fromkeys(("loss", "max_error"), Bounds(-_LARGEST, _LARGEST, diverged=True)),
    "step": Bounds(1, _LONGEST),
    "length": Bounds(2, _LONGEST),
}
"""Column of a record, or of what is nested in it -> where its numbers can lie."""

_ALWAYS = ("parameters", "seeds", "train_seconds", "compile_seconds")
"""Figures that a failed trial has, too."""

_MEANS = {"solve_rate": "solved"} | {
    name: name
    for name in measured_at("replicate")
    if name in measured_at("trial") and (OUTCOMES[name].is_share or OUTCOMES[name].diverged is not None)
}
"""Figure of a trial -> the column of its replicates that it is the mean of."""


class ContradictionError(ValueError):
    """The confirmation of a `trial` is not of that trial."""

    def __init__(self, trial: int, sentence: str) -> None:
        super().__init__(sentence)
        self.trial = trial


Columns = Mapping[str, NDArray[Any]]


class Validation:
    """What the records of one experiment can hold: worked out once, and asked of each of them."""

    def __init__(self, experiment: Experiment) -> None:
        self.schema = record_schema(experiment)
        self._experiment = experiment
        self._seeds = frozenset(experiment.study.replicate_seeds)
        self._settings = experiment.condition_settings

    def read(self, path: Path, without: Set[str] = frozenset()) -> pa.Table:
        """A record as a table of one row, `without` some of its columns: these are not read, and go unseen.

        ValueError, OSError or an Arrow error says what is wrong with it.
        """
        if not path.is_file():
            raise ValueError("it is no regular file")
        expected = pa.schema([field for field in self.schema if field.name not in without])
        # A file by itself, not a data set of one, and without Arrow's threads: a third of the time for 50 kB.
        with pq.ParquetFile(path, memory_map=False, page_checksum_verification=True) as file:
            found = pa.schema([field for field in file.schema_arrow if field.name not in without])
            version = version_of(file.schema_arrow)
            if file.metadata.num_rows != 1:
                raise ValueError("it is no trial's record")
            if not found.equals(as_of(expected, version, found)):
                raise ValueError("its columns are not those of this experiment")
            self._refuse_size(file.metadata, found.names, path.stem.endswith(Phase.SEARCH))
            table = file.read(found.names, use_threads=False)
        table = upgraded(table, expected)  # without what other programs note beside the columns
        table.validate(full=True)
        return self._checked(table, path.stem, version)

    def _refuse_size(self, metadata: pq.FileMetaData, names: list[str], searched: bool) -> None:
        """ValueError where columns would take far more memory than what this experiment can have put there."""
        group = metadata.row_group(0)
        columns = [group.column(index) for index in range(metadata.num_columns)]
        columns = [column for column in columns if column.path_in_schema.partition(".")[0] in names]
        size = sum(max(column.total_uncompressed_size, 8 * column.num_values) for column in columns)
        if size > memory_mb("cpu") * 1e6 / 2:
            raise ValueError(f"it would take {size / 2**30:,.1f} GB of memory, more than half of what there is")
        if size < _FEW_BYTES:
            return
        most = self._most_rows(len(self._seeds) if searched else _MOST_REPLICATES)
        for column in columns:
            name = column.path_in_schema.partition(".")[0]
            if column.num_values > most.get(name, math.inf if name == "weights" else 1):
                raise ValueError(f"{name}: has {column.num_values:,} values; this experiment cannot have so many")
            if name not in NESTED and name != "weights" and column.total_uncompressed_size > _TEXT_BYTES:
                raise ValueError(f"{name}: is longer than {_TEXT_BYTES:,} bytes")

    def _most_rows(self, replicates: int) -> dict[str, int]:
        epochs = self._experiment.search.get("epochs")
        longest = max(self._experiment.base.training.epochs, *(epochs.extremes if epochs else (1,)))
        rows = {"replicates": 1, "curves": longest, "steps": _LONGEST, "lengths": 1000}
        return {name: replicates * rows[name] for name in NESTED}

    def _checked(self, table: pa.Table, stem: str, version: int) -> pa.Table:
        """The record with its texts harmless; ValueError for one that no run of the experiment leaves."""
        plain = [name for name in table.column_names if name not in (*NESTED, "weights")]
        row = table.select(plain).to_pylist()[0]
        _refuse_another_name(row["trial"], row["phase"], stem)
        if "state" in row:
            self._refuse_row(row, version)
        nested = {
            column: _arrays(table.column(column), column, version) for column in NESTED if column in table.column_names
        }
        replicates = nested.get("replicates")
        if replicates is not None:
            self._refuse_replicates(row, replicates)
            if "curves" in nested:
                _refuse_curves(replicates, nested["curves"])
        for column, other in (("curves", "epoch"), ("steps", "step"), ("lengths", "length")):
            if column in nested:
                _refuse_twice(column, nested[column], other, replicates)
        if "weights" in table.column_names:
            _refuse_weights(table, row["weights_seed"])
        return _with_harmless_texts(table, row)

    def _refuse_row(self, row: Mapping[str, Any], version: int) -> None:
        """The trial's own columns."""
        if row["state"] not in _STATES:
            raise ValueError(f"state: is {quoted(row['state'])}; must be one of {quoted(_STATES)}")
        if row["trial"] < 0 or not isinstance(row["experiment"], str):
            raise ValueError("it names no experiment, or no trial")
        setting = self._settings[TrialNumber.of(row["trial"], len(self._settings)).condition]
        for name, value in setting.items():
            wanted = as_column(value, self.schema.field(name).type)
            if not isinstance(value, list | tuple) and row[name] != wanted:
                raise ValueError(f"{name}: is {quoted(row[name])}; trial {row['trial']} has {quoted(value)}")
        parameters_of(self._experiment, self.schema, row)
        for name in (name for name in TRIALS if name in BOUNDS and since(name) <= version):
            if row[name] is not None or name in _ALWAYS or row["state"] != "failed":
                _refuse_outside(name, np.array([row[name]], float), BOUNDS[name])

    def _seeds_after(self, number: int) -> frozenset[int]:
        return frozenset(self._experiment.study.seeds_after(number)) if number else frozenset()

    def refuse_contradictions(self, trials: pa.Table) -> None:
        """ValueError where a confirmation is of another configuration than the trial of the search that it names."""
        names = ["trial", "phase", *self._experiment.conditions, *self._experiment.search]
        rows = trials.select(names).to_pylist()
        searched = {row["trial"]: row for row in rows if row["phase"] == Phase.SEARCH}
        for row in rows:
            first = searched.get(row["trial"], row)
            if wrong := [name for name in names[2:] if row[name] != first[name]]:
                name = wrong[0]
                raise ContradictionError(
                    row["trial"], f"{name}: is {quoted(row[name])}; trial {row['trial']} has {quoted(first[name])}"
                )

    def _refuse_replicates(self, row: Mapping[str, Any], replicates: Columns) -> None:
        seeds = replicates["seed"]
        if len(set(seeds.tolist())) < len(seeds):
            raise ValueError("replicates.seed: holds a seed twice")
        wanted = self._seeds if row["phase"] == Phase.SEARCH else self._seeds_after(len(seeds))
        if len(seeds) and set(seeds.tolist()) != wanted:
            raise ValueError("replicates.seed: the seeds are not those of the experiment")
        solved, diverged = replicates["solved"], replicates["diverged"]
        if not (np.isfinite(replicates["loss"]) | diverged).all():
            raise ValueError("replicates.loss: is not finite where none is said to have diverged")
        for end in ("solve", "keep"):
            if f"epochs_to_{end}" not in replicates:
                continue  # of an older version
            times = np.stack([np.isfinite(replicates[f"{u}_to_{end}"]) for u in ("epochs", "sequences", "updates")])
            alone = times[0] & ~solved if end == "keep" else np.zeros(len(solved), bool)
            if (solved & (diverged | ~times[0]) | alone).any() or (times != times[0]).any():
                raise ValueError("replicates.solved: does not agree with when the task was solved")
        if "state" not in row:
            return
        if row["state"] != "failed" and not len(seeds):
            raise ValueError("replicates: are missing")
        if len(seeds) and row["seeds"] != len(seeds):
            raise ValueError(f"seeds: is {row['seeds']}; there are {len(seeds)} replicates")
        for name, own in _MEANS.items():
            if own not in replicates or not len(seeds):  # none, or of an older version
                continue
            counts_as = OUTCOMES[name].diverged
            values = replicates[own] if counts_as is None else np.where(diverged, counts_as, replicates[own])
            mean, figure = values.mean(), math.nan if row[name] is None else row[name]
            if not np.isclose(figure, mean, rtol=1e-9, atol=1e-9, equal_nan=True):
                raise ValueError(f"{name}: is {figure}; that of its replicates is {mean}")


def _refuse_another_name(trial: Any, phase: Any, stem: str) -> None:
    if phase not in set(Phase) or not isinstance(trial, int) or stem != record_name(trial, phase):
        raise ValueError(f"it holds trial {trial} of the phase {quoted(phase)}, and its name says another")


def _arrays(column: pa.ChunkedArray, name: str, version: int) -> Columns:
    """Field -> its values, of a nested column; ValueError where any is missing."""
    rows = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()  # a chunk is no copy
    if rows.null_count or rows.flatten().null_count:
        raise ValueError(f"{name}: are missing")
    arrays = {}
    for field, values in zip(NESTED[name], rows.flatten().flatten(), strict=True):
        if since(field) > version:
            continue
        if values.null_count:
            raise ValueError(f"{name}.{field}: has {values.null_count} values missing")
        arrays[field] = values.to_numpy(zero_copy_only=False)
        if field in BOUNDS:
            _refuse_outside(f"{name}.{field}", arrays[field], BOUNDS[field])
    return arrays


def _refuse_outside(name: str, values: NDArray[Any], bounds: Bounds) -> None:
    inside = (values >= bounds.low) & (values <= bounds.high)
    if bounds.missing:
        inside |= np.isnan(values)
    if bounds.diverged:
        inside |= ~np.isfinite(values)
    if not inside.all():
        arrived = values[~inside][0]
        raise ValueError(f"{name}: is {arrived}; must lie between {bounds.low:,} and {bounds.high:,}")


def _refuse_curves(replicates: Columns, curves: Columns) -> None:
    """Each replicate has its curve, and has diverged where that is no longer finite, and nowhere else."""
    if set(np.unique(curves["seed"]).tolist()) != set(replicates["seed"].tolist()):
        raise ValueError("curves: are missing, or are those of other seeds")
    ended = set(curves["seed"][~np.isfinite(curves["loss"])].tolist())
    if ended != set(replicates["seed"][replicates["diverged"]].tolist()):
        raise ValueError("curves.loss: is not finite in other replicates than those that diverged")


def _refuse_twice(name: str, rows: Columns, other: str, replicates: Columns | None) -> None:
    """Each seed has one row for each epoch (step, length); and a replicate."""
    if not len(rows["seed"]):
        return
    keys = rows["seed"].astype(np.int64) * 2**24 + np.clip(rows[other], 0, 2**24 - 1)
    if not (np.diff(keys) > 0).all() and len(np.unique(keys)) < len(keys):
        raise ValueError(f"{name}: has two rows for one seed and {other}")
    if replicates is not None and not np.isin(rows["seed"], replicates["seed"]).all():
        raise ValueError(f"{name}.seed: has a seed that is no replicate's")


def _refuse_weights(table: pa.Table, seed: int | None) -> None:
    """The weights fill the shapes that they are said to have."""
    weights = table.column("weights").combine_chunks().flatten()
    if seed is not None:
        _refuse_outside("weights_seed", np.array([seed]), BOUNDS["seed"])
    if not len(weights):
        return
    if seed is None:
        raise ValueError("weights_seed: is missing")
    shapes, values = weights.flatten()
    if weights.null_count or shapes.null_count or values.null_count or values.flatten().null_count:
        raise ValueError("weights: has values missing")
    for shape, number in zip(shapes.to_pylist(), values.value_lengths().to_pylist(), strict=True):
        fits = None not in shape and len(shape) <= _MOST_DIMENSIONS and all(0 < side < 2**40 for side in shape)
        if not fits or math.prod(shape) != number:
            raise ValueError(f"weights: has {number:,} values for a weight of the shape {quoted(shape)}")


def _with_harmless_texts(table: pa.Table, row: Mapping[str, Any]) -> pa.Table:
    for name in ("experiment", "error"):
        if isinstance(row.get(name), str) and (text := harmless(row[name], lines=name == "error")) != row[name]:
            place = table.column_names.index(name)
            table = table.set_column(place, table.schema.field(name), pa.array([text], pa.string()))
    return table
