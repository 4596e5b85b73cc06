"""The store: what is appended comes back the same, and a record is there whole or not at all."""

import errno
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from conftest import SMALL, failed_outcome, outcome_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

import sweep
from sweep.errors import RunError, SweepError
from sweep.experiment.experiment import Experiment
from sweep.experiment.file import parse
from sweep.files import write_whole
from sweep.results.manifest import make_manifest
from sweep.results.outcome import Outcome, Scores
from sweep.results.record import TrialKey
from sweep.results.results import Results
from sweep.results.store import Store

PLAIN = 'question = "q"\n[task]\nname = "increasing"\n[study]\nseeds = 3\n'
FLOATS = st.floats(-3.4e38, 3.4e38) | st.sampled_from([float("nan"), float("inf"), float("-inf")])


def create(path: Path, text: str = PLAIN) -> Store:
    store = Store(path)
    store.create(text, make_manifest(name=path.name, command=["sweep"], overrides={}))
    return store


def plain_key(trial: int = 0) -> TrialKey:
    return TrialKey(trial=trial, phase="search", condition={}, parameters={})


def append_plain(store: Store, outcome: Outcome, trial: int = 0) -> None:
    store.append(store.experiment(), plain_key(trial), outcome)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# The tables are those of the contract


def test_the_trials_table_has_the_columns_of_the_contract_in_order(small: Store) -> None:
    assert list(small.load().trials.columns) == [
        "experiment",
        "sequence_length",
        "trial",
        "state",
        "phase",
        "units",
        "learning_rate",
        "timesteps",
        "shuffle",
        "parameters",
        "seeds",
        "solve_rate",
        "solve_rate_low",
        "solve_rate_high",
        "recall_accuracy",
        "sequence_accuracy",
        "accuracy",
        "loss",
        "epochs_to_solve",
        "sequences_to_solve",
        "updates_to_solve",
        "ert_sequences",
        "updates",
        "train_seconds",
        "compile_seconds",
        "error",
        "margin",
        "recall_margin",
        "recall_bits",
        "test_loss",
        "epochs_to_keep",
        "sequences_to_keep",
        "updates_to_keep",
        "ert_sequences_low",
        "ert_sequences_high",
        "ert_sequences_to_keep",
        "ert_sequences_to_keep_low",
        "ert_sequences_to_keep_high",
        "memoryless_loss",
    ]


def test_the_replicates_table_has_the_columns_of_the_contract_in_order(small: Store) -> None:
    assert list(small.load().replicates.columns) == [
        "experiment",
        "trial",
        "phase",
        "seed",
        "solved",
        "diverged",
        "epochs_to_solve",
        "sequences_to_solve",
        "updates_to_solve",
        "loss",
        "accuracy",
        "recall_accuracy",
        "sequence_accuracy",
        "max_error",
        "margin",
        "recall_margin",
        "recall_bits",
        "test_loss",
        "epochs_to_keep",
        "sequences_to_keep",
        "updates_to_keep",
        "solved_with_margin",
    ]


def test_the_curves_table_has_the_columns_of_the_contract_in_order(small: Store) -> None:
    assert list(small.load().curves.columns) == [
        "experiment",
        "trial",
        "phase",
        "seed",
        "epoch",
        "sequences",
        "loss",
        "accuracy",
        "recall_accuracy",
        "sequence_accuracy",
        "margin",
        "recall_margin",
        "recall_bits",
        "test_loss",
    ]


def test_the_lengths_table_has_the_columns_of_the_contract_in_order(small: Store) -> None:
    columns = ["experiment", "trial", "phase", "seed", "length", "recall_accuracy", "sequence_accuracy"]
    assert list(small.load().lengths.columns) == columns


def test_each_replicate_has_a_row_for_each_other_length(tmp_path: Path) -> None:
    store = create(tmp_path / "x")
    recall, sequences = np.array([[1.0, 0.5], [0.9, 0.4], [0.8, 0.3]]), np.array([[0.7, 0.2], [0.6, 0.1], [0.5, 0.0]])
    outcome = outcome_of(
        [[1.0]] * 3, lengths=(20, 50), length_recall_accuracy=recall, length_sequence_accuracy=sequences
    )
    append_plain(store, outcome)
    lengths = store.load().lengths
    assert lengths["seed"].tolist() == [0, 0, 1, 1, 2, 2]
    assert lengths["length"].tolist() == [20, 50] * 3
    assert lengths["recall_accuracy"].tolist() == [1.0, 0.5, 0.9, 0.4, 0.8, 0.3]
    assert lengths["sequence_accuracy"].tolist() == [0.7, 0.2, 0.6, 0.1, 0.5, 0.0]


