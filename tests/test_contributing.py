"""What CONTRIBUTING lists for each kind of addition is all that knows an addition that was made before."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()

MADE_BEFORE = {
    "A task": {"MarkedTask", "Marked"},
    "A cell": {"gru"},
    "An outcome": {"updates_to_solve"},
    "A sampler": {"nsga2"},
    "A command": {"export"},
    "A figure": {"steps.section", "step_figures"},
}
"""Heading -> names that one addition of its kind goes by in the code."""


def section_of(heading: str) -> str:
    (section,) = re.findall(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", CONTRIBUTING)
    return str(section)


def listed(heading: str) -> set[str]:
    """The files and folders that a section names."""
    section = section_of(heading)
    folders = [name for name in re.findall(r"`([^`]+)`", section) if name.endswith("/")]
    files = [name for name in re.findall(r"`([^`]+)`", section) if name.endswith(".py")]
    beside = {folder + name for folder in folders for name in files if "/" not in name}
    return {name for name in {*files, *folders, *beside} if name.startswith(("sweep/", "tests/"))}


def known(path: Path) -> set[str]:
    """The names and the texts in a module's code, its docstrings left out."""
    tree, found = ast.parse(path.read_text()), set[str]()
    said = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            found.add(node.value)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found |= {node.attr, f"{node.value.id}.{node.attr}"} if isinstance(node.value, ast.Name) else {node.attr}
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.alias):
            found.add(node.name)
    return found


@pytest.mark.parametrize("heading", MADE_BEFORE)
def test_the_list_of_an_addition_names_every_file_that_knows_one(heading: str) -> None:
    files = {
        str(path.relative_to(ROOT)) for path in (ROOT / "sweep").rglob("*.py") if known(path) & MADE_BEFORE[heading]
    }
    missing = {file for file in files if file not in listed(heading) and f"{Path(file).parent}/" not in listed(heading)}
    assert files
    assert not missing


@pytest.mark.parametrize("heading", MADE_BEFORE)
def test_every_file_of_a_list_is_there(heading: str) -> None:
    written = re.findall(
        r"`((?:sweep|tests)/[^`]+)`", re.findall(rf"(?ms)^## {heading}\n(.*?)(?=^## |\Z)", CONTRIBUTING)[0]
    )
    assert written
    assert all((ROOT / name).exists() for name in written)


def test_every_make_target_that_is_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^    make ([a-z-]+)", CONTRIBUTING, flags=re.MULTILINE))
    assert targets
    assert all(f"\n{target}:" in makefile for target in targets)
