"""A search of two conditions, run by an executor of the test's choice: what is asked, told and copied in rounds."""

from pathlib import Path

import optuna

from sweep.execution.executor import Executor, Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import load, override
from sweep.results.results import Results

EXPERIMENT = """
question = "Does the order matter?"
[task]
name = "increasing"
[conditions]
sequence_length = [4, 5]
[search]
units = { low = 1, high = 64, log = true }
learning_rate = { low = 1e-3, high = 1e-1, log = true }
shuffle = { choices = [true, false] }
[training]
epochs = 6
[study]
trials = 22
seeds = 4
sampler = "SAMPLER"
pruner = "PRUNER"
"""


def run(folder: Path, sampler: str, pruner: str, executor: Executor, trials: int | None = None) -> Results:
    folder.mkdir(exist_ok=True)
    text = EXPERIMENT.replace("SAMPLER", sampler).replace("PRUNER", pruner)
    (folder / "rounds.toml").write_text(text)
    experiment = override(load(folder / "rounds.toml"), trials=trials)
    overrides = {} if trials is None else {"trials": trials}
    order = Run("rounds", experiment, text, overrides, folder / "results", None, ["sweep", "run", "rounds"])
    return run_experiment(order, Observer(), executor).load()


def copies(results: Results) -> list[list[object]]:
    """What the storage holds of each study."""
    url = f"sqlite:///{results.path / 'study.db'}"
    return [
        [(t.number, t.state, t.params, t.values, t.intermediate_values, t.user_attrs) for t in study.trials]
        for study in (
            optuna.load_study(study_name=f"rounds/sequence_length={length}", storage=url) for length in (4, 5)
        )
    ]