def test_a_step_that_was_not_measured_has_no_row(tmp_path: Path) -> None:
    nan = float("nan")
    steps = np.array([[nan, nan, 0.5], [nan, 0.25, 1.0], [nan, nan, 0.0]])
    store = create(tmp_path / "x")
    append_plain(store, outcome_of([[1.0]] * 3, step_accuracy=steps, step_scored=np.array([False, False, True])))
    rows = store.load().steps
    assert rows["seed"].tolist() == [0, 1, 1, 2]
    assert rows["step"].tolist() == [3, 2, 3, 3]
    assert rows["scored"].tolist() == [True, False, True, True]
    assert rows["accuracy"].tolist() == [0.5, 0.25, 1.0, 0.0]


def test_a_trial_has_the_figures_of_its_replicates(small: Store) -> None:
    # Seeds 0 and 2 end solved, first at tests 3 and 1; seed 1 spends all four epochs of two sequences in vain.
    row = small.load().trials.iloc[0]
    assert row["solve_rate"] == pytest.approx(2 / 3)
    assert (row["solve_rate_low"], row["solve_rate_high"]) == pytest.approx((0.0943, 0.9916), abs=1e-4)
    assert (row["epochs_to_solve"], row["sequences_to_solve"], row["updates_to_solve"]) == (3, 6, 24)
    assert row["ert_sequences"] == (6 + 8 + 2) / 2
    assert row["updates"] == 3 * 4 * 8
    assert (row["seeds"], row["parameters"], row["train_seconds"], row["compile_seconds"]) == (3, 2105, 0.25, 1.5)


def test_a_replicate_that_misses_the_criterion_is_unsolved_whatever_its_accuracy(tmp_path: Path) -> None:
    outcome = outcome_of([[1, 1], [1, 1], [0, 1]])
    assert outcome.scores is not None
    outcome.scores.solved[:] = [[False, True], [False, False], [False, True]]
    store = create(tmp_path / "x")
    append_plain(store, outcome)
    replicates = store.load().replicates
    assert replicates["solved"].tolist() == [True, False, True]
    np.testing.assert_array_equal(replicates["epochs_to_solve"], [2, np.nan, 2])


def test_tests_that_follow_each_other_are_joined_with_what_they_solved() -> None:
    scores = outcome_of([[0, 0, 1], [1, 0, 0]]).scores
    assert scores is not None
    scores = replace(scores, others={"insight": scores.accuracy / 2})
    joined = Scores.concatenate([scores.tests(slice(0, 2)), scores.tests(slice(2, 3))])
    np.testing.assert_array_equal(joined.of("insight"), scores.accuracy / 2)
    assert joined.epochs.tolist() == [1, 2, 3]
    assert joined.solved.tolist() == [[False, False, True], [True, False, False]]


def test_a_replicate_that_ended_early_is_scored_at_its_last_test(small: Store) -> None:
    replicates = small.load().replicates.query("trial == 2")
    assert replicates["solved"].tolist() == [True, True, True]
    assert replicates["epochs_to_solve"].tolist() == [2, 4, 1]
    assert replicates["loss"].tolist() == [1 / 3, 1 / 5, 1 / 2]


def test_a_replicate_that_ended_early_has_no_curve_beyond_its_end(small: Store) -> None:
    curves = small.load().curves.query("trial == 2")
    assert curves["epoch"].tolist() == [1, 2, 1, 2, 3, 4, 1]
    assert curves["seed"].tolist() == [0, 0, 1, 1, 1, 1, 2]


def test_a_trial_that_nobody_solved_has_no_time_to_solve(small: Store) -> None:
    row = small.load().trials.iloc[1]
    assert row["solve_rate"] == 0
    assert np.isnan(row[["epochs_to_solve", "sequences_to_solve", "ert_sequences"]].astype(float)).all()


def test_a_pruned_trial_keeps_its_partial_curve(small: Store) -> None:
    loaded = small.load()
    assert loaded.trials["state"].tolist() == ["complete", "complete", "complete", "pruned", "failed"]
    assert loaded.curves.query("trial == 3")["epoch"].tolist() == [1, 2] * 3


