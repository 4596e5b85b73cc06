"""Nothing lies about in the product that nothing there uses: what only a test calls can be deleted with the test."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent

CALLED_FROM_OUTSIDE = {
    "get_renderables": "rich's live display",
    "dask_setup": "a worker of Dask's, when it starts",
    "open_reader": "optuna-dashboard, of its storage",
    "service_actions": "Python's own web server, between requests",
    "sample_relative": "Optuna, of a sampler",
    "sample_independent": "Optuna, of a sampler",
    "infer_relative_search_space": "Optuna, of a sampler",
}
"""Name -> who calls it, by this name alone."""

_OF_THE_LANGUAGE = {"property", "staticmethod", "classmethod", "abstractmethod", "contextmanager", "dataclass", "cache"}


def named_in(node: ast.AST) -> Iterator[str]:
    """Every name that stands in code, and every word of its texts, which may be a table of names or a template."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name) | ast.keyword(arg=str(name)):
            yield name
        case ast.Constant(value=str(text)):
            yield from "".join(letter if letter.isalnum() or letter == "_" else " " for letter in text).split()
    for part in ast.iter_child_nodes(node):
        yield from named_in(part)


def is_registered(definition: ast.FunctionDef | ast.ClassDef) -> bool:
    """Whether a decorator hands it to somebody who calls it: a command to click, a check to pydantic."""
    called = (each.func if isinstance(each, ast.Call) else each for each in definition.decorator_list)
    names = {each.attr if isinstance(each, ast.Attribute) else each.id for each in called}  # type: ignore[attr-defined]
    return bool(names - _OF_THE_LANGUAGE)


def unused(modules: list[str], other_texts: str = "") -> set[str]:
    """The functions, classes, methods and constants that are named nowhere but where they are defined."""
    trees = [ast.parse(module) for module in modules]
    named = Counter(name for tree in trees for name in named_in(tree))
    found = set()
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not is_registered(node):
                inside = Counter(named_in(node))[node.name]
                if named[node.name] == inside and not (node.name.startswith("__") or node.name in other_texts):
                    found.add(node.name)
        assigned = [node.targets[0] if isinstance(node, ast.Assign) else node.target for node in tree.body
                    if isinstance(node, ast.Assign | ast.AnnAssign)]  # fmt: skip
        found |= {target.id for target in assigned if isinstance(target, ast.Name) and named[target.id] == 1}
    return {name for name in found if name != "__all__"}


def test_everything_in_the_product_has_a_user_there() -> None:
    modules = [path.read_text() for path in (ROOT / "sweep").rglob("*.py")]
    templates = "".join(path.read_text() for path in (ROOT / "sweep").rglob("templates/*"))
    assert unused(modules, templates) == set(CALLED_FROM_OUTSIDE)


def test_what_nobody_uses_is_found() -> None:
    module = '''
from functools import cache
LEFT = 1
USED = 2
class Whole:
    def asked(self): return USED
    def never(self): return self.never()
    @property
    def forgotten(self): return 0
    @validator("new")
    @classmethod
    def called_by_its_decorator(self): ...
@cache
def old(): ...
def new(whole: "Whole"):
    """Is not `old`."""
    return whole.asked()
'''
    assert unused([module, "from product import new"]) == {"LEFT", "never", "forgotten", "old"}
