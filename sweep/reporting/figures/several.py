"""Three or more sides in pictures: their mean ranks, and their performance profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sweep.comparison.several import Several
from sweep.reporting.findings.several import about_profiles, lettered, profile_of, ranks_of
from sweep.reporting.look.display import heading
from sweep.reporting.look.drawing import (
    BLUE,
    MUTED,
    PAPER,
    SERIES,
    Drawing,
    drawn,
    log_axis,
    percent_axis,
    shortened,
    ticks_at,
    titled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_WIDTH = 4.1  # inches, of a third of the page: on a telephone, too, its letters are as large as the text's small ones
_BANDS = 3  # lines, up to which each has its band
_STYLES = ("-", "--", ":", "-.")  # of the first eight lines, of the next, and so on
_TICKS = 12  # ranks that can all be named on an axis
_NAME = 26  # letters of a side's name beside an axis


def rank_figure(found: Several, metric: str) -> Drawing:
    """The mean rank of each side with its interval, a row for each, in the order in which they were given."""
    ranks, name = ranks_of(found, metric), f"rank-{metric.replace('_', '-')}"
    data = pd.DataFrame({"side": rank.side, "rank": rank.rank, "low": rank.low, "high": rank.high} for rank in ranks)
    chance = (len(ranks) + 1) / 2
    title = f"Mean rank by {heading(metric)}"

    def draw(axes: Axes) -> None:
        at = range(len(data))
        axes.axvline(chance, color=MUTED, linestyle=":", linewidth=1)
        axes.hlines(at, data["low"], data["high"], color=BLUE, linewidth=2, alpha=0.45)
        axes.plot(data["rank"], at, "o", color=BLUE, markersize=6, markeredgecolor=PAPER, clip_on=False)
        axes.set_yticks(list(at), [_named(*side) for side in zip(lettered(found), found.sides, strict=True)])
        axes.tick_params(axis="y", length=0, pad=8)
        axes.set_ylim(len(data) - 0.5, -0.5)
        axes.set_xlim(1, len(ranks))
        ticks_at(axes.xaxis, range(1, len(ranks) + 1, 1 + len(ranks) // _TICKS))
        axes.set_xlabel("mean rank (1 is the best; dotted: chance)")
        axes.grid(axis="x")
        axes.spines["left"].set_visible(False)
        titled(axes, title)

    others = "; ".join(f"{rank.side} {rank.rank:.2f} ({rank.low:.2f} to {rank.high:.2f})" for rank in ranks)
    return Drawing(
        name=name,
        title=title,
        caption=f"Mean rank of each side with its 95% interval: {others}.",
        svg=drawn(name, (_WIDTH, 1.1 + 0.26 * max(3, len(data))), draw),
        data=data,
    )


def profile_figure(found: Several) -> Drawing:
    """The share of each side's runs that solve the task, against how many times the sequences of the quickest."""
    data = pd.DataFrame(
        {"side": side, "ratio": point.ratio, "solved": point.solved, "low": point.low, "high": point.high}
        for side in found.sides
        for point in profile_of(found, side)
    )
    bands = len(found.sides) <= _BANDS

    def draw(axes: Axes) -> None:
        for place, (letter, side) in enumerate(zip(lettered(found), found.sides, strict=True)):
            own = data[data["side"] == side]
            look: dict[str, Any] = {
                "color": SERIES[place % len(SERIES)],
                "linestyle": _STYLES[place // len(SERIES) % len(_STYLES)],
            }
            axes.step(own["ratio"], own["solved"], where="post", linewidth=1.6, label=_named(letter, side), **look)
            if bands:
                fill: dict[str, Any] = {"step": "post", "color": look["color"], "alpha": 0.12, "linewidth": 0}
                axes.fill_between(own["ratio"], own["low"], own["high"], **fill)
        log_axis(axes.xaxis)
        axes.set_xlim(float(data["ratio"].min()), float(np.nextafter(data["ratio"].max(), np.inf)))
        axes.set_xlabel("times the sequences of the quickest side")
        axes.set_ylabel("runs that have solved the task (%)")
        axes.set_ylim(-0.02, 1.02)
        axes.grid(axis="y")
        percent_axis(axes.yaxis)
        titled(axes, "Performance profiles")
        figure = axes.get_figure(root=True)
        if figure is not None:
            figure.legend(loc="outside lower center", ncols=2)

    band = " Band: 95% at each point by itself." if bands else ""
    return Drawing(
        name="profiles",
        title="Performance profiles",
        caption=f"Share of each side's runs that have solved the task. {about_profiles(found)}{band}",
        svg=drawn("profiles", (_WIDTH, 2.7 + 0.16 * len(found.sides)), draw),
        data=data,
    )


def _named(letter: str, side: str) -> str:
    return shortened(f"{letter}  {side if len(side) <= _NAME else f'…{side[1 - _NAME :]}'}")
