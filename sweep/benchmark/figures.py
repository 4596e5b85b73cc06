"""The benchmark's figures: what each subject needs in each case, and how that grows along an axis."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sweep.benchmark.cases import AXES
from sweep.benchmark.growth import Growth
from sweep.benchmark.measure import Measured
from sweep.reporting.look.drawing import FAINT, GRID, SERIES, drawn, log_axis, ticks_at, titled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = "osD^vPXd"
_KNOWN = (
    "fused",
    "train_on_batch",
    "fit",
    "jax_scan",
    "pytorch_eager",
    "study",
    "fused_jax",
)  # look the same in all figures
_SIZE = (5.0, 3.6)


def case_figure(measured: Sequence[Measured]) -> str:
    """The SVG of all cases: microseconds of a step, a row for each case and a mark for each subject."""
    cases = list(dict.fromkeys(found.case for found in measured))
    subjects = list(dict.fromkeys(found.subject for found in measured))

    def draw(axes: Axes) -> None:
        for subject in subjects:
            its = [found for found in measured if found.subject == subject and found.epoch_seconds]
            heights = [cases.index(found.case) for found in its]
            middle = [statistics.median(found.microseconds) for found in its]
            ends = ([min(found.microseconds) for found in its], [max(found.microseconds) for found in its])
            look = _look(subject, subjects)
            axes.hlines(heights, *ends, color=look["color"], linewidth=2, alpha=0.5)
            axes.plot(middle, heights, linestyle="", label=subject, **look)
        axes.set_yticks(range(len(cases)), cases)
        axes.set_ylim(len(cases) - 0.5, -0.5)
        log_axis(axes.xaxis)
        axes.xaxis.set_major_formatter(_plain)
        axes.grid(axis="x")
        axes.hlines(range(len(cases)), *axes.get_xlim(), color=GRID, linewidth=0.8, zorder=0)
        axes.set_xlabel("µs of a time step, sequence and seed; further left is faster")
        titled(axes, "What training costs")
        _legend(axes, columns=3)

    return drawn("cases", (6.4, 1.6 + 0.34 * len(cases)), draw)


def growth_figures(axis: str, growth: Growth) -> dict[str, str]:
    """File name -> SVG of an axis: time and memory against the size, both axes logarithmic, each point marked."""
    title, what = ("Time of a study", "a study") if axis == "trials" else ("Time of an epoch", "an epoch")
    time = _growth_figure(
        axis,
        growth,
        title,
        f"milliseconds of {what}",
        lambda found: [1e3 * each for each in found.epoch_seconds],
        proportional=True,
    )
    memory = _growth_figure(
        axis, growth, "Memory", "most megabytes held", lambda found: found.peak_memory_mb, proportional=False
    )
    return {f"{axis}-time.svg": time, f"{axis}-memory.svg": memory}


def _growth_figure(
    axis: str,
    growth: Growth,
    title: str,
    label: str,
    samples: Callable[[Measured], list[float]],
    *,
    proportional: bool,
) -> str:
    subjects = list(dict.fromkeys(found.subject for measured in growth.values() for found in measured))

    def draw(axes: Axes) -> None:
        for subject in subjects:
            points = {
                size: samples(found)
                for size, measured in growth.items()
                for found in measured
                if found.subject == subject and samples(found)
            }
            if not points:
                continue
            sizes, middle = list(points), [statistics.median(each) for each in points.values()]
            ends = ([min(each) for each in points.values()], [max(each) for each in points.values()])
            look = _look(subject, subjects)
            axes.vlines(sizes, *ends, color=look["color"], linewidth=2, alpha=0.5)
            axes.plot(sizes, middle, linewidth=1.6, label=subject, **look)
        log_axis(axes.xaxis)
        ticks_at(axes.xaxis, list(growth))
        axes.xaxis.set_major_formatter(_plain)
        _whole_decades(axes)
        log_axis(axes.yaxis)
        axes.yaxis.set_major_formatter(_plain)
        if proportional:
            _proportional(axes)
        axes.grid(axis="y")
        what = AXES[axis].label if axis in AXES else "trials of a study, none of them trained"
        axes.set_xlabel(f"{what} (dotted: in proportion)" if proportional else what)
        axes.set_ylabel(label)
        titled(axes, f"{title}, by {axis}")
        if len(subjects) > 1:
            _legend(axes, columns=3)

    return drawn(f"{axis}-{title.split()[0].lower()}", _SIZE, draw)


def _look(subject: str, subjects: Sequence[str]) -> dict[str, Any]:
    """Colour and mark of a subject, its own wherever it is drawn."""
    others = [each for each in subjects if each not in _KNOWN]
    place = [*_KNOWN, *others].index(subject) % len(SERIES)
    return {"color": SERIES[place], "marker": _MARKERS[place], "markersize": 6, "zorder": 3 - 0.1 * place}


def _whole_decades(axes: Axes) -> None:
    """Begin and end the vertical axis at powers of ten: a slope is then not mistaken for more than it is."""
    low, high = axes.dataLim.intervaly
    axes.set_ylim(10.0 ** math.floor(math.log10(0.9 * low)), 10.0 ** math.ceil(math.log10(1.1 * high)))


def _plain(value: float, _: object) -> str:
    """A tick's number, its thousands apart."""
    return f"{value:,.10g}"


def _proportional(axes: Axes) -> None:
    """Faint lines along which twice the size costs twice as much."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    start = low / (right / left)
    while start < high:
        axes.plot([left, right], [start, start * right / left], color=FAINT, linewidth=0.8, linestyle=":", zorder=0)
        start *= 10
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)


def _legend(axes: Axes, columns: int) -> None:
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.legend(loc="outside lower center", ncols=columns)
