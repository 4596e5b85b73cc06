"""What decides an experiment's numbers stays what it was, whatever an experiment file may say by now."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from sweep.experiment import configuration
from sweep.experiment.experiment import Experiment, StudyConfig
from sweep.experiment.file import load, parse
from sweep.experiment.identity import content, differences, identity_of
from sweep.experiment.stored import recalled

ROOT = Path(__file__).parents[2]
FIRST_VERSION = ROOT / "tests" / "results" / "first_version" / "experiment.toml"
FILES_THEN = Path(__file__).parent / "first_version"
RECORDED = {  # by the code of commit e5068b8
    "alphabets": "bdad80a07b8c32a4",
    "baselines": "d868c2b504a2ec06",
    "batch_learning": "15613e8c812a355f",
    "gate_bias": "dd7c15d28bdd68c1",
    "hochreiter_2a": "dcdfe92ffe7cbff1",
    "hochreiter_2a_search": "577d90f5c5c42026",
    "hochreiter_2b": "9c834b8f942c22ef",
    "hochreiter_2b_search": "8b9894883fcf3628",
    "hochreiter_2c": "0d2179eb5ab0b819",
    "lags": "5293386d657995e8",
    "long_random": "5a68ecce513c77d6",
    "long_sequences": "651f492c41eb1a1b",
    "random_sequences": "339b648fe11e00b7",
    "shuffle": "e63a7aa3df9f28a2",
    "stateless": "666b92bfc375303e",
    "tuning": "5f2a0d1babf07388",
    "tutorial": "10ad9082dff6edaa",
    "windows": "78cc5bc3b60329dc",
}


class LaterModel(configuration.ModelConfig):
    """A model with a key that the first version did not know."""

    activation: str = Field("tanh", description="later")


def with_model(model: configuration.ModelConfig) -> Experiment:
    experiment = parse({"question": "q", "task": {"name": "increasing"}}, where="f.toml")
    return experiment.model_copy(update={"model": model})


@pytest.mark.parametrize("name", RECORDED)
def test_an_experiment_of_the_project_has_the_identity_that_the_first_version_gave_it(name: str) -> None:
    as_it_was = FILES_THEN / f"{name}.toml"  # of those that are designed otherwise by now
    experiment = load(as_it_was if as_it_was.exists() else ROOT / "experiments" / f"{name}.toml")
    assert identity_of(experiment.as_begun_with(1)) == RECORDED[name]
    assert (identity_of(experiment) == RECORDED[name]) == ("objective" in experiment.study.model_fields_set)


def test_an_experiment_with_all_kinds_of_dimensions_has_the_identity_that_the_first_version_gave_it() -> None:
    assert identity_of(load(FIRST_VERSION)) == "9d0c675cb07bc7f6"


def test_a_later_key_at_its_default_stays_out_of_the_identity() -> None:
    assert identity_of(with_model(LaterModel())) == identity_of(with_model(configuration.ModelConfig()))
    assert identity_of(with_model(LaterModel(activation="tanh"))) == identity_of(with_model(LaterModel()))


def test_a_later_key_that_is_not_at_its_default_is_a_difference() -> None:
    before, after = with_model(LaterModel()), with_model(LaterModel(activation="relu"))
    assert differences(before, after) == ['model.activation: was not set, is "relu"']
    assert differences(after, before) == ['model.activation: was "relu", is not set']


def test_the_question_the_confirmation_and_what_ends_a_search_never_count() -> None:
    study = StudyConfig(trials=7, trial_timeout=60.0)
    experiment = load(FIRST_VERSION)
    other = experiment.model_copy(
        update={"question": "Why?", "confirm": None, "study": experiment.study.model_copy(update={"trials": 7})}
    )
    assert content(experiment) == content(other)
    plain = with_model(configuration.ModelConfig())
    assert content(plain) == content(plain.model_copy(update={"study": study}))


def test_a_section_that_only_asks_something_of_the_results_never_counts() -> None:
    assert {key.partition(".")[0] for key in content(load(FIRST_VERSION))} == {
        "task", "model", "training", "conditions", "search", "study", "order of search",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ({"units": {"low": 1, "high": 64, "step": 10}}, {"units": {"low": 1, "high": 61, "step": 10}}),
        ({"clip_norm": {"low": 0.5, "high": 2, "step": 0.4}}, {"clip_norm": {"low": 0.5, "high": 1.7, "step": 0.4}}),
    ],
)
def test_whoever_lowers_high_to_the_last_step_as_told_may_go_on(written: dict[str, Any], told: dict[str, Any]) -> None:
    raw = {"question": "q", "task": {"name": "increasing"}}
    earlier, now = recalled(raw | {"search": written}), parse(raw | {"search": told}, "f.toml")
    assert differences(earlier, now) == []
    assert identity_of(earlier) == identity_of(now)
