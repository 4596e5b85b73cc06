"""A plan counts what would run, and says what cannot, from the file alone."""

import tomllib
from pathlib import Path

import pytest

from sweep.errors import SweepError
from sweep.experiment import Experiment
from sweep.experiment_file import load, parse
from sweep.plan import Plan, check_experiment, make_plan

SHIPPED = Path(__file__).parent.parent / "experiments"
MINIMAL = 'question = "q"\n[task]\nname = "increasing"\n'


def experiment(text: str) -> Experiment:
    return parse(tomllib.loads(MINIMAL + text), where="f.toml")


def counts(plan: Plan) -> dict[str, int]:
    return {name: getattr(plan, name) for name in ("studies", "trials", "replicates", "updates", "programs")}


def refusal(text: str) -> str:
    with pytest.raises(SweepError) as refused:
        check_experiment(experiment(text), "f.toml")
    assert refused.value.exit_code == 2
    return str(refused.value)


def test_the_tutorial_is_one_trial_of_128000_updates() -> None:
    # 250 epochs x 4 steps x 2 sequences, from 64 seeds.
    assert counts(make_plan(load(SHIPPED / "tutorial.toml"))) == {
        "studies": 1,
        "trials": 1,
        "replicates": 64,
        "updates": 250 * 4 * 2 * 64,
        "programs": 1,
    }


def test_tuning_is_500_replicates_in_the_programs_of_four_sizes_and_two_batches() -> None:
    # The middle of the search space stands for all of it: 138 epochs x 4 steps x one batch of both sequences.
    # Up to 64 units are padded to 8, 20, 40 or 64; the learning rate, the order and the epochs need no new program.
    assert counts(make_plan(load(SHIPPED / "tuning.toml"))) == {
        "studies": 1,
        "trials": 50,
        "replicates": 500,
        "updates": 138 * 4 * 1 * 500,
        "programs": 4 * 2,
    }


def test_each_condition_is_a_study_with_all_trials_and_programs_of_its_own() -> None:
    text = "[conditions]\nsequence_length = [5, 9]\n[training]\nepochs = 10\n"
    text += "[search]\nshuffle = { choices = [true, false] }\n[study]\ntrials = 3\nseeds = 4"
    assert counts(make_plan(experiment(text))) == {
        "studies": 2,
        "trials": 2 * 3,
        "replicates": 2 * 3 * 4,
        "updates": 10 * (4 + 8) * 2 * 3 * 4,
        "programs": 2,
    }


@pytest.mark.parametrize(
    ("training", "updates"),
    [
        ("timesteps = 2", 2 * 2),
        ("timesteps = 3", 2 * 2),
        ("timesteps = 4", 2 * 1),
        ('timesteps = "full"', 2 * 1),
        ("batch_size = 2", 1 * 4),
        ('loss_on = "last"', 2 * 1),
    ],
)
def test_updates_are_windows_times_batches(training: str, updates: int) -> None:
    text = f"[training]\nepochs = 1\n{training}\n[study]\nseeds = 1"
    assert make_plan(experiment(text)).updates == updates


def test_the_literal_loop_needs_no_program_of_ours() -> None:
    assert make_plan(experiment('[training]\ntrainer = "fit"')).programs == 0


def test_the_literal_loop_is_planned_to_take_longer() -> None:
    slow, fast = make_plan(experiment('[training]\ntrainer = "fit"')), make_plan(experiment(""))
    assert slow.seconds > 10 * fast.seconds


def test_more_seeds_are_planned_to_take_longer_and_more_memory() -> None:
    one, many = make_plan(experiment("[study]\nseeds = 1")), make_plan(experiment("[study]\nseeds = 500"))
    assert (many.seconds > one.seconds, many.memory_mb > one.memory_mb) == (True, True)


def test_conditions_that_are_lists_of_sequences_can_be_planned() -> None:
    raw = {
        "question": "q",
        "task": {"name": "explicit", "sequences": [["a", "b"]]},
        "training": {"epochs": 1},
        "conditions": {"sequences": [[["a", "b", "c"]], [["a", "b"], ["b", "a"]]]},
        "study": {"seeds": 1},
    }
    assert counts(make_plan(parse(raw, where="f.toml"))) == {
        "studies": 2,
        "trials": 2,
        "replicates": 2,
        "updates": 2 + 2,
        "programs": 2,
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[training]\nbatch_size = 3",
            "training.batch_size: is 3, which does not divide the 2 sequences; must be one of: 1, 2",
        ),
        (
            "[search]\nbatch_size = { choices = [1, 2, 4] }",
            "search.batch_size: is 4, which does not divide the 2 sequences; must be one of: 1, 2",
        ),
        (
            "[training]\ntimesteps = 5",
            'training.timesteps: is 5, longer than the sequence\'s 4 steps; must be at most 4, or "full"',
        ),
        (
            '[search]\ntimesteps = { choices = [5, "full"] }',
            'search.timesteps: is 5, longer than the sequence\'s 4 steps; must be at most 4, or "full"',
        ),
        (
            "[search]\ntimesteps = { low = 1, high = 6 }",
            'search.timesteps: is 6, longer than the sequence\'s 4 steps; must be at most 4, or "full"',
        ),
        (
            "[training]\nbatch_size = 2\n[conditions]\nkeys = [2, 3]",
            "training.batch_size: is 2, which does not divide the 3 sequences; must be one of: 1, 3 (where keys = 3)",
        ),
        (
            "keys = 4\n[search]\nbatch_size = { low = 1, high = 4 }",
            "search.batch_size: is 3, which does not divide the 4 sequences; must be one of: 1, 2, 4",
        ),
    ],
)
def test_what_is_impossible_is_one_line_before_anything_runs(text: str, line: str) -> None:
    assert refusal(text) == f"f.toml: {line}"


def test_a_range_whose_steps_avoid_the_impossible_is_accepted() -> None:
    check_experiment(experiment("keys = 6\n[search]\nbatch_size = { low = 1, high = 3, step = 1 }"), "f.toml")


def test_every_impossible_combination_is_told_once() -> None:
    text = "[training]\nbatch_size = 4\ntimesteps = 9\n[conditions]\nkeys = [4, 6, 8]"
    lines = refusal(text).split("\n")
    assert [(line.split(":")[1].strip(), line[line.index("(where") :]) for line in lines] == [
        ("training.timesteps", "(where keys = 4)"),
        ("training.batch_size", "(where keys = 6)"),
        ("training.timesteps", "(where keys = 6)"),
        ("training.timesteps", "(where keys = 8)"),
    ]


def test_the_shipped_files_hold_nothing_impossible() -> None:
    for file in SHIPPED.glob("*.toml"):
        check_experiment(load(file), str(file))
