"""The experiment file: what it may hold, and that each fault is one line which says what would be right."""

import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution, IntDistribution

from sweep.errors import SweepError
from sweep.experiment.configuration import ModelConfig, TrainingConfig
from sweep.experiment.experiment import SEARCHABLE, Experiment
from sweep.experiment.file import checked_name, load, name_of, override, parse, read_checked
from sweep.experiment.identity import differences, identity_of
from sweep.experiment.json_schema import json_schema
from sweep.experiment.steps import Steps
from sweep.search.distributions import distributions

SHIPPED = Path(__file__).parents[2] / "experiments"

MINIMAL = 'question = "q"\n[task]\nname = "increasing"\n'
WRITABLE = ("question", "task", "model", "training", "conditions", "search", "study", "confirm", "answer")
EXPLICIT = 'question = "q"\n[task]\nname = "explicit"\n'


def experiment(text: str = "") -> Experiment:
    return parse(tomllib.loads(MINIMAL + text), where="f.toml")


def faults(text: str) -> list[str]:
    """The lines of the error about a file, each without the file's name."""
    with pytest.raises(SweepError) as refused:
        parse(tomllib.loads(text), where="f.toml")
    lines = str(refused.value).split("\n")
    assert all(line.startswith("f.toml: ") for line in lines)
    return [line.removeprefix("f.toml: ") for line in lines]


def fault(text: str) -> str:
    (line,) = faults(text)
    return line


# What loads


def test_the_shipped_tutorial_is_the_configuration_of_the_article() -> None:
    shipped = load(SHIPPED / "tutorial.toml")
    assert shipped.base == experiment().base
    assert (shipped.trials, shipped.study.replicate_seeds) == (1, tuple(range(64)))


def test_the_shipped_tuning_searches_five_parameters_in_50_trials_of_10_seeds() -> None:
    shipped = load(SHIPPED / "tuning.toml")
    assert list(shipped.search) == ["units", "learning_rate", "batch_size", "shuffle", "epochs"]
    assert (shipped.trials, len(shipped.study.replicate_seeds)) == (50, 10)


def test_what_a_file_leaves_out_is_as_in_the_tutorial() -> None:
    left_out = experiment()
    assert left_out.model == ModelConfig(units=20, layers=1, output="sigmoid", stateful=True)
    assert left_out.training == TrainingConfig(
        epochs=250,
        batch_size=1,
        shuffle=False,
        timesteps=1,
        optimizer="adam",
        learning_rate=0.001,
        loss_on="every",
        evaluate_every=1,
        stop_when_solved=False,
        trainer="fused",
    )


def test_a_number_of_seeds_means_the_first_ones() -> None:
    assert experiment("[study]\nseeds = 3").study.replicate_seeds == (0, 1, 2)


def test_a_list_of_seeds_means_those() -> None:
    assert experiment("[study]\nseeds = [7, 3]").study.replicate_seeds == (7, 3)


def test_every_combination_of_the_conditions_is_one_setting() -> None:
    several = experiment("[conditions]\nsequence_length = [5, 10]\nkeys = [2, 3]")
    assert several.condition_settings == (
        {"sequence_length": 5, "keys": 2},
        {"sequence_length": 5, "keys": 3},
        {"sequence_length": 10, "keys": 2},
        {"sequence_length": 10, "keys": 3},
    )


def test_a_grid_without_trials_is_every_combination() -> None:
    text = "[search]\nunits = { low = 2, high = 8, step = 2 }\nshuffle = { choices = [true, false] }\n"
    grid = experiment(text + '[study]\nsampler = "grid"')
    assert grid.trials == 8
    wanted = [{"units": units, "shuffle": shuffle} for units in (2, 4, 6, 8) for shuffle in (True, False)]
    assert grid.grid_points == wanted


def test_a_huge_grid_is_counted_without_being_built() -> None:
    text = "[search]\nunits = { low = 1, high = 4096, step = 1 }\nepochs = { low = 1, high = 100000, step = 1 }\n"
    assert experiment(text + '[study]\nsampler = "grid"').trials == 4096 * 100_000


def test_a_parameter_that_is_off_by_default_may_be_searched_over_a_range() -> None:
    text = "[search]\ngate_bias = { choices = ['chrono'] }\n"
    text += "chrono_max = { low = 10, high = 100, log = true }\nclip_norm = { low = 0.1, high = 10, log = true }"
    searched = distributions(experiment(text))
    assert searched["chrono_max"] == IntDistribution(10, 100, log=True)
    assert searched["clip_norm"] == FloatDistribution(0.1, 10.0, log=True)


def test_a_search_without_trials_has_50() -> None:
    assert experiment("[search]\nunits = { low = 2, high = 8 }").trials == 50


def test_conditions_are_checked_together_and_not_against_defaults() -> None:
    small = experiment("[conditions]\nsequence_length = [3]\nalphabet_size = [3]")
    assert small.condition_settings == ({"sequence_length": 3, "alphabet_size": 3},)


