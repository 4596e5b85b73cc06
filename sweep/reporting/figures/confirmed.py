"""The confirmed ranking: the best configurations, trained again from seeds that the search never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.reporting.figures.section import FigureSection
from sweep.reporting.findings.confirmed import confirmed_table, confirmed_where, optimism
from sweep.reporting.look.drawing import BLUE, FAINT, PAPER, Drawing, drawn, rate_rows

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.labels import trial_labels

_ROWS = 30  # of the figure


def section(findings: Findings) -> FigureSection:
    """What was confirmed, beside what the search had said."""
    found = FigureSection("confirmed", "Confirmed on new seeds", confirmed_figure(findings))
    if found.figures:
        found.notes.extend(note for note in (optimism(findings), confirmed_where(findings)) if note)
        found.tables["confirmed"] = confirmed_table(findings)
    return found


def confirmed_figure(findings: Findings) -> list[Drawing]:
    """The solve rate of each confirmed configuration beside the search's."""
    table = confirmed_table(findings).head(_ROWS)
    if table.empty:
        return []
    before = findings.search.ranked.set_index("trial")
    labels = trial_labels(findings, table)
    data = table[["trial", "seeds", "solve_rate", "solve_rate_low", "solve_rate_high"]].assign(
        searched=before["solve_rate"].reindex(table["trial"]).astype(float).to_numpy()
    )
    data.insert(0, "row", labels)

    def draw(axes: Axes) -> None:
        at = range(len(data))
        rate_rows(axes, data, labels, "Solve rate, searched and confirmed")
        axes.plot(
            *(data["searched"], at), "D", color=FAINT, markersize=6, markeredgecolor=PAPER, clip_on=False,
            label="search",
        )  # fmt: skip
        axes.plot(
            *(data["solve_rate"], at), "o", color=BLUE, markersize=6.5, markeredgecolor=PAPER, clip_on=False,
            label="confirmed",
        )  # fmt: skip
        figure = axes.get_figure(root=True)
        if figure is not None:
            figure.legend(loc="outside lower center", ncols=2)

    return [
        Drawing(
            name="confirmed-rates",
            title="Solve rate, searched and confirmed",
            caption="Dot: the share of the new seeds that solve the task, with its 95% interval (exact). Diamond: what "
            "the search had measured on its own seeds, by which the configurations were picked.",
            svg=drawn("confirmed-rates", (5.4, 1.3 + 0.24 * max(3, len(data))), draw),
            data=data,
            wide=True,
        )
    ]
