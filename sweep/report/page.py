"""The report as files: one self-contained page, its Markdown, and every figure and table beside them."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweep.report import facts
from sweep.report.answer import answer
from sweep.report.cautions import cautions
from sweep.report.conditions import conditions, criterion
from sweep.report.counts import counts
from sweep.report.display import DASH, columns
from sweep.report.drawing import COLOURS, Drawing
from sweep.report.figures import figure_sections
from sweep.report.files import csv_text, write_files
from sweep.report.tables import accuracy_table, cost_table

if TYPE_CHECKING:
    import jinja2

    from sweep.store import Results

_TEMPLATES = Path(__file__).parent / "templates"


def write_report(results: Results) -> Path:
    """Write `report/` into the folder of the results and return its `index.html`.

    The same results give the same bytes. RunError where the folder cannot be written.
    """
    sections = figure_sections(results)
    tables = {"accuracy": accuracy_table(results, top=None), "cost": cost_table(results)}
    tables |= {name: table for section in sections for name, table in section.tables.items()}
    top = accuracy_table(results)
    drawings = [drawing for section in sections for drawing in section.figures]
    shown = {
        "results": results,
        "question": results.experiment.question,
        "answer": answer(results),
        "key_figures": facts.key_figures(results),
        "accuracy": columns(top),
        "criterion": criterion(conditions(results)),
        "more_trials": len(tables["accuracy"]) > len(top),
        "searched": bool(results.experiment.search),
        "sections": sections,
        "cautions": cautions(results),
        "counts": counts(results),
        "failures": facts.failures(results),
        "cost": columns(tables["cost"]),
        "fixed": facts.fixed_parameters(results),
        "ranges": facts.searched_parameters(results),
        "environment": facts.environment(results),
        "command": facts.command(results),
    }
    data: dict[str, pd.DataFrame] = tables | {drawing.name: drawing.data for drawing in drawings}
    contents = {f"tables/{name}.csv": csv_text(table) for name, table in data.items()}
    contents |= {f"figures/{drawing.name}.svg": drawing.svg for drawing in drawings}
    contents["report.md"] = _rendered("report.md.j2", shown)
    contents["index.html"] = _rendered("index.html.j2", shown)
    write_files(results.path / "report", contents)
    return results.path / "report" / "index.html"


def _rendered(template: str, shown: dict[str, Any]) -> str:
    return _environment().get_template(template).render(shown).rstrip() + "\n"


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=lambda name: name is not None and name.endswith(".html.j2"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    script = (_TEMPLATES / "report.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals |= {"script": _trusted(script), "script_hash": f"sha256-{digest}"}
    environment.globals |= {"style": _trusted((_TEMPLATES / "report.css").read_text(encoding="utf-8"))}
    environment.filters |= {"columns": columns, "inline": _inline, "md": _markdown, "unbroken": _unbroken}
    return environment


def _inline(drawing: Drawing) -> Any:
    """The drawing for the page: its colours by the page's names, so that they follow light and dark.

    Only attributes are touched (`style="fill: #1f2328"`); a text that reads like a colour stays as it is.
    """

    def by_name(match: re.Match[str]) -> str:
        attribute: str = match.group(0)
        for colour, name in COLOURS.items():
            attribute = attribute.replace(colour, f"var(--{name})")
        return attribute

    svg = re.sub(r'(?<= )style="[^"<>]*"', by_name, drawing.svg)
    return _trusted(svg.replace("<svg ", '<svg role="img" aria-hidden="true" ', 1).strip())


def _unbroken(text: str) -> str:
    """The text with no line break inside `name = value` or inside an interval."""
    return text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}").replace(
        DASH, f"\N{WORD JOINER}{DASH}\N{WORD JOINER}"
    )


def _trusted(text: str) -> Any:
    """Text of our own that Jinja must not escape again."""
    import markupsafe

    return markupsafe.Markup(text)


def _markdown(value: Any) -> str:
    """A text that Markdown shows as it is: no markup, no HTML, one line."""
    text = re.sub(r"([\\`*_\[\]#|~$])", r"\\\1", " ".join(str(value).split()))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