def test_a_fixed_parameter_is_checked_with_the_conditions_values_and_not_with_defaults() -> None:
    small = parse(tomllib.loads(MINIMAL + "alphabet_size = 3\n[conditions]\nsequence_length = [3]"), where="f.toml")
    (setting,) = small.condition_settings
    assert small.base.replace(**setting).task.model_dump()["alphabet_size"] == 3
    assert parse(small.model_dump(exclude_unset=True), where="f.toml") == small


def test_a_required_parameter_may_come_from_the_conditions_alone() -> None:
    own = parse(tomllib.loads(EXPLICIT + '[conditions]\nsequences = [[["a", "b"]], [["c", "d"]]]'), where="f.toml")
    assert [setting["sequences"] for setting in own.condition_settings] == [[["a", "b"]], [["c", "d"]]]


TABLES = (
    "[[conditions]]\nsequence_length = 5\nalphabet_size = 12\n[[conditions]]\nsequence_length = 10\nalphabet_size = 12"
)


def test_each_table_of_conditions_is_one_setting() -> None:
    paired = experiment(TABLES)
    assert paired.conditions == {"sequence_length": (5, 10), "alphabet_size": (12, 12)}
    assert paired.condition_settings == (
        {"sequence_length": 5, "alphabet_size": 12},
        {"sequence_length": 10, "alphabet_size": 12},
    )


def test_tables_of_conditions_keep_to_themselves_under_an_override() -> None:
    replaced = override(experiment(TABLES), seeds=3)
    assert replaced.condition_settings == experiment(TABLES).condition_settings
    assert differences(replaced, experiment(TABLES)) == ["study.seeds: was 3, is 10"]


def test_more_seeds_than_a_trial_has_are_refused_and_not_listed() -> None:
    with pytest.raises(SweepError, match="command line: study: seeds is 1000000000000; at most 100000 replicates"):
        override(experiment("[study]\nseeds = [10, 11]"), seeds=10**12)


