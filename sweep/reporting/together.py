"""One page over several experiments: an index of their questions and answers, then each one's report."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from sweep.reporting.files import write_files
from sweep.reporting.look.rendering import rendered, trusted
from sweep.reporting.page import content, experiment_html, experiment_markdown, write_content

if TYPE_CHECKING:
    from sweep.results.results import Results


def write_reports(folder: Path, experiments: Iterable[Results]) -> Path:
    """Write each experiment's own report, then `report.html` and `report.md` over all into `folder`.

    The experiments' results lie in `folder`: what the page links to is in their reports. One experiment is in
    memory at a time. RunError where something cannot be written.
    """
    reports = []
    for results in experiments:
        found = content(results)
        write_content(results, found)
        beside, answer = f"{results.name}/report/", found.shown["answer"].sentence
        reports.append(
            {
                "name": results.name,
                "question": results.experiment.question,
                "answer": answer,
                "html": trusted(experiment_html(found, level=3, prefix=f"{results.name}-", beside=beside)),
                "markdown": experiment_markdown(found, level=3, beside=beside),
            }
        )
    shown = {"reports": reports}
    pages = {"report.md": rendered("together.md.j2", shown), "report.html": rendered("together.html.j2", shown)}
    write_files(folder, pages, clear=False)
    return folder / "report.html"
