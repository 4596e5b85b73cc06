"""The results of an experiment on disk: appended, never edited, and read back as data frames.

A trial is one Parquet file of one row. One file, one rename: a record is there whole or not at all.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sweep.errors import SweepError
from sweep.experiment.configuration import Configuration
from sweep.experiment.experiment import Experiment
from sweep.experiment.stored import load_stored
from sweep.experiment.trials import Phase
from sweep.files import write_whole
from sweep.results.columns import NESTED
from sweep.results.manifest import SCHEMA_VERSION
from sweep.results.outcome import Outcome
from sweep.results.record import Record, TrialKey, from_record, record_schema, to_record, unnested
from sweep.results.results import Results
from sweep.results.upgrades import NewerVersionError, as_of, upgraded, version_of

if TYPE_CHECKING:
    import pandas as pd  # loaded by those who ask for data frames: it takes half a second


class Store:
    """The folder of one experiment's results."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self._trials = path / "trials"

    def refuse_links(self) -> None:
        """SweepError if the folder, or what a run writes in it, is a link: nothing is to end up elsewhere."""
        for part in ("", ".lock", "trials", "study.db", "report"):
            path = self.path / part
            if path.is_symlink():
                raise SweepError(f"{path}: is a link; results stay in their own folder. Move what it leads to here")

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
        if version not in range(1, SCHEMA_VERSION + 1):
            raise SweepError(f"{path}: has schema version {version}; this sweep reads up to version {SCHEMA_VERSION}")
        return dict(manifest)

    def experiment(self) -> Experiment:
        """The experiment as it was run: the stored file, with what the command line replaced."""
        return load_stored(self.path / "experiment.toml", self.manifest().get("overrides", {}))

    def append(self, experiment: Experiment, key: TrialKey, outcome: Outcome) -> None:
        """Write one trial's record; RunError if the disk refuses, and then nothing of it is left."""
        table = to_record(self.name, experiment, key, outcome)
        sink = pa.BufferOutputStream()
        # Statistics and dictionaries of one row would only make it larger, and take half of the time; zstd gains 6% of
        # its size and takes twice as long as LZ4, to write it and to read it.
        pq.write_table(
            table, sink, compression="lz4", write_page_checksum=True, write_statistics=False, use_dictionary=False
        )
        # The next record's flush writes this one's name, too: a power cut before it costs a trial, a kill does not.
        path = self._trials / f"{key.trial:06d}-{key.phase}.parquet"
        write_whole(path, sink.getvalue().to_pybytes(), flush_name=False)

    def files(self, phase: Phase | None = None) -> list[Path]:
        """The records (of one phase), in the order of their trials."""
        return sorted(self._trials.glob(f"[0-9]*-{phase or '*'}.parquet"))

    def records(self, experiment: Experiment) -> list[pa.Table]:
        """All records, each a table of one row; SweepError names one that is damaged, or of another experiment."""
        schema = record_schema(experiment)
        return [_read(path, schema) for path in self.files()]

    def recorded(self, experiment: Experiment) -> Iterator[Record]:
        """The trials of the search so far, for a run that goes on."""
        schema = record_schema(experiment)
        return (from_record(experiment, _read(path, schema)) for path in self.files(Phase.SEARCH))

    def tables(self) -> dict[str, pa.Table]:
        """The trials, replicates, curves, steps and lengths as Arrow tables."""
        return self._tables(self.experiment())

    def load(self, curves_of: Callable[[Results], Collection[int]] | None = None) -> Results:
        """Everything, as data frames; with `curves_of`, of the curves only those of the trials that it names.

        It is given the results without their curves, which are the largest part of them.
        """
        manifest, experiment = self.manifest(), self.experiment()
        without = frozenset({"curves"} if curves_of else ())
        frames = {name: _frame(table, experiment) for name, table in self._tables(experiment, without).items()}
        results = Results(name=self.name, path=self.path, experiment=experiment, manifest=manifest, **frames)
        if curves_of is None:
            return results
        wanted, schema = curves_of(results), record_schema(experiment)
        without = frozenset(schema.names) - {"experiment", "trial", "phase", "curves"}
        records = [_read(path, schema, without) for path in self.files() if int(path.name[:6]) in wanted]
        return replace(results, curves=unnested(records, "curves", NESTED["curves"]).to_pandas())

    def key(self, experiment: Experiment, trial: int) -> TrialKey:
        """Condition and parameters of a trial of the search."""
        return from_record(experiment, _read(self._file(trial), record_schema(experiment))).key

    def configuration(self, experiment: Experiment, trial: int) -> Configuration:
        """What a trial of the search trained."""
        key = self.key(experiment, trial)
        return experiment.base.with_recalled(**key.condition, **key.parameters)

    def weights(self, trial: int) -> tuple[int, list[NDArray[np.float32]]]:
        """The seed and the weights of the replicate that a trial of the search kept; SweepError if there is none."""
        row = _read(self._file(trial)).select(["weights", "weights_seed"]).to_pylist()[0]
        if row["weights_seed"] is None:
            raise SweepError(f"{self.name}: trial {trial} failed and kept no weights; choose another")
        weights = [np.array(w["values"], np.float32).reshape(w["shape"]) for w in row["weights"]]
        return row["weights_seed"], weights

    def _tables(self, experiment: Experiment, without: Set[str] = frozenset()) -> dict[str, pa.Table]:
        """The tables; those `without` are left empty, and not read."""
        schema = record_schema(experiment)
        records = [_read(path, schema, without | {"weights", "weights_seed"}) for path in self.files()]
        plain = [record.drop_columns([name for name in NESTED if name not in without]) for record in records]
        empty = schema.empty_table().drop_columns([*NESTED, "weights", "weights_seed"])
        tables = {"trials": pa.concat_tables(plain or [empty])}
        return tables | {
            name: unnested([] if name in without else records, name, columns) for name, columns in NESTED.items()
        }

    def _file(self, trial: int) -> Path:
        path = self._trials / f"{trial:06d}-{Phase.SEARCH}.parquet"
        if not path.is_file():
            known = [int(file.name[:6]) for file in self.files(Phase.SEARCH)]
            have = f"trials {min(known)} to {max(known)} are there" if known else "none is there yet"
            raise SweepError(f"{self.name}: has no trial {trial}; {have}")
        return path


