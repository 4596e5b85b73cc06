"""A results folder that the first version wrote (`sweep run first_version`, at commit e5068b8) is at home in this one.

One of its trials was made to fail, two to be pruned. `expected/` is what that version made of the folder: its tables,
its report (in today's words), and the trials of `sweep run first_version --trials 6` afterwards.
"""

import csv
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from stubs import Stub

from sweep.errors import SweepError
from sweep.execution.executor import Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import load, override
from sweep.experiment.identity import differences
from sweep.reporting.findings.conditions import conditions
from sweep.reporting.page import write_report
from sweep.results.export import exported
from sweep.results.store import Store

FOLDER = Path(__file__).parent / "first_version"
EXPECTED = FOLDER / "expected"
TABLES = ["trials", "replicates", "curves", "steps", "lengths"]


@pytest.fixture
def first_version(tmp_path: Path) -> Store:
    return Store(shutil.copytree(FOLDER, tmp_path / "first_version", ignore=shutil.ignore_patterns("expected")))


def go_on(store: Store) -> None:
    """`sweep run first_version --trials 6`, without a network."""
    file = store.path / "experiment.toml"
    overrides = {"trials": 6}
    experiment = override(load(file), **overrides)
    run = Run(store.name, experiment, file.read_text(), overrides, store.path.parent, None, ["sweep", "run"])
    run_experiment(run, Observer(), Stub())


def assert_as_then(table: pa.Table, expected: str) -> None:
    """Every cell is the same; what has become a column since is missing in each row."""
    text = (EXPECTED / expected).read_bytes()
    then = next(csv.reader([text.decode().splitlines()[0]]))
    assert exported(table.select(then), "csv") == text
    assert [name for name in table.column_names if name not in then and table[name].null_count < len(table)] == []


@pytest.mark.parametrize("name", TABLES)
def test_a_folder_of_the_first_version_loads_to_the_same_tables(name: str) -> None:
    assert_as_then(Store(FOLDER).tables()[name], f"{name}.csv")


def test_a_folder_of_the_first_version_loads_whatever_is_refused_in_a_new_file(first_version: Store) -> None:
    file = first_version.path / "experiment.toml"
    text = (
        file.read_text().replace("top   = 1", "top   = 5000").replace("[confirm]", "[model]\nunits = 10000\n[confirm]")
    )
    file.write_text(text)
    with pytest.raises(SweepError, match=r"confirm\.top"):
        load(file)
    for name in TABLES:
        assert_as_then(first_version.tables()[name], f"{name}.csv")
    assert [condition.chance for condition in conditions(first_version.load())] == [0.2, 0.2]


@pytest.mark.slow
def test_the_report_of_a_folder_of_the_first_version_is_the_same(first_version: Store) -> None:
    write_report(first_version.load())
    assert (first_version.path / "report" / "report.md").read_text() == (EXPECTED / "report.md").read_text()


def test_a_folder_of_the_first_version_is_gone_on_with_as_it_would_have_been_then(first_version: Store) -> None:
    old = {path.name: path.read_bytes() for path in first_version.files()}
    go_on(first_version)
    assert {path.name: path.read_bytes() for path in first_version.files() if path.name in old} == old
    trials = first_version.tables()["trials"].to_pylist()
    with (EXPECTED / "resumed.csv").open(newline="") as file:
        chosen = [{name: row[name] for name in ("trial", "phase", *EXPERIMENT.search)} for row in csv.DictReader(file)]
    names = chosen[0].keys()
    found = [{name: "" if row[name] is None else str(row[name]) for name in names} for row in trials]
    assert [row for row in found if row["phase"] == "search"] == [row for row in chosen if row["phase"] == "search"]


EXPERIMENT = load(FOLDER / "experiment.toml")


def test_a_folder_of_the_first_version_that_was_gone_on_with_is_of_this_one(first_version: Store) -> None:
    before = json.loads((first_version.path / "manifest.json").read_text())
    go_on(first_version)
    after = first_version.manifest()
    assert (before["schema_version"], after["schema_version"], after["begun_with"]) == (1, 3, 1)
    assert [facts["recall_ceiling"] for facts in after["tasks"]] == [0.5, 0.5]
    assert after["created"] == before["created"]
    assert after["earlier_runs"][0]["commit"] == before["commit"]


def test_without_an_objective_a_folder_goes_on_with_the_one_of_its_time(first_version: Store) -> None:
    file = first_version.path / "experiment.toml"
    text = file.read_text().replace('objective = "-loss"\n', "")
    file.write_text(text)
    assert first_version.experiment().study.objectives == ("recall_accuracy",)
    go_on(first_version)
    assert first_version.manifest()["begun_with"] == 1
    assert first_version.experiment().study.objectives == ("recall_accuracy",)
    new = Store(first_version.path.with_name("new"))
    run = Run("new", load(file), text, {}, new.path.parent, None, ["sweep", "run"])
    run_experiment(run, Observer(), Stub())
    assert new.experiment().study.objectives == ("recall_bits",)
    assert differences(new.experiment(), first_version.experiment())[0].startswith("study.objective: was")