# Faults of single keys


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[model]\nunit = 4", 'model: unknown key "unit"; did you mean "units"?'),
        ("[task2]\nkeys = 4", 'unknown key "task2"; did you mean "task"?'),
        ("[model]\nunits = '4'", 'model.units: is "4"; must be a whole number'),
        ("[model]\nunits = 4.5", "model.units: is 4.5; must be a whole number"),
        ("[model]\nunits = true", "model.units: is true; must be a whole number"),
        ("[model]\nunits = 0", "model.units: is 0; must be at least 1"),
        ("[model]\nunits = 5000", "model.units: is 5000; must be at most 4096"),
        ("[model]\nstateful = 1", "model.stateful: is 1; must be true or false"),
        (
            "[model]\ncell = 'lsmt'",
            'model.cell: is "lsmt"; must be "lstm", "gru", "simple_rnn" or "mlp"; did you mean "lstm"?',
        ),
        (
            "[model]\ngate_bias = 'Chrono'",
            'model.gate_bias: is "Chrono"; must be "zeros", "unit_forget" or "chrono"; did you mean "chrono"?',
        ),
        (
            "[training]\ntimesteps = 'ful'",
            'training.timesteps: is "ful"; must be a whole number or "full"; did you mean "full"?',
        ),
        (
            "[study]\nsampler = 'gird'",
            'study.sampler: is "gird"; must be "tpe", "random", "grid", "qmc", "cmaes" or "nsga2"; '
            'did you mean "grid"?',
        ),
        (
            "[conditions]\nsequence_lenght = [5]",
            'conditions: unknown task parameter "sequence_lenght"; did you mean "sequence_length"?',
        ),
        ("[model]\noutput = 'tanh'", 'model.output: is "tanh"; must be "sigmoid" or "softmax"'),
        ("[training]\nlearning_rate = 0", "training.learning_rate: is 0; must be greater than 0.0"),
        (
            "[training]\nlearning_rate = 1e308",
            "training.learning_rate: is 1e+308, and trained is in float32; must lie between 1.2e-38 and 3.4e+38",
        ),
        (
            "[training]\nlast_weight = 5e-324",
            "training.last_weight: is 5e-324, and trained is in float32; must lie between 1.2e-38 and 3.4e+38",
        ),
        (
            "[search]\nclip_norm = { low = 1.0, high = 1e39 }",
            "search.clip_norm: is 1e+39, and trained is in float32; must lie between 1.2e-38 and 3.4e+38",
        ),
        ("[training]\nlearning_rate = nan", "training.learning_rate: is nan; must be less than inf"),
        ("[training]\ntimesteps = 0", 'training: timesteps is 0; it must be at least 1, or "full"'),
        ("[training]\ntimesteps = 'all'", 'training.timesteps: is "all"; must be a whole number or "full"'),
        (
            "[study]\nsampler = 'cma'",
            'study.sampler: is "cma"; must be "tpe", "random", "grid", "qmc", "cmaes" or "nsga2"; '
            'did you mean "cmaes"?',
        ),
        ("[study]\nobjective = 'los'", 'study: objective: unknown outcome "los"; did you mean "loss"?'),
        ("[study]\nobjective = '-units'", 'study: objective: unknown outcome "-units"; did you mean "-parameters"?'),
        ("[study]\nobjective = '-los'", 'study: objective: unknown outcome "-los"; did you mean "-loss"?'),
        (
            "[study]\nobjective = ['loss', '-loss']",
            'study: objective names an outcome twice: ["loss", "-loss"]; leave one of them out',
        ),
        (
            "[study]\nsampler = 'bayes'",
            'study.sampler: is "bayes"; must be "tpe", "random", "grid", "qmc", "cmaes" or "nsga2"; '
            'did you mean "tpe"?',
        ),
        (
            "[conditions]\nmax_error = [1, 0.5, 1.0]",
            "conditions.max_error: holds 1 and 1.0, which no table could tell apart; leave one of them out",
        ),
        (
            "[search]\ntimesteps = { choices = [1, '1'] }",
            'search.timesteps: choices holds 1 and "1", which no table could tell apart; leave one of them out',
        ),
        (
            "[search]\nlags = { choices = [1, true] }",
            "search.lags: choices holds 1 and true, which no table could tell apart; leave one of them out",
        ),
        (
            "[[conditions]]\nmax_error = 1\n[[conditions]]\nmax_error = 1.0",
            "conditions: tables 1 and 2 are equal: { max_error = 1.0 }; leave one of them out",
        ),
        ("[study]\nobjective = []", "study: objective is empty; name an outcome, recall_bits for example"),
        ("[study]\nseeds = [1, 2, 1]", "study: seeds holds a seed twice: [1, 2, 1]"),
        ("[study]\nseeds = 0", "study: seeds is 0; at least one replicate is needed"),
        ("[study]\nseeds = []", "study: seeds is []; at least one replicate is needed"),
        ("[study]\nseeds = [-1]", "study: seeds is [-1]; each must lie between 0 and 4294967295"),
        ("[study]\nseeds = 100001", "study: seeds is 100001; at most 100000 replicates make a trial"),
        ("[study]\nseeds = 'a'", 'study.seeds: is "a"; must be a whole number or a list'),
        ("[conditions]\nkeys = 3", "conditions.keys: is 3; must be a list of at least one value"),
        ("[conditions]\nkeys = []", "conditions.keys: is []; must be a list of at least one value"),
        (
            f"[conditions]\nkeys = {[*range(3, 103)]}\nsequence_length = {[*range(3, 103)]}\nmax_error = [0.1, 0.2]",
            "conditions: make 20,000 studies, one a combination; at most 10,000 are run",
        ),
        ("[conditions]\nkeys = [2, 2]", "conditions.keys: holds a value twice: [2, 2]"),
        ("[conditions]\nkeys = [2, 0]", "conditions.keys: is 0; must be at least 1"),
        ("[conditions]\nkeys = [1979-05-27]", "conditions.keys: is 1979-05-27; must be a whole number"),
        ("[search]\nunits = [1, 2]", "search.units: is [1, 2]; must be { low, high } or { choices = [...] }"),
        ("[search]\nunits = { low = 1 }", "search.units.high: is missing; it says: the largest value"),
        ("[search]\nunits = { choices = [] }", "search.units.choices: is []; must be a list of at least 1"),
        ("[search]\nunits = { choices = [4, 4] }", "search.units: choices holds a value twice: [4, 4]"),
        ("[search]\nunits = { choices = [1979-05-27] }", "search.units: is 1979-05-27; must be a whole number"),
        ("[search]\nunits = { low = 0, high = 4 }", "search.units: is 0; must be at least 1"),
        ("[search]\nunits = { low = 1, high = 4, step = 0.5 }", "search.units.step: is 0.5; must be a whole number"),
        ("[search]\nunits = { low = 1, high = 4, step = 0 }", "search.units.step: is 0; must be greater than 0"),
        (
            "[search]\nunits = { low = 1, high = 8, step = 3 }",
            "search.units.step: is 3, which leads from 1 to 7 and past 8; high could be 7",
        ),
        (
            "[search]\nlearning_rate = { low = 0.1, high = 0.7, step = 0.4 }",
            "search.learning_rate.step: is 0.4, which leads from 0.1 to 0.5 and past 0.7; high could be 0.5",
        ),
        (
            "[search]\nlearning_rate = { low = 0.1, high = 0.3, step = 1e-300 }",
            "search.learning_rate.step: is 1e-300, which makes more than 1,000,000 values; take a larger one, "
            "or leave it out",
        ),
        (
            "[search]\nlearning_rate = { low = 0.1, high = 0.3, step = inf }",
            "search.learning_rate.step: is inf; must be a whole number or a finite number",
        ),
        (
            "[search]\nlearning_rate = { low = 0.1, high = inf }",
            "search.learning_rate.high: is inf; must be a whole number or a finite number",
        ),
        (
            "[search]\nunits = { low = 64, high = 4 }",
            "search.units: low is 64 and high is 4; low must not exceed high",
        ),
        (
            "[search]\nlearning_rate = { low = 0, high = 1, log = true }",
            "search.learning_rate: low is 0 with log = true; a logarithmic range starts above 0",
        ),
        (
            "[search]\nunits = { low = 1, high = 4, log = true, step = 1 }",
            "search.units: step and log = true exclude each other; leave one out",
        ),
        (
            "[search]\noptimizer = { choices = ['adam', 'adamw'] }",
            'search.optimizer: is "adamw"; must be "adam", "rmsprop" or "sgd"; did you mean "adam"?',
        ),
        (
            "[search]\nshuffle = { low = 0, high = 1 }",
            "search.shuffle: is a range; this parameter takes { choices = [...] }",
        ),
        (
            "[search]\ngate_bias = { choices = ['chrono'] }\nchrono_max = { low = 10, high = 90, step = 0.5 }",
            "search.chrono_max.step: is 0.5; must be a whole number",
        ),
        ("[search]\nclip_norm = { low = 0, high = 4 }", "search.clip_norm: is 0; must be greater than 0.0"),
        ("[search]\nunitz = { choices = [1] }", 'search: unknown parameter "unitz"; did you mean "units"?'),
        (
            "[search]\nsequence_length = { low = 3, high = 9 }",
            "search.sequence_length: is part of the problem, which is measured, not optimised; use [conditions]",
        ),
        (
            "[conditions]\nunits = [1, 2]",
            'conditions: unknown task parameter "units"; known: sequence_length, keys, alphabet_size, max_error; '
            "what is no part of the problem goes under [search]",
        ),
    ],
)
def test_a_wrong_value_is_one_line_with_its_key_and_what_is_right(text: str, line: str) -> None:
    assert fault(MINIMAL + text) == line


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[task]\nname = 'increasing'", "question: is missing; must be one sentence in quotes"),
        ("question = ' '\n[task]\nname = 'increasing'", 'question: is " "; must be one sentence in quotes'),
        ("question = 3\n[task]\nname = 'increasing'", "question: is 3; must be one sentence in quotes"),
        ("question = 'q'", "task: is missing; must be a table with a name"),
        ("question = 'q'\ntask = 'increasing'", 'task: is "increasing"; must be a table with a name'),
        ("question = 'q'\n[task]\nkeys = 2", "task.name: is missing; known: increasing, explicit, random, marked"),
        (
            "question = 'q'\n[task]\nname = 'decreasing'",
            'task.name: unknown task "decreasing"; did you mean "increasing"?',
        ),
        (
            "question = 'q'\n[task]\nname = ['increasing']",
            'task.name: unknown task ["increasing"]; did you mean "increasing"?',
        ),
        ("model = 3\n" + MINIMAL, "model: is 3; must be a table"),
        ("search = 3\n" + MINIMAL, "search: is 3; must be a table of ranges and choices"),
        ("conditions = 3\n" + MINIMAL, "conditions: is 3; must be a table of lists"),
        ("paired = true\n" + MINIMAL, 'unknown key "paired"; known: ' + ", ".join(WRITABLE)),
        (MINIMAL + "sequence_length = 2", "task.sequence_length: is 2; must be at least 3"),
        (MINIMAL + "sequence_length = 5_000_000_000", "task.sequence_length: is 5000000000; must be at most 100000"),
        (MINIMAL + "keys = 5_000_000_000", "task.keys: is 5000000000; must be at most 100000"),
        (MINIMAL + "alphabet_size = 1_000_000_000", "task.alphabet_size: is 1000000000; must be at most 100000"),
        (
            MINIMAL + "sequence_length = 60_000\nkeys = 50_000",
            "task: sequence_length = 60000 with keys = 50000 needs 109998 symbols; an alphabet has at most 100000",
        ),
        (
            MINIMAL + "alphabet_size = 4",
            "task: alphabet_size is 4; sequence_length = 5 with keys = 2 needs at least 5 symbols",
        ),
        (
            EXPLICIT,
            "task.sequences: is missing; it says: the sequences, each a list of symbols (strings or whole numbers)",
        ),
        (EXPLICIT + "sequences = []", "task.sequences: is []; must be a list of at least 1"),
        (
            EXPLICIT + "sequences = ['a b c a']",
            'task.sequences: is ["a b c a"]; must be a list of lists of symbols: [["a", "b", "c", "a"]]',
        ),
        (
            EXPLICIT + "sequences = 'a b a'",
            'task.sequences: is "a b a"; must be a list of lists of symbols: [["a", "b", "a"]]',
        ),
        (
            EXPLICIT + "sequences = ['aba', 'c d']",
            'task.sequences: is ["aba", "c d"]; must be a list of lists of symbols: [["a", "b", "a"], ["c", "d"]]',
        ),
        (
            EXPLICIT + "sequences = ['a', 'b', 1]",
            'task.sequences: is ["a", "b", 1]; must be a list of lists of symbols: [["a", "b", 1]]',
        ),
        (EXPLICIT + "sequences = 7", "task.sequences: is 7; must be a list"),
        (EXPLICIT + "sequences = [['a', 'b'], ['a']]", "task: sequence 2 has 1 symbol; it needs at least 2"),
        (
            EXPLICIT + "sequences = [['a b', 'c']]",
            "task: sequence 1 has a symbol that is empty or holds white space",
        ),
        (EXPLICIT + "sequences = [['a b c']]", "task: sequence 1 has a symbol that is empty or holds white space"),
        (
            EXPLICIT + "sequences = [['a', 'a']]",
            "task: the sequences use one symbol only; there is nothing to predict",
        ),
    ],
)
def test_a_wrong_question_or_task_is_one_line(text: str, line: str) -> None:
    assert fault(text) == line


