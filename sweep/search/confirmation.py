"""What is confirmed: the best configurations of each condition, on seeds that the search never used.

A confirmed trial keeps the number that it has in the search; its record is a second one, of the phase "confirm".
A search that is extended later changes no number: what is among its best then is confirmed as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.errors import SweepError
from sweep.experiment.checks import refused_by_now
from sweep.experiment.experiment import ConfirmConfig
from sweep.experiment.trials import Phase, conditions_of
from sweep.results.phase_view import PhaseView
from sweep.results.record import TrialKey
from sweep.search.job import Job

if TYPE_CHECKING:
    from sweep.results.results import Results
    from sweep.results.store import Store


def trials_to_confirm(results: Results, top: int) -> list[int]:
    """The `top` best complete trials of each condition, condition by condition.

    A configuration that the search came to twice counts once; of several objectives only the Pareto set counts,
    and a trial with a diverged replicate then only where all have one.
    """
    experiment, ranked = results.experiment, PhaseView.of(results, Phase.SEARCH).ranked
    conditions = len(experiment.condition_settings)
    chosen: list[int] = []
    for condition in range(conditions):
        rows = ranked[(conditions_of(ranked["trial"], conditions) == condition) & (ranked["state"] == "complete")]
        if len(experiment.study.objectives) > 1 and len(rows):
            diverged = rows["diverged"] > 0
            rows = rows[(rows["layer"] == 0) & (diverged == diverged.iloc[0])]
        rows = rows[~rows[list(experiment.search)].astype(str).duplicated()]
        chosen += [int(trial) for trial in rows["trial"].head(top)]
    return chosen


def confirmation_jobs(store: Store, results: Results, confirm: ConfirmConfig) -> tuple[list[Job], int]:
    """What is still to be trained, and how many are confirmed already, from as many seeds or more.

    Without a time-out: each has been trained to its end before.
    """
    experiment, seeds = results.experiment, results.experiment.study.seeds_after(confirm.seeds)
    confirmed = PhaseView.of(results, Phase.CONFIRM).trials
    before = dict(zip(confirmed["trial"], confirmed["seeds"], strict=True))
    wanted = trials_to_confirm(results, confirm.top)
    missing = [trial for trial in wanted if before.get(trial, 0) < len(seeds)]
    jobs = []
    for trial in missing:
        found = store.key(experiment, trial)
        key = TrialKey(trial=trial, phase=Phase.CONFIRM, condition=found.condition, parameters=found.parameters)
        configuration = store.configuration(experiment, trial)
        if wrong := refused_by_now(configuration):
            raise SweepError(f"{store.name}: trial {trial}: {wrong}; this version cannot train it again")
        jobs.append(Job(key=key, configuration=configuration, seeds=seeds, alike=len(experiment.study.replicate_seeds)))
    return jobs, len(wanted) - len(missing)
