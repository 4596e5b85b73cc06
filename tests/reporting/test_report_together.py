"""One page over several experiments: an index, each report below it, and no id twice."""

import re
import shutil
from html.parser import HTMLParser

import pytest
from sampled_results import TUTORIAL, sample, two_conditions

from sweep.reporting.page import write_report
from sweep.reporting.together import write_reports


class _Links(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids += [found["id"]] if "id" in found else []
        self.links += [found["href"]] if tag == "a" else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    small = TUTORIAL | {"study": {"seeds": 4}, "question": "Is a <b>small</b> one enough?"}
    write_reports(folder, [sample(folder / "small", small), two_conditions(folder / "lengths", study={"seeds": 3})])
    return folder


@pytest.mark.slow
def test_the_index_names_each_experiment_with_its_question_and_its_answer(folder):
    page = (folder / "report.html").read_text()
    index = page[page.index('<nav class="index"') : page.index("</nav>")]
    assert 'href="#small"' in index
    assert 'href="#lengths"' in index
    assert "Is a &lt;b&gt;small&lt;/b&gt; one enough?" in index
    assert "of 4 seeds" in index
    markdown = (folder / "report.md").read_text()
    assert "([report](small/report/report.md))" in markdown
    assert markdown.count("# Accuracy") == 2


@pytest.mark.slow
def test_no_id_is_there_twice_and_every_link_leads_somewhere(folder):
    found = _Links((folder / "report.html").read_text())
    assert len(found.ids) == len(set(found.ids))
    for link in found.links:
        assert link[1:] in found.ids if link.startswith("#") else (folder / link).is_file(), link
    for link in re.findall(r"\]\(([^)]+)\)", (folder / "report.md").read_text()):
        assert (folder / link).is_file(), link


@pytest.mark.slow
def test_references_inside_a_figure_lead_to_the_same_figure(folder):
    page = (folder / "report.html").read_text()
    ids = set(_Links(page).ids)
    targets = re.findall(r'(?:url\(|xlink:href=")#([^)"]+)', page)
    assert targets
    assert set(targets) <= ids


@pytest.mark.slow
def test_each_experiment_has_its_own_report_too(folder):
    alone = (folder / "small" / "report" / "index.html").read_bytes()
    write_report(
        sample(folder / "small", TUTORIAL | {"study": {"seeds": 4}, "question": "Is a <b>small</b> one enough?"})
    )
    assert (folder / "small" / "report" / "index.html").read_bytes() == alone


def test_several_names_write_one_page_and_a_missing_one_writes_nothing(sweep_command, small):
    done = sweep_command("report", "small", "other")
    assert (done.code, done.out) == (2, "")
    assert "has no results of" in done.err
    assert not (small.path.parent / "report.html").exists()


@pytest.mark.slow
def test_the_command_prints_where_the_page_is(sweep_command, small):
    shutil.copytree(small.path, small.path.parent / "again")
    assert sweep_command("report", "small", "again", "small").out == "results/report.html\n"
    assert (small.path.parent / "report.md").read_text().startswith("# What 2 experiments say")
    assert sweep_command("report", "small").out == "results/small/report/index.html\n"
