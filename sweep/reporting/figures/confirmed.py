"""The confirmed ranking: the best configurations, trained again from seeds that the search never saw."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from sweep.experiment.outcomes import OUTCOMES
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.look.display import heading, joined, plural, value_text
from sweep.reporting.look.drawing import BLUE, FAINT, PAPER, Drawing, drawn, rate_rows
from sweep.results.ranking import confirmation, ranking

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sweep.results.results import Results

_ROWS = 30  # of the figure


def confirmed_table(results: Results) -> pd.DataFrame:
    """Every confirmed configuration, the best of each condition first by its confirmed scores.

    Columns: the conditions, rank, trial, the searched parameters, searched_seeds, seeds (of the confirmation),
    the first objective as `searched_X` and as `confirmed_X`, optimism (how much better the search's score was;
    optimism_points, in percentage points, of a share), solve_rate (confirmed) with its interval. Without a row
    where nothing was confirmed.
    """
    again = ranking(confirmation(results))
    if again.empty:
        return again
    before = ranking(results).set_index("trial")
    objective = results.experiment.study.objectives[0]
    outcome, sign = objective.removeprefix("-"), -1.0 if objective.startswith("-") else 1.0
    searched = before[outcome].reindex(again["trial"]).astype(float).to_numpy()
    found = again[outcome].astype(float).to_numpy()
    excess, gain = ("optimism_points", 100.0 * sign) if OUTCOMES[outcome].is_share else ("optimism", sign)
    table = again.assign(
        searched_seeds=before["seeds"].reindex(again["trial"]).to_numpy(),
        **{f"searched_{outcome}": searched, f"confirmed_{outcome}": found, excess: gain * (searched - found)},
    )
    names = [*results.experiment.conditions, "rank", "trial", *results.experiment.search, "searched_seeds", "seeds"]
    names += [f"searched_{outcome}", f"confirmed_{outcome}", excess]
    return table[[*names, "solve_rate", "solve_rate_low", "solve_rate_high"]].reset_index(drop=True)


def with_confirmed(results: Results, table: pd.DataFrame) -> pd.DataFrame:
    """The accuracy table with the confirmed scores beside the search's: `confirmed_X`, missing where none are.

    X is seeds, solve_rate with its interval, recall_accuracy, sequence_accuracy, loss, ert_sequences, and the
    objectives that are not among these. The table itself where nothing was confirmed.
    """
    again = confirmation(results).trials
    if again.empty:
        return table
    names = ["seeds", "solve_rate", "solve_rate_low", "solve_rate_high", "recall_accuracy", "sequence_accuracy"]
    names += ["loss", "ert_sequences", *(o.removeprefix("-") for o in results.experiment.study.objectives)]
    scores = again.set_index("trial")[list(dict.fromkeys(names))].add_prefix("confirmed_")
    return table.join(scores, on="trial")


def optimism(results: Results) -> str:
    """How far the search's scores were above the confirmed ones, in a sentence; empty where nothing was confirmed."""
    table = confirmed_table(results)
    if table.empty:
        return ""
    outcome = results.experiment.study.objectives[0].removeprefix("-")
    excess = table["optimism_points" if OUTCOMES[outcome].is_share else "optimism"].astype(float)
    size = f"{excess.mean():+.1f} points" if OUTCOMES[outcome].is_share else f"{excess.mean():+.3g}"
    worse = int((excess > 0).sum())
    return (
        f"{plural(len(table), 'configuration')} trained again from seeds that the search never saw: {worse} of "
        f"{len(table)} did worse by {heading(outcome)} than the search had said, which was too optimistic by {size} "
        "on average."
    )


def confirmed_figure(results: Results) -> list[Drawing]:
    """The solve rate of each confirmed configuration beside the search's."""
    table = confirmed_table(results).head(_ROWS)
    if table.empty:
        return []
    before = ranking(results).set_index("trial")
    names = list(results.experiment.conditions)
    settings = [", ".join(f"{name} = {value_text(row[name])}" for name in names) for _, row in table.iterrows()]
    labels = [f"{at}, trial {n}" if at else f"trial {n}" for at, n in zip(settings, table["trial"], strict=True)]
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


def confirmed_where(results: Results) -> str:
    """Which conditions have nothing confirmed, in a sentence; empty where all or none have."""
    again = confirmation(results)
    if again.trials.empty:
        return ""
    missing = [c.label for c in conditions(results) if c.rows(again.trials).empty]
    return f"Nothing was confirmed at {joined(missing)}." if missing else ""
