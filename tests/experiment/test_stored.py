"""The experiment of stored results is recalled: what was run once can be read for ever."""

from pathlib import Path
from typing import Any

import pytest

from sweep.errors import SweepError
from sweep.experiment.file import load, override, parse
from sweep.experiment.identity import identity_of
from sweep.experiment.stored import load_stored, recalled

ROOT = Path(__file__).parents[2]
FILES = [*(ROOT / "experiments").glob("*.toml"), ROOT / "tests" / "results" / "first_version" / "experiment.toml"]
PLAIN: dict[str, Any] = {"question": "q", "task": {"name": "increasing"}}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_was_run_is_recalled_as_it_was_checked(file: Path) -> None:
    checked, stored = load(file), load_stored(file, {})
    assert stored == checked
    assert identity_of(stored) == identity_of(checked)
    assert stored.model_dump(exclude_unset=True) == checked.model_dump(exclude_unset=True)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_what_the_command_line_replaced_is_recalled_as_it_was_checked(file: Path) -> None:
    overrides = {"seeds": 4, "trainer": "fit"}
    assert load_stored(file, overrides) == override(load(file), seeds=4, trainer="fit")


@pytest.mark.parametrize(
    "part",
    [
        {"training": {"learning_rate": 1e30, "epochs": 10**9}},
        {"model": {"units": 10**9}},
        {"task": {"name": "increasing", "sequence_length": 2, "max_error": 7}},
        {"task": {"name": "random", "alphabet_size": 2, "keys": 5}},
        {"search": {"units": {"low": 9, "high": 1}}, "model": {"units": 3}},
        {"search": {"clip_norm": {"low": 1, "high": 2, "step": 0.3, "when": {"cell": "mlp"}}}},
        {"study": {"sampler": "grid", "pruner": "wilcoxon", "seeds": [1, 1], "objective": ["loss", "accuracy"]}},
        {"study": {"seeds": 200_000}},
        {"confirm": {"top": 10**6, "seeds": 10**6}},
        {"conditions": {"keys": [2, 2]}},
        {"conditions": [{"keys": 2}, {"keys": 2}]},
    ],
    ids=str,
)
def test_what_is_refused_in_a_new_file_is_recalled(part: dict[str, Any]) -> None:
    with pytest.raises(SweepError):
        parse(PLAIN | part, where="f.toml")
    experiment = recalled(PLAIN | part)
    for setting in experiment.condition_settings:
        assert experiment.base.with_recalled(**setting).task.name == experiment.task.name


def test_a_configuration_is_recalled_with_values_that_are_refused_by_now() -> None:
    base = recalled(PLAIN | {"conditions": {"sequence_length": [5, 2]}}).base
    assert base.with_recalled(sequence_length=2, units=10**9).model.units == 10**9
    assert base.with_recalled(sequence_length=6, clip_norm=1) == base.replace(sequence_length=6, clip_norm=1)


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ({"wish": 1}, 'unknown key "wish"'),
        ({"model": {"wish": 1}}, 'model: unknown key "wish"'),
        ({"search": {"wish": {"low": 1, "high": 2}}}, 'search: unknown parameter "wish"'),
        ({"search": {"units": {"low": 1, "high": 2, "wish": 1}}}, 'search.units: unknown key "wish"'),
        ({"task": {"name": "wish"}}, 'task.name: unknown task "wish"'),
        ({"conditions": {"wish": [1]}}, 'conditions: unknown task parameter "wish"'),
        ({"conditions": [{"keys": 1}, {"wish": 1}]}, "conditions: must be tables that name the same parameters"),
        ({"conditions": {"keys": []}}, "conditions.keys: must be a list"),
        ({"model": 1}, "model: is 1; must be a table"),
        ({"model": {"units": "many"}}, 'model.units: is "many"; must be a whole number'),
        ({"search": {"units": {"low": "a", "high": 2}}}, "search.units.low: is"),
        ({"question": 1}, "question: is 1"),
        ({"search": {"optimizer": {"choices": ["adam", "wish"]}}}, 'search.optimizer: is "wish"; must be "adam"'),
        ({"search": {"lags": {"low": 1.5, "high": 2}}}, "search.lags: is 1.5; must be a whole number"),
        ({"conditions": {"keys": [2, "many"]}}, 'conditions.keys: is "many"; must be a whole number'),
        ({"conditions": [{"keys": {}}]}, "conditions.keys: is {}; must be a whole number"),
        ({"task": 1}, "task: is 1"),
    ],
)
def test_what_no_file_can_have_held_is_told_in_one_line(part: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        recalled(PLAIN | part)
    assert "\n" not in str(refused.value)


def test_a_fault_of_a_stored_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "experiment.toml"
    file.write_text('question = "q"\nwish = 1\n[task]\nname = "increasing"\n')
    with pytest.raises(SweepError) as refused:
        load_stored(file, {})
    assert str(refused.value).startswith(f'{file}: unknown key "wish"')
    assert "\n" not in str(refused.value)


PLAIN_TEXT = 'question = "q"\n[task]\nname = "increasing"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            PLAIN_TEXT + '[study]\nobjective = "nosuch"\n',
            'study.objective: is ["nosuch"]; must name outcomes, each once',
        ),
        (PLAIN_TEXT + '[study]\nobjective = ["units", "-x"]\n', "study.objective: is "),
        (PLAIN_TEXT + "[study]\nobjective = []\n", "study.objective: is []"),
        (PLAIN_TEXT + '[study]\nobjective = ["loss", "-loss"]\n', "study.objective: is "),
        (PLAIN_TEXT + "[training]\nepochs = 0x" + "f" * 5000, "training.epochs: is a whole number of 20000 bits"),
        (PLAIN_TEXT + "[model]\nlayers = 900000000000\n", "model.layers: is 900000000000; no network that was run"),
        (PLAIN_TEXT + "[model]\nlayers = 0\n", "model.layers: is 0; no network that was run"),
        (PLAIN_TEXT + "[search]\nunits = { choices = [2, 3000000] }\n", "model.units: is 3000000; no network that"),
        (PLAIN_TEXT.replace('"q"', '"' + "q " * 5000 + '"'), "question: has 10,000 letters; at most 2,000 are read"),
    ],
)
def test_what_no_version_ran_is_one_line(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "experiment.toml").write_text(text)
    with pytest.raises(SweepError) as refusal:
        load_stored(tmp_path / "experiment.toml", {})
    assert str(refusal.value).startswith(f"{tmp_path / 'experiment.toml'}: {said}")
    assert "\n" not in str(refusal.value)