def _frame(table: pa.Table, experiment: Experiment) -> "pd.DataFrame":
    """The table for pandas; a whole number that is not searched in every trial stays one where it is."""
    frame: pd.DataFrame = table.to_pandas()
    for name in experiment.search:
        if name in frame and pa.types.is_integer(table.schema.field(name).type) and table.column(name).null_count:
            frame[name] = table.column(name).to_pandas(integer_object_nulls=True).astype("Int64")
    return frame


def _read(path: Path, schema: pa.Schema | None = None, without: Set[str] = frozenset()) -> pa.Table:
    """A record, `without` some of its columns: these are not read, so that damage to them goes unseen."""
    try:
        # A file by itself, not a data set of one, and without Arrow's threads: a third of the time for 50 kB.
        with pq.ParquetFile(path, memory_map=False, page_checksum_verification=True) as file:
            found = file.schema_arrow
            table = file.read([name for name in found.names if name not in without], use_threads=False)
        version = version_of(found)
        if table.num_rows != 1 or not ({"trial", "phase", "curves"} - without) <= set(table.column_names):
            raise ValueError("it is no trial's record")
        if schema is not None:
            expected = pa.schema([field for field in schema if field.name not in without])
            if not table.schema.equals(as_of(expected, version, table.schema)):
                raise ValueError("its columns are not those of this experiment")
            table = upgraded(table, expected)
    except NewerVersionError as error:
        raise SweepError(f"{path}: {error}") from None
    except (OSError, ValueError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise SweepError(
            f"{path}: is damaged ({reason}); remove it and run the experiment again: the trial is then trained anew"
        ) from None
    return table