# Contradictions between keys


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[model]\nunits = 4\n[search]\nunits = { low = 1, high = 8 }",
            "search.units: is fixed under [model] too; leave one of them out",
        ),
        ("[study]\ntrials = 5", "study.trials: is 5; nothing is searched, so 1 is all there is"),
        (
            "[search]\nclip_norm = { low = 1, high = 8 }\n[study]\nsampler = 'grid'",
            "search.clip_norm: has no step; a grid needs choices, or a range with a step",
        ),
        (
            "[search]\nunits = { choices = [1, 2] }\n[study]\nsampler = 'grid'\ntrials = 3",
            "study.trials: is 3; the grid has 2 combinations",
        ),
        (
            "[study]\npruner = 'median'\nobjective = ['loss', 'parameters']",
            "study: pruner needs a single objective; Optuna cannot prune by several",
        ),
        (
            "alphabet_size = 4\n[conditions]\nsequence_length = [3, 10]",
            "conditions: alphabet_size is 4; sequence_length = 10 with keys = 2 needs at least 10 symbols",
        ),
        (
            "alphabet_size = 20\n[conditions]\nsequence_length = [10, 30]",
            "conditions: alphabet_size is 20; sequence_length = 30 with keys = 2 needs at least 30 symbols",
        ),
        (
            "[[conditions]]\nsequence_length = 5\nalphabet_size = 9\n"
            "[[conditions]]\nsequence_length = 10\nalphabet_size = 9",
            "conditions: alphabet_size is 9; sequence_length = 10 with keys = 2 needs at least 10 symbols",
        ),
        (
            "[[conditions]]\nkeys = 2\nsequence_length = 5\n[[conditions]]\nkeys = 3",
            "conditions: table 2 names keys, and table 1 names keys, sequence_length; "
            "all must name the same parameters",
        ),
        (
            "[[conditions]]\nkeys = 2\n[[conditions]]\nkeys = 3\n[[conditions]]\nkeys = 2",
            "conditions: tables 1 and 3 are equal: { keys = 2 }; leave one of them out",
        ),
        (
            "[[conditions]]\nkeyz = 2\n[[conditions]]\nkeyz = 3",
            'conditions: unknown task parameter "keyz"; did you mean "keys"?',
        ),
        (
            "[[conditions]]\nkeys = 2\n[[conditions]]\nkeys = [3, 4]",
            "conditions.keys: is [3, 4]; must be a whole number",
        ),
        (
            "[[conditions]]",
            "conditions: is [{}]; must be a table of lists, or [[conditions]] tables of single values",
        ),
        (
            "[conditions]\nsequence_length = [5, 10]\nalphabet_size = [6, 20]",
            "conditions: alphabet_size is 6; sequence_length = 10 with keys = 2 needs at least 10 symbols",
        ),
    ],
)
def test_keys_that_exclude_each_other_are_one_line(text: str, line: str) -> None:
    assert fault(MINIMAL + text) == line


