"""The report as files: one self-contained page, its Markdown, and every figure and table beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweep.files import refuse_links
from sweep.reporting.figures.sections import curves_drawn, figure_sections
from sweep.reporting.files import csv_text, write_files
from sweep.reporting.findings import facts
from sweep.reporting.findings.answer import answer, asked_kind
from sweep.reporting.findings.cautions import best_numbers, cautions
from sweep.reporting.findings.choice import choice_table, choices, measured_where
from sweep.reporting.findings.conditions import criterion
from sweep.reporting.findings.counts import counts
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.runner_up import duel_table, how_sure
from sweep.reporting.findings.tables import accuracy_table, cost_table
from sweep.reporting.lead import lead, without
from sweep.reporting.look.display import columns, without_constants
from sweep.reporting.look.drawing import Drawing
from sweep.reporting.look.rendering import rendered, trusted

if TYPE_CHECKING:
    from sweep.results.results import Results


@dataclass(frozen=True)
class Content:
    """All that a report says: `shown` by the names of the templates, and each table and figure with its data."""

    shown: dict[str, Any]
    tables: dict[str, pd.DataFrame]
    drawings: list[Drawing]


def write_report(results: Results) -> Path:
    """Write `report/` into the folder of the results and return its `index.html`.

    The same results give the same bytes. RunError where the folder cannot be written.
    """
    return write_content(results, content(results))


def write_content(results: Results, found: Content) -> Path:
    """Write a report's files, its figures and tables among them, and return its `index.html`."""
    data = found.tables | {drawing.name: drawing.data for drawing in found.drawings}
    contents = {f"tables/{name}.csv": csv_text(table) for name, table in data.items()}
    contents |= {f"figures/{drawing.name}.svg": drawing.svg for drawing in found.drawings}
    contents["report.md"] = experiment_markdown(found, level=2)
    alone = found.shown | {"experiment": trusted(experiment_html(found, level=2))}
    contents["index.html"] = rendered("index.html.j2", alone)
    refuse_links(results.path, ["report"])
    write_files(results.path / "report", contents)
    return results.path / "report" / "index.html"


def experiment_html(found: Content, *, level: int, prefix: str = "", beside: str = "") -> str:
    """The part of a page that is about one experiment, its sections headed at `level`.

    Its ids begin with `prefix`, and its figures and tables lie in the folder `beside`.
    """
    where = {"level": level, "prefix": prefix, "beside": beside}
    return rendered("experiment.html.j2", found.shown | where)


def experiment_markdown(found: Content, *, level: int, beside: str = "") -> str:
    """The same for people who read on a code host."""
    return rendered("experiment.md.j2", found.shown | {"level": level, "beside": beside})


def curves_needed(results: Results) -> set[int]:
    """The trials whose curves a report needs, for `Store.load`: hundreds of a study's thousands are never drawn."""
    findings = Findings(results)
    return best_numbers(findings) | curves_drawn(findings)


def content(results: Results) -> Content:
    """What a report of these results says."""
    findings = Findings(results)
    sections = figure_sections(findings)
    top, every = accuracy_table(findings), accuracy_table(findings, top=None)
    asks_which = asked_kind(findings) == "best" or not findings.experiment.search
    chosen = choice_table(findings) if findings.experiment.search or len(findings.conditions) > 1 else pd.DataFrame()
    tables = {"accuracy": every, "cost": cost_table(findings)}
    runners = duel_table(findings) if findings.experiment.search else pd.DataFrame()
    tables |= {name: table for name, table in (("choice", chosen), ("runner-up", runners)) if len(table)}
    tables |= {name: table for section in sections for name, table in section.tables.items()}
    accuracy, accuracy_constants = without_constants(columns(top))
    choice, choice_constants = without_constants(columns(chosen if asks_which else chosen.head(0).iloc[:, :0]))
    drawings = [drawing for section in sections for drawing in section.figures]
    first = lead(findings, sections, chosen, top)
    shown = {
        "results": results,
        "question": findings.experiment.question,
        "answer": answer(findings),
        "key_figures": facts.key_figures(findings),
        "lead": first,
        "choice": choice,
        "choice_constants": choice_constants,
        "all_confirmed": all(choice.confirmed for choice in choices(findings).values()),
        "runners": columns(runners),
        "how_sure": how_sure(findings) if len(runners) else [],
        "measured_where": measured_where(findings),
        "accuracy": accuracy,
        "accuracy_constants": accuracy_constants,
        "criterion": criterion(findings.conditions),
        "more_trials": len(every) > len(top),
        "searched": bool(findings.experiment.search),
        "sections": without(sections, first),
        "cautions": cautions(findings),
        "counts": counts(findings),
        "failures": facts.failures(findings),
        "cost": columns(tables["cost"]),
        "fixed": facts.fixed_parameters(findings),
        "ranges": facts.searched_parameters(findings),
        "environment": facts.environment(findings),
        "command": facts.command(findings),
    }
    return Content(shown, tables, drawings)