def test_a_failed_trial_has_its_error_and_no_scores(small: Store) -> None:
    loaded = small.load()
    row = loaded.trials.iloc[4]
    assert row["error"].endswith("MemoryError: no memory")
    assert np.isnan(row["loss"])
    assert loaded.replicates.query("trial == 4").empty


def test_a_diverged_replicate_is_unsolved_and_makes_the_loss_infinite(tmp_path: Path) -> None:
    outcome = outcome_of([[1, 1], [0, 1], [0, 1]])
    assert outcome.scores is not None
    outcome.scores.loss[0, 1] = np.nan
    store = create(tmp_path / "x")
    append_plain(store, outcome)
    loaded = store.load()
    assert loaded.replicates["diverged"].tolist() == [True, False, False]
    assert loaded.replicates["solved"].tolist() == [False, True, True]
    assert loaded.trials["loss"].tolist() == [np.inf]


def test_a_replicate_that_unlearnt_is_unsolved_and_keeps_the_time_of_its_success(tmp_path: Path) -> None:
    store = create(tmp_path / "x")
    append_plain(store, outcome_of([[0, 1, 0.5], [0, 0, 0], [0, 0, 0]]))
    replicate = store.load().replicates.iloc[0]
    assert (replicate["solved"], replicate["epochs_to_solve"]) == (False, 2)


def test_a_store_without_a_trial_has_the_same_columns(small: Store, tmp_path: Path) -> None:
    empty = create(tmp_path / "small2", SMALL).load()
    assert len(empty.trials) == 0
    full = small.load()
    for name in ("trials", "replicates", "curves", "steps", "lengths"):
        assert list(getattr(empty, name).columns) == list(getattr(full, name).columns)


def test_results_are_loaded_by_the_path_of_their_folder(small: Store) -> None:
    loaded, direct = sweep.load(str(small.path)), small.load()
    assert (loaded.name, loaded.experiment) == ("small", direct.experiment)
    pd.testing.assert_frame_equal(loaded.trials, direct.trials)


def test_the_manifest_says_how_it_was_run(small: Store) -> None:
    manifest = small.manifest()
    assert (manifest["schema_version"], manifest["experiment"]) == (3, "small")
    assert manifest["command"] == ["sweep", "run", "small"]
    assert {"python", "tensorflow", "keras", "optuna"} <= manifest["versions"].keys()
    assert {"created", "hardware", "device", "commit"} <= manifest.keys()


# Round trips


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    """Any outcome of three seeds: all floats, replicates that stop at any test, weights of any shape."""
    tests = draw(st.integers(1, 5))
    shape = (3, tests)
    ends = np.array(draw(st.lists(st.integers(1, tests), min_size=3, max_size=3)))
    made = np.arange(tests) < ends[:, None]

    def scores(elements: st.SearchStrategy[float]) -> np.ndarray:
        return np.where(made, draw(hnp.arrays(np.float64, shape, elements=elements)), np.nan)

    rates = st.floats(0, 1)
    counted = scores(st.integers(1, 2**40).map(float))
    weight = hnp.arrays(np.float32, hnp.array_shapes(min_dims=0, max_dims=3, max_side=3), elements=st.floats(width=32))
    return outcome_of(
        [[0.0]] * 3,
        scores=Scores(
            epochs=np.cumsum(draw(hnp.arrays(np.int64, tests, elements=st.integers(1, 1000)))),
            loss=scores(FLOATS),
            accuracy=scores(rates),
            recall_accuracy=scores(rates),
            sequence_accuracy=scores(rates),
            max_error=scores(FLOATS),
            sequences=counted,
            updates=counted,
            solved=made & draw(hnp.arrays(np.bool_, shape)),
        ),
        step_accuracy=draw(hnp.arrays(np.float64, (3, 2), elements=rates | st.just(float("nan")))),
        step_scored=np.array([True, False]),
        train_seconds=draw(st.floats(0, 1e9)),
        weights=tuple(draw(st.lists(weight, max_size=3))),
        weights_seed=draw(st.integers(0, 2**32 - 1)),
        state=draw(st.sampled_from(["complete", "pruned"])),
    )


