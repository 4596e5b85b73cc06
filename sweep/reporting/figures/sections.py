"""Which figures a report shows, section by section, and the learning curves that each needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sweep.reporting.figures import across, confirmed, effects, effort, learning, lengths, rates, search, steps
from sweep.reporting.figures.section import FigureSection
from sweep.reporting.findings.findings import Findings


def _no_curves(findings: Findings) -> set[int]:
    return set()


class Kind(NamedTuple):
    """A kind of section: `draw` gives it, without a figure where there is nothing to show.

    `curves` are the trials whose learning curves it draws: they are the largest part of the results, and are not read
    for trials that nobody names.
    """

    draw: Callable[[Findings], FigureSection]
    curves: Callable[[Findings], set[int]] = _no_curves


KINDS = (
    Kind(effects.section),
    Kind(confirmed.section),
    Kind(across.section),
    Kind(rates.section),
    Kind(learning.section, learning.curves),
    Kind(effort.section, effort.curves),
    Kind(lengths.section),
    Kind(steps.section),
    Kind(search.section),
)
"""In the order of the page."""


def figure_sections(findings: Findings) -> list[FigureSection]:
    """Every section of figures that these results have something for."""
    return [section for section in (kind.draw(findings) for kind in KINDS) if section.figures]


def curves_drawn(findings: Findings) -> set[int]:
    """The trials whose learning curves the figures need."""
    return set().union(*(kind.curves(findings) for kind in KINDS))
