"""The experiments that come with the project: each is valid, asks its question first and is on the list."""

from pathlib import Path

import pytest

from sweep.execution.plan import check_experiment
from sweep.experiment.file import load

EXPERIMENTS = Path(__file__).parents[2] / "experiments"
FILES = sorted(EXPERIMENTS.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_experiment_of_the_project_can_run_and_asks_its_question_first(path: Path) -> None:
    assert path.read_text().startswith('question = "')
    experiment = load(path)
    assert experiment.question.endswith("?")
    check_experiment(experiment, str(path))


def test_the_list_names_every_experiment() -> None:
    text = (EXPERIMENTS / "README.md").read_text()
    assert sorted(line.split("](")[1].split(")")[0] for line in text.splitlines() if "](" in line) == [
        path.name for path in FILES
    ]


def test_experiment_2c_has_all_nine_rows_of_the_papers_table_3() -> None:
    rows = load(EXPERIMENTS / "hochreiter_2c.toml").condition_settings
    assert [(row["lag"], row["distractors"]) for row in rows] == [
        (50, 50), (100, 100), (200, 200), (500, 500), (1000, 1000), (1000, 500), (1000, 200), (1000, 100), (1000, 50),
    ]  # fmt: skip
