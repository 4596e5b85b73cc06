"""What is published is what the published records give, and nothing on the pages is typed that was measured."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from sweep.report.page import write_report
from sweep.store import Store

ROOT = Path(__file__).parent.parent


def _publish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", ROOT / "results" / "publish.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


PUBLISH = _publish()
PUBLISHED = ROOT / "results" / "published"


def files(folder: Path) -> dict[str, str]:
    parts = [folder / "report.md", *(folder / "tables").iterdir(), *(folder / "figures").iterdir()]
    return {str(path.relative_to(folder)): path.read_text() for path in parts}


def test_every_experiment_is_published_from_one_commit() -> None:
    names = {path.stem for path in (ROOT / "experiments").glob("*.toml")}
    assert {path.name for path in PUBLISHED.iterdir()} == names == set(PUBLISH.experiments())
    manifests = [json.loads((PUBLISHED / name / "manifest.json").read_text()) for name in names]
    commits = {manifest["commit"] for manifest in manifests}
    assert len(commits) == 1, "make publish runs them all"
    assert not any(commit.endswith("-dirty") for commit in commits)


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISH.experiments())
def test_a_published_report_is_what_the_published_records_give(name: str, tmp_path: Path) -> None:
    report = write_report(PUBLISH.restored(PUBLISHED / name, tmp_path).load()).parent
    assert files(report) == files(PUBLISHED / name)


@pytest.mark.slow
def test_the_pages_are_what_the_published_records_give(tmp_path: Path) -> None:
    found = {name: PUBLISH.restored(PUBLISHED / name, tmp_path).load() for name in PUBLISH.experiments()}
    assert PUBLISH.page(found) == (ROOT / "results" / "README.md").read_text()
    readme = (ROOT / "README.md").read_text()
    assert PUBLISH.with_opening(readme, found) == readme


@pytest.mark.slow
def test_a_report_can_be_made_from_what_is_published_of_it(small: Store, tmp_path: Path) -> None:
    report = write_report(small.load()).parent
    folder = tmp_path / "published" / small.name
    PUBLISH.publish_one(small, folder)
    again = write_report(PUBLISH.restored(folder, tmp_path / "again").load()).parent
    assert files(again) == files(report) == files(folder)
    assert len(files(report)) > 5


@pytest.mark.parametrize("template", ["README.md.j2", "opening.md.j2"])
def test_no_figure_is_typed_into_a_page(template: str) -> None:
    text = (ROOT / "results" / template).read_text()
    typed = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}", "", text)
    named = r"1997|(?:Experiments? |\b|hochreiter_)2[abc]|Table 3|p = 100|README#\S+"
    names = re.sub(named, "", typed)
    assert re.findall(r"\S*\d\S*", names) == []
