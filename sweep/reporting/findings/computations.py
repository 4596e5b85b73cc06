"""Which trials of the search are the same computation, so that nobody takes two of them for two configurations."""

from __future__ import annotations

from sweep.reporting.findings.findings import Findings, found_once
from sweep.results.same_computation import Computations, sentences

_SETS = 3  # of trials that are told one by one, for each reason


@found_once
def computations(findings: Findings) -> Computations:
    """What the complete trials of the search compute."""
    return Computations(findings.search)


def same_as(findings: Findings, trial: int) -> int:
    """How many other trials of the search are the same computation as `trial`."""
    return sum(len(each.trials) - 1 for each in computations(findings).groups if trial in each.trials)


def same_computations(findings: Findings) -> list[str]:
    """That trials are the same computation, a sentence for each reason."""
    return [
        f"{sentence} They are one configuration that was trained more than once, from the same seeds."
        for sentence in sentences(computations(findings).groups, _SETS)
    ]
