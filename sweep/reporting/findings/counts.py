"""What became of an experiment's trials and replicates: complete, pruned, failed, diverged, missing."""

from __future__ import annotations

from dataclasses import dataclass

from sweep.reporting.findings.findings import Findings, found_once


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What became of the trials and replicates of the search; `expected` counts the trials to be run."""

    expected: int
    complete: int
    pruned: int
    failed: int
    replicates: int
    solved: int
    diverged: int

    @property
    def finished(self) -> int:
        """Trials that will not be run again."""
        return self.complete + self.pruned + self.failed

    @property
    def interrupted(self) -> bool:
        """Whether trials of the experiment are still missing."""
        return self.finished < self.expected


@found_once
def counts(findings: Findings) -> Counts:
    """How many trials and replicates came to which end."""
    experiment = findings.experiment
    states = list(findings.search.trials["state"])
    replicates = findings.search.replicates
    return Counts(
        expected=experiment.trials * len(experiment.condition_settings),
        **{state: states.count(state) for state in ("complete", "pruned", "failed")},
        replicates=len(replicates),
        solved=int(replicates["solved"].astype(bool).sum()),
        diverged=int(replicates["diverged"].astype(bool).sum()),
    )
