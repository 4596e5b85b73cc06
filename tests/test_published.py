"""What is published is what the published records give, and nothing on the pages is typed that was measured."""

import fcntl
import importlib.util
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pyarrow.parquet as pq
import pytest
from conftest import Result

from sweep.reporting.page import write_report
from sweep.results.store import Store

ROOT = Path(__file__).parent.parent


def _publish() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", ROOT / "experiments" / "publishing" / "publish.py")
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


NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[-+]?\d+)?")
NAMED_BY_HASH = re.compile(r"-[a-z][0-9a-f]{10}\b")  # Matplotlib's names of clips and markers: hashes of coordinates


def assert_same_but_for_a_last_bit(mine: dict[str, str], published: dict[str, str]) -> None:
    """The same words, and the same figures but for rounding.

    Processors with other vector instructions round a logarithm's last bit otherwise, and tables are written in full
    (17 digits), pictures to a millionth of a point. Pages round for readers: they must be equal to the letter.
    """
    assert mine.keys() == published.keys()
    for name, text in published.items():
        if name.endswith(".md"):
            assert mine[name] == text
            continue
        here, there = (NAMED_BY_HASH.sub("", each) for each in (mine[name], text))
        assert NUMBER.split(here) == NUMBER.split(there), name
        found, wanted = ([float(number) for number in NUMBER.findall(each)] for each in (here, there))
        absolute = 2e-6 if name.endswith(".svg") else 0.0
        assert found == pytest.approx(wanted, rel=1e-13, abs=absolute), name


@pytest.mark.parametrize("command", ["show", "report", "export", "confirm", "run"])
def test_a_published_folder_says_what_it_is_and_who_reads_it(
    command: str, tmp_path: Path, sweep_command: Callable[..., Result]
) -> None:
    shutil.copytree(PUBLISHED / "tuning", tmp_path / "published" / "tuning")
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    before = sorted((tmp_path / "published").rglob("*"))
    result = sweep_command(command, "tuning", "--results", "published")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "Error: published/tuning: is a published folder, to be read: published/tuning/report.md is its report, and "
        "pandas.read_parquet reads records.parquet, a row a trial\n"
    )
    assert [path for path in sorted((tmp_path / "published").rglob("*")) if path not in before] in (
        [],
        [tmp_path / "published" / "tuning" / ".lock"],
    )


@pytest.mark.slow
@pytest.mark.parametrize(("command", "sample"), [("show tutorial", "run tutorial"), ("compare tuning tutorial",) * 2])
def test_the_samples_of_the_readme_are_what_a_terminal_of_80_columns_shows(
    command: str, sample: str, tmp_path: Path
) -> None:
    for name in ("tutorial", "tuning"):
        PUBLISH.restored(PUBLISHED / name, tmp_path)
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, 80, 0, 0))
    arguments = [sys.executable, "-m", "sweep", *command.split(), "--results", str(tmp_path)]
    subprocess.run(arguments, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "dumb"}, check=True, timeout=100)
    shown = os.read(ours, 2**16).decode().replace("\r\n", "\n")
    lines = [line.rstrip() for line in shown.splitlines()]
    (block,) = re.findall(
        rf"```console\n\$ sweep {sample}\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL
    )
    expected = block.partition("\nReport: ")[0].splitlines()
    assert lines[-len(expected) :] == expected
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("name", ["tables/a.csv", "figures/a.svg", "report.md"])
def test_the_comparison_sees_a_change_of_a_millionth(name: str) -> None:
    text = "row 3,0.11824359260646777"
    assert_same_but_for_a_last_bit({name: text}, {name: text})
    for other in ("row 3,0.1182475", "row 4,0.11824359260646777", "raw 3,0.11824359260646777"):
        with pytest.raises(AssertionError):
            assert_same_but_for_a_last_bit({name: other}, {name: text})