def test_all_faults_of_a_file_are_told_at_once() -> None:
    text = """
        qestion = "q"
        [task]
        name = "increasing"
        keyz = 3
        [model]
        units = 0
        layers = "1"
        [search]
        epochs = { low = 2, high = 1 }
        [study]
        sampler = "x"
    """
    assert faults(text) == [
        'unknown key "qestion"; did you mean "question"?',
        "question: is missing; must be one sentence in quotes",
        'task: unknown key "keyz"; did you mean "keys"?',
        "model.units: is 0; must be at least 1",
        'model.layers: is "1"; must be a whole number',
        'study.sampler: is "x"; must be "tpe", "random", "grid", "qmc", "cmaes" or "nsga2"',
        "search.epochs: low is 2 and high is 1; low must not exceed high",
    ]


@pytest.mark.parametrize("choices", ["[1979-05-27]", "[[0.1]]", '["a", 1]', "[{ a = 1 }, 0.1]", "[true, 0.1]"])
def test_a_choice_of_a_number_that_is_none_is_one_line(choices: str) -> None:
    (fault,) = faults(MINIMAL + f"[search]\nclip_norm = {{ choices = {choices} }}\n")
    assert fault.startswith("search.clip_norm: is ")
    assert fault.endswith("; must be a number")


texts = st.text('a"\\\n\0é ', max_size=4)
scalars = st.booleans() | st.integers() | st.floats() | texts | st.just(date(1979, 5, 27))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=2), max_leaves=5
)
keys = st.sampled_from(["name", "keys", "sequences", "units", "choices", "low", "high", "step", "seeds", "objective"])
tables = st.dictionaries(keys, values | st.dictionaries(keys, values, max_size=3), max_size=4)
sections = st.sampled_from(["question", "task", "model", "training", "conditions", "search", "study", "answer"])


