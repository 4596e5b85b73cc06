"""A study runs exactly the trials asked for, goes on where it stopped, and gives the same table again."""

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from same_tables import assert_same_tables

import sweep
from sweep.errors import SweepError
from sweep.execution.executor import Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import load
from sweep.results.outcome import Outcome, Scores
from sweep.results.record import TrialKey
from sweep.results.results import Results

TINY = """
question = "Does it run?"

[task]
name = "increasing"

[conditions]
sequence_length = [4, 5]

[search]
units = { low = 1, high = 8, log = true }
learning_rate = { low = 1e-3, high = 1e-1, log = true }
shuffle = { choices = [true, false] }

[training]
epochs = 12

[study]
trials = 12
seeds = 2
"""


def order(folder: Path, text: str = TINY, **overrides: Any) -> Run:
    path = folder / "tiny.toml"
    path.write_text(text)
    from sweep.experiment.file import override

    return Run("tiny", override(load(path), **overrides), text, overrides, folder / "results", None, ["sweep", "run"])


def run(folder: Path, text: str = TINY, observer: Observer | None = None, **overrides: Any) -> Results:
    return run_experiment(order(folder, text, **overrides), observer or Observer()).load()


class Interrupts(Observer):
    """Presses Ctrl-C in the middle of a trial's training, as a person would."""

    def __init__(self, trial: int) -> None:
        self._trial = trial

    def chunk(self, key: TrialKey, scores: Scores) -> None:
        if key.trial == self._trial and len(scores.epochs) > 4:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.slow
def test_each_condition_gets_exactly_the_trials_asked_for(undisturbed: Results) -> None:
    assert undisturbed.trials["trial"].tolist() == list(range(24))
    assert undisturbed.trials.groupby("sequence_length").size().to_dict() == {4: 12, 5: 12}
    assert (undisturbed.trials["state"] == "complete").all()
    assert len(undisturbed.replicates) == 48
    assert len(undisturbed.curves) == 48 * 12


@pytest.mark.slow
def test_an_interrupted_study_ends_with_the_table_of_an_undisturbed_one(tmp_path: Path, undisturbed: Results) -> None:
    for trial in (0, 7, 23):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, observer=Interrupts(trial))
        stored = sweep.load(tmp_path / "results" / "tiny")
        assert stored.trials["trial"].tolist() == list(range(trial)), "the trial that was cut off is not counted"
    assert_same_tables(run(tmp_path), undisturbed)


@pytest.mark.slow
def test_more_trials_extend_a_study_as_if_it_had_always_had_them(tmp_path: Path, undisturbed: Results) -> None:
    assert len(run(tmp_path, trials=5).trials) == 10
    assert_same_tables(run(tmp_path), undisturbed)


@pytest.mark.slow
def test_a_removed_record_is_trained_again_to_the_same_numbers(tmp_path: Path, undisturbed: Results) -> None:
    run(tmp_path)
    (tmp_path / "results" / "tiny" / "trials" / "000005-search.parquet").unlink()
    assert_same_tables(run(tmp_path), undisturbed)


@pytest.mark.slow
def test_the_storage_holds_the_finished_trials_with_their_learning_curves(undisturbed: Results) -> None:
    url = f"sqlite:///{undisturbed.path / 'study.db'}"
    study = optuna.load_study(study_name="tiny/sequence_length=5", storage=url)
    recorded = undisturbed.trials[undisturbed.trials["sequence_length"] == 5]
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 12
    assert [trial.value for trial in study.trials] == recorded["recall_bits"].tolist()
    assert [trial.params["units"] for trial in study.trials] == recorded["units"].tolist()
    curve = undisturbed.curves[undisturbed.curves["trial"] == study.trials[3].user_attrs["trial"]]
    mean = curve.groupby("epoch")["recall_bits"].mean()
    reported = study.trials[3].intermediate_values
    assert len(reported) >= 6
    assert reported == {epoch: mean[epoch] for epoch in reported}


@pytest.mark.slow
def test_a_lost_storage_is_rebuilt_from_the_records(tmp_path: Path) -> None:
    results = run(tmp_path, trials=3)
    database = results.path / "study.db"
    url = f"sqlite:///{database}"
    before = optuna.load_study(study_name="tiny/sequence_length=4", storage=url).trials
    database.unlink()
    run(tmp_path, trials=3)
    after = optuna.load_study(study_name="tiny/sequence_length=4", storage=url).trials
    assert [(t.number, t.params, t.values, t.intermediate_values) for t in after] == [
        (t.number, t.params, t.values, t.intermediate_values) for t in before
    ]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["random", "tpe"])
def test_the_samplers_seed_decides_the_configurations(tmp_path: Path, sampler: str) -> None:
    text = TINY.replace("trials = 12", f'trials = 2\nsampler = "{sampler}"')
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
    one, same = run(tmp_path / "a", text), run(tmp_path / "b", text)
    other = run(tmp_path / "c", text.replace("seeds = 2", "seeds = 2\nseed = 1"))
    assert_same_tables(one, same)
    assert one.trials["learning_rate"].tolist() != other.trials["learning_rate"].tolist()


@pytest.mark.slow
def test_a_grid_visits_every_combination_once(tmp_path: Path) -> None:
    text = """
question = "Which?"
[task]
name = "increasing"
[training]
epochs = 2
[search]
units = { choices = [2, 4, 5] }
batch_size = { choices = [1, 2] }
timesteps = { choices = [1, "full"] }
[study]
sampler = "grid"
seeds = 1
"""
    trials = run(tmp_path, text).trials
    assert len(trials) == 12
    assert len(trials[["units", "batch_size", "timesteps"]].drop_duplicates()) == 12
    assert set(trials["timesteps"]) == {"1", "full"}


