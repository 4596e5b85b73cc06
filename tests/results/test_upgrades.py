"""Records of older versions: what they lack is missing, and nothing else is forgiven."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sweep.errors import SweepError
from sweep.experiment.outcomes import OUTCOMES
from sweep.results.columns import NESTED
from sweep.results.manifest import SCHEMA_VERSION
from sweep.results.store import Store
from sweep.results.upgrades import since

LATER = ("max_error", "accuracy", "ert_sequences")  # of replicates; of tests, steps and trials too; of trials alone
TABLES = ("trials", "replicates", "curves", "steps", "lengths")


@pytest.fixture
def later_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if these outcomes had come with this version, and no record of the version before had them."""
    for name in LATER:
        monkeypatch.setitem(OUTCOMES, name, replace(OUTCOMES[name], since=SCHEMA_VERSION))


def rewrite(path: Path, *, version: int | None, without: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> None:
    """The record, with another version and what that has, `without` some outcomes, with columns that nobody knows."""
    table = pq.read_table(path)
    known = {*table.column_names, *(field for fields in NESTED.values() for field in fields)}
    without = (*without, *(name for name in known if since(name) > (version or SCHEMA_VERSION)))
    arrays = {}
    for name in [name for name in table.column_names if name not in without]:
        column = table.column(name).combine_chunks()
        if name in NESTED:
            kept = [field for field in NESTED[name] if field not in without]
            rows = column.flatten()
            struct = pa.StructArray.from_arrays([rows.field(field) for field in kept], names=kept)
            column = pa.ListArray.from_arrays(pa.array([0, len(struct)], pa.int32()), struct)
        arrays[name] = column
    arrays |= {name: pa.array([0.5]) for name in more}
    metadata = {} if version is None else {"sweep_schema_version": str(version)}
    pq.write_table(pa.table(arrays).replace_schema_metadata(metadata), path)


def refusal(read: Callable[[], object]) -> str:
    with pytest.raises(SweepError) as refused:
        read()
    assert "\n" not in str(refused.value)
    return str(refused.value)


@pytest.mark.usefixtures("later_outcomes")
def test_what_a_record_of_an_older_version_lacks_is_missing_and_the_rest_is_the_same(small: Store) -> None:
    before = small.load()
    for path in small.files()[:2]:
        rewrite(path, version=SCHEMA_VERSION - 1, without=LATER)
    after = small.load()
    for table in TABLES:
        then, now = getattr(before, table), getattr(after, table)
        derived = {"solved_with_margin"}
        old, came = now["trial"] < 2, [name for name in now if since(name) == SCHEMA_VERSION or name in derived]
        assert list(now.columns) == list(then.columns)
        assert now.loc[old, came].isna().all(axis=None)
        pd.testing.assert_frame_equal(now[~old], then[~old], check_dtype=False)
        pd.testing.assert_frame_equal(now.drop(columns=came), then.drop(columns=came))


def test_a_record_that_was_read_is_of_this_version(small: Store) -> None:
    rewrite(small.files()[0], version=1)
    versions = {record.schema.metadata[b"sweep_schema_version"] for record in small.records(small.experiment())}
    assert versions == {str(SCHEMA_VERSION).encode()}


@pytest.mark.usefixtures("later_outcomes")
def test_a_run_goes_on_with_records_of_an_older_version(small: Store) -> None:
    experiment, path = small.experiment(), small.files("search")[0]
    before = next(iter(small.recorded(experiment)))
    rewrite(path, version=SCHEMA_VERSION - 1, without=LATER)
    after = next(iter(small.recorded(experiment)))
    assert (after.key, after.state) == (before.key, before.state)
    assert np.isnan(after.curves["accuracy"]).all()
    np.testing.assert_array_equal(after.curves["loss"], before.curves["loss"])


@pytest.mark.usefixtures("later_outcomes")
@pytest.mark.parametrize(("version", "lacking"), [(SCHEMA_VERSION, "max_error"), (SCHEMA_VERSION - 1, "loss")])
def test_a_record_that_lacks_what_its_version_has_is_damaged(version: int, lacking: str, small: Store) -> None:
    path = small.files()[0]
    rewrite(path, version=version, without=(*(LATER if version < SCHEMA_VERSION else ()), lacking))
    assert refusal(small.load).startswith(f"{path}: is damaged (its columns are not those of this experiment)")


def test_the_ends_of_an_interval_may_come_later_than_what_they_belong_to(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = replace(OUTCOMES["solve_rate"], interval_since=SCHEMA_VERSION)
    monkeypatch.setitem(OUTCOMES, "solve_rate", measure)
    rewrite(small.files()[0], version=SCHEMA_VERSION - 1, without=("solve_rate_low", "solve_rate_high"))
    first = small.load().trials.iloc[0]
    assert first["solve_rate"] == pytest.approx(2 / 3)
    assert pd.isna(first["solve_rate_low"])


def test_a_record_of_a_newer_version_is_told_in_one_line_and_not_to_be_removed(small: Store) -> None:
    path = small.files()[0]
    rewrite(path, version=SCHEMA_VERSION + 1, more=("insight",))
    said = f"{path}: has schema version {SCHEMA_VERSION + 1}; this sweep reads up to version {SCHEMA_VERSION}"
    for read in (small.load, lambda: list(small.recorded(small.experiment())), lambda: small.weights(0)):
        assert refusal(read).startswith(said)


@pytest.mark.parametrize("version", [None, SCHEMA_VERSION])
def test_a_column_that_no_version_has_is_told_in_one_line(version: int | None, small: Store) -> None:
    path = small.files()[0]
    rewrite(path, version=version, more=("insight",))
    assert refusal(small.load).startswith(f"{path}: is damaged (")