def test_every_experiment_is_published_and_names_the_commit_that_it_was_run_at() -> None:
    names = {path.stem for path in (ROOT / "experiments").glob("*.toml")}
    assert {path.name for path in PUBLISHED.iterdir()} == names == set(PUBLISH.experiments())
    for name in names:
        commit = json.loads((PUBLISHED / name / "manifest.json").read_text())["commit"]
        assert re.fullmatch("[0-9a-f]{12}", commit), f"{name} was published from a tree that no commit has"
        assert commit in (PUBLISHED / name / "report.md").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISH.experiments())
def test_a_published_report_is_what_the_published_records_give(name: str, tmp_path: Path) -> None:
    report = write_report(PUBLISH.restored(PUBLISHED / name, tmp_path).load()).parent
    assert_same_but_for_a_last_bit(files(report), files(PUBLISHED / name))


def test_each_published_network_is_as_accurate_step_by_step_as_altogether() -> None:
    compared = 0
    for name in PUBLISH.experiments():
        records = pq.read_table(PUBLISHED / name / "records.parquet", columns=["replicates", "steps"])
        for record in records.to_pylist():
            by_step = defaultdict(list)  # none where only the final step of a sequence is scored
            for row in record["steps"] or ():
                if row["scored"]:
                    by_step[row["seed"]].append(row["accuracy"])
            for replicate in record["replicates"] or ():
                if steps := by_step.get(replicate["seed"]):
                    assert sum(steps) / len(steps) == pytest.approx(replicate["accuracy"]), (name, replicate)
                    compared += 1
    assert compared


@pytest.mark.slow
def test_publishing_anew_from_the_records_changes_nothing_in_a_clean_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pages over everything, and one report for all: the others' are compared above."""
    shutil.copytree(PUBLISHED, tmp_path / "results" / "published")
    for page in ("README.md", "results/README.md"):
        shutil.copy(ROOT / page, tmp_path / page)
    shutil.copytree(ROOT / "experiments", tmp_path / "experiments")
    monkeypatch.setattr(PUBLISH, "ROOT", tmp_path)
    monkeypatch.setattr(PUBLISH, "PUBLISHED", tmp_path / "results" / "published")
    report = tmp_path / "results" / "published" / "tutorial" / "report.md"
    was = report.read_text()
    report.write_text("an older page")

    PUBLISH.republish(["tutorial"])

    assert report.read_text() == was
    for page in ("README.md", "results/README.md"):
        assert (tmp_path / page).read_text() == (ROOT / page).read_text()
    assert_same_but_for_a_last_bit(files(report.parent), files(PUBLISHED / "tutorial"))
    for name in PUBLISH.experiments():
        for record in ("records.parquet", "manifest.json", "experiment.toml"):
            assert (report.parents[1] / name / record).read_bytes() == (PUBLISHED / name / record).read_bytes()


def test_experiments_that_were_run_apart_are_listed_with_the_commit_of_each() -> None:
    found = {name: SimpleNamespace(manifest=_manifest(commit)) for name, commit in zip("abc", "112", strict=True)}
    how = "on 2 cores of an Abacus with TensorFlow 2 and Keras 3, at commit"
    assert PUBLISH._runs(found) == [(f"{how} 1", ["a", "b"]), (f"{how} 2", ["c"])]


def _manifest(commit: str) -> dict[str, object]:
    return {
        "hardware": {"cores": 2, "cpu": "Abacus"},
        "versions": {"tensorflow": "2", "keras": "3"},
        "commit": commit,
    }


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
    text = (ROOT / "experiments" / "publishing" / template).read_text()
    typed = re.sub(r"(?s)\{\{.*?\}\}|\{%.*?%\}", "", text)
    named = r"1997|(?:Experiments? |\b|hochreiter_)2[abc]|Table 3|p = 100|README#\S+|95% interval"
    names = re.sub(named, "", typed)
    assert re.findall(r"\S*\d\S*", names) == []
