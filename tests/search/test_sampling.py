"""What the samplers choose: inside the space, evenly where they promise it, and what the file says comes first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import optuna
import pytest
import scipy.special
from optuna.samplers._tpe import _truncnorm
from stubs import Stub, stub_outcome

from sweep.execution.executor import Observer
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.experiment import Experiment
from sweep.experiment.file import parse
from sweep.results.outcome import Outcome
from sweep.results.results import Results
from sweep.search.finished import finished_trial
from sweep.search.job import Job
from sweep.search.samplers import REMEMBERED, ROUND, Search, remembered

SAMPLERS = ["tpe", "random", "qmc", "cmaes", "nsga2"]

SEARCH = """
units = { low = 1, high = 64, log = true }
epochs = { low = 10, high = 50, step = 20 }
learning_rate = { low = 1e-3, high = 1e-1, log = true }
last_weight = { low = 1.0, high = 2.0, step = 0.25 }
clip_norm = { low = 0.5, high = 4.0 }
shuffle = { choices = [true, false] }
cell = { choices = ["lstm", "gru", "simple_rnn", "mlp"] }
gate_bias = { choices = ["zeros", "chrono"], when = { cell = ["lstm", "gru"] } }
chrono_max = { low = 3, high = 9, when = { cell = "lstm" } }
"""


def experiment(search: str = SEARCH, study: str = "") -> Experiment:
    import tomllib

    text = f'question = "Which?"\n[task]\nname = "increasing"\n[search]\n{search}\n[study]\n{study}'
    return parse(tomllib.loads(text), "test")


def chosen(
    asked: Experiment, trials: int = 3 * ROUND, recorded: Sequence[dict[str, object]] = ()
) -> list[dict[str, object]]:
    """The parameters of the first trials, each of which ends with a better score the more units it has.

    Those that are `recorded` are of an earlier run.
    """
    search, parameters = Search(asked, 0), list[dict[str, object]]()
    for first in range(0, trials, ROUND):
        numbers = range(first, min(first + ROUND, trials))
        parameters += [search.choose(n, recorded[n] if n < len(recorded) else None) for n in numbers]
        for number in numbers:
            figures = {"recall_bits": parameters[number]["units"], "parameters": 1}
            search.tell(number, finished_trial(asked, number, "complete", parameters[number], figures, {1: 0.5}))
    return parameters


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_every_choice_lies_in_the_search_space(sampler: str) -> None:
    trials = chosen(experiment(study=f'sampler = "{sampler}"\ntrials = 30'))
    for trial in trials:
        assert 1 <= trial["units"] <= 64  # type: ignore[operator]
        assert trial["epochs"] in (10, 30, 50)
        assert 1e-3 <= trial["learning_rate"] <= 1e-1  # type: ignore[operator]
        assert trial["last_weight"] in (1.0, 1.25, 1.5, 1.75, 2.0)
        assert {type(trial[name]) for name in ("units", "epochs")} == {int}
        assert list(trial) == [name for name in experiment().search if name in trial]
    assert len({tuple(trial.items()) for trial in trials}) == 30
    assert {trial["cell"] for trial in trials} == {"lstm", "gru", "simple_rnn", "mlp"}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_parameter_with_a_condition_is_searched_only_where_it_holds(sampler: str) -> None:
    for trial in chosen(experiment(study=f'sampler = "{sampler}"\ntrials = 30')):
        assert ("gate_bias" in trial) == (trial["cell"] in ("lstm", "gru"))
        assert ("chrono_max" in trial) == (trial["cell"] == "lstm")


def test_a_grid_holds_each_combination_of_what_is_searched_together_once() -> None:
    space = (
        'cell = { choices = ["lstm", "mlp"] }\ngate_bias = { choices = ["zeros", "chrono"], when = { cell = "lstm" } }'
    )
    grid = experiment(space, 'sampler = "grid"')
    assert grid.trials == 3
    points = [Search(grid, 0).choose(number) for number in range(3)]
    wanted = [{"cell": "lstm", "gate_bias": "zeros"}, {"cell": "lstm", "gate_bias": "chrono"}, {"cell": "mlp"}]
    assert sorted(map(str, points)) == sorted(map(str, wanted))


@pytest.mark.parametrize("sampler", [*SAMPLERS, "grid"])
@pytest.mark.parametrize("when", ["", "gate_bias = { choices = ['zeros', 'chrono'], when = { cell = 'lstm' } }"])
def test_a_stepped_number_is_chosen_as_it_would_be_written(sampler: str, when: str) -> None:
    stepped = "units = { low = 1, high = 2 }\nlearning_rate = { low = 0.1, high = 0.7, step = 0.1 }\n"
    search = f"{stepped}cell = {{ choices = ['lstm', 'gru'] }}\n{when}"
    space = experiment(search, f'sampler = "{sampler}"\ntrials = 28')
    assert {trial["learning_rate"] for trial in chosen(space, 28)} <= {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7}


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_stepped_search_that_goes_on_chooses_what_an_undisturbed_one_does(sampler: str) -> None:
    stepped = "units = { low = 1, high = 9 }\nlearning_rate = { low = 0.1, high = 0.7, step = 0.1 }\n"
    space = experiment(stepped, f'sampler = "{sampler}"\ntrials = 30')
    in_one_go = chosen(space)
    assert chosen(space, recorded=in_one_go[:13]) == in_one_go


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_what_an_earlier_version_trained_at_a_rounding_beside_a_step_is_gone_on_with(sampler: str) -> None:
    space = experiment(
        "units = { low = 1, high = 9 }\nlearning_rate = { low = 0.1, high = 0.7, step = 0.1 }",
        f'sampler = "{sampler}"\ntrials = 20',
    )
    earlier: list[dict[str, object]] = [{"units": 1 + i, "learning_rate": 0.1 + i * 0.1} for i in range(7)]
    assert earlier[-1]["learning_rate"] == 0.7000000000000001
    figures = {"recall_bits": 1.0}
    told = [finished_trial(space, number, "complete", each, figures, {}).params for number, each in enumerate(earlier)]
    assert [each["learning_rate"] for each in told[:6]] == [each["learning_rate"] for each in earlier[:6]]
    assert told[-1]["learning_rate"] == 0.7
    assert len(chosen(space, 20, told)) == 20


def test_quasi_random_trials_are_spread_evenly_over_every_dimension() -> None:
    space = experiment(SEARCH, 'sampler = "qmc"\ntrials = 32')
    trials = [Search(space, 0).choose(number) for number in range(32)]
    assert set(Counter(trial["cell"] for trial in trials).values()) == {8}
    halves = Counter(trial["learning_rate"] < 1e-2 for trial in trials)
    assert halves == {True: 16, False: 16}
    other = [Search(space, 1).choose(number) for number in range(32)]
    assert trials != other, "each condition has a sequence of its own"


@pytest.mark.parametrize("sampler", ["tpe", "cmaes", "nsga2"])
def test_a_sampler_that_learns_goes_where_it_was_better(sampler: str) -> None:
    space = "units = { low = 1, high = 64 }\nclip_norm = { low = 0.5, high = 4.0 }"
    units = [trial["units"] for trial in chosen(experiment(space, f'sampler = "{sampler}"'), 12 * ROUND)]
    assert np.mean(units[-2 * ROUND :]) > np.mean(units[: 2 * ROUND])  # type: ignore[arg-type]


@pytest.mark.slow
def test_tpe_chooses_the_same_after_it_forgot_old_trials_in_a_run_that_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    space = experiment("units = { low = 1, high = 64 }\nclip_norm = { low = 0.5, high = 4.0 }")
    everything = chosen(space, 8 * ROUND)
    monkeypatch.setattr("sweep.search.samplers.REMEMBERED", 4 * ROUND)
    in_one_go = chosen(space, 8 * ROUND)
    assert in_one_go[: 4 * ROUND] == everything[: 4 * ROUND]
    assert in_one_go[4 * ROUND :] != everything[4 * ROUND :]
    for stop in (ROUND + 3, 4 * ROUND, 6 * ROUND + 7):
        assert chosen(space, 8 * ROUND, in_one_go[:stop]) == in_one_go


@pytest.mark.parametrize("directions", [["maximize"], ["minimize"], ["maximize", "minimize"]])
def test_of_the_older_half_only_the_best_trials_are_remembered(directions: list[str]) -> None:
    study, rng = optuna.create_study(directions=directions), np.random.default_rng(0)
    for number in range(REMEMBERED):
        failed = number % 50 == 0
        state = optuna.trial.TrialState.FAIL if failed else optuna.trial.TrialState.COMPLETE
        values = None if failed else rng.random(len(directions)).tolist()
        study.add_trial(optuna.trial.create_trial(state=state, values=values))
    kept = [trial.values for trial in remembered(study).trials]
    older, latest = study.trials[: REMEMBERED // 2], [trial.values for trial in study.trials[REMEMBERED // 2 :]]
    if len(directions) > 1:
        best = [trial.values for trial in study.best_trials]
    else:
        best = sorted([trial.values for trial in older if trial.values], reverse=directions == ["maximize"])[:25]
    assert kept == [trial.values for trial in older if trial.values in best] + latest
    assert len(kept) < 0.6 * REMEMBERED


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_the_configurations_of_the_file_come_first_and_whole(sampler: str) -> None:
    study = f"""
