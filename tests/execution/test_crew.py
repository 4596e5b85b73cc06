"""What a cluster's worker has to answer before it gets a trial."""

from typing import Any

import pytest

from sweep.execution.crew import unfit
from sweep.machine.versions import versions

HERE = {"backend": "tensorflow", "versions": versions(), "folder": None}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (HERE, None),
        (HERE | {"versions": HERE["versions"] | {"new": "1.0"}}, None),
        (HERE | {"backend": "jax"}, "has the backend jax for tensorflow; start it with KERAS_BACKEND=tensorflow"),
        (HERE | {"versions": HERE["versions"] | {"keras": "3.0"}}, "has keras 3.0 for "),
        (HERE | {"versions": {}}, "has python None for "),
        (HERE | {"folder": "/tmp/all"}, "imports modules from /tmp/all, where others can write"),
        (ModuleNotFoundError("No module named 'sweep'"), "has no sweep of this version (No module named 'sweep')"),
    ],
)
def test_a_worker_is_fit_only_if_it_would_train_the_same_numbers(answer: Any, reason: str | None) -> None:
    found = unfit(answer)
    assert (found is None) == (reason is None)
    assert found is None or found.startswith(str(reason))
