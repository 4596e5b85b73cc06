"""The tasks: what sequences there are, and which of their steps can be predicted."""

from sweep.config import ExplicitTask, IncreasingTask
from sweep.tasks.explicit import Explicit
from sweep.tasks.increasing import Increasing
from sweep.tasks.task import Sequences, Task

__all__ = ["Sequences", "Task", "build_task"]


def build_task(config: IncreasingTask | ExplicitTask) -> Task:
    """The task that a configuration names."""
    if isinstance(config, IncreasingTask):
        return Increasing(config)
    return Explicit(config)
