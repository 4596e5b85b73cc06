"""Results without a training behind them, and the command line as a user meets it."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from literal import with_one_pipeline_for_equal_arrays, with_one_traced_model_for_equal_ones
from prepared import Prepared

from sweep.cli import main
from sweep.experiment.file import load
from sweep.results.manifest import make_manifest
from sweep.results.outcome import Outcome, Scores
from sweep.results.record import TrialKey
from sweep.results.store import Store

# The same commit, the same verdict; and a busy machine is no fault of the code.
settings.register_profile("sweep", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sweep")

# A shell starts what it puts into the background deaf to Ctrl-C, and `nohup` deaf to a terminal that goes; and every
# process that a test starts would be too.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

SMALL = """
question = "How long can it remember?"

[task]
name = "increasing"

[conditions]
sequence_length = [5, 6]

[training]
epochs = 4

[search]
units         = { low = 1, high = 64, log = true }
learning_rate = { low = 1e-4, high = 1e-1, log = true }
timesteps     = { choices = [1, "full"] }
shuffle       = { choices = [true, false] }

[study]
trials = 3
seeds  = 3
"""

os.environ.pop("COLUMNS", None)  # xdist gives its workers the width of a terminal, and tables would heed it


def outcome_of(sequence_accuracy: list[list[float]], **changes: Any) -> Outcome:
    """An outcome of replicates by tests from their `sequence_accuracy`; nan where a replicate had stopped.

    The other scores follow from it: all are what a replicate of the tutorial's task could have left behind.
    """
    score = np.array(sequence_accuracy, float)
    replicates, tests = score.shape
    stopped = np.where(np.isnan(score), np.nan, 0.0)
    count = np.arange(1, tests + 1)
    scores = Scores(
        epochs=count.astype(np.int64),
        loss=1 / (1 + count) + stopped,
        accuracy=(7 + score) / 8,
        recall_accuracy=(1 + score) / 2,
        sequence_accuracy=score,
        max_error=1 - score,
        sequences=2.0 * count + stopped,
        updates=8.0 * count + stopped,
        solved=score == 1,
        others={
            "margin": np.where(score == 1, 0.2, score - 1) + stopped,
            "recall_margin": score - 0.5,
            "recall_bits": score,
            "test_loss": 1 / (2 + count) + stopped,
        },
    )
    fields: dict[str, Any] = {
        "state": "complete",
        "seeds": tuple(range(replicates)),
        "scores": scores,
        "step_accuracy": np.tile([1.0, 1.0, 1.0, 0.5], (replicates, 1)),
        "step_scored": np.ones(4, bool),
        "parameters": 2105,
        "train_seconds": 0.25,
        "compile_seconds": 1.5,
        "weights_seed": 0,
        "weights": (np.arange(6, dtype=np.float32).reshape(2, 3), np.array([0.1], np.float32)),
    }
    return Outcome(**(fields | changes))


def pytest_configure(config: pytest.Config) -> None:
    """Keep what the tests compile in pytest's own folder: all processes of a run share it, and the next run does.

    It is not the user's, whose programs would have to make room. `--cache-clear` empties it.
    """
    os.environ["XDG_CACHE_HOME"] = str(config.cache.mkdir("programs")) if config.cache else tempfile.mkdtemp()


def with_caches_in(folder: Path | str | None = None) -> dict[str, str]:
    """The environment of a process with its compiled programs in `folder`, whatever this one has imported.

    Without a folder it shares those of the tests.
    """
    kept = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "TF_XLA_FLAGS")}
    return kept if folder is None else kept | {"XDG_CACHE_HOME": str(folder)}


@contextmanager
def started(command: list[str], *, seconds: float = 300, **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """A process that is killed when the test is done with it, and after so many seconds whatever the test waits for."""
    with subprocess.Popen(command, **options) as process:
        limit = threading.Timer(seconds, process.kill)
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()  # one that has ended is left alone


def failed_outcome(seeds: int) -> Outcome:
    """A trial that ended in an error before its first test."""
    return outcome_of(
        [[0.0]] * seeds,
        state="failed",
        scores=None,
        step_accuracy=np.full((seeds, 4), np.nan),
        weights_seed=None,
        weights=(),
        error="Traceback (most recent call last):\nMemoryError: no memory",
    )


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and its two streams."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def prepared() -> Iterator[Prepared]:
    """Starts processes that have everything imported already."""
    process = Prepared()
    yield process
    process.close()


@pytest.fixture(scope="session")
def prepared_reader() -> Iterator[Prepared]:
    """Starts processes that have imported what reads results, and end with 99 if they load TensorFlow or Keras."""
    process = Prepared(keras=False)
    yield process
    process.close()


@pytest.fixture
def literal_loop_without_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer `fit` as `literal` has it: the same numbers in a fraction of the time."""
    with_one_pipeline_for_equal_arrays(monkeypatch)
    with_one_traced_model_for_equal_ones(monkeypatch)


@pytest.fixture
def sweep_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Result]:
    """`sweep ARGUMENTS`, run in this process as its entry point runs it, in the test's own folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["sweep", *arguments])
        code = 0
        try:
            main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        out, err = capsysbinary.readouterr()
        return Result(code, out.decode(), err.decode())

    return run


@pytest.fixture
def small(tmp_path: Path) -> Store:
    """Results of two conditions and five of six trials: complete, ended early, pruned, failed.

    Its experiment file lies under experiments/ in the test's folder, the results in results/small.
    """
    file = tmp_path / "experiments" / "small.toml"
    file.parent.mkdir()
    file.write_text(SMALL)
    experiment = load(file)
    store = Store(tmp_path / "results" / "small")
    store.create(SMALL, make_manifest(name="small", command=["sweep", "run", "small"], overrides={}))
    nan = float("nan")
    outcomes = [
        outcome_of([[0, 0.5, 1, 1], [0, 0.5, 0.5, 0.5], [1, 1, 1, 1]]),
        outcome_of([[0, 0.5, 0.5, 0.5], [0, 0, 0, 0.5], [0.5, 0.5, 0.5, 0.5]]),
        outcome_of([[0, 1, nan, nan], [0, 0, 0, 1], [1, nan, nan, nan]]),
        outcome_of([[0, 0.5], [0, 0], [0, 0.5]], state="pruned"),
        failed_outcome(seeds=3),
    ]
    for trial, outcome in enumerate(outcomes):
        parameters = {
            "units": 4 + trial,
            "learning_rate": 0.001 * (trial + 1),
            "timesteps": [1, "full"][trial % 2],
            "shuffle": trial < 2,
        }
        condition = experiment.condition_settings[trial % 2]
        store.append(
            experiment, TrialKey(trial=trial, phase="search", condition=condition, parameters=parameters), outcome
        )
    return store
