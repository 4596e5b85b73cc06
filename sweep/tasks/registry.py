"""The tasks by their names: what parameters each takes, and the task that they make."""

from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from sweep.frozen import Frozen
from sweep.tasks.explicit import Explicit, ExplicitTask
from sweep.tasks.increasing import Increasing, IncreasingTask
from sweep.tasks.marked import Marked, MarkedTask
from sweep.tasks.random import Random, RandomTask
from sweep.tasks.task import Task

TaskConfig = Annotated[IncreasingTask | ExplicitTask | RandomTask | MarkedTask, Field(discriminator="name")]
"""The parameters of any task, which of them by its name."""


class Registered(NamedTuple):
    """A task, and the parameters that an experiment file may give it."""

    parameters: type[Frozen]
    build: Callable[[Any], Task]


TASKS = {
    "increasing": Registered(IncreasingTask, Increasing),
    "explicit": Registered(ExplicitTask, Explicit),
    "random": Registered(RandomTask, Random),
    "marked": Registered(MarkedTask, Marked),
}
"""Name -> task."""


def build_task(config: TaskConfig) -> Task:
    """The task that a configuration names."""
    return TASKS[config.name].build(config)