def assert_same_bits(stored: Any, original: Any) -> None:
    """Equal, bit for bit, but for the sign and the payload of a nan."""
    np.testing.assert_array_equal(np.asarray(stored), np.asarray(original))
    numbers = np.asarray(original)[~np.isnan(original)]
    np.testing.assert_array_equal(np.signbit(np.asarray(stored)[~np.isnan(original)]), np.signbit(numbers))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # sums of the largest floats overflow, as they should
@given(outcomes())
def test_every_float_of_a_curve_comes_back_bit_for_bit(outcome: Outcome) -> None:
    with TemporaryDirectory() as folder:
        store = create(Path(folder) / "x")
        append_plain(store, outcome)
        loaded = store.load()
    scores = outcome.scores
    assert scores is not None
    for name in ("loss", "accuracy", "recall_accuracy", "sequence_accuracy"):
        assert_same_bits(loaded.curves[name], getattr(scores, name)[scores.tested])
    assert loaded.curves["seed"].tolist() == np.repeat([0, 1, 2], scores.tested.sum(axis=1)).tolist()
    last = scores.tested.sum(axis=1) - 1
    errors = np.where(scores.diverged, np.nan, scores.max_error[[0, 1, 2], last])
    assert_same_bits(loaded.replicates["max_error"], errors)
    assert_same_bits(loaded.steps["accuracy"], outcome.step_accuracy[~np.isnan(outcome.step_accuracy)])
    assert loaded.trials["train_seconds"].tolist() == [outcome.train_seconds]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as above
@given(outcomes())
def test_weights_come_back_with_their_shapes_and_their_seed(outcome: Outcome) -> None:
    with TemporaryDirectory() as folder:
        store = create(Path(folder) / "x")
        append_plain(store, outcome)
        seed, weights = store.weights(0)
    assert seed == outcome.weights_seed
    assert [w.shape for w in weights] == [w.shape for w in outcome.weights]
    assert all(w.dtype == np.float32 for w in weights)
    for stored, original in zip(weights, outcome.weights, strict=True):
        assert_same_bits(stored, original)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # as above
@given(outcomes())
def test_a_run_that_goes_on_gets_back_the_curves_that_it_stored(outcome: Outcome) -> None:
    with TemporaryDirectory() as folder:
        store = create(Path(folder) / "x")
        append_plain(store, outcome)
        (record,) = store.recorded(store.experiment())
    scores = outcome.scores
    assert scores is not None
    tests = scores.tested.any(axis=0)  # a test that every replicate had stopped before leaves nothing
    assert record.epochs.tolist() == scores.epochs[tests].tolist()
    assert record.tested.tolist() == scores.tested[:, tests].tolist()
    assert record.state == outcome.state
    for name, values in record.curves.items():
        assert_same_bits(values, np.where(scores.tested, scores.of(name), np.nan)[:, tests])


def test_choices_of_different_types_come_back_with_their_types(small: Store) -> None:
    experiment = small.experiment()
    parameters = [record.key.parameters for record in small.recorded(experiment)]
    assert [p["timesteps"] for p in parameters] == [1, "full", 1, "full", 1]
    assert [type(p["timesteps"]) for p in parameters] == [int, str, int, str, int]
    assert [p["shuffle"] for p in parameters] == [True, True, False, False, False]
    assert [p["units"] for p in parameters] == [4, 5, 6, 7, 8]
    assert small.configuration(experiment, 1).training.timesteps == "full"
    assert small.configuration(experiment, 2).training.timesteps == 1


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("shuffle", [True, False]),
        ("units", [3, 5]),
        ("optimizer", ["adam", "sgd"]),
        ("learning_rate", [1, 0.5]),
        ("learning_rate", [1, 2]),
        ("clip_norm", [1, 2]),
        ("timesteps", ["full", 3, 1]),
    ],
)
def test_each_choice_comes_back_as_the_file_wrote_it(name: str, choices: list[Any], tmp_path: Path) -> None:
    raw = {"question": "q", "task": {"name": "increasing"}, "search": {name: {"choices": choices}}}
    experiment = parse(raw | {"study": {"seeds": 1}}, where="f.toml")
    store = create(tmp_path / "x")
    for trial, choice in enumerate(choices):
        key = TrialKey(trial=trial, phase="search", condition={}, parameters={name: choice})
        store.append(experiment, key, outcome_of([[1.0]]))
    restored = [record.key.parameters[name] for record in store.recorded(experiment)]
    assert restored == choices
    assert [type(value) for value in restored] == [type(value) for value in choices]


