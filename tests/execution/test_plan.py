"""A plan counts what would run, and says what cannot, from the file alone."""

import time
import tomllib
from pathlib import Path
from typing import NoReturn

import pytest

from sweep.errors import SweepError
from sweep.execution.plan import Plan, check_experiment, make_plan
from sweep.experiment.experiment import Experiment
from sweep.experiment.file import load, parse
from sweep.experiment.trials import TrialNumber
from sweep.search.samplers import Search
from sweep.tasks.marked import MarkedTask
from sweep.tasks.random import RandomTask
from sweep.tasks.registry import build_task

SHIPPED = Path(__file__).parents[2] / "experiments"
MINIMAL = 'question = "q"\n[task]\nname = "increasing"\n'
RANDOM, MARKED, EXPLICIT = (MINIMAL.replace("increasing", name) for name in ("random", "marked", "explicit"))
STEPS = '[training]\nbatch_layout = "steps"\n'


def experiment(text: str, head: str = MINIMAL) -> Experiment:
    return parse(tomllib.loads(head + text), where="f.toml")


def counts(plan: Plan) -> dict[str, int]:
    return {name: getattr(plan, name) for name in ("studies", "trials", "replicates", "updates", "programs")}


def refusal(text: str, head: str = MINIMAL) -> str:
    with pytest.raises(SweepError) as refused:
        check_experiment(experiment(text, head), "f.toml")
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
    # The middle of the search space stands for all of it: 138 epochs x 4 steps x two batches or one of both sequences.
    # Up to 64 units are padded to 8, 20, 40 or 64; the learning rate, the order and the epochs need no new program.
    assert counts(make_plan(load(SHIPPED / "tuning.toml"))) == {
        "studies": 1,
        "trials": 50,
        "replicates": 500,
        "updates": 138 * 4 * (2 + 1) // 2 * (500 + 3 * 30),  # the three best are trained again from 30 seeds each
        "programs": 4 * 2,
    }


def test_where_the_search_decides_how_much_is_trained_the_plan_says_from_what_to_what() -> None:
    plan = make_plan(load(SHIPPED / "tuning.toml"))
    assert (plan.updates_low, plan.updates_high) == (25 * 4 * 1 * 590, 250 * 4 * 2 * 590)


def test_of_a_part_of_a_grid_the_plan_says_what_the_shortest_and_the_longest_trials_make() -> None:
    text = "[search]\nepochs = { choices = [1, 10, 100] }\n[study]\nsampler = 'grid'\ntrials = 2\nseeds = 1"
    plan = make_plan(experiment(text))
    assert (plan.updates_low, plan.updates, plan.updates_high) == (8 * 11, 8 * 74, 8 * 110)


def test_what_may_end_early_is_planned_to_make_the_updates_of_its_first_test_or_point_of_pruning_at_least() -> None:
    stops = make_plan(experiment("[training]\nepochs = 100\nevaluate_every = 5\nstop_when_solved = true"))
    assert (stops.updates_low * 20, stops.updates) == (stops.updates_high, stops.updates_high)
    text = "[training]\nepochs = 100\n[search]\nunits = { low = 1, high = 9 }\n[study]\ntrials = 2\npruner = 'median'"
    assert make_plan(experiment(text)).updates_low * 10 == make_plan(experiment(text)).updates_high


def test_fewer_trials_may_be_confirmed_where_some_may_be_equal_or_pruned() -> None:
    text = "[search]\nunits = {{ low = 1, high = 9 }}\n[study]\nsampler = '{}'\ntrials = 9\n[confirm]\ntop = 3"
    grid, drawn = (make_plan(experiment(text.format(sampler))) for sampler in ("grid", "random"))
    assert (grid.confirmed_low, grid.confirmed, drawn.confirmed_low, drawn.confirmed) == (3, 3, 1, 3)
    assert drawn.updates_low < grid.updates_low == grid.updates_high == drawn.updates_high


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
        ("lags = 3", 2 * 4),
        ('batch_layout = "steps"\nbatch_size = 2', 2 * 2),
        ('batch_layout = "steps"\nbatch_size = 4', 2 * 1),
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