@pytest.mark.slow
@example({"conditions": {"\n": date(1979, 5, 27)}, "question": {"\n": 2**63}})
@given(st.dictionaries(sections, values | tables))
def test_whatever_a_file_holds_is_an_experiment_or_lines_that_name_the_file(raw: dict[str, Any]) -> None:
    try:
        parse({"question": "q", "task": {"name": "increasing"}} | raw, where="f.toml")
    except SweepError as error:
        assert all(line.startswith("f.toml: ") for line in str(error).split("\n"))  # noqa: PT017


# The file itself


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"question = ", "is not valid TOML: Invalid value (at end of document)"),
        (b"a = 1\na = 2\n", "is not valid TOML: Cannot overwrite a value (at line 2, column 6)"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "is not a text file; an experiment is written in TOML, in UTF-8"),
        (b"a = " + b"[" * 50_000, "is not valid TOML: "),
    ],
    ids=["malformed", "duplicate key", "binary", "deep"],
)
def test_a_file_that_is_no_toml_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(SweepError) as refused:
        load(path)
    assert str(refused.value).startswith(f"{path}: {message}")
    assert "\n" not in str(refused.value)


def test_a_missing_file_says_how_to_find_the_others(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    with pytest.raises(SweepError) as refused:
        load(path)
    assert str(refused.value) == f"{path}: no such file; `sweep list` names the experiments that there are"


def test_a_folder_is_no_experiment_file(tmp_path: Path) -> None:
    with pytest.raises(SweepError) as refused:
        load(tmp_path)
    assert str(refused.value) == f"{tmp_path}: is a folder; give an experiment file, tutorial.toml for example"


@pytest.mark.parametrize("name", ["tutorial", "a", "2a", "two.sizes_v-1", "x" * 100])
def test_a_plain_name_is_an_experiments_name(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "/etc", ".hidden", "-x", "a\\b", "a b", "a\n", "é", "a\0", "x" * 101]
)
def test_a_name_with_a_path_trick_is_refused(name: str) -> None:
    with pytest.raises(SweepError, match="is no name for an experiment; use letters, digits"):
        checked_name(name)


def test_an_experiment_is_named_after_its_file() -> None:
    assert name_of(Path("somewhere/my.tests.toml")) == "my.tests"


# What the command line replaces


def test_an_override_replaces_what_the_file_says() -> None:
    replaced = override(experiment("[search]\nunits = { low = 1, high = 8 }"), seeds=2, trials=7, trainer="fit")
    assert (replaced.study.replicate_seeds, replaced.trials, replaced.training.trainer) == ((0, 1), 7, "fit")


@pytest.mark.parametrize(("listed", "seeds"), [("10", (0, 1, 2)), ("[10, 11]", (10, 11, 12)), ("[0, 5]", (0, 1, 2))])
def test_an_override_of_the_seeds_begins_at_the_files_first(listed: str, seeds: tuple[int, ...]) -> None:
    replaced = override(experiment(f"[study]\nseeds = {listed}"), seeds=3)
    assert replaced.study.replicate_seeds == seeds


def test_an_override_of_nothing_changes_nothing() -> None:
    original = experiment("[search]\nunits = { low = 1, high = 8 }\n[study]\nseeds = [4, 2]")
    assert override(original) == original


def test_an_override_is_checked_as_the_file_is() -> None:
    with pytest.raises(SweepError, match=r"^command line: study.trials: is 7; nothing is searched, so 1 is all"):
        override(experiment(), trials=7)


# What makes two experiments the same


@st.composite
def raw_experiments(draw: st.DrawFn) -> dict[str, Any]:
    """Files of all kinds that are accepted."""
    whole = st.integers(1, 50)
    options: dict[str, st.SearchStrategy[Any]] = {
        "units": whole,
        "layers": st.integers(1, 8),
        "output": st.sampled_from(["sigmoid", "softmax"]),
        "stateful": st.booleans(),
        "epochs": whole,
        "shuffle": st.booleans(),
        "timesteps": whole | st.just("full"),
        "optimizer": st.sampled_from(["adam", "rmsprop", "sgd"]),
        "learning_rate": st.floats(1e-9, 1e3),
    }
    text = st.text('ab"\\é0', min_size=1, max_size=3)
    sequences = st.lists(st.lists(text | st.integers(), min_size=2, max_size=4), max_size=3)
    task = draw(
        st.fixed_dictionaries({"name": st.just("increasing")}, optional={"sequence_length": st.integers(3, 9)})
        | st.fixed_dictionaries(
            {"name": st.just("explicit"), "sequences": sequences.map(lambda rows: [["a", "b"], *rows])}
        )
    )
    raw: dict[str, Any] = {"question": draw(text), "task": task, "model": {}, "training": {}, "search": {}}
    for name in draw(st.lists(st.sampled_from(sorted(options)), unique=True)):
        how = draw(st.sampled_from(["fixed", "choices", "range"]))
        section = "model" if name in ModelConfig.model_fields else "training"
        if how == "fixed":
            raw[section][name] = draw(options[name])
        elif how == "range" and name in ("units", "layers", "epochs", "learning_rate"):
            low, high = sorted([draw(options[name]), draw(options[name])])
            raw["search"][name] = {"low": low, "high": high, "log": draw(st.booleans())}
        else:
            raw["search"][name] = {"choices": draw(st.lists(options[name], min_size=1, max_size=3, unique_by=repr))}
    if task["name"] == "increasing":
        keys = draw(st.lists(st.integers(1, 4), unique=True, max_size=2))
        raw["conditions"] = {"keys": keys} if keys else {}
        if keys and draw(st.booleans()):
            raw["conditions"] = [{"keys": count, "sequence_length": draw(st.integers(3, 9))} for count in keys]
    raw["study"] = draw(
        st.fixed_dictionaries(
            {"seeds": whole | st.lists(st.integers(0, 99), unique=True, min_size=1, max_size=3)},
            optional={"sampler": st.sampled_from(["tpe", "random"]), "pruner": st.sampled_from(["none", "median"])},
        )
    )
    return raw


