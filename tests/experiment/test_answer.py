"""`[answer]`: what may stand in it, what is said of the rest, and that it changes no number."""

import copy

import pytest

from sweep.errors import SweepError
from sweep.experiment.answer import parse_bound
from sweep.experiment.asked import asked
from sweep.experiment.experiment import Experiment
from sweep.experiment.file import parse
from sweep.experiment.identity import identity_of
from sweep.experiment.stored import recalled

GRID = {
    "question": "Which?",
    "task": {"name": "increasing"},
    "conditions": {"sequence_length": [5, 6]},
    "search": {
        "units": {"choices": [1, 2, 4]},
        "cell": {"choices": ["lstm", "gru"]},
    },
    "study": {"sampler": "grid", "seeds": 3},
}


def _with(answer, **changes) -> Experiment:
    return parse(copy.deepcopy(GRID) | changes | {"answer": answer}, where="x.toml")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({}, "asks for nothing; give one of compare, smallest, largest, best, rate"),
        ({"best": True, "compare": "units"}, "asks for compare and best"),
        ({"best": False}, "best is false, which asks for nothing"),
        ({"compare": "unit"}, 'unknown searched parameter "unit"; did you mean "units"?'),
        ({"compare": "sequence_length"}, "conditions are told one by one"),
        ({"compare": []}, "compare is empty"),
        ({"compare": ["units", "units"]}, "compare names a parameter twice"),
        ({"compare": "units", "within": "units"}, "answer.within: units is what is asked about"),
        ({"compare": "units", "within": "sequence_length"}, "each condition is answered for anyway"),
        ({"compare": "units", "metric": "recal_accuracy"}, 'did you mean "recall_accuracy"?'),
        ({"compare": "units", "where": "solve_rate > 0.5"}, "where is for smallest and largest"),
        ({"compare": 3}, "must be a string in quotes or a list"),
        ({"compared": "units"}, 'unknown key "compared"; did you mean "compare"?'),
        ({"smallest": "units"}, "where is missing beside smallest"),
        ({"smallest": "cell", "where": "solve_rate > 0.5"}, "cell has values that are no numbers"),
        ({"smallest": "units", "where": "solve_rate is high"}, 'must be like "solve_rate >= 0.9"'),
        ({"smallest": "units", "where": "solve_rate >= 90"}, "write 0.9 for 90%"),
        ({"smallest": "units", "where": "solve_rate >= nan"}, '"nan" is no number'),
        ({"smallest": "units", "where": "solved >= 0.9"}, 'unknown outcome "solved"'),
        ({"smallest": "units", "where": "solve_rate > 0.5", "metric": "loss"}, "where names it"),
        ({"rate": True}, "units, cell is searched"),
        ({"best": True, "within": "cell"}, "within is for compare, smallest and largest"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(answer, said):
    with pytest.raises(SweepError) as error:
        _with(answer)
    (line,) = str(error.value).splitlines()
    assert line.startswith("x.toml: answer")
    assert said in line


@pytest.mark.parametrize("kind", ["best", "compare"])
def test_without_a_search_there_is_nothing_to_choose_from(kind):
    with pytest.raises(SweepError, match="nothing is searched"):
        _with({kind: True if kind == "best" else "units"}, search={}, study={"seeds": 3})


def test_a_range_without_steps_has_too_many_values_to_compare():
    search = {"learning_rate": {"low": 0.001, "high": 0.1}, "units": {"low": 1, "high": 9}}
    for name, said in (("learning_rate", "a range without steps"), ("units", "has 9 values; at most 8")):
        with pytest.raises(SweepError, match=said):
            _with({"compare": name}, search=search, study={"trials": 3})


def test_it_is_no_part_of_the_identity():
    assert identity_of(_with({"compare": "units"})) == identity_of(parse(copy.deepcopy(GRID), where="x.toml"))


@pytest.mark.parametrize(
    ("changes", "kind", "taken"),
    [
        ({}, "compare", 'compare = ["units", "cell"]'),
        ({"search": {"units": {"choices": [1, 2]}}}, "compare", 'compare = "units"'),
        ({"search": {"units": {"low": 1, "high": 20}}}, "best", "best = true"),
        ({"study": {"sampler": "random", "trials": 4}}, "best", "best = true"),
        ({"search": {}, "study": {"seeds": 3}}, "rate", "rate = true"),
    ],
)
def test_left_out_the_design_decides(changes, kind, taken):
    found = asked(parse(copy.deepcopy(GRID) | changes, where="x.toml"))
    assert (found.kind, found.taken) == (kind, taken)


def test_the_metric_that_is_left_out_fits_the_task():
    fresh = {"name": "random", "alphabet_size": 10}
    assert asked(parse(GRID | {"task": fresh}, where="x")).metrics[0] == "recall_accuracy"
    until_solved = {"stop_when_solved": True}
    assert asked(parse(GRID | {"task": fresh, "training": until_solved}, where="x")).metrics[0] == "solve_rate"
    assert asked(parse(GRID, where="x")).metrics[0] == "solve_rate"
    assert asked(_with({"compare": "units", "metric": "recall_bits"})).metrics == ("recall_bits",)


def test_a_stored_one_that_asks_for_what_is_not_there_is_read_all_the_same():
    experiment = recalled(copy.deepcopy(GRID) | {"answer": {"compare": "layers"}})
    with pytest.raises(SweepError, match="nothing is trained anew for that"):
        asked(experiment)


def test_a_bound_says_on_which_side_a_figure_is():
    bound = parse_bound("sequences_to_solve<=1e3")
    assert (bound.metric, bound.value, bound.rises) == ("sequences_to_solve", 1000.0, False)
    assert bound.met_by(1000.0)
    assert not bound.met_by(1001.0)
    assert not bound.met_by(float("nan"))