def test_each_table_of_conditions_is_a_study() -> None:
    tables = "[[conditions]]\nkeys = 2\nsequence_length = 5\n[[conditions]]\nkeys = 4\nsequence_length = 9\n"
    plan = make_plan(experiment(tables + "[training]\nepochs = 1\n[study]\nseeds = 1"))
    assert (plan.studies, plan.updates) == (2, 2 * 4 + 4 * 8)


def test_what_changes_the_program_is_counted_and_what_does_not_is_not() -> None:
    text = "[search]\ncell = { choices = ['lstm', 'gru', 'mlp'] }\nlags = { choices = [1, 2] }\n"
    text += "loss_on = { choices = ['every', 'last'] }\nlearning_rate = { low = 0.1, high = 0.2 }\n"
    text += "gate_bias = { choices = ['zeros', 'unit_forget'] }\n[study]\ntrials = 50"
    assert make_plan(experiment(text)).programs == 3 * 2 * 2


def test_layouts_that_come_to_the_same_lanes_share_a_program() -> None:
    # Of single lanes both layouts are one.
    text = "keys = 4\n[search]\nbatch_layout = { choices = ['sequences', 'steps'] }\n"
    assert make_plan(experiment(text + "batch_size = { choices = [1, 2, 4] }\n")).programs == 2 * 3 - 1


def test_there_are_no_more_programs_than_trials() -> None:
    text = "[search]\nunits = { low = 1, high = 4096 }\n[conditions]\nkeys = [2, 3]\n[study]\ntrials = 4"
    assert make_plan(experiment(text)).programs == 2 * 4


def test_memory_grows_linearly_with_the_length_of_a_long_window() -> None:
    text = '[training]\ntimesteps = "full"\n[conditions]\nsequence_length = [{}]'
    one, two, four = (make_plan(experiment(text.format(length))).memory_mb for length in (10_001, 20_001, 40_001))
    assert four - two > 1
    # The dense layer's weights and the alphabet grow too, hence not exactly.
    assert four - two == pytest.approx(2 * (two - one), rel=0.01)


def test_twice_the_memory_holds_about_twice_the_replicates_and_longer_windows_fewer() -> None:
    long = experiment('sequence_length = 1000\n[training]\ntimesteps = "full"')
    some, more = (make_plan(long, "jax", memory).replicates_at_once for memory in (2_500, 4_500))
    assert some > 100
    assert abs(more / some - 2) < 0.01
    assert make_plan(experiment(""), "jax", 2_500).replicates_at_once > 10 * some
    assert make_plan(long, "jax", 100).replicates_at_once == 0


def test_memory_is_planned_for_the_largest_of_the_search() -> None:
    text = "sequence_length = 1000\n[search]\nunits = {{ low = 1, high = 1000, log = true }}\n"
    text += "timesteps = {{ choices = {} }}\n[study]\ntrials = 1"
    short, long = (make_plan(experiment(text.format(choices))).memory_mb for choices in ("[1]", "[1, 'full']"))
    # bytes x units x steps x replicates at once
    assert long - short == pytest.approx(4 * 16 * 1000 * 999 * 2 / 1e6)


def test_fewer_tests_are_planned_to_take_less_time() -> None:
    text = "keys = 500\nsequence_length = 100\n[training]\nevaluate_every = {}"
    often, seldom = (make_plan(experiment(text.format(every))).seconds for every in (1, 100))
    # 500 sequences of 99 steps from 10 seeds, at a third of 1.3 microseconds a step.
    assert often - seldom == pytest.approx((250 - 3) * 500 * 99 * 10 * 1.3e-6 / 3, rel=0.01)


