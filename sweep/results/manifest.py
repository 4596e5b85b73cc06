"""The manifest of a results folder: where, when and how an experiment was run."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sweep.experiment.outcomes import OUTCOMES
from sweep.machine.backend import backend
from sweep.machine.versions import commit, hardware, versions

SCHEMA_VERSION = max(2, *(measure.since for measure in OUTCOMES.values()))
"""Of manifests and records: 2 stores facts of the conditions' tasks; what is measured since when, its table says."""


_PROVENANCE = ("versions", "hardware", "device", "commit")


def make_manifest(
    *, name: str, command: list[str], overrides: Mapping[str, Any], earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The manifest of a run that starts now; `command` is as the user typed it.

    `earlier` is the manifest that a run which goes on replaces: its date stays, and where it tells of other
    versions, hardware or another commit, that part is kept under `earlier_runs`. The device is None until
    something was trained.
    """
    manifest = _present(name, command, overrides)
    if earlier is not None:
        runs = list(earlier.get("earlier_runs", []))
        before = {key: earlier.get(key) for key in _PROVENANCE}
        if any(before[key] != manifest[key] for key in _PROVENANCE if key != "device"):
            runs.append(before)
        manifest |= {"created": earlier["created"], "device": earlier.get("device"), "earlier_runs": runs}
    return manifest


def _present(name: str, command: list[str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "experiment": name,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "overrides": dict(overrides),
        "backend": backend(),
        "versions": versions(),
        "hardware": hardware(),
        "device": None,
        "commit": commit(),
    }
