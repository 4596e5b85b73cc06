"""What results know of the task of each condition: stored in the manifest, as it was when it was run."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from sweep.experiment.experiment import Experiment
from sweep.faults import faults_of, quoted
from sweep.tasks.facts import TaskFacts, facts_of
from sweep.tasks.registry import build_task


def stored_facts(manifest: Mapping[str, Any], experiment: Experiment) -> tuple[TaskFacts, ...]:
    """The facts of each condition's task, in the order of the conditions; ValueError for none that can be its.

    Of a folder of the first version, which stored none, they are found anew: it had the project's own tasks alone.
    """
    if "tasks" not in manifest:
        return _present_facts(experiment)
    stored, wanted = manifest["tasks"], len(experiment.condition_settings)
    if not isinstance(stored, list) or len(stored) != wanted:
        raise ValueError(f"tasks: is {quoted(stored)}; must be a list of {wanted}, one for each condition")
    try:
        return tuple(TaskFacts.model_validate(facts) for facts in stored)
    except ValidationError as error:
        raise ValueError(f"tasks: {error.errors()[0]['msg']}") from None


def _present_facts(experiment: Experiment) -> tuple[TaskFacts, ...]:
    """The facts of each condition's task as it is now; ValueError for a task that is refused by now."""
    found = []
    for setting in experiment.condition_settings:
        config = experiment.base.with_recalled(**setting).task
        try:  # what is refused by now may take for ever to build
            type(config).model_validate(config.model_dump(exclude_unset=True))
        except ValidationError as error:
            raise ValueError("; ".join(faults_of(error, type(config), config.model_dump(), "task"))) from None
        found.append(facts_of(build_task(config)))
    return tuple(found)
