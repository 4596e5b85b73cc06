"""The benchmark's tables: a row for each subject, medians with their spread."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from sweep.benchmark.growth import Growth
from sweep.benchmark.measure import Measured

DASH = "\N{EN DASH}"

Table = tuple[list[str], list[list[str]]]
"""Headings, and rows of cells."""


def case_table(measured: Sequence[Measured], *, whole: bool) -> Table:
    """One case: what each subject needed, and how that compares to the first of them."""
    per = "µs per step" if whole else "µs per update"
    head = [
        "subject",
        "import (s)",
        "compile (s)",
        "epoch (ms)",
        f"{per} (range)",
        f"of {measured[0].subject}",
        "memory (MB)",
    ]
    return [*head, "differs by"], [_row(found, measured[0]) for found in measured]


def growth_table(axis: str, growth: Growth) -> Table:
    """One axis: a row for each size and subject."""
    per = "ms per trial" if axis == "trials" else "µs per step"
    rows = []
    for size, measured in growth.items():
        for found in measured:
            cost = [1e-3 * each for each in found.microseconds] if axis == "trials" else found.microseconds
            cells = [number(found.compile_seconds), milliseconds(found.epoch_seconds), spread(cost)]
            cells = [*cells, number(found.peak_memory_mb)] if found.epoch_seconds else [found.state, *[DASH] * 3]
            rows.append([f"{size:,}", found.subject, *cells])
    unit = "study (ms)" if axis == "trials" else "epoch (ms)"
    return [axis, "subject", "compile (s)", unit, f"{per} (range)", "memory (MB)"], rows


def library_table(measured: Sequence[Measured]) -> Table:
    """What each subject's process loads, and how long that takes, over all processes."""
    rows = []
    for subject in dict.fromkeys(found.subject for found in measured if found.library):
        its = [found for found in measured if found.subject == subject]
        libraries = dict.fromkeys(found.library for found in its if found.library)
        samples = [sample for found in its for sample in found.import_seconds]
        rows.append([subject, ", ".join(libraries), spread(samples), str(len(samples))])
    return ["subject", "library", "import (s) (range)", "processes"], rows


def machine(hardware: Mapping[str, Any]) -> str:
    """Where it was measured, as a sentence."""
    return "Measured on {cpu}, {cores} cores, {memory_gb:g} GB, {platform}".format(**hardware)


def number(samples: Sequence[float]) -> str:
    """The median, to three digits.

    >>> number([2185.0, 1.0, 2185.0]), number([0.01234])
    ('2,185', '0.0123')
    """
    return _three_digits(statistics.median(samples)) if samples else DASH


def spread(samples: Sequence[float]) -> str:
    """The median, and the smallest and the largest.

    >>> print(spread([1.31, 1.42, 1.3]).replace(DASH, " to "))
    1.31 (1.3 to 1.42)
    """
    if len(samples) < 2:
        return number(samples)
    return f"{number(samples)} ({_three_digits(min(samples))}{DASH}{_three_digits(max(samples))})"


def milliseconds(samples: Sequence[float]) -> str:
    """The median of seconds, as milliseconds."""
    return number([1e3 * sample for sample in samples])


def _row(found: Measured, first: Measured) -> list[str]:
    if not found.epoch_seconds:
        return [found.subject, found.state, *[DASH] * 6]
    ratio = statistics.median(found.epoch_seconds) / statistics.median(first.epoch_seconds)
    return [
        found.subject,
        number(found.import_seconds),
        number(found.compile_seconds),
        milliseconds(found.epoch_seconds),
        spread(found.microseconds),
        f"{_three_digits(ratio)} x",
        number(found.peak_memory_mb),
        DASH if found.difference is None or found is first else f"{found.difference:.0e}",
    ]


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
