"""The results of an experiment on disk: appended, never edited, and read back as data frames.

A trial is one Parquet file of one row. One file, one rename: a record is there whole or not at all.
"""

import json
import os
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
from sweep.files import refuse_links, write_whole
from sweep.foreign import harmless, read_bytes
from sweep.results.columns import NESTED
from sweep.results.derived import with_derived
from sweep.results.manifest import UnknownVersionError, begun_with, checked_manifest
from sweep.results.outcome import Outcome
from sweep.results.record import Record, TrialKey, from_record, record_name, to_record, unnested
from sweep.results.results import Results
from sweep.results.upgrades import NewerVersionError
from sweep.results.validation import ContradictionError, Validation

if TYPE_CHECKING:
    import pandas as pd  # loaded by those who ask for data frames: it takes half a second

_WRITTEN_THROUGH = (
    *("", ".lock", "trials", "report", "report/figures", "report/tables"),
    *("study.db", "study.db-journal", "study.db-wal", "study.db-shm"),
)
"""Folders, and files that are opened where they are; all others are written anew, and a link in their place goes."""


_PUBLISHED = "records.parquet"  # all records as one table, in the place of a folder of them


class Store:
    """The folder of one experiment's results."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self._trials = path / "trials"

    def refuse_links(self) -> None:
        """SweepError if the folder, or what is written through in it, is a link: nothing is to end up elsewhere."""
        refuse_links(self.path, _WRITTEN_THROUGH)

    @property
    def exists(self) -> bool:
        """Whether an experiment was ever started here."""
        return (self.path / "manifest.json").is_file()

    @property
    def begun(self) -> bool:
        """Whether there is anything of results here, be it damaged or published."""
        return any(os.path.lexists(self.path / part) for part in ("manifest.json", _PUBLISHED))

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
        """What was noted when the experiment was run; SweepError where the folder is a published one."""
        path = self.path / "manifest.json"
        if not self._trials.exists() and (self.path / _PUBLISHED).exists():
            raise SweepError(
                f"{self.path}: is a published folder, to be read: {self.path / 'report.md'} is its report, and "
                f"pandas.read_parquet reads {_PUBLISHED}, a row a trial"
            )
        if self._trials.exists() and not self._trials.is_dir():
            raise SweepError(f"{self._trials}: is no folder; restore it with its records, or remove the results folder")
        try:
            return checked_manifest(read_bytes(path))
        except FileNotFoundError:
            raise SweepError(f"{self.path}: holds no results") from None
        except UnknownVersionError as error:
            raise SweepError(f"{path}: {error}") from None
        except (ValueError, OSError) as error:
            reason = harmless(str(error))[:300]
            raise SweepError(f"{path}: is damaged ({reason}); restore it, or remove the results folder") from None

    def experiment(self) -> Experiment:
        """The experiment as it was run: the stored file, with what the command line replaced."""
        path, manifest = self.path / "experiment.toml", self.manifest()
        try:
            if path.exists():
                read_bytes(path)  # refuses what is no file, or too long to be one of ours
        except (ValueError, OSError) as error:
            raise SweepError(f"{path}: is damaged ({error}); restore it, or remove the results folder") from None
        return load_stored(path, manifest["overrides"]).as_begun_with(begun_with(manifest))

    def as_begun(self, experiment: Experiment) -> Experiment:
        """A file's experiment as the results here have it, if there are any: with the defaults of their first run."""
        return experiment.as_begun_with(begun_with(self.manifest())) if self.exists else experiment

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
        path = self._trials / f"{record_name(key.trial, key.phase)}.parquet"
        write_whole(path, sink.getvalue().to_pybytes(), flush_name=False)

    def files(self, phase: Phase | None = None) -> list[Path]:
        """The records (of one phase), in the order of their trials."""
        found = self._trials.glob(f"[0-9]*-{phase or '*'}.parquet")
        return sorted(path for path in found if path.name.partition("-")[0].isdecimal())

    def records(self, experiment: Experiment) -> list[pa.Table]:
        """All records, each a table of one row; SweepError names one that is damaged, or of another experiment."""
        valid = Validation(experiment)
        return [_read(path, valid) for path in self.files()]

    def recorded(self, experiment: Experiment) -> Iterator[Record]:
        """The trials of the search so far, for a run that goes on."""
        valid = Validation(experiment)
        return (from_record(experiment, _read(path, valid)) for path in self.files(Phase.SEARCH))

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
        wanted, valid = curves_of(results), Validation(experiment)
        without = frozenset(valid.schema.names) - {"experiment", "trial", "phase", "replicates", "curves"}
        records = [_read(path, valid, without) for path in self.files() if _trial_of(path) in wanted]
        return replace(results, curves=unnested(records, "curves", NESTED["curves"]).to_pandas())

    def key(self, experiment: Experiment, trial: int) -> TrialKey:
        """Condition and parameters of a trial of the search."""
        return from_record(experiment, _read(self._file(trial), Validation(experiment))).key

    def configuration(self, experiment: Experiment, trial: int) -> Configuration:
        """What a trial of the search trained."""
        key = self.key(experiment, trial)
        return experiment.base.with_recalled(**key.condition, **key.parameters)

    def weights(self, trial: int) -> tuple[int, list[NDArray[np.float32]]]:
        """The seed and the weights of the replicate that a trial of the search kept; SweepError if there is none."""
        record = _read(self._file(trial), Validation(self.experiment()), frozenset({"curves", "steps", "lengths"}))
        seed = record.column("weights_seed")[0].as_py()
        if seed is None:
            raise SweepError(f"{self.name}: trial {trial} failed and kept no weights; choose another")
        shapes, values = record.column("weights").combine_chunks().flatten().flatten()
        return seed, [
            weight.values.to_numpy().reshape(shape) for shape, weight in zip(shapes.to_pylist(), values, strict=True)
        ]

    def _tables(self, experiment: Experiment, without: Set[str] = frozenset()) -> dict[str, pa.Table]:
        """The tables; those `without` are left empty, and not read."""
        valid = Validation(experiment)
        records = [_read(path, valid, without | {"weights", "weights_seed"}) for path in self.files()]
        plain = [record.drop_columns([name for name in NESTED if name not in without]) for record in records]
        empty = valid.schema.empty_table().drop_columns([*NESTED, "weights", "weights_seed"])
        tables = {"trials": pa.concat_tables(plain or [empty])}
        try:
            valid.refuse_contradictions(tables["trials"])
        except ContradictionError as error:
            path = self._trials / f"{record_name(error.trial, Phase.CONFIRM)}.parquet"
            raise _damaged(path, str(error)) from None
        tables |= {
            name: unnested([] if name in without else records, name, columns) for name, columns in NESTED.items()
        }
        tables["replicates"] = with_derived(tables["replicates"], experiment.study.margin)
        return tables

    def _file(self, trial: int) -> Path:
        path = self._trials / f"{record_name(trial, Phase.SEARCH)}.parquet"
        if not path.is_file():
            known = [_trial_of(file) for file in self.files(Phase.SEARCH)]
            have = f"trials {min(known)} to {max(known)} are there" if known else "none is there yet"
            raise SweepError(f"{self.name}: has no trial {trial}; {have}")
        return path


