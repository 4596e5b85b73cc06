"""What a trial costs beside its training: `python -m sweep.benchmark.trials` runs studies whose trials train nothing.

All else is real: the sampler, the rounds, the records on the disk, the copy in Optuna's storage. It speaks like a
peer whose epochs are trials.
"""

import importlib.metadata
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from sweep.execution.executor import Executor, Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import load, override
from sweep.results.outcome import Outcome, Scores
from sweep.search.job import Job

_EXPERIMENT = """
question = "What does a trial cost beside its training?"

[task]
name = "increasing"

[search]
units         = { low = 1, high = 64, log = true }
learning_rate = { low = 1e-4, high = 1e-1, log = true }
batch_size    = { choices = [1, 2] }
shuffle       = { choices = [true, false] }

[study]
sampler = "tpe"
seeds   = 10
"""


class Untrained(Executor):
    """Gives every job an outcome as large as the tutorial's, with scores that are drawn instead of trained."""

    def device(self) -> str:
        """None is used."""
        return "none"

    def run(self, jobs: Iterable[Job], observer: Observer) -> Iterator[tuple[Job, Outcome]]:
        """In the order of the jobs."""
        for job in jobs:
            observer.trial_started(job.key, job.configuration.training.epochs)
            yield job, drawn_outcome(job)


def drawn_outcome(job: Job) -> Outcome:
    """Curves that rise by chance; the same job always draws the same."""
    rng = np.random.default_rng([zlib.crc32(job.configuration.id.encode()), *job.seeds])
    shape = (len(job.seeds), job.configuration.training.epochs)
    accuracy = np.sort(rng.integers(0, 3, shape), axis=1) / 2
    count = np.broadcast_to(np.arange(1.0, shape[1] + 1), shape)
    scores = Scores(
        epochs=np.arange(1, shape[1] + 1),
        loss=rng.random(shape) / count,
        accuracy=accuracy,
        recall_accuracy=accuracy,
        sequence_accuracy=accuracy,
        max_error=1 - accuracy,
        sequences=2 * count,
        updates=8 * count,
        solved=accuracy == 1,
    )
    return Outcome(
        state="complete",
        seeds=job.seeds,
        scores=scores,
        step_accuracy=np.ones((shape[0], 4)),
        step_scored=np.ones(4, bool),
        parameters=2185,
        train_seconds=0.0,
        compile_seconds=0.0,
        weights_seed=job.seeds[0],
        weights=(rng.random(2185, np.float32),),
    )


def run_study(trials: int, folder: Path) -> None:
    """Run a study of so many trials, its results in `folder`."""
    file = folder / "trials.toml"
    file.write_text(_EXPERIMENT)
    experiment = override(load(file), trials=trials)
    run = Run("trials", experiment, _EXPERIMENT, {"trials": trials}, folder / "results", None, [])
    run_experiment(run, Observer(), Untrained())


def main() -> None:
    """Answer line by line, until there are no more."""
    print(json.dumps({"library": f"Optuna {importlib.metadata.version('optuna')}"}), flush=True)
    for line in sys.stdin:
        with tempfile.TemporaryDirectory() as folder:
            started, used = time.perf_counter(), time.process_time()
            run_study(int(line), Path(folder))
            taken = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - used}
        print(json.dumps(taken), flush=True)


if __name__ == "__main__":
    main()
