"""The name that the package is installed by, which is not the one that it is imported and run by."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from sweep.distribution import NAME, installing
from sweep.machine.versions import versions

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_name_is_the_projects_and_not_that_of_another_package_on_the_index() -> None:
    assert PROJECT["name"] == NAME != "sweep"
    assert list(PROJECT["scripts"]) == ["sweep"]


def test_the_version_is_found_by_that_name_and_kept_under_the_commands() -> None:
    assert versions()["sweep"] == PROJECT["version"]
    done = subprocess.run(
        [sys.executable, "-m", "sweep", "--version"], capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout == f"sweep, version {PROJECT['version']}\n"


def test_nobody_is_told_to_install_the_other_package() -> None:
    texts = [*(ROOT / "sweep").rglob("*.py"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    for path in texts:
        assert not re.search(r"pip install\s+[\"']?sweep", path.read_text()), path


def test_every_extra_that_a_message_names_exists() -> None:
    assert installing("workers") == 'in the folder of its source: pip install ".[workers]"'
    named = {
        extra
        for path in (ROOT / "sweep").rglob("*.py")
        for extra in re.findall(r"installing\(['\"](\w+)", path.read_text())
    }
    assert named
    assert named <= set(PROJECT["optional-dependencies"])
