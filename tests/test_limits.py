"""A test that waits for another process has a limit of its own: it says which one, and the others go on."""

import ast
from pathlib import Path

HERE = Path(__file__).parent
WAITS = ("subprocess.run", "subprocess.check_output", "subprocess.check_call", "urllib.request.urlopen")


def test_whatever_a_test_waits_for_has_a_limit() -> None:
    without = []
    for file in HERE.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)]
        for call in calls:
            if ast.unparse(call.func) in WAITS and not any(option.arg == "timeout" for option in call.keywords):
                without.append(f"{file.relative_to(HERE)}:{call.lineno}")
    assert without == [], "give them a timeout, or start them by conftest.started"
