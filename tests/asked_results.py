"""Results of a grid whose every seed solves the task, or does not, as a test says: the answer can be worked out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sampled_results import sample

from sweep.experiment.answer import AnswerConfig
from sweep.results.results import Results
from sweep.stats import binomial_interval, expected_running_time

Solved = Sequence[int]
"""For each seed whether it solves the task (1) or not (0); or at how many training sequences, 0 for never."""


def told(raw: Mapping[str, Any], solved: Callable[..., Solved], *, times: bool = False) -> Results:
    """The results of `raw`, a grid: of each trial the seeds are `solved(**condition, **parameters)`."""
    answer = raw.get("answer")
    results = sample(Path("results/asked"), {key: value for key, value in raw.items() if key != "answer"})
    if answer is not None:
        experiment = results.experiment.model_copy(update={"answer": AnswerConfig(**answer)})
        results = replace(results, experiment=experiment)
    experiment = results.experiment
    names = [*experiment.conditions, *experiment.search]
    replicates, trials = results.replicates.copy(), results.trials.copy()
    for label, trial in trials.iterrows():
        values = np.array(solved(**{name: trial[name] for name in names}), float)
        rows = replicates.index[replicates["trial"] == trial["trial"]]
        at = np.where(values > 0, values if times else 10.0, np.nan)
        replicates.loc[rows, "solved"] = values > 0
        for name in ("recall_accuracy", "sequence_accuracy"):
            replicates.loc[rows, name] = np.where(values > 0, 1.0, 0.5)
        replicates.loc[rows, "sequences_to_solve"] = at
        budget = float(results.curves["sequences"][results.curves["trial"] == trial["trial"]].max())
        ert = expected_running_time(np.where(values > 0, at, budget), values > 0)
        low, high = binomial_interval(int((values > 0).sum()), len(values))
        figures = {"solve_rate": (values > 0).mean(), "solve_rate_low": low, "solve_rate_high": high}
        for name, figure in (figures | {"ert_sequences": ert if np.isfinite(ert) else np.nan}).items():
            trials.loc[label, name] = figure
        trials.loc[label, "recall_accuracy"] = replicates.loc[rows, "recall_accuracy"].mean()
    replicates["solved"] = replicates["solved"].astype(bool)
    return replace(results, replicates=replicates, trials=trials)