def test_a_trial_comes_back_under_its_condition(small: Store) -> None:
    experiment = small.experiment()
    lengths = [record.key.condition["sequence_length"] for record in small.recorded(experiment)]
    assert lengths == [5, 6, 5, 6, 5]
    assert small.configuration(experiment, 3).task.sequence_length == 6


def test_the_command_lines_overrides_are_part_of_the_stored_experiment(tmp_path: Path) -> None:
    store = Store(tmp_path / "x")
    store.create(PLAIN, make_manifest(name="x", command=[], overrides={"seeds": 2, "trainer": "fit"}))
    assert (store.experiment().study.seeds, store.experiment().training.trainer) == (2, "fit")


# Whole or not at all


@pytest.fixture
def disk_that_refuses(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets one step of writing a file fail as a full disk does."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def at(step: str) -> None:
        monkeypatch.setattr(
            *{"fsync": (os, "fsync"), "replace": (Path, "replace"), "chmod": (Path, "chmod")}[step], refuse
        )

    return at


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_record_that_cannot_be_finished_leaves_nothing_behind(
    step: str, small: Store, disk_that_refuses: Callable[[str], None]
) -> None:
    experiment, before = small.experiment(), everything(small.path)
    key = TrialKey(
        trial=5,
        phase="search",
        condition={"sequence_length": 6},
        parameters={"units": 1, "learning_rate": 0.1, "timesteps": 1, "shuffle": True},
    )
    disk_that_refuses(step)
    with pytest.raises(RunError) as refused:
        small.append(experiment, key, outcome_of([[1.0]] * 3))
    assert everything(small.path) == before
    assert str(refused.value) == (
        f"{small.path}/trials/000005-search.parquet: cannot be written: No space left on device; "
        "what was stored before is kept"
    )


@pytest.mark.parametrize("step", ["fsync", "chmod", "replace"])
def test_a_file_that_cannot_be_replaced_keeps_its_content(
    step: str, tmp_path: Path, disk_that_refuses: Callable[[str], None]
) -> None:
    write_whole(tmp_path / "x", b"old")
    disk_that_refuses(step)
    with pytest.raises(RunError):
        write_whole(tmp_path / "x", b"new")
    assert everything(tmp_path) == {"x": b"old"}


def test_what_a_killed_run_left_half_written_is_cleared_and_never_read(small: Store) -> None:
    (small.path / "trials" / ".writing-abc").write_bytes(b"PAR1 half a rec")
    assert len(small.load().trials) == 5
    small.create(SMALL, small.manifest())
    assert not list(small.path.rglob(".writing-*"))
    assert len(small.load().trials) == 5


def test_a_new_record_leaves_the_old_ones_as_they_are(small: Store) -> None:
    before = everything(small.path)
    parameters = {"units": 1, "learning_rate": 0.1, "timesteps": 1, "shuffle": True}
    key = TrialKey(trial=5, phase="search", condition={"sequence_length": 6}, parameters=parameters)
    small.append(small.experiment(), key, failed_outcome(seeds=3))
    after = everything(small.path)
    assert after.keys() - before.keys() == {"trials/000005-search.parquet"}
    assert {name: after[name] for name in before} == before


def test_records_are_read_in_the_order_of_their_trials(tmp_path: Path) -> None:
    store = create(tmp_path / "x")
    for trial in (10, 2, 0, 100):
        append_plain(store, outcome_of([[1.0]] * 3), trial)
    assert store.load().trials["trial"].tolist() == [0, 2, 10, 100]


def test_a_record_made_before_there_were_other_lengths_is_read_as_one_without_any(small: Store) -> None:
    path, before = small.path / "trials" / "000001-search.parquet", small.load()
    pq.write_table(pq.read_table(path).drop_columns("lengths"), path)
    after = small.load()
    pd.testing.assert_frame_equal(after.trials, before.trials)
    assert after.lengths.empty
    assert [record.key.trial for record in small.recorded(small.experiment())] == [0, 1, 2, 3, 4]


# Damage


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def overwrite(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


def make_other_parquet(path: Path) -> None:
    pd.DataFrame({"trial": [1]}).to_parquet(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("damage", [cut, halve, empty, overwrite, make_other_parquet, replace_by_folder])
def test_a_damaged_record_is_named_in_one_line(damage: Callable[[Path], None], small: Store) -> None:
    path = small.path / "trials" / "000001-search.parquet"
    damage(path)
    with pytest.raises(SweepError) as refused:
        small.load()
    message = str(refused.value)
    assert message.startswith(f"{path}: is damaged (")
    assert message.endswith("); remove it and run the experiment again: the trial is then trained anew")
    assert "\n" not in message
    assert refused.value.exit_code == 2


@pytest.mark.slow
def test_a_flipped_bit_at_any_of_300_places_is_noticed_or_changes_nothing(small: Store) -> None:
    path = small.path / "trials" / "000002-search.parquet"
    content, expected, experiment = path.read_bytes(), pq.read_table(path), small.experiment()
    generator = random.Random(0)
    for position in generator.sample(range(len(content)), 300):
        changed = bytearray(content)
        changed[position] ^= 1 << generator.randrange(8)
        path.write_bytes(changed)
        try:
            records = small.records(experiment)
        except SweepError:
            continue
        assert records[2].equals(expected), f"byte {position} went unnoticed"


def test_a_record_of_another_experiment_is_named_in_one_line(small: Store, tmp_path: Path) -> None:
    other = create(tmp_path / "other")
    append_plain(other, outcome_of([[1.0]] * 3))
    foreign = small.path / "trials" / "000009-search.parquet"
    shutil.copy(other.path / "trials" / "000000-search.parquet", foreign)
    for read in (small.load, lambda: list(small.recorded(small.experiment()))):
        with pytest.raises(SweepError) as refused:
            read()
        assert str(refused.value).startswith(f"{foreign}: ")
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"{}", b"\xff"])
def test_a_damaged_manifest_is_named_in_one_line(content: bytes, small: Store) -> None:
    path = small.path / "manifest.json"
    path.write_bytes(content)
    with pytest.raises(SweepError) as refused:
        small.load()
    assert str(refused.value).startswith(f"{path}: is damaged (")
    assert str(refused.value).endswith("); restore it, or remove the results folder")
    assert "\n" not in str(refused.value)


def test_results_of_a_later_version_are_refused(small: Store) -> None:
    path = small.path / "manifest.json"
    path.write_text(json.dumps(small.manifest() | {"schema_version": 4}))
    with pytest.raises(SweepError) as refused:
        small.load()
    assert str(refused.value) == f"{path}: has schema version 4; this sweep reads up to version 3"


def test_a_folder_without_results_says_so(tmp_path: Path) -> None:
    with pytest.raises(SweepError) as refused:
        sweep.load(tmp_path / "nothing")
    assert str(refused.value) == f"{tmp_path}/nothing: holds no results"


@pytest.mark.parametrize("trial", [5, -1, 1_000_000])
def test_an_unknown_trial_says_which_ones_there_are(trial: int, small: Store) -> None:
    with pytest.raises(SweepError) as refused:
        small.weights(trial)
    assert str(refused.value) == f"small: has no trial {trial}; trials 0 to 4 are there"


def test_a_store_without_a_trial_says_that_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(SweepError) as refused:
        create(tmp_path / "x").weights(0)
    assert str(refused.value) == "x: has no trial 0; none is there yet"


def test_a_failed_trial_says_that_it_kept_no_weights(small: Store) -> None:
    with pytest.raises(SweepError) as refused:
        small.weights(4)
    assert str(refused.value) == "small: trial 4 failed and kept no weights; choose another"


def test_the_stored_experiment_is_the_file_that_was_run(small: Store) -> None:
    assert (small.path / "experiment.toml").read_text() == SMALL
    experiment: Experiment = small.experiment()
    assert experiment.question == "How long can it remember?"


def test_only_the_curves_that_are_asked_for_are_loaded(small: Store) -> None:
    whole = small.load()
    asked = []

    def of_these(results: Results) -> set[int]:
        asked.append(len(results.curves))
        pd.testing.assert_frame_equal(results.trials, whole.trials)
        return {0, 3}

    some = small.load(of_these)
    assert asked == [0]
    pd.testing.assert_frame_equal(some.curves, whole.curves[whole.curves["trial"].isin([0, 3])].reset_index(drop=True))
    for name in ("trials", "replicates", "steps", "lengths"):
        pd.testing.assert_frame_equal(getattr(some, name), getattr(whole, name))
