"""Where and how an experiment was run: versions, hardware, device, commit."""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sweep.backend import PACKAGES, backend

SCHEMA_VERSION = 1
_PROVENANCE = ("versions", "hardware", "device", "commit")
_PACKAGES = ("sweep", "keras", "optuna", "numpy", "pandas", "pyarrow", "scipy", "matplotlib")


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


def versions() -> dict[str, str | None]:
    """Of Python and of the packages that the numbers of this backend depend on."""
    first, *others = _PACKAGES
    packages = (first, *PACKAGES[backend()], *others)
    return {"python": platform.python_version()} | {p: _version(p) for p in packages}


def hardware() -> dict[str, Any]:
    """This machine: processor, cores, memory, operating system."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "platform": platform.platform(),
    }


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
        "commit": _commit(),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str | None:
    """The commit of the checkout that this package is run from; None where it is no checkout."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
