"""Marks the suite, and writes its table from what the tests found."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.faulty import WHOLE_SUITE, end_all

_HERE = Path(__file__).parent
_ROWS: dict[str, tuple[str, str, str]] = {}

Found = Callable[[str, str, int, str], None]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _HERE in item.path.parents and (WHOLE_SUITE or not item.get_closest_marker("slow")):
            item.add_marker(pytest.mark.faults)


@pytest.fixture(autouse=True)
def nothing_goes_on() -> Iterator[None]:
    yield
    end_all()


@pytest.fixture
def found() -> Found:
    """Note a row of the table: the fault, how it is made, how often, and what came of it."""

    def note(fault: str, how: str, times: int, result: str) -> None:
        _ROWS[fault] = (how, str(times), result)

    return note


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the table where FAULT_TABLE asks for it, after a run of the whole suite without a failure."""
    if not os.environ.get("FAULT_TABLE") or session.testsfailed or not _ROWS:
        return
    readme = _HERE / "README.md"
    head = readme.read_text().split("<!-- table -->")[0]
    lines = ["| fault | how it is made | times | result |", "| --- | --- | --- | --- |"]
    lines += [f"| {fault} | {how} | {times} | {result} |" for fault, (how, times, result) in _ROWS.items()]
    readme.write_text(head + "<!-- table -->\n\n" + "\n".join(lines) + "\n")
