"""All combinations of a search space: counted without a list, and listed without what is not searched beside others."""

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep.errors import SweepError
from sweep.experiment.experiment import Experiment
from sweep.experiment.file import parse
from sweep.experiment.grid import grid_points, grid_size
from sweep.experiment.space import Choices


def grid(search: dict[str, Any]) -> Experiment:
    raw = {"question": "q", "task": {"name": "increasing"}, "search": search, "study": {"sampler": "grid", "seeds": 1}}
    return parse(raw, where="f.toml")


def test_a_range_of_real_numbers_holds_the_numbers_as_they_are_written() -> None:
    points = grid({"learning_rate": {"low": 0.1, "high": 0.7, "step": 0.1}}).grid_points
    assert [point["learning_rate"] for point in points] == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_a_range_of_whole_numbers_goes_by_ones_where_no_step_is_given() -> None:
    points = grid({"units": {"low": 3, "high": 6}}).grid_points
    assert [point["units"] for point in points] == [3, 4, 5, 6]


def test_a_range_of_real_numbers_needs_a_step() -> None:
    with pytest.raises(SweepError, match=r"^f.toml: search.learning_rate: has no step; a grid needs choices"):
        grid({"learning_rate": {"low": 0.1, "high": 0.7}})


def test_a_logarithmic_range_is_no_grid() -> None:
    with pytest.raises(SweepError, match=r"^f.toml: search.units: has log = true, which is for drawing; a grid needs"):
        grid({"units": {"low": 1, "high": 64, "log": True}})


def test_a_grid_of_parameters_that_depend_on_others_is_counted_without_being_listed() -> None:
    when = {"when": {"cell": "mlp"}}
    large = {name: {"low": 1, "high": 1000} | when for name in ("units", "lags", "epochs")}
    before = time.perf_counter()
    counted = grid({"cell": {"choices": ["lstm", "mlp"]}} | large).grid_size
    assert counted == 1 + 1000**3
    assert time.perf_counter() - before < 1


def test_more_combinations_to_depend_on_than_can_be_gone_through_are_refused() -> None:
    values = {"choices": list(range(1, 401))}
    search = {"units": values, "epochs": values, "lags": {"low": 1, "high": 2, "when": {"units": 1, "epochs": 1}}}
    with pytest.raises(SweepError, match="search: units, epochs have more than 100,000 combinations to depend on"):
        grid(search)


@st.composite
def dimensions(draw: st.DrawFn) -> dict[str, Choices]:
    """Choices of which some depend on others, in any order."""
    free = {name: Choices(choices=tuple(range(draw(st.integers(1, 3))))) for name in ("a", "b")}
    whens = st.fixed_dictionaries({}, optional={name: st.sampled_from([0, 1, [0, 2]]) for name in free})
    others = {name: Choices(choices=(0, 1), when=draw(whens) or None) for name in ("c", "d")}
    return dict(draw(st.permutations([*free.items(), *others.items()])))


@given(dimensions())
def test_the_points_are_all_combinations_in_their_order_without_what_does_not_apply(search: dict[str, Choices]) -> None:
    values = {name: dimension.choices for name, dimension in search.items()}
    wanted: dict[tuple[tuple[str, int], ...], dict[str, int]] = {}
    for row in itertools.product(*values.values()):
        point = dict(zip(search, row, strict=True))
        point = {name: value for name, value in point.items() if search[name].applies(point)}
        wanted.setdefault(tuple(point.items()), point)
    assert grid_points(search, values) == list(wanted.values())
    assert grid_size(search, values) == len(wanted)
