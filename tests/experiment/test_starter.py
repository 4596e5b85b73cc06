"""The starter file: valid as it stands, quick to run, and right in what its comments offer."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Result

from sweep.execution.plan import check_experiment, make_plan
from sweep.experiment.configuration import SECTIONS
from sweep.experiment.experiment import StudyConfig
from sweep.experiment.file import load, parse
from sweep.experiment.starter import STARTER, write_starter
from sweep.tasks.registry import TASKS

Sweep = Callable[..., Result]

OFFERS = re.findall(r"^# (\w+ = .*)$", STARTER, flags=re.MULTILINE)
"""The settings that are commented out."""


def test_the_starter_file_is_an_experiment_that_can_run(tmp_path: Path) -> None:
    write_starter(tmp_path / "mine.toml")
    experiment = load(tmp_path / "mine.toml")
    check_experiment(experiment, "mine.toml")
    assert make_plan(experiment).seconds < 60


@pytest.mark.parametrize("section", ["task", "model", "training", "study"])
def test_every_section_with_fixed_parameters_offers_others(section: str) -> None:
    text = STARTER.split(f"\n[{section}]\n")[1].split("\n[")[0]
    assert any(f"# {offer}\n" in text for offer in OFFERS)


@pytest.mark.parametrize("offer", OFFERS)
def test_each_setting_that_is_commented_out_can_be_taken(offer: str) -> None:
    text = STARTER.replace(f"# {offer}\n", f"{offer}\n")
    taken = parse(tomllib.loads(text), where="f.toml")
    check_experiment(taken, "f.toml")
    name = offer.split(" = ")[0]
    owner = taken.base.section(name) if name not in StudyConfig.model_fields else taken.study
    assert name in owner.model_fields_set


@pytest.mark.parametrize("offer", [offer for offer in OFFERS if re.search(r'#.*"-?\w+"', offer)])
def test_each_other_choice_in_a_comment_is_one(offer: str) -> None:
    setting, comment = offer.split("#", 1)
    name = setting.split(" = ")[0]
    (section,) = (section for section in (*SECTIONS.values(), StudyConfig) if name in section.model_fields)
    for choice in re.findall(r'"(-?\w+)"', comment):
        assert getattr(section.model_validate({name: choice}), name) == choice


def test_the_comments_name_every_task_and_only_parameters_that_it_takes() -> None:
    described = dict(re.findall(r'^#   "(\w+)".*: +(.*)$', STARTER, flags=re.MULTILINE))
    assert {"increasing", *described} == TASKS.keys()
    for name, parameters in described.items():
        named = re.findall(r"[a-z_]+(?= =|,|$)", re.sub(r"\[.*\]", "", parameters))
        assert named
        assert set(named) <= TASKS[name].parameters.model_fields.keys()


def test_a_default_in_a_comment_is_the_default() -> None:
    """But for the parameters that have no default to show."""
    base = parse({"question": "q", "task": {"name": "increasing"}}, where="f.toml")
    for offer in OFFERS:
        ((name, value),) = tomllib.loads(offer).items()
        if name not in ("alphabet_size", "clip_norm"):
            owner = base.study if name in StudyConfig.model_fields else base.base.section(name)
            assert getattr(owner, name) == value


# The command


@pytest.mark.parametrize("name", ["mine", "experiments/mine.toml"])
def test_init_writes_among_the_experiments_and_prints_the_path(name: str, sweep_command: Sweep) -> None:
    Path("experiments").mkdir()
    result = sweep_command("init", name)
    assert (result.code, result.out) == (0, "experiments/mine.toml\n")
    assert result.err == "Edit it, then `sweep plan mine` checks it and `sweep run mine` runs it.\n"
    assert sweep_command("plan", "mine").code == 0


def test_init_writes_here_where_there_is_no_folder_of_experiments(tmp_path: Path, sweep_command: Sweep) -> None:
    result = sweep_command("init", "mine")
    assert (result.code, result.out) == (0, "mine.toml\n")
    assert "`sweep run mine.toml`" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_init_never_overwrites(sweep_command: Sweep) -> None:
    Path("mine.toml").write_text("precious")
    line = "mine.toml: is there already, and is left as it is; choose another name"
    assert sweep_command("init", "mine.toml") == Result(2, "", f"Error: {line}\n")
    assert Path("mine.toml").read_text() == "precious"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two words", '"two words" is no name for an experiment; use letters'),
        ("../.hidden.toml", '".hidden" is no name for an experiment; use letters'),
        ("folder/mine", "folder/mine: is no experiment file; end the path in .toml"),
    ],
)
def test_init_refuses_what_cannot_be_an_experiment(
    name: str, message: str, tmp_path: Path, sweep_command: Sweep
) -> None:
    result = sweep_command("init", name)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(f"Error: {message}")
    assert not list(tmp_path.iterdir())


def test_init_into_a_folder_that_is_not_there_is_one_line(sweep_command: Sweep) -> None:
    line = "nowhere/mine.toml: cannot be written: No such file or directory"
    assert sweep_command("init", "nowhere/mine.toml") == Result(1, "", f"Error: {line}\n")
