"""Records from somebody else: what no run of the experiment can have left is refused in one line, where it is read."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SMALL, outcome_of
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import SweepError
from sweep.experiment.file import parse
from sweep.results.manifest import make_manifest
from sweep.results.record import TrialKey, record_schema
from sweep.results.store import Store

Row = dict[str, Any]

INF, NAN = float("inf"), float("nan")


def record_of(store: Store, trial: int = 0) -> Path:
    return store.path / "trials" / f"{trial:06d}-search.parquet"


def rewrite(path: Path, change: Callable[[Row], Any], schema: pa.Schema | None = None) -> None:
    table = pq.read_table(path)
    row = table.to_pylist()[0]
    change(row)
    pq.write_table(pa.Table.from_pylist([row], schema or table.schema), path)


def refused(store: Store, read: Callable[[], Any] | None = None) -> str:
    """What reading says, after the path of the record: in one line, and soon."""
    started = time.monotonic()
    with pytest.raises(SweepError) as error:
        (read or store.load)()
    assert time.monotonic() - started < 5
    assert error.value.exit_code == 2
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 1000
    return str(error.value)


def put(name: str, value: Any) -> Callable[[Row], Any]:
    return lambda row: row.__setitem__(name, value)


def put_in(column: str, name: str, value: Any, place: int = 0) -> Callable[[Row], Any]:
    return lambda row: row[column][place].__setitem__(name, value)


def doubled(column: str) -> Callable[[Row], Any]:
    return lambda row: row[column].append(row[column][0])


def test_a_record_whose_name_commands_a_terminal_is_named_in_one_line(small: Store) -> None:
    path = record_of(small)
    path.rename(path.with_name("000000-\x1b[31mx\n-search.parquet"))
    assert "/000000-\\x1b[31mx\\n-search.parquet: is damaged" in refused(small)


def test_weights_of_shapes_that_nothing_has_are_refused(small: Store) -> None:
    for shape in ([0, 2**62], [2**40, 0, 2**40], [1] * 101):
        rewrite(record_of(small), put("weights", [{"shape": shape, "values": [1.0] * (len(shape) == 101)}]))
        assert "is damaged (weights: has " in refused(small, lambda: small.weights(0))


# The trial's own columns


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("units", 5000), "units: is 5000; must lie between 1 and 64"),
        (put("units", -1), "units: is -1; must lie between 1 and 64"),
        (put("units", 2**63 - 1), "units: is 9223372036854775807; must lie between 1 and 64"),
        (put("units", None), "units: is missing"),
        (put("learning_rate", NAN), "learning_rate: is nan; must lie between 0.0001 and 0.1"),
        (put("learning_rate", INF), "learning_rate: is inf; must lie between 0.0001 and 0.1"),
        (put("timesteps", "[1]"), 'timesteps: is "[1]"; must be one of [1, "full"]'),
        (put("shuffle", None), "shuffle: is missing"),
        (put("sequence_length", 7), "sequence_length: is 7; trial 0 has 5"),
        (put("sequence_length", None), "sequence_length: is None; trial 0 has 5"),
        (put("trial", 1), 'it holds trial 1 of the phase "search", and its name says another'),
        (put("trial", None), 'it holds trial None of the phase "search", and its name says another'),
        (put("phase", "confirm"), 'it holds trial 0 of the phase "confirm", and its name says another'),
        (put("phase", "\x1b[31m"), 'it holds trial 0 of the phase "\\x1b[31m", and its name says another'),
        (put("state", "done"), 'state: is "done"; must be one of ["complete", "pruned", "failed"]'),
        (put("state", None), "state: is None"),
        (put("experiment", None), "it names no experiment"),
        (put("seeds", 4), "seeds: is 4; there are 3 replicates"),
        (put("seeds", -1), "seeds: is -1.0; must lie between 1 and 100,000"),
        (put("seeds", None), "seeds: is nan; must lie between"),
        (put("parameters", -1), "parameters: is -1.0"),
        (put("solve_rate", 0.5), "solve_rate: is 0.5; that of its replicates is 0.66"),
        (put("solve_rate", None), "solve_rate: is nan; must lie between 0 and 1"),
        (put("solve_rate_low", 3.0), "solve_rate_low: is 3.0; must lie between 0 and 1"),
        (put("recall_accuracy", 0.0), "recall_accuracy: is 0.0; that of its replicates is"),
        (put("epochs_to_solve", INF), "epochs_to_solve: is inf"),
        (put("ert_sequences", -5.0), "ert_sequences: is -5.0"),
        (put("train_seconds", INF), "train_seconds: is inf"),
        (put("train_seconds", None), "train_seconds: is nan"),
    ],
)
def test_a_column_of_a_trial_that_cannot_be_is_named(change: Callable[[Row], Any], said: str, small: Store) -> None:
    rewrite(record_of(small), change)
    assert f"is damaged ({said}" in refused(small)


# What is nested in it


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put("replicates", []), "replicates: are missing"),
        (put("replicates", None), "replicates: are missing"),
        (put("replicates", [None]), "replicates: are missing"),
        (doubled("replicates"), "replicates.seed: holds a seed twice"),
        (put_in("replicates", "seed", 77), "replicates.seed: the seeds are not those of the experiment"),
        (put_in("replicates", "seed", -1), "replicates.seed: is -1; must lie between"),
        (put_in("replicates", "seed", None), "replicates.seed: has 1 values missing"),
        (put_in("replicates", "solved", None), "replicates.solved: has 1 values missing"),
        (put_in("replicates", "loss", NAN), "replicates.loss: is not finite where none is said to have diverged"),
        (put_in("replicates", "loss", INF), "replicates.loss: is not finite where none is said to have diverged"),
        (put_in("replicates", "diverged", True), "replicates.solved: does not agree"),
        (put_in("replicates", "diverged", True, 1), "loss: is 0.2"),
        (put_in("replicates", "loss", 1e39), "replicates.loss: is 1e+39; must lie between -3.5e+38 and 3.5e+38"),
        (put_in("curves", "loss", 1.7e308), "curves.loss: is 1.7e+308; must lie between -3.5e+38 and 3.5e+38"),
        (put("loss", 1.7e308), "loss: is 1.7e+308; must lie"),
        (put("loss", INF), "loss: is inf; that of its replicates is 0.2"),
        (put("loss", None), "loss: is nan; that of its replicates is 0.2"),
        (put_in("replicates", "accuracy", NAN), "replicates.accuracy: is nan"),
        (put_in("replicates", "recall_accuracy", -0.1), "replicates.recall_accuracy: is -0.1"),
        (put_in("replicates", "epochs_to_solve", -INF), "replicates.epochs_to_solve: is -inf"),
        (put_in("replicates", "sequences_to_solve", NAN), "replicates.solved: does not agree"),
        (put("curves", []), "curves: are missing"),
        (put("curves", None), "curves: are missing"),
        (lambda row: row["curves"].__delitem__(slice(0, 4)), "curves: are missing"),
        (doubled("curves"), "curves: has two rows for one seed and epoch"),
        (put_in("curves", "epoch", 2_000_000_000), "curves.epoch: is 2000000000; must lie between 1 and 10,000,000"),
        (put_in("curves", "epoch", 0), "curves.epoch: is 0"),
        (put_in("curves", "seed", 9), "curves: are missing, or are those of other seeds"),
        (put_in("curves", "loss", NAN), "curves.loss: is not finite in other replicates than those that diverged"),
        (put_in("curves", "accuracy", 2.0), "curves.accuracy: is 2.0"),
        (put_in("curves", "sequences", -1), "curves.sequences: is -1"),
        (put("steps", None), "steps: are missing"),
        (doubled("steps"), "steps: has two rows for one seed and step"),
        (put_in("steps", "step", 2_000_000_000), "steps.step: is 2000000000; must lie between 1 and 1,048,576"),
        (put_in("steps", "step", 0), "steps.step: is 0"),
        (put_in("steps", "seed", 5), "steps.seed: has a seed that is no replicate's"),
        (put_in("steps", "accuracy", INF), "steps.accuracy: is inf"),
        (
            put("lengths", [{"seed": 0, "length": 2**31, "recall_accuracy": 1.0, "sequence_accuracy": 1.0}]),
            "lengths.length: is 2147483648",
        ),
        (
            put("lengths", [{"seed": 9, "length": 20, "recall_accuracy": 1.0, "sequence_accuracy": 1.0}]),
            "lengths.seed: has a seed that is no replicate's",
        ),
    ],
)
def test_a_nested_column_that_cannot_be_is_named(change: Callable[[Row], Any], said: str, small: Store) -> None:
    rewrite(record_of(small), change)
    assert f"is damaged ({said}" in refused(small)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (put_in("weights", "shape", [3, 3]), "weights: has 6 values for a weight of the shape [3, 3]"),
        (put_in("weights", "shape", [2_000_000_000]), "weights: has 6 values for a weight of the shape [2000000000]"),
        (put_in("weights", "shape", [-2, -3]), "weights: has 6 values for a weight of the shape [-2, -3]"),
        (put_in("weights", "shape", None), "weights: has values missing"),
        (put_in("weights", "shape", [None]), "weights: has 6 values for a weight of the shape"),
        (put_in("weights", "values", None), "weights: has values missing"),
        (put_in("weights", "values", [None] * 6), "weights: has values missing"),
        (put("weights", [None]), "weights: has values missing"),
        (put("weights_seed", None), "weights_seed: is missing"),
        (put("weights_seed", -1), "weights_seed: is -1"),
    ],
)
def test_weights_that_do_not_fill_their_shapes_are_refused(
    change: Callable[[Row], Any], said: str, small: Store
) -> None:
    rewrite(record_of(small), change)
    assert f"is damaged ({said}" in refused(small, lambda: small.weights(0))


def test_a_parameter_that_is_not_searched_beside_the_others_is_refused(tmp_path: Path) -> None:
    search = {
        "cell": {"choices": ["lstm", "gru"]},
        "gate_bias": {"choices": ["zeros", "chrono"], "when": {"cell": "lstm"}},
    }
    text = (
        'question = "q"\ntask.name = "increasing"\nstudy.seeds = 1\n[search]\ncell = { choices = ["lstm", "gru"] }\n'
        'gate_bias = { choices = ["zeros", "chrono"], when = { cell = "lstm" } }\n'
    )
    store = Store(tmp_path / "x")
    store.create(text, make_manifest(name="x", command=[], overrides={}))
    experiment = parse({"question": "q", "task": {"name": "increasing"}, "study": {"seeds": 1}, "search": search}, "x")
    key = TrialKey(trial=0, phase="search", condition={}, parameters={"cell": "gru"})
    store.append(experiment, key, outcome_of([[1.0]]))
    assert store.load().trials["gate_bias"].isna().all()
    rewrite(record_of(store), put("gate_bias", "chrono"))
    assert "(gate_bias: is not searched beside the others)" in refused(store)


# The file itself


def test_what_other_programs_note_beside_the_columns_is_left_aside(small: Store) -> None:
    expected = small.load().trials
    table = pq.read_table(record_of(small))
    noted = table.schema.metadata | {b"pandas": b'{"index_columns": ["trial"], "columns": [], "column_indexes": []}'}
    pq.write_table(table.replace_schema_metadata(noted), record_of(small))
    assert small.load().trials.equals(expected)
    assert [record.key.trial for record in small.recorded(small.experiment())] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    "type_",
    [pa.timestamp("us", "Mars/Olympus"), pa.dictionary(pa.int8(), pa.string()), pa.large_string(), pa.float32()],
)
def test_a_column_of_another_type_is_refused(type_: pa.DataType, small: Store) -> None:
    table = pq.read_table(record_of(small))
    other = table.set_column(table.column_names.index("error"), "error", pa.nulls(1, type_))
    pq.write_table(other, record_of(small))
    assert "is damaged (its columns are not those of this experiment)" in refused(small)


@pytest.mark.parametrize("rows", [0, 2])
def test_a_file_of_no_or_several_rows_is_no_record(rows: int, small: Store) -> None:
    table = pq.read_table(record_of(small))
    pq.write_table(pa.concat_tables([table] * rows) if rows else table.slice(0, 0), record_of(small))
    assert "is damaged (it is no trial's record)" in refused(small)


@pytest.mark.slow
def test_a_record_that_would_fill_the_memory_is_refused_before_it_is_read(small: Store) -> None:
    schema = record_schema(small.experiment())
    row = pq.read_table(record_of(small))
    many = 20_000_000
    ints, floats = pa.array(np.zeros(many, np.int64)), pa.array(np.zeros(many))
    fields = schema.field("curves").type.value_type
    curves = pa.StructArray.from_arrays(
        [ints if pa.types.is_integer(field.type) else floats for field in fields], fields=list(fields)
    )
    column = pa.ListArray.from_arrays(pa.array([0, many], pa.int32()), curves)
    pq.write_table(row.set_column(schema.get_field_index("curves"), "curves", column), record_of(small))
    assert record_of(small).stat().st_size < 10_000_000
    assert "curves: has 20,000,000 values; this experiment cannot have so many" in refused(small)


def test_an_error_of_a_hundred_megabytes_is_refused(small: Store) -> None:
    rewrite(record_of(small, 4), put("error", "x" * 100_000_000))
    assert "error: is longer than 1,048,576 bytes" in refused(small)


def test_a_pipe_in_the_place_of_a_record_is_not_waited_for(small: Store) -> None:
    record_of(small).unlink()
    os.mkfifo(record_of(small))
    assert "is damaged (it is no regular file)" in refused(small)


@pytest.mark.parametrize("name", ["000000-search (copy).parquet", "0-search.parquet", "00000000-search.parquet"])
def test_a_record_under_a_second_name_is_not_counted_twice(name: str, small: Store) -> None:
    (small.path / "trials" / name).write_bytes(record_of(small).read_bytes())
    assert "and its name says another" in refused(small)


def test_an_error_of_somebody_elses_record_commands_no_terminal(small: Store) -> None:
    rewrite(record_of(small, 4), put("error", "first\nsecond \x1b[31m\x07 \u202e"))
    rewrite(record_of(small, 3), put("experiment", "\x1b]0;title"))
    trials = small.load().trials
    assert trials["error"].iloc[4] == "first\nsecond \\x1b[31m\\x07 \\u202e"
    assert trials["experiment"].iloc[3] == "\\x1b]0;title"


# Whatever it is


_SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(max_size=20)


@pytest.mark.slow
@given(st.data())
def test_a_record_with_any_value_changed_is_read_or_refused_in_one_line(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = _one_trial(tmp_path_factory)
    table = pq.read_table(record_of(store))
    row = table.to_pylist()[0]
    place: Any = row
    key: Any = data.draw(st.sampled_from(sorted(row)))
    while isinstance(place[key], list | dict) and place[key] and data.draw(st.booleans()):
        place = place[key]
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    place[key] = data.draw(_SCALARS | st.just([]))
    try:
        changed = pa.Table.from_pylist([row], table.schema)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return  # nothing that a file of these columns could hold
    pq.write_table(changed, record_of(store))
    for read in (store.load, lambda: store.weights(0), lambda: list(store.recorded(store.experiment()))):
        try:
            read()
        except SweepError as error:
            assert "\n" not in str(error)  # noqa: PT017 # nothing at all may be raised, too


def _one_trial(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("any") / "small")
    store.create(SMALL, make_manifest(name="small", command=[], overrides={}))
    parameters = {"units": 4, "learning_rate": 0.001, "timesteps": 1, "shuffle": True}
    key = TrialKey(trial=0, phase="search", condition={"sequence_length": 5}, parameters=parameters)
    store.append(store.experiment(), key, outcome_of([[0, 0.5, 1], [0, 0.5, 0.5], [1, 1, 1]]))
    return store
