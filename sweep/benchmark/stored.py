"""What was measured as JSON, and back: tables and figures are made from it, then or later."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sweep.benchmark.cases import CASES
from sweep.benchmark.growth import AXIS_NAMES, Growth
from sweep.benchmark.measure import Measured
from sweep.errors import SweepError

_FIELDS = [field.name for field in fields(Measured)]


@dataclass(frozen=True)
class Bench:
    """A whole run: the cases, the axes by name, and the machine."""

    cases: list[Measured]
    growth: dict[str, Growth]
    hardware: Mapping[str, Any]

    def by_case(self) -> dict[str, list[Measured]]:
        """Name of a case -> its subjects."""
        names = dict.fromkeys(found.case for found in self.cases)
        return {name: [found for found in self.cases if found.case == name] for name in names}

    @property
    def everything(self) -> list[Measured]:
        """Of all cases and axes."""
        along = [found for growth in self.growth.values() for measured in growth.values() for found in measured]
        return [*self.cases, *along]

    def as_json(self) -> str:
        """All of it, every sample."""
        growth = {
            axis: [{"size": size} | found.as_json() for size, measured in growth.items() for found in measured]
            for axis, growth in self.growth.items()
        }
        cases = [found.as_json() for found in self.cases]
        return json.dumps({"hardware": dict(self.hardware), "cases": cases, "growth": growth})


def read(paths: Sequence[Path]) -> Bench:
    """What `as_json` wrote, several files as one; a case or an axis that two have is the later one's.

    SweepError for anything else, and for files from different machines.
    """
    parts = [_read(path) for path in paths]
    cases: dict[str, list[Measured]] = {}
    growth: dict[str, Growth] = {}
    for path, part in zip(paths, parts, strict=True):
        if part.hardware != parts[0].hardware:
            raise SweepError(f"{path}: was measured on another machine than {paths[0]}; show one at a time")
        cases |= part.by_case()
        growth |= part.growth
    return Bench([found for measured in cases.values() for found in measured], growth, parts[0].hardware)


def _read(path: Path) -> Bench:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        growth: dict[str, Growth] = {}
        for axis, rows in content["growth"].items():
            growth[axis] = {}
            for row in rows:
                growth[axis].setdefault(int(row["size"]), []).append(_measured(row))
        cases = [_measured(row) for row in content["cases"]]
        if not {found.case for found in cases} <= set(CASES) or not set(growth) <= set(AXIS_NAMES):
            raise KeyError("a case that this version does not have")
        return Bench(cases, growth, content["hardware"])
    except OSError as error:
        raise SweepError(f"{path}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise SweepError(f"{path}: is not what `sweep bench --json` prints; give a file with that") from None


def _measured(row: Mapping[str, Any]) -> Measured:
    return Measured(**{name: row[name] for name in _FIELDS})