@pytest.mark.slow
def test_a_pruned_trial_keeps_its_partial_curve(tmp_path: Path) -> None:
    text = TINY.replace("trials = 12", 'trials = 24\npruner = "median"\nobjective = "-loss"').replace(
        "sequence_length = [4, 5]", "sequence_length = [5]"
    )
    results = run(tmp_path, text)
    pruned = results.trials[results.trials["state"] == "pruned"]
    assert 0 < len(pruned) < 24
    lengths = results.curves.groupby("trial")["epoch"].max()
    assert (lengths[pruned["trial"]] < 12).all()
    assert (lengths.drop(pruned["trial"]) == 12).all()
    again = tmp_path / "again"
    again.mkdir()
    with pytest.raises(KeyboardInterrupt):
        run(again, text, observer=Interrupts(20))
    assert_same_tables(run(again, text), results)


@pytest.mark.slow
def test_several_objectives_are_optimised_at_once(tmp_path: Path) -> None:
    text = TINY.replace("trials = 12", 'trials = 4\nobjective = ["recall_accuracy", "-parameters"]')
    results = run(tmp_path, text)
    assert (results.trials["state"] == "complete").all()
    study = optuna.load_study(study_name="tiny/sequence_length=5", storage=f"sqlite:///{results.path / 'study.db'}")
    assert [direction.name for direction in study.directions] == ["MAXIMIZE", "MINIMIZE"]
    recorded = results.trials[results.trials["sequence_length"] == 5]
    assert [t.values for t in study.trials] == recorded[["recall_accuracy", "parameters"]].to_numpy().tolist()


@pytest.mark.slow
def test_a_failing_trial_is_recorded_and_the_sweep_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sweep.training import trial as trial_module

    start = trial_module.start_training

    def fails_once(configuration: Any, *arguments: Any) -> Any:
        if configuration.model.units > 4:
            raise MemoryError("no room for the larger networks")
        return start(configuration, *arguments)

    monkeypatch.setattr(trial_module, "start_training", fails_once)
    results = run(tmp_path)
    failed = results.trials[results.trials["state"] == "failed"]
    assert len(results.trials) == 24
    assert set(failed["units"]) == set(results.trials["units"]) - {1, 2, 3, 4}
    assert failed["error"].str.contains("no room for the larger networks").all()
    assert failed["solve_rate"].isna().all()


@pytest.mark.slow
def test_a_changed_experiment_is_refused_with_what_changed(tmp_path: Path) -> None:
    run(tmp_path, trials=1)
    before = sorted(path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file())
    with pytest.raises(SweepError, match=r"training\.epochs: was 12, is 13.*new name") as refusal:
        run(tmp_path, TINY.replace("epochs = 12", "epochs = 13"), trials=1)
    assert refusal.value.exit_code == 2
    assert sorted(path.read_bytes() for path in (tmp_path / "results").rglob("*") if path.is_file()) == before


@pytest.mark.slow
def test_a_second_run_of_the_same_experiment_is_refused_meanwhile(tmp_path: Path) -> None:
    class RunsItAgain(Observer):
        refused = ""

        def trial_started(self, key: TrialKey, epochs: int) -> None:
            with pytest.raises(SweepError) as refusal:
                run(tmp_path, trials=1)
            RunsItAgain.refused = str(refusal.value)

    run(tmp_path, observer=RunsItAgain(), trials=1)
    assert "another `sweep run` is writing here" in RunsItAgain.refused


@pytest.mark.slow
def test_a_study_of_somebody_else_in_a_shared_storage_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'shared.db'}"
    optuna.create_study(study_name="tiny/sequence_length=4", storage=url).add_trial(
        optuna.trial.create_trial(value=1.0)
    )
    mine = order(tmp_path, trials=1)
    with pytest.raises(SweepError, match="did not make"):
        run_experiment(Run(mine.name, mine.experiment, mine.text, {}, mine.results, url, []), Observer())
    assert len(optuna.load_study(study_name="tiny/sequence_length=4", storage=url).trials) == 1


@pytest.mark.slow
def test_a_storage_url_that_leads_nowhere_is_one_line_without_the_password(tmp_path: Path) -> None:
    mine = order(tmp_path, trials=1)
    url = "sqlite:////nowhere/at/all/study.db"
    with pytest.raises(SweepError, match="cannot be opened") as refusal:
        run_experiment(Run(mine.name, mine.experiment, mine.text, {}, mine.results, url, []), Observer())
    assert "\n" not in str(refusal.value)
    with pytest.raises(SweepError) as refusal:
        run_experiment(
            Run(mine.name, mine.experiment, mine.text, {}, mine.results, "postgresql://me:hush@host/db", []), Observer()
        )
    assert "hush" not in str(refusal.value)


def test_the_summary_counts_a_diverged_replicate_as_unsolved_with_an_infinite_loss() -> None:
    from sweep.results.outcome import summary

    ones = np.ones((2, 1))
    scores = Scores(
        epochs=np.array([3]),
        loss=np.array([[0.5], [np.nan]]),
        accuracy=ones,
        recall_accuracy=ones,
        sequence_accuracy=ones,
        max_error=ones,
        sequences=6 * ones,
        updates=24 * ones,
        solved=np.ones((2, 1), bool),
    )
    outcome = Outcome(
        state="complete",
        seeds=(0, 1),
        scores=scores,
        step_accuracy=np.ones((2, 4)),
        step_scored=np.ones(4, bool),
        parameters=10,
        train_seconds=0.0,
        compile_seconds=0.0,
    )
    figures = summary(outcome)
    assert figures["solve_rate"] == 0.5
    assert figures["loss"] == np.inf
    assert figures["ert_sequences"] == 12.0
    assert figures["updates"] == 48
