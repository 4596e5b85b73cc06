"""Versions of what the numbers depend on, this machine's hardware, and the commit of this checkout."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from sweep.distribution import NAME
from sweep.machine.backend import PACKAGES, backend

_PACKAGES = ("keras", "optuna", "numpy", "pandas", "pyarrow", "scipy", "matplotlib")


def versions() -> dict[str, str | None]:
    """Of Python and of the packages that the numbers of this backend depend on."""
    own = {"python": platform.python_version(), "sweep": _version(NAME)}
    return own | {package: _version(package) for package in (*PACKAGES[backend()], *_PACKAGES)}


def hardware() -> dict[str, Any]:
    """This machine: processor, cores, memory, operating system."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "platform": platform.platform(),
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


def commit() -> str | None:
    """The commit of the checkout that this package is run from; None where it is no checkout."""
    try:
        command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
