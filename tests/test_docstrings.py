"""The examples in docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

import sweep

RUNS_WHEN_IMPORTED = "sweep.__main__"
MODULES = [m.name for m in pkgutil.walk_packages(sweep.__path__, "sweep.") if m.name != RUNS_WHEN_IMPORTED]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples() -> None:
    found = [t for name in MODULES for t in doctest.DocTestFinder().find(importlib.import_module(name)) if t.examples]
    assert len(found) >= 12