@pytest.mark.parametrize(
    "text",
    [
        RANDOM + "sequence_length = 10000\nalphabet_size = 1000\ntrain_sequences = 5000\n",
        MARKED + "lag = 10000\ndistractors = 1000\nsequences_per_epoch = 5000\n",
    ],
    ids=["random", "marked"],
)
def test_long_sequences_are_planned_without_being_drawn(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(*_: object) -> NoReturn:
        pytest.fail("a sequence was drawn")

    for config in (RandomTask(), MarkedTask()):
        for method in ("training_sequences", "test_sequences", "criterion_parts"):
            monkeypatch.setattr(type(build_task(config)), method, drawn)
    planned = experiment('[training]\ntimesteps = "full"\nbatch_size = 50\nepochs = 10', head=text)
    check_experiment(planned, "f.toml")
    plan = make_plan(planned)
    assert plan.updates == 10 * 100 * 10
    assert plan.seconds > 60


def test_marked_sequences_are_planned_at_their_usual_length() -> None:
    plan = make_plan(experiment("lag = 100\n[training]\nepochs = 1\n[study]\nseeds = 1", head=MARKED))
    usual = build_task(MarkedTask(lag=100)).expected_length
    assert plan.updates == 100 * (round(usual) - 1)


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


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            STEPS + "batch_size = 3",
            "training.batch_size: is 3, which does not divide the 4 steps of a sequence, "
            'as batch_layout = "steps" needs; must be one of: 1, 2, 4',
        ),
        (
            STEPS + 'batch_size = 2\ntimesteps = "full"',
            'training.timesteps: is "full" with batch_layout = "steps"; must be 1 there',
        ),
        (STEPS + "batch_size = 2\nlags = 2", 'training.lags: is 2 with batch_layout = "steps"; must be 1 there'),
        (
            "[search]\nbatch_layout = { choices = ['steps', 'sequences'] }\nbatch_size = { choices = [1, 4] }",
            "search.batch_size: is 4, which does not divide the 2 sequences; must be one of: 1, 2",
        ),
        (
            "[training]\nlags = 2\ntimesteps = 2",
            "training.timesteps: is 2 with lags = 2; each update sees one sliding window, "
            "so it must be 1 there (or the cell an mlp)",
        ),
        (
            "[training]\ntimesteps = 'full'\n[search]\nlags = { low = 1, high = 3 }",
            'training.timesteps: is "full" with lags = 3; each update sees one sliding window, '
            "so it must be 1 there (or the cell an mlp)",
        ),
        ("[training]\nlags = 5", "training.lags: is 5, longer than the sequence's 4 steps; must be at most 4"),
        (
            "[model]\ncell = 'simple_rnn'\ngate_bias = 'chrono'",
            'model.gate_bias: is "chrono" with cell = "simple_rnn", which has no gates; chrono needs an lstm or a gru',
        ),
        (
            "[model]\ngate_bias = 'chrono'\n[search]\ncell = { choices = ['lstm', 'mlp'] }",
            'model.gate_bias: is "chrono" with cell = "mlp", which has no gates; chrono needs an lstm or a gru',
        ),
        (
            "[search]\ncell = { choices = ['lstm', 'mlp'] }\ngate_bias = { choices = ['zeros', 'chrono'] }",
            'search.gate_bias: is "chrono" with cell = "mlp", which has no gates; chrono needs an lstm or a gru',
        ),
        (
            "[model]\nchrono_max = 50",
            'model.chrono_max: is 50 with gate_bias = "unit_forget"; leave it out, or set gate_bias = "chrono"',
        ),
        (
            "[training]\nloss_on = 'last'\n[search]\nlast_weight = { low = 1.0, high = 10.0 }",
            'search.last_weight: is 10.0 with loss_on = "last"; no other step is scored that it could outweigh; '
            'leave it out, or set loss_on = "every"',
        ),
    ],
)
def test_what_cannot_go_together_is_one_line_that_names_both(text: str, line: str) -> None:
    assert refusal(text) == f"f.toml: {line}"