def _frame(table: pa.Table, experiment: Experiment) -> "pd.DataFrame":
    """The table for pandas; a whole number that is not searched in every trial stays one where it is."""
    frame: pd.DataFrame = table.to_pandas()
    for name in experiment.search:
        if name in frame and pa.types.is_integer(table.schema.field(name).type) and table.column(name).null_count:
            frame[name] = table.column(name).to_pandas(integer_object_nulls=True).astype("Int64")
    if "solved_with_margin" in frame:
        frame["solved_with_margin"] = frame["solved_with_margin"].astype("boolean")
    return frame


def _trial_of(path: Path) -> int:
    return int(path.name.partition("-")[0])


def _read(path: Path, valid: Validation, without: Set[str] = frozenset()) -> pa.Table:
    """A record, `without` some of its columns: these are not read, so that damage to them goes unseen."""
    try:
        return valid.read(path, without)
    except NewerVersionError as error:
        raise SweepError(f"{harmless(str(path))}: {error}") from None
    except (OSError, ValueError, MemoryError, pa.ArrowException) as error:
        raise _damaged(path, (str(error).splitlines() or [type(error).__name__])[0]) from None


def _damaged(path: Path, reason: str) -> SweepError:
    return SweepError(
        f"{harmless(str(path))}: is damaged ({harmless(reason)[:300]}); remove it and run the experiment again: the "
        "trial is then trained anew"
    )