experiments = raw_experiments().map(lambda raw: parse(raw, where="f.toml"))


@given(experiments)
def test_an_experiment_survives_being_written_and_read(original: Experiment) -> None:
    assert parse(original.model_dump(exclude_unset=True), where="f.toml") == original


@given(experiments)
def test_an_experiment_survives_json(original: Experiment) -> None:
    again = parse(original.model_dump(mode="json", exclude_unset=True), where="f.toml")
    assert again == original
    assert identity_of(again) == identity_of(original)


@pytest.mark.slow
@given(experiments, experiments)
def test_two_experiments_share_their_identity_exactly_if_nothing_differs(one: Experiment, two: Experiment) -> None:
    assert (identity_of(one) == identity_of(two)) == (not differences(one, two))


@given(experiments)
def test_an_experiment_does_not_differ_from_itself(one: Experiment) -> None:
    assert differences(one, one) == []


@pytest.mark.slow
@given(experiments, experiments)
def test_as_much_differs_either_way(one: Experiment, two: Experiment) -> None:
    assert len(differences(one, two)) == len(differences(two, one))


SEARCH = "[search]\nunits = { low = 1, high = 8 }\nshuffle = { choices = [true, false] }\n"


def test_another_question_and_more_trials_are_no_difference() -> None:
    one = experiment(SEARCH + "[study]\ntrials = 5")
    two = experiment(SEARCH + "[study]\ntrials = 50").model_copy(update={"question": "Why?"})
    assert differences(one, two) == []
    assert identity_of(one) == identity_of(two)


def test_a_difference_names_the_key_the_old_value_and_the_new() -> None:
    one, two = experiment("[model]\nunits = 4"), experiment("[model]\nunits = 5\n[study]\nseeds = [1, 2]")
    assert differences(one, two) == ["model.units: was 4, is 5", "study.seeds: was 10, is [1, 2]"]


def test_a_default_that_is_written_out_is_no_difference() -> None:
    assert differences(experiment(), experiment("[model]\nunits = 20\n[training]\nepochs = 250")) == []


def test_a_search_dimension_that_comes_is_told_key_by_key() -> None:
    assert differences(experiment(), experiment("[search]\nunits = { choices = [1, 2] }")) == [
        "search.units.choices: was not set, is [1, 2]"
    ]


def test_the_order_of_the_conditions_is_a_difference_since_trials_are_numbered_by_it() -> None:
    one = experiment("[conditions]\nkeys = [2, 3]\nsequence_length = [5, 6]")
    two = experiment("[conditions]\nsequence_length = [5, 6]\nkeys = [2, 3]")
    assert differences(one, two) == [
        'order of conditions: was ["keys", "sequence_length"], is ["sequence_length", "keys"]'
    ]


def test_a_table_of_conditions_that_changes_is_told_by_its_number() -> None:
    two = experiment(TABLES.replace("10", "7"))
    assert differences(experiment(TABLES), two) == ["conditions.2.sequence_length: was 10, is 7"]


def test_tables_and_lists_of_the_same_values_are_other_experiments() -> None:
    lists = experiment("[conditions]\nsequence_length = [5, 6]\nkeys = [2, 3]")
    tables = experiment("[[conditions]]\nsequence_length = 5\nkeys = 2\n[[conditions]]\nsequence_length = 6\nkeys = 3")
    assert lists.conditions == tables.conditions
    assert identity_of(lists) != identity_of(tables)


def test_the_order_of_the_search_is_a_difference_since_the_sampler_draws_by_it() -> None:
    two = experiment("[search]\nshuffle = { choices = [true, false] }\nunits = { low = 1, high = 8 }\n")
    assert differences(experiment(SEARCH), two) == [
        'order of search: was ["units", "shuffle"], is ["shuffle", "units"]'
    ]


# The schema for editors


def test_the_schema_names_every_key_of_the_shipped_files() -> None:
    schema = json_schema()
    for file in SHIPPED.glob("*.toml"):
        raw = tomllib.loads(file.read_text())
        assert raw.keys() <= schema["properties"].keys()
        assert raw.get("search", {}).keys() <= schema["properties"]["search"]["properties"].keys()