@pytest.mark.parametrize(
    ("head", "text", "line"),
    [
        (
            RANDOM,
            "[training]\nshuffle = true",
            "training.shuffle: is true, and every epoch of this task draws fresh sequences, "
            "in random order already; must be false",
        ),
        (
            RANDOM,
            "[training]\nbatch_size = 3",
            "training.batch_size: is 3, which does not divide the 100 sequences; must be one of: "
            "1, 2, 4, 5, 10, 20, 25, 50, 100",
        ),
        (
            RANDOM,
            "test_lengths = [20]\n" + STEPS,
            'training.batch_layout: is "steps", which cannot be tested at other lengths; '
            'must be "sequences", or leave test_lengths out',
        ),
        (
            MARKED,
            STEPS,
            'training.batch_layout: is "steps", and the marked task has random lengths, which no batch size divides; '
            'must be "sequences"',
        ),
        (
            EXPLICIT,
            "sequences = [['a', 'b', 'c'], ['a', 'b', 'c', 'd', 'e']]\n" + STEPS + "batch_size = 4",
            "training.batch_size: is 4, which does not divide the 2 and 4 steps of a sequence, "
            'as batch_layout = "steps" needs; must be one of: 1, 2',
        ),
    ],
)
def test_what_a_task_rules_out_is_one_line(head: str, text: str, line: str) -> None:
    assert refusal(text, head) == f"f.toml: {line}"


@pytest.mark.parametrize(
    "text",
    [
        "[model]\ncell = 'mlp'\n[training]\nlags = 2\ntimesteps = 'full'",
        "[model]\ncell = 'mlp'\ngate_bias = 'unit_forget'",
        "[model]\nchrono_max = 50\n[search]\ngate_bias = { choices = ['zeros', 'chrono'] }",
        "[training]\nlast_weight = 10.0\n[search]\nloss_on = { choices = ['every', 'last'] }",
        STEPS + "batch_size = 4",
        "keys = 8\n[training]\nbatch_size = 4\n[conditions]\nsequence_length = [5, 6, 7]",
    ],
)
def test_what_can_be_trained_is_accepted(text: str) -> None:
    check_experiment(experiment(text), "f.toml")


def test_a_fixed_training_set_may_be_shuffled() -> None:
    check_experiment(experiment("train_sequences = 10\n[training]\nshuffle = true", head=RANDOM), "f.toml")


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


def test_the_divisors_of_many_sequences_are_found_at_once() -> None:
    many = RANDOM + "sequences_per_epoch = 999_999_937\n"  # a prime number
    before = time.perf_counter()
    assert refusal("[training]\nbatch_size = 7", many).endswith("999,999,937 sequences; must be one of: 1, 999999937")
    assert time.perf_counter() - before < 1


def test_many_conditions_with_many_values_are_checked_within_seconds() -> None:
    text = "[conditions]\nsequence_length = " + str(list(range(5, 105))) + "\nmax_error = [0.1, 0.2, 0.3, 0.4, 0.5]\n"
    before = time.perf_counter()
    check_experiment(experiment(text + "[search]\nbatch_size = { low = 1, high = 2 }"), "f.toml")
    lines = refusal(text + "[search]\nbatch_size = { low = 1, high = 1_000_000 }").split("\n")
    assert time.perf_counter() - before < 10
    assert len(lines) == 21
    assert lines[-1] == "f.toml: and 1 more"


def test_long_sequences_that_are_only_tested_take_memory_too() -> None:
    long = experiment("test_sequences = 1000\ntest_lengths = [100_000]", RANDOM)
    assert make_plan(long).memory_mb > make_plan(experiment("", RANDOM)).memory_mb + 400


# What is the same computation

GRID = '[study]\nsampler = "grid"\nseeds = 2\n'
STATES = '[search]\nstateful = { choices = [true, false] }\ntimesteps = { choices = [1, "full"] }\n'


