"""The training itself goes wrong: a program does not compile, a loss is not finite."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from same_tables import TIMINGS

import sweep
from faults.conftest import Found
from faults.faulty import ended, forked, run
from sweep.execution.executor import InProcess
from sweep.results.results import Results

EXPERIMENT = """
question = "What if it goes wrong?"
[task]
name = "increasing"
[conditions]
sequence_length = [4, 5]
[training]
epochs = 6
optimizer = "sgd"
[search]
SEARCH
[study]
sampler = "grid"
seeds = 3
"""


def trained(folder: Path, search: str, before: Callable[[], None] = lambda: None) -> Results:
    """An experiment that is really trained, in a process of its own, with its compiled programs kept in `folder`."""
    folder.mkdir()
    path = folder / "faulty.toml"
    path.write_text(EXPERIMENT.replace("SEARCH", search))

    def action() -> None:
        before()
        run(path, InProcess("cpu"))

    assert ended(forked(action)) == 0
    return sweep.load(folder / "results" / "faulty")


def a_gru_does_not_compile() -> None:
    """Into the program of every GRU gets an operation that XLA cannot compile."""
    import tensorflow as tf

    from sweep.training.compiled.tensorflow.cells import GRU
    from sweep.training.compiled.tensorflow.network import Network

    gradient = Network.gradient

    def spoiled(self: Network, *arguments: object, **options: object) -> object:
        loss, *others = gradient(self, *arguments, **options)
        if isinstance(self.packing.cell, GRU):
            loss = tf.strings.to_number(tf.strings.as_string(loss))
        return loss, *others

    Network.gradient = spoiled


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_program_that_does_not_compile_fails_its_trials_alone(tmp_path: Path, found: Found) -> None:
    search = "cell = { choices = [CELLS] }\nlearning_rate = { choices = [0.01, 0.02, 0.05] }"
    calm = trained(tmp_path / "calm", search.replace("CELLS", '"lstm"'))
    spoiled = trained(tmp_path / "spoiled", search.replace("CELLS", '"gru", "lstm"'), a_gru_does_not_compile)
    failed = spoiled.trials[spoiled.trials["state"] == "failed"]
    assert len(failed) == 6
    assert (failed["cell"] == "gru").all()
    assert failed["error"].str.contains("unsupported operations when trying to compile graph").all()
    key = ["sequence_length", "learning_rate"]
    whole = spoiled.trials[spoiled.trials["state"] == "complete"].sort_values(key, ignore_index=True)
    same = calm.trials.sort_values(key, ignore_index=True)
    drop = ["trial", "cell", *TIMINGS]
    pd.testing.assert_frame_equal(
        whole.drop(columns=drop), same.drop(columns=drop), check_dtype=False, check_exact=True
    )
    found(
        "failing compilation",
        "an operation that XLA cannot compile in the program of every GRU",
        len(failed),
        "failed with XLA's message; the LSTMs as ever",
    )


def test_a_loss_that_is_not_finite_is_recorded_as_diverged(tmp_path: Path, found: Found) -> None:
    results = trained(tmp_path / "nan", "learning_rate = { choices = [0.1, 1e36, 1e37, 1e38] }")
    exploded = results.trials["learning_rate"] > 1
    assert (results.trials["state"] == "complete").all()
    lost = results.replicates["trial"].isin(results.trials["trial"][exploded])
    assert results.replicates["diverged"][lost].all()
    assert not results.replicates["diverged"][~lost].any()
    assert (results.trials["loss"][exploded] == np.inf).all()
    found(
        "loss not finite",
        "learning rates of 1e36 to 1e38, each trial really trained from 3 seeds",
        int(exploded.sum()),
        "diverged, unsolved, ranked last",
    )
