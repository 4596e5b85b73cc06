"""The manifest of a results folder: where, when and how an experiment was run."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import quoted
from sweep.foreign import harmless_throughout
from sweep.machine.backend import BACKENDS, backend
from sweep.machine.versions import commit, hardware, versions

SCHEMA_VERSION = max(2, *(measure.since for measure in OUTCOMES.values()))
"""Of manifests and records: 2 stores facts of the conditions' tasks; what is measured since when, its table says."""

_PROVENANCE = ("versions", "hardware", "device", "commit")

_Text = Annotated[str, Field(max_length=10_000)]


class UnknownVersionError(ValueError):
    """A results folder of a version that this one cannot read."""


def make_manifest(
    *, name: str, command: list[str], overrides: Mapping[str, Any], earlier: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The manifest of a run that starts now; `command` is as the user typed it.

    `earlier` is the manifest that a run which goes on replaces: its date stays, and where it tells of other
    versions, hardware or another commit, that part is kept under `earlier_runs`. Its id stays, too. The device is None
    until something was trained.
    """
    manifest = _present(name, command, overrides)
    if earlier is not None:
        runs = list(earlier.get("earlier_runs", []))
        before = {key: earlier.get(key) for key in _PROVENANCE}
        if any(before[key] != manifest[key] for key in _PROVENANCE if key != "device"):
            runs.append(before)
        manifest["id"] = earlier.get("id") or manifest["id"]
        manifest["begun_with"] = begun_with(earlier)
        manifest |= {"created": earlier["created"], "device": earlier.get("device"), "earlier_runs": runs}
    return manifest


def new_id() -> str:
    """What tells a results folder from all others, wherever it is moved; made once for each.

    >>> len(new_id())
    32
    """
    return uuid.uuid4().hex


def begun_with(manifest: Mapping[str, Any]) -> int:
    """The schema version that a folder's first run had, whatever went on with it since."""
    return int(manifest.get("begun_with") or manifest["schema_version"])


def checked_manifest(content: bytes) -> dict[str, Any]:
    """A manifest as it was stored, its texts harmless; ValueError says what is wrong with it."""
    try:
        manifest = harmless_throughout(json.loads(content))
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(manifest, dict) or "schema_version" not in manifest:
        raise ValueError("it has no schema_version")
    if manifest["schema_version"] not in range(1, SCHEMA_VERSION + 1):
        version = quoted(manifest["schema_version"])
        raise UnknownVersionError(f"has schema version {version}; this sweep reads up to version {SCHEMA_VERSION}")
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as error:
        fault = error.errors()[0]
        raise ValueError(f"{'.'.join(map(str, fault['loc']))}: is {quoted(fault['input'])}: {fault['msg']}") from None
    return {"overrides": {}} | manifest


class _Overrides(BaseModel):
    """What the command line replaced of the file, as `override` takes it."""

    model_config = ConfigDict(strict=True, extra="forbid")

    seeds: int | None = Field(None, ge=1, le=100_000)
    trials: int | None = Field(None, ge=1, le=2**31)
    trainer: Literal["fused", "fit"] | None = None


class _Manifest(BaseModel):
    """What others rely on in a manifest; further keys are kept as they are."""

    model_config = ConfigDict(strict=True, extra="allow")

    schema_version: int
    begun_with: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] | None = None
    experiment: _Text
    created: _Text
    command: list[_Text]
    overrides: _Overrides = _Overrides()
    backend: str = BACKENDS[0]
    versions: dict[_Text, _Text | None] = {}
    hardware: dict[_Text, _Text | int | float | None] = {}
    id: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None
    device: _Text | None = None
    commit: _Text | None = None
    earlier_runs: list[dict[_Text, Any]] = []

    @field_validator("created")
    @classmethod
    def _is_a_date(cls, created: str) -> str:
        datetime.fromisoformat(created)
        return created

    @field_validator("backend")
    @classmethod
    def _is_known(cls, backend: str) -> str:
        if backend not in BACKENDS:
            raise ValueError(f"must be one of {', '.join(BACKENDS)}")
        return backend


def _present(name: str, command: list[str], overrides: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "begun_with": SCHEMA_VERSION,
        "experiment": name,
        "id": new_id(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": command,
        "overrides": dict(overrides),
        "backend": backend(),
        "versions": versions(),
        "hardware": hardware(),
        "device": None,
        "commit": commit(),
    }