def test_a_plan_names_the_trials_that_are_the_same_computation_as_a_run_numbers_them() -> None:
    planned = experiment("[conditions]\nsequence_length = [5, 6]\n" + STATES + GRID)
    same = make_plan(planned).same_computations
    assert len(same) == 2
    for condition, found in enumerate(same):
        assert found.why == "stateful has no effect where a sequence is one window"
        numbers = [TrialNumber.of(trial, 2) for trial in found.trials]
        assert {number.condition for number in numbers} == {condition}
        chosen = [Search(planned, condition).choose(number.number) for number in numbers]
        assert [each["timesteps"] for each in chosen] == ["full", "full"]


def test_of_trials_that_nobody_knows_yet_a_plan_says_where_a_parameter_has_no_effect() -> None:
    text = STATES + "units = { low = 1, high = 9 }\n"
    plan = make_plan(experiment(text))
    assert plan.same_computations == ()
    assert plan.without_effect == ("stateful has no effect where a sequence is one window",)
    assert make_plan(load(SHIPPED / "tuning.toml")).without_effect == ()


def test_a_shipped_grid_knows_its_equal_trials() -> None:
    assert [each.trials for each in make_plan(load(SHIPPED / "stateless.toml")).same_computations] == [(1, 2)]
    assert [each.trials for each in make_plan(load(SHIPPED / "batch_learning.toml")).same_computations] == [(0, 4)]
    assert make_plan(load(SHIPPED / "lags.toml")).same_computations == ()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            '[training]\ntimesteps = "full"\n[search]\nstateful = { choices = [true, false] }',
            "search.stateful: cannot change anything: stateful has no effect where a sequence is one window; leave it out of [search]",  # noqa: E501
        ),
        (
            '[search]\ncell = { choices = ["gru", "mlp"] }\ngate_bias = { choices = ["zeros", "unit_forget"] }',
            'search.gate_bias: cannot change anything: gate_bias "zeros" and "unit_forget" are the same for cell = "gru", which has no forget gate; leave it out of [search]',  # noqa: E501
        ),
        (
            '[search]\nbatch_layout = { choices = ["sequences", "steps"] }',
            "search.batch_layout: cannot change anything: batch_layout has no effect with batch_size = 1; leave it out of [search]",  # noqa: E501
        ),
        (
            "keys = 1\n[search]\nshuffle = { choices = [true, false] }\nunits = { low = 1, high = 4 }",
            "search.shuffle: cannot change anything: shuffle has no effect on one sequence; leave it out of [search]",
        ),
        (
            '[search]\ncell = { choices = ["gru", "lstm"] }\n'
            'gate_bias = { choices = ["zeros", "unit_forget"], when = { cell = "gru" } }',
            'search.gate_bias: cannot change anything: gate_bias "zeros" and "unit_forget" are the same for cell = "gru", which has no forget gate; leave it out of [search]',  # noqa: E501
        ),
    ],
)
def test_what_is_searched_and_cannot_change_anything_is_one_line(text: str, line: str) -> None:
    assert refusal(text) == f"f.toml: {line}"


@pytest.mark.parametrize(
    "text",
    [
        '[conditions]\nkeys = [1, 2]\n[search]\nshuffle = { choices = [true, false] }',
        '[search]\ncell = { choices = ["gru", "lstm"] }\ngate_bias = { choices = ["zeros", "unit_forget"] }',
        '[search]\nbatch_layout = { choices = ["sequences", "steps"] }\nbatch_size = { choices = [1, 2] }',
        '[training]\ntimesteps = "full"\n[search]\nstateful = { choices = [true] }',
        '[search]\ntimesteps = { low = 1, high = 4 }\nstateful = { choices = [true, false] }',
    ],
)  # fmt: skip
def test_what_has_an_effect_somewhere_or_one_value_may_be_searched(text: str) -> None:
    check_experiment(experiment(text), "f.toml")


def test_many_conditions_and_values_are_looked_at_within_seconds() -> None:
    lengths = ", ".join(map(str, range(5, 205)))
    text = f"[conditions]\nsequence_length = [{lengths}]\n" + STATES + GRID
    started = time.process_time()
    assert len(make_plan(experiment(text)).same_computations) == 200
    assert time.process_time() - started < 5
