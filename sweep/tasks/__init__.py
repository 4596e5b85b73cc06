"""The tasks: what sequences there are, and which of their steps can be predicted."""

from sweep.config import ExplicitTask, IncreasingTask, MarkedTask, TaskConfig
from sweep.tasks.explicit import Explicit
from sweep.tasks.increasing import Increasing
from sweep.tasks.marked import Marked
from sweep.tasks.random import Random
from sweep.tasks.task import Sequences, Task

__all__ = ["Sequences", "Task", "build_task"]


def build_task(config: TaskConfig) -> Task:
    """The task that a configuration names."""
    if isinstance(config, IncreasingTask):
        return Increasing(config)
    if isinstance(config, ExplicitTask):
        return Explicit(config)
    return Marked(config) if isinstance(config, MarkedTask) else Random(config)