def test_the_schema_has_the_keys_that_a_file_may_hold_and_no_others() -> None:
    assert tuple(json_schema()["properties"]) == WRITABLE


def test_the_schema_takes_conditions_as_a_table_of_lists_or_as_tables() -> None:
    conditions = json_schema()["properties"]["conditions"]
    assert conditions["type"] == ["object", "array"]
    assert conditions["properties"].keys() == conditions["items"]["properties"].keys() >= {"lag", "sequence_length"}
    assert conditions["items"]["additionalProperties"] is False


def test_the_schema_lets_everything_be_searched_that_a_file_may_search() -> None:
    assert tuple(json_schema()["properties"]["search"]["properties"]) == SEARCHABLE


def test_the_schema_refuses_unknown_keys() -> None:
    schema = json_schema()
    assert schema["additionalProperties"] is False
    assert schema["properties"]["search"]["additionalProperties"] is False
    assert schema["properties"]["conditions"]["additionalProperties"] is False


def test_every_reference_in_the_schema_leads_to_a_definition() -> None:
    schema = json_schema()

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return own.union(*map(references, node.values()))
        return set().union(*map(references, node)) if isinstance(node, list) else set()

    assert references(schema)
    assert references(schema) <= {f"#/$defs/{name}" for name in schema["$defs"]}


# Texts that command a terminal


def test_a_question_is_one_line_without_control_characters() -> None:
    raw = {"question": "Bell \x07, escape \x1b[31m,\n nul \x00?", "task": {"name": "increasing"}}
    assert parse(raw, "f.toml").question == r"Bell \x07, escape \x1b[31m, nul \x00?"


@pytest.mark.parametrize("symbol", ["\x1b[31m", "a\x00", "\u202ea", "\x9b"])
def test_a_symbol_with_a_control_character_is_refused(symbol: str) -> None:
    raw = {"question": "q", "task": {"name": "explicit", "sequences": [[symbol, "a", "b"]]}}
    with pytest.raises(SweepError, match=r"sequence 1 has a symbol with a control character"):
        parse(raw, "f.toml")


@pytest.mark.parametrize(
    ("search", "said"),
    [
        (
            "learning_rate = { low = 0.5, high = 0.5001, step = 1e-9 }",
            "search.learning_rate.step: is 1e-09, and 32 bits cannot tell numbers of this size so close apart; must be "
            "at least 6.3e-08",
        ),
        (
            "learning_rate = { low = 0.1, high = 0.1000000000000001, step = 1e-17 }",
            "search.learning_rate.step: is 1e-17",
        ),
        (
            "learning_rate = { choices = [0.1, 0.10000000001] }",
            "search.learning_rate.choices: 0.1 and 0.10000000001 are one number in 32 bits",
        ),
        (
            "learning_rate = { choices = [0.100049999, 0.1000500001] }",
            "search.learning_rate.choices: 0.100049999 and 0.1000500001 are one number in 32 bits",
        ),
        (
            "last_weight = { low = 1e6, high = 1000000.5, step = 0.001 }",
            "search.last_weight.step: is 0.001, and 32 bits cannot tell numbers of this size so close apart; must be "
            "at least 0.13",
        ),
        (
            "batch_size = { choices = [1, 2] }\nunits = { low = 1, high = 2, when = { batch_size = true } }",
            "search.units.when: batch_size is never true; its choices are [1, 2]",
        ),
        (
            "batch_size = { choices = [1, 2] }\nunits = { low = 1, high = 2, when = { batch_size = [2, 1.0] } }",
            "search.units.when: batch_size is never 1.0; its choices are [1, 2]",
        ),
        (
            "shuffle = { choices = [true, false] }\nunits = { low = 1, high = 2, when = { shuffle = 1 } }",
            "search.units.when: shuffle is never 1; its choices are [true, false]",
        ),
    ],
)
def test_values_that_are_one_where_they_are_trained_or_of_another_type_are_refused(search: str, said: str) -> None:
    text = f'question = "q"\n[task]\nname = "increasing"\n[search]\n{search}\n'
    with pytest.raises(SweepError) as refusal:
        parse(tomllib.loads(text), "f.toml")
    assert str(refusal.value).startswith(f"f.toml: {said}")
    assert "\n" not in str(refusal.value)


def test_each_value_of_a_step_that_is_let_pass_can_be_started_with() -> None:
    step = 1.3e-7
    values = list(Steps(0.9, 0.9 + 1000 * step, step))
    starts = ", ".join(f"{{ learning_rate = {value!r} }}" for value in values)
    search = f"[search]\nlearning_rate = {{ low = 0.9, high = {values[-1]!r}, step = {step!r} }}\n"
    checked = experiment(f"{search}[study]\ntrials = {len(values)}\nstart = [{starts}]")
    assert [start["learning_rate"] for start in checked.study.start] == values


def test_an_experiment_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(SweepError, match=r"^/dev/zero: is longer than 8,388,608 bytes, which no experiment is$"):
        read_checked(Path("/dev/zero"))
