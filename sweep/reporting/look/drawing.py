"""How every figure looks: palette, axes, and the SVG that is written, the same bytes for the same data."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pandas as pd

from sweep.reporting.look.display import percent, value_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, MUTED, GRID, PAPER = "#1f2328", "#667079", "#e3e6e8", "#fffffe"
BLUE, ORANGE, GREEN, FAINT = (
    "#0072b2",
    "#c75300",
    "#00805f",
    "#aeb6bc",
)  # Okabe & Ito, darkened to read on white
SERIES = (BLUE, ORANGE, GREEN, "#a0568a", "#8a6d00", "#4a93c4", "#5d5d5d", "#b0364f")
_ENDS = ((236, 0), (239, 114), (241, 178))  # red, green and blue, of none right and of all right
LEVELS = tuple("#" + "".join(f"{(pale * (10 - i) + blue * i) // 10:02x}" for pale, blue in _ENDS) for i in range(11))
"""Colours of a share, from none (pale) to all (blue) in steps of a tenth."""

COLOURS = {INK: "ink", MUTED: "muted", GRID: "grid", PAPER: "card", FAINT: "faint"} | {
    colour: f"{kind}-{number}"
    for kind, colours in (("level", LEVELS), ("series", SERIES))
    for number, colour in enumerate(colours, start=1)
}
"""Colour in a figure's file -> the page's name for it, under which the dark page has another shade."""

_CROWDED = 0.25  # reference lines nearer than this have their names on opposite sides
_LONGEST = 44  # letters of a title that fit above the axes
_SVG = "http://www.w3.org/2000/svg"
_STYLE: Any = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a "$" in a user's name is a dollar
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "axes.titlelocation": "left",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "axes.axisbelow": True,
    "axes.unicode_minus": False,
    "figure.facecolor": PAPER,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
}


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A figure: its file name without ending, what it shows, the picture, and the numbers behind it."""

    name: str
    title: str
    caption: str
    svg: str
    data: pd.DataFrame
    wide: bool = False
    """Whether it takes half of the page's width instead of a third."""


def drawn(name: str, size: tuple[float, float], draw: Callable[[Axes], None]) -> str:
    """The SVG of one set of axes, `size` inches, that `draw` fills."""
    return panels(name, size, 1, lambda axes: draw(axes[0]))


def panels(name: str, size: tuple[float, float], columns: int, draw: Callable[[Sequence[Axes]], None]) -> str:
    """The SVG of so many sets of axes side by side, `size` inches together and on one scale, that `draw` fills."""
    import matplotlib
    from matplotlib.figure import Figure

    written = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        # Measured with another letter's width; whoever shows the file has a font of his own for the text.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure = Figure(figsize=size, layout="constrained")
        draw([figure.add_subplot()] if columns == 1 else list(figure.subplots(1, columns, sharey=True)))
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None})
    return _tidied(written.getvalue(), name)


def titled(axes: Axes, title: str, condition: str = "") -> None:
    """Head the axes, with the condition on a line of its own, shortened if it is long."""
    axes.set_title(f"{title}\n{shortened(condition)}" if condition else title)


def shortened(text: str) -> str:
    """A text that fits above the axes, or beside them in a legend."""
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\N{HORIZONTAL ELLIPSIS}"


def reference_line(
    axes: Axes, height: float, label: str, style: str, side: str = "center", written: str | None = None
) -> None:
    """A level that a score is to be read against, named in the margin: beside it, above or below (`side`).

    It is `written` there in percent, if not otherwise.
    """
    axes.axhline(height, color=INK, linestyle=style, linewidth=1, zorder=2.5)  # over a curve that runs along it
    axes.annotate(
        f"{label}\n{written or percent(height)}",
        (1, height),
        xycoords=("axes fraction", "data"),
        xytext=(5, 0),
        textcoords="offset points",
        va={"above": "bottom", "below": "top"}.get(side, "center"),
        fontsize=8,
        color=MUTED,
        annotation_clip=False,
    )


def score_references(axes: Axes, ceiling: float, chance: float) -> None:
    """The memoryless ceiling and chance, their names apart where the lines are close."""
    apart = ceiling - chance
    crowded = abs(apart) < _CROWDED
    sides = ("above", "below") if apart >= 0 else ("below", "above")
    reference_line(axes, ceiling, "memoryless\nceiling", "--", sides[0] if crowded else "center")
    if abs(apart) > 1e-9:
        reference_line(axes, chance, "chance", ":", sides[1] if crowded else "center")


def rate_rows(axes: Axes, data: pd.DataFrame, labels: Sequence[str], title: str) -> None:
    """Axes of solve rates, a row of `data` below the other, with their 95% intervals; the dots are for the caller."""
    at = list(range(len(data)))
    axes.hlines(at, data["solve_rate_low"], data["solve_rate_high"], color=BLUE, linewidth=2, alpha=0.45)
    axes.set_yticks(at, [shortened(label) for label in labels])
    axes.tick_params(axis="y", length=0, pad=8)  # leaves room for a dot at 0%
    axes.set_ylim(len(data) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_xlabel("share of the seeds that solve the task (%)")
    axes.grid(axis="x")
    axes.spines["left"].set_visible(False)
    percent_axis(axes.xaxis)
    titled(axes, title)


def ticks_at(axis: Any, values: Sequence[float]) -> None:
    """Ticks at these values and nowhere else, with plain numbers."""
    from matplotlib.ticker import FixedLocator, NullLocator

    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(lambda value, _: value_text(value))
    axis.set_minor_locator(NullLocator())


def log_axis(axis: Any) -> None:
    """Make an axis logarithmic, with plain numbers; powers as matplotlib sets them would need its TeX."""
    from matplotlib.ticker import LogLocator, NullFormatter, NullLocator, StrMethodFormatter

    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    low, high = sorted(axis.get_view_interval())
    close = high < 200 * low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if close else (1.0,)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())
    if close:
        axis.set_minor_locator(NullLocator())


def percent_axis(axis: Any) -> None:
    """Label an axis of shares in percent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def _tidied(svg: str, name: str) -> str:
    """The SVG alone, with the page's fonts, and ids that no other figure of the page has."""
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    root = ElementTree.fromstring(svg)
    for parent in root.iter():
        for child in list(parent):
            if child.tag.split("}")[-1] in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        for key, value in list(element.attrib.items()):
            if key == "id":
                element.set(key, f"{name}-{value}")
            elif key.endswith("href") and value.startswith("#"):
                element.set(key, f"#{name}-{value[1:]}")
            elif "url(#" in value:
                element.set(key, value.replace("url(#", f"url(#{name}-"))
            elif "DejaVu Sans" in value:
                element.set(key, value.replace("'DejaVu Sans'", "system-ui, sans-serif"))
    root.set("style", "stroke-linejoin: round; stroke-linecap: butt")
    width, height = (math.ceil(float(size)) for size in root.attrib["viewBox"].split()[2:])
    root.set("width", str(width))
    root.set("height", str(height))
    return ElementTree.tostring(root, encoding="unicode") + "\n"
