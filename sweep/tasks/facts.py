"""What results have to know of a task: found where the task is at hand, and stored with them.

A report can then be drawn where the task is not: its code was a user's, its data are gone, or it takes other
parameters by now.
"""

from math import inf

from pydantic import Field

from sweep.frozen import Frozen
from sweep.tasks.task import Task


class TaskFacts(Frozen):
    """One task, as it was when it was run; the fields that `Task` has too mean what they mean there."""

    chance: float = Field(ge=0, le=1)
    recall_ceiling: float = Field(ge=0, le=1)
    """The best recall accuracy, on the test sequences, of any predictor that sees only the current symbol."""
    expected_length: float = Field(gt=0, lt=inf)
    num_steps: int = Field(ge=1)
    num_sequences: int = Field(ge=1)
    fresh: bool
    same_for_all_seeds: bool
    tested_on_training_sequences: bool
    max_error: float = Field(gt=0, lt=inf)
    criterion_sequences: int | None = Field(None, ge=1)


def facts_of(task: Task) -> TaskFacts:
    """What is to be known of a task.

    >>> from sweep.tasks.increasing import Increasing, IncreasingTask
    >>> facts = facts_of(Increasing(IncreasingTask()))
    >>> facts.chance, facts.recall_ceiling, facts.num_steps
    (0.2, 0.5, 4)
    """
    return TaskFacts(
        chance=task.chance,
        recall_ceiling=task.memoryless_ceiling(recall=True),
        expected_length=task.expected_length,
        num_steps=task.num_steps,
        num_sequences=task.num_sequences,
        fresh=task.fresh,
        same_for_all_seeds=task.same_for_all_seeds,
        tested_on_training_sequences=task.tested_on_training_sequences,
        max_error=task.max_error,
        criterion_sequences=task.criterion_sequences,
    )
