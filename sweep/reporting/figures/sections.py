"""Which figures a report shows, section by section."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from sweep.reporting.figures.across import across_figures, axis_of
from sweep.reporting.figures.confirmed import confirmed_figure, confirmed_table, confirmed_where, optimism
from sweep.reporting.figures.effort import effort_by_condition, effort_figures
from sweep.reporting.figures.learning import learning_curves
from sweep.reporting.figures.lengths import length_figures, lengths_table
from sweep.reporting.figures.pareto import pareto_figures
from sweep.reporting.figures.search import importance_figure, slices, solve_rates
from sweep.reporting.figures.steps import step_figures
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.findings.importances import importances
from sweep.reporting.look.display import plural, value_text
from sweep.reporting.look.drawing import Drawing
from sweep.results.ranking import best_trials, ranking

if TYPE_CHECKING:
    from sweep.results.results import Results

_TOP = 15  # trials whose solve rates are set side by side
_CONDITIONS = 6  # drawn one by one; those beyond have their rows in the tables


@dataclass(frozen=True)
class FigureSection:
    """Figures under one heading, the tables that go with them, and what else is to be said there."""

    id: str
    heading: str
    figures: list[Drawing]
    notes: list[str]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


def figure_sections(results: Results) -> list[FigureSection]:
    """Every section of figures that these results have something for."""
    ranked, best, settings = ranking(results), best_trials(results), conditions(results)
    shown = list(best)[:_CONDITIONS]
    notes = []
    if len(best) > len(shown):
        notes = [f"Of {plural(len(best), 'condition')} the first {len(shown)} are drawn; the tables have all."]
    curves = FigureSection("curves", "Learning curves", [], list(notes))
    effort = FigureSection("effort", "Solved against training", [], list(notes))
    if len(best) > 1:
        effort.figures.extend(effort_by_condition(results))
    lengths = FigureSection("lengths", "Other lengths", [], list(notes))
    steps = FigureSection("steps", "Step by step", [], list(notes))
    search = FigureSection("search", "What mattered", [], list(notes))
    rates = FigureSection("rates", "Solve rates", _rates(results, ranked, best), [])
    if len(settings) == 1:  # beside the importances
        search.figures.extend(rates.figures)
        rates.figures.clear()
    again = FigureSection("confirmed", "Confirmed on new seeds", confirmed_figure(results), [])
    if again.figures:
        again.notes.extend(note for note in (optimism(results), confirmed_where(results)) if note)
        again.tables["confirmed"] = confirmed_table(results)
    axis = axis_of(results)
    across = FigureSection("across", f"Along {axis}", across_figures(results, axis) if axis else [], [])
    at_lengths = lengths_table(results)
    if len(at_lengths):
        lengths.tables["lengths"] = at_lengths
    for number in shown:
        condition = settings[number]
        suffix = f"-{number + 1}" if len(settings) > 1 else ""
        trials = condition.rows(ranked)
        if len(settings) == 1 or len(trials) > 1:
            effort.figures.extend(effort_figures(results, condition, trials, suffix))
        curves.figures.extend(learning_curves(results, condition, trials, suffix))
        lengths.figures.extend(length_figures(results, condition, trials, suffix))
        steps.figures.extend(step_figures(results, condition, trials, suffix))
        if results.experiment.search:
            found = importances(results, trials)
            where = f" at {condition.label}" if condition.label else ""
            if found.shares:
                search.figures.append(importance_figure(found, condition, suffix))
            else:
                search.notes.append(f"No importances{where}: {found.why_not}.")
            search.figures.extend(pareto_figures(results, condition, trials, suffix))
            search.figures.extend(slices(results, condition, trials, suffix))
    return [section for section in (again, across, rates, curves, effort, lengths, steps, search) if section.figures]


def _rates(results: Results, ranked: pd.DataFrame, best: dict[int, pd.Series]) -> list[Drawing]:
    """Solve rates of the conditions' best trials; of one condition, those of the search's best trials."""
    settings = conditions(results)
    if len(best) > 1:
        rows = pd.DataFrame(list(best.values()))
        axis = next(iter(results.experiment.conditions)) if len(results.experiment.conditions) == 1 else ""
        labels = [value_text(settings[n].values[axis]) if axis else settings[n].label for n in best]
        return [solve_rates(rows, labels, axis, "Solve rate by condition")]
    complete = ranked[ranked["state"] == "complete"]
    if len(settings) == 1 and len(complete) > 1:
        top = complete.head(_TOP)
        labels = [str(number) for number in top["trial"]]
        return [solve_rates(top, labels, "trial", "Solve rate of the best trials")]
    return []
