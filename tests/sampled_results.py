"""Made-up results for the tests of the report: shaped like real ones, and without a training behind them."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sweep.experiment.experiment import Experiment
from sweep.experiment.file import parse
from sweep.experiment.space import Choices, Range
from sweep.results.results import Results
from sweep.stats import binomial_interval, censored_median, expected_running_time
from sweep.tasks.registry import build_task

TUTORIAL: dict[str, Any] = {
    "question": "How often does the tutorial's LSTM learn to remember the first symbol?",
    "task": {"name": "increasing", "sequence_length": 5, "keys": 2},
    "study": {"seeds": 64},
}
TUNING: dict[str, Any] = {
    "question": "Which small changes make the tutorial's LSTM remember every time?",
    "task": {"name": "increasing", "sequence_length": 5},
    "search": {
        "units": {"low": 1, "high": 64, "log": True},
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "batch_size": {"choices": [1, 2]},
        "shuffle": {"choices": [True, False]},
        "epochs": {"low": 25, "high": 250, "step": 25},
    },
    "study": {"trials": 50, "seeds": 10},
}

CELLS: dict[str, Any] = {
    "question": "Which cell remembers longest?",
    "task": {"name": "increasing"},
    "conditions": {"sequence_length": [4, 5, 6]},
    "search": {"cell": {"choices": ["lstm", "gru", "simple_rnn"]}, "units": {"choices": [8, 20]}},
    "study": {"sampler": "grid", "seeds": 10},
}
UNSEEN: dict[str, Any] = {
    "question": "Does it remember in sequences that it never saw?",
    "task": {"name": "random", "sequence_length": 5, "test_lengths": [10, 20, 50]},
    "training": {"epochs": 250, "stop_when_solved": True},
    "study": {"seeds": 20},
}


def tutorial(path: Path = Path("results/tutorial"), **changes: Any) -> Results:
    """One trial of 64 seeds, of which about 4 in 10 end right."""
    return sample(path, TUTORIAL | changes)


def tuning(path: Path = Path("results/tuning"), **changes: Any) -> Results:
    """Fifty trials of ten seeds over five searched parameters."""
    return sample(path, TUNING | changes)


def two_conditions(path: Path = Path("results/lengths"), **changes: Any) -> Results:
    """One trial for each of two lengths, the longer one never solved."""
    conditions = {"sequence_length": [5, 10]}
    return sample(path, TUTORIAL | {"conditions": conditions, "study": {"seeds": 16}} | changes)


def by_cell(path: Path = Path("results/cells"), **changes: Any) -> Results:
    """A grid of three cells and two sizes at each of three lengths."""
    return sample(path, CELLS | changes)


def unseen(path: Path = Path("results/unseen"), **changes: Any) -> Results:
    """One trial on fresh random sequences, tested at three other lengths."""
    return sample(path, UNSEEN | changes)


def confirmed(results: Results, trials: list[int], first_seed: int = 100) -> Results:
    """The results with these trials trained again, from as many other seeds, to half the solve rate."""
    again: dict[str, Any] = {}
    for name in ("trials", "replicates", "curves", "steps", "lengths"):
        frame = getattr(results, name)
        rows = frame[frame["trial"].isin(trials)].assign(phase="confirm")
        if "seed" in rows:
            rows = rows.assign(seed=rows["seed"] + first_seed)
        again[name] = rows
    replicates = again["replicates"]
    lost = replicates["solved"].astype(bool) & (replicates["seed"] % 2 == 0)
    replicates.loc[lost, ["solved", "sequence_accuracy", "recall_accuracy"]] = [False, 0.5, 0.5]
    for name in _TIMES:
        replicates.loc[lost, name] = np.nan
    for label, row in again["trials"].iterrows():
        own = replicates[replicates["trial"] == row["trial"]]
        low, high = binomial_interval(int(own["solved"].sum()), len(own))
        scores = {"solve_rate": own["solved"].mean(), "solve_rate_low": low, "solve_rate_high": high}
        scores["recall_accuracy"] = own["recall_accuracy"].mean()
        for name, value in scores.items():
            again["trials"].loc[label, name] = value
    joined = {name: pd.concat([getattr(results, name), rows], ignore_index=True) for name, rows in again.items()}
    return replace(results, **joined)


def all_failed(path: Path = Path("results/failed")) -> Results:
    """Five trials, each of which ended in an error."""
    raw = TUNING | {"study": {"trials": 5, "seeds": 2}}
    return sample(path, raw, state=lambda trial: "failed")


def empty(path: Path = Path("results/empty"), raw: dict[str, Any] = TUTORIAL) -> Results:
    """A run that was cut off before its first trial was done."""
    return sample(path, raw, limit=0)


def sample(
    path: Path, raw: dict[str, Any], *, limit: int | None = None, state: Any = lambda trial: "complete"
) -> Results:
    """Results of the experiment `raw`: its first `limit` trials, each in the state that `state` gives."""
    experiment = parse(raw, where="sample").as_begun_with(MANIFEST["schema_version"])
    tables: dict[str, list[Any]] = {"trials": [], "replicates": [], "curves": [], "steps": [], "lengths": []}
    number = 0
    for _ in range(experiment.trials):
        for setting in experiment.condition_settings:
            if limit is None or number < limit:
                _add_trial(tables, experiment, setting, number, state(number))
            number += 1
    frames = {}
    for name, rows in tables.items():
        blocks = rows and isinstance(rows[0], pd.DataFrame)
        columns = _columns(experiment, name)
        frames[name] = pd.concat(rows, ignore_index=True) if blocks else pd.DataFrame(rows, columns=columns)
    return Results(name=path.name, path=path, experiment=experiment, manifest=MANIFEST, **frames)


MANIFEST: dict[str, Any] = {
    "schema_version": 1,
    "created": "2026-01-02T03:04:05+00:00",
    "experiment": "sample",
    "command": ["sweep", "run", "experiments/tutorial.toml"],
    "versions": {"python": "3.11.2", "keras": "3.15.0", "tensorflow": "2.21.0"},
    "hardware": {"cpu": "A CPU", "cores": 2, "memory_gb": 8.0, "platform": "Linux x86_64"},
    "device": "cpu",
    "commit": None,
}
_SCORES = ["solve_rate", "solve_rate_low", "solve_rate_high", "recall_accuracy", "sequence_accuracy"]
_TIMES = ["epochs_to_solve", "sequences_to_solve", "updates_to_solve"]


def _columns(experiment: Experiment, table: str) -> list[str]:
    key = ["experiment", "trial", "phase"]
    accuracies = ["accuracy", "recall_accuracy", "sequence_accuracy"]
    return {
        "trials": [
            *("experiment", *experiment.conditions, "trial", "state", "phase", *experiment.search),
            *("parameters", "seeds", *_SCORES, "accuracy", "loss", *_TIMES, "ert_sequences"),
            *("updates", "train_seconds", "compile_seconds", "error"),
        ],
        "replicates": [*key, "seed", "solved", "diverged", *_TIMES, "loss", *accuracies, "max_error"],
        "curves": [*key, "seed", "epoch", "sequences", "loss", *accuracies],
        "steps": [*key, "seed", "step", "scored", "accuracy"],
        "lengths": [*key, "seed", "length", "recall_accuracy", "sequence_accuracy"],
    }[table]


def _add_trial(
    tables: dict[str, list[Any]], experiment: Experiment, setting: dict[str, Any], number: int, state: str
) -> None:
    rng = np.random.default_rng(number)
    parameters = {name: _drawn(dimension, rng) for name, dimension in experiment.search.items()}
    if experiment.study.sampler == "grid":
        parameters = experiment.grid_points[number // len(experiment.condition_settings) % experiment.grid_size]
    configuration = experiment.base.replace(**setting, **parameters)
    task = build_task(configuration.task)
    steps, epochs, per_epoch = task.num_steps, configuration.training.epochs, task.num_sequences
    units, rate = configuration.model.units, configuration.training.learning_rate
    cell = {"lstm": 1.0, "gru": 0.8, "simple_rnn": 0.3, "mlp": 0.01}[configuration.model.cell]
    speed = cell * (units / 20) ** 0.8 * (rate / 1e-3) ** 0.6 * (4 / steps) ** 6 / configuration.training.batch_size
    seeds = np.array(experiment.study.replicate_seeds)
    key = {"experiment": "sample", "trial": number, "phase": "search"}
    base = key | setting | parameters | {"state": state, "seeds": len(seeds), "parameters": 4 * units * (units + 6)}
    if state == "failed":
        lost = "Traceback (most recent call last):\n  ...\nValueError: no <memory> left"
        tables["trials"].append(base | {"error": lost, "updates": 0, "train_seconds": 0.0, "compile_seconds": 0.0})
        return
    at = 280 / speed * rng.lognormal(0, 0.35, len(seeds))  # the epoch at which each seed gets it right
    solved = at <= epochs
    epoch = np.arange(1, epochs + 1)
    loss = 0.7 * np.exp(-epoch[None] / at[:, None] * 1.8) + 0.05 + 0.01 * rng.random((len(seeds), 1))
    right = epoch[None] >= np.floor(at)[:, None]
    halfway = epoch[None] >= 0.3 * at[:, None]
    recall = np.where(right, 1.0, np.where(halfway, 0.5, 0.0))
    accuracy = ((steps - 1) * np.clip(epoch / at[:, None] * 3, 0, 1) + recall) / steps
    tables["curves"].append(
        pd.DataFrame(
            key
            | {
                "seed": np.repeat(seeds, epochs),
                "epoch": np.tile(epoch, len(seeds)),
                "sequences": np.tile(per_epoch * epoch, len(seeds)),
                "loss": loss.ravel(),
                "accuracy": accuracy.ravel(),
                "recall_accuracy": recall.ravel(),
                "sequence_accuracy": recall.ravel(),
            }
        )
    )
    scored = 1 + np.flatnonzero(task.scored(task.test_sequences(0)).any(axis=0))
    by_step = np.ones((len(seeds), len(scored)))
    by_step[:, -1] = recall[:, -1]
    tables["steps"].append(
        pd.DataFrame(
            key
            | {
                "seed": np.repeat(seeds, len(scored)),
                "step": np.tile(scored, len(seeds)),
                "scored": True,
                "accuracy": by_step.ravel(),
            }
        )
    )
    for length in getattr(configuration.task, "test_lengths", ()):
        carried = 0.5 + (recall[:, -1] - 0.5) * np.minimum(1, (steps + 1) / length) ** rng.uniform(0, 1, len(seeds))
        rows = key | {"seed": seeds, "length": length, "recall_accuracy": carried, "sequence_accuracy": carried}
        tables["lengths"].append(pd.DataFrame(rows))
    first = np.where(solved, np.floor(at), np.nan)
    for index, seed in enumerate(seeds):
        times = dict(zip(_TIMES, first[index] * np.array([1.0, per_epoch, per_epoch * steps]), strict=True))
        scores = {"accuracy": accuracy[index, -1], "recall_accuracy": recall[index, -1]}
        scores |= {"sequence_accuracy": recall[index, -1], "loss": loss[index, -1], "max_error": 0.3}
        row = key | {"seed": int(seed), "solved": bool(solved[index]), "diverged": False} | times | scores
        tables["replicates"].append(row)
    low, high = binomial_interval(int(solved.sum()), len(seeds))
    medians = [censored_median(np.where(solved, first, np.inf) * scale) for scale in (1, per_epoch, per_epoch * steps)]
    spent = np.where(solved, first, epochs) * float(per_epoch)
    ert = expected_running_time(spent, solved)
    updates = epochs * per_epoch * steps * len(seeds)
    tables["trials"].append(
        base
        | {"solve_rate": solved.mean(), "solve_rate_low": low, "solve_rate_high": high}
        | {name: float(np.mean(values[:, -1])) for name, values in [("recall_accuracy", recall), ("loss", loss)]}
        | {"sequence_accuracy": float(recall[:, -1].mean()), "accuracy": float(accuracy[:, -1].mean())}
        | {name: np.nan if np.isinf(time) else time for name, time in zip(_TIMES, medians, strict=True)}
        | {"ert_sequences": np.nan if np.isinf(ert) else ert, "updates": updates}
        | {"train_seconds": updates * 1.4e-6, "compile_seconds": 1.1 if number == 0 else 0.0, "error": None}
    )


def _drawn(dimension: Choices | Range, rng: np.random.Generator) -> Any:
    if isinstance(dimension, Choices):
        return dimension.choices[int(rng.integers(len(dimension.choices)))]
    if dimension.step is not None:
        steps = round((dimension.high - dimension.low) / dimension.step)
        return dimension.low + dimension.step * int(rng.integers(steps + 1))
    value = rng.uniform(dimension.low, dimension.high)
    if dimension.log:
        value = float(np.exp(rng.uniform(np.log(dimension.low), np.log(dimension.high))))
    return round(value) if isinstance(dimension.low, int) else value
