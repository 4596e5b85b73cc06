"""Marks the suite, and writes the rows of its table from what the tests found."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faults.faulty import WHOLE_SUITE, end_all

_HERE = Path(__file__).parent
_ROWS: dict[tuple[str, int], list[str]] = {}  # by file and line, as the tests may run side by side

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
def found(request: pytest.FixtureRequest) -> Found:
    """Note a row of the table: the fault, how it is made, how often, and what came of it."""

    def note(fault: str, how: str, times: int, result: str) -> None:
        request.node.user_properties.append(("fault", f"| {fault} | {how} | {times} | {result} |"))

    return note


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call":
        file, line, _ = report.location
        _ROWS.setdefault((file, line or 0), []).extend(
            str(row) for name, row in report.user_properties if name == "fault"
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Renew the table's rows of what was run where FAULT_TABLE asks for it, and nothing failed."""
    a_part = hasattr(session.config, "workerinput")
    if a_part or not os.environ.get("FAULT_TABLE") or session.testsfailed or not _ROWS:
        return
    readme = _HERE / "README.md"
    head, _, table = readme.read_text().partition("<!-- table -->\n\n")
    lines = {line.split(" | ")[0]: line for line in table.splitlines()}
    for _, rows in sorted(_ROWS.items()):
        lines |= {row.split(" | ")[0]: row for row in rows}
    readme.write_text(head + "<!-- table -->\n\n" + "\n".join(lines.values()) + "\n")
