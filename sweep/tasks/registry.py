"""Which task belongs to which parameters."""

from sweep.tasks.explicit import Explicit
from sweep.tasks.increasing import Increasing
from sweep.tasks.marked import Marked
from sweep.tasks.parameters import ExplicitTask, IncreasingTask, MarkedTask, TaskConfig
from sweep.tasks.random import Random
from sweep.tasks.task import Task


def build_task(config: TaskConfig) -> Task:
    """The task that a configuration names."""
    if isinstance(config, IncreasingTask):
        return Increasing(config)
    if isinstance(config, ExplicitTask):
        return Explicit(config)
    return Marked(config) if isinstance(config, MarkedTask) else Random(config)