sampler = "{sampler}"
[[study.start]]
units = 20
epochs = 50
learning_rate = 0.001
last_weight = 1
clip_norm = 1
shuffle = false
cell = "lstm"
gate_bias = "zeros"
chrono_max = 5
[[study.start]]
units = 7
"""
    first, second, *others = chosen(experiment(study=study))
    assert first == {
        "units": 20,
        "epochs": 50,
        "learning_rate": 0.001,
        "last_weight": 1.0,
        "clip_norm": 1.0,
        "shuffle": False,
        "cell": "lstm",
        "gate_bias": "zeros",
        "chrono_max": 5,
    }
    assert type(first["last_weight"]) is float
    assert second["units"] == 7
    assert "cell" in second
    assert {trial["units"] for trial in others} != {7}


FAULTS = [
    ("units = { low = 1, high = 9, when = { cell = 'lstm' } }", "", "cell has no choices of its own under [search]"),
    ("cell = { choices = ['lstm', 'gru'] }\nunits = { low = 1, high = 9, when = { cell = 'mlp' } }", "", 'never "mlp"'),
    ("cell = { choices = ['lstm', 'gru'] }\nunits = { low = 1, high = 9, when = { cell = [] } }", "", "never []"),
    ("cell = { choices = ['lstm', 'gru'] }\nunits = { low = 1, high = 9, when = {} }", "", "search.units.when"),
    ("units = { low = 1, high = 9 }", "sampler = 'cmaes'", "at least two ranges"),
    (SEARCH, "sampler = 'cmaes'\nobjective = ['recall_accuracy', '-parameters']", "takes a single objective"),
    ("units = { choices = [1, 2] }", "sampler = 'grid'\n[[study.start]]\nunits = 1", "comes to every combination"),
    (SEARCH, "pruner = 'wilcoxon'\nseeds = 3", "can only tell from 4 on"),
    (SEARCH, "[[study.start]]\nunit = 1", 'table 1: unknown searched parameter "unit"; did you mean "units"?'),
    (
        SEARCH,
        "[[study.start]]\nunits = 65",
        "table 1: units is 65, outside of search.units; must be a whole number from",
    ),
    (SEARCH, "[[study.start]]\nunits = 2.5", "must be a whole number"),
    (SEARCH, "[[study.start]]\nunits = true", "must be a whole number"),
    (SEARCH, "[[study.start]]\nepochs = 20", "must be 10 and a multiple of 20"),
    (SEARCH, "[[study.start]]\nshuffle = 1", "must be one of [true, false]"),
    (SEARCH, "[[study.start]]\ngate_bias = 'zeros'", 'searched only where cell = ["lstm", "gru"]'),
    (SEARCH, "trials = 1\n[[study.start]]\nunits = 1\n[[study.start]]\nunits = 2", "2 tables for 1 trial"),
    (SEARCH, "trial_timeout = 0", "trial_timeout: is 0; must be greater than 0"),
]


@pytest.mark.parametrize(("search", "study", "fault"), FAULTS)
def test_what_cannot_be_searched_is_one_line(search: str, study: str, fault: str) -> None:
    from sweep.errors import SweepError

    with pytest.raises(SweepError) as refusal:
        experiment(search, study)
    assert fault in str(refusal.value)
    assert "\n" not in str(refusal.value)


def run(folder: Path, text: str, executor: Stub) -> Results:
    import tomllib

    order = Run("deep", parse(tomllib.loads(text), "test"), text, {}, folder, None, ["sweep", "run", "deep"])
    return run_experiment(order, Observer(), executor).load()


@pytest.mark.slow
def test_conditional_parameters_are_empty_in_the_table_where_they_do_not_apply(tmp_path: Path) -> None:
    text = f'question = "Which?"\n[task]\nname = "increasing"\n[training]\n[search]{SEARCH}\n[study]\n'
    text += "seeds = 2\ntrials = 13"
    text = text.replace("epochs = { low = 10, high = 50, step = 20 }\n", "").replace(
        "[training]", "[training]\nepochs = 5"
    )
    calls = iter(range(7))

    def stops(job: Job, calls: Iterator[int] = calls) -> Outcome:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return stub_outcome(job)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, text, Stub(outcome=stops))
    trials = run(tmp_path, text, Stub()).trials
    assert len(trials) == 13
    assert (trials["gate_bias"].notna() == trials["cell"].isin(["lstm", "gru"])).all()
    assert (trials["chrono_max"].notna() == (trials["cell"] == "lstm")).all()
    study = optuna.load_study(study_name="deep", storage=f"sqlite:///{tmp_path / 'deep' / 'study.db'}")
    assert [("chrono_max" in trial.params) for trial in study.trials] == trials["chrono_max"].notna().tolist()


def test_the_function_that_tpe_takes_from_scipy_is_optunas_own() -> None:
    points = np.concatenate([-np.geomspace(1e-6, 1e4, 400), [0.0], np.geomspace(1e-6, 30, 200)])
    assert _truncnorm._log_ndtr is scipy.special.log_ndtr
    own = [_truncnorm._log_ndtr_single(point) for point in points.tolist()]
    np.testing.assert_allclose(_truncnorm._log_ndtr(points), own, rtol=1e-9, atol=1e-15)


@pytest.mark.slow
def test_a_grid_that_an_earlier_version_trained_beyond_its_end_is_gone_on_with(tmp_path: Path) -> None:
    """Whose values came out by low + i * step: of seven trials five are recorded, one of them at 0.7000000000000001."""
    text = 'question = "Which?"\n[task]\nname = "increasing"\n[training]\nepochs = 5\n[search]\n'
    text += "learning_rate = { low = 0.1, high = 0.7, step = 0.1 }\n[study]\nsampler = 'grid'\nseeds = 2\n"
    whole = run(tmp_path / "new", text, Stub()).trials["learning_rate"]
    earlier = {round(0.1 + i * 0.1, 1): 0.1 + i * 0.1 for i in range(7)}

    def as_before(job: Job) -> Outcome:
        before = earlier[job.key.parameters["learning_rate"]]
        job.key.parameters["learning_rate"] = before  # type: ignore[index]
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(before)
        return stub_outcome(job)

    done: list[float] = []
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "old", text, Stub(outcome=as_before))
    trials = run(tmp_path / "old", text, Stub()).trials
    assert trials["learning_rate"].tolist() == [*done, *whole[5:]]
    assert 0.7000000000000001 in done
    study = optuna.load_study(study_name="deep", storage=f"sqlite:///{tmp_path / 'old' / 'deep' / 'study.db'}")
    assert len(study.trials) == 7
