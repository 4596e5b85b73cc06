"""What a trial takes, told from its configuration: the updates are those that its training makes."""

from typing import Any

import pytest
from small_copies import NoNetwork
from test_trainers import GRID, MARKED, SHORT_MARKED, UNEQUAL

from sweep.experiment.configuration import Configuration
from sweep.tasks.explicit import ExplicitTask
from sweep.tasks.registry import build_task
from sweep.training.cost import TrialCost
from sweep.training.trainers import start_training

FIVE = ExplicitTask(sequences=tuple(tuple("abcdefg"[:length]) for length in (2, 7, 3, 6, 4, 2)))
UNKNOWN: list[tuple[Any, dict[str, Any]]] = [
    (FIVE, {"timesteps": 2, "batch_size": 2, "shuffle": True}),
    (FIVE, {"timesteps": 2, "batch_size": 3, "shuffle": True, "loss_on": "last"}),
    (MARKED, {"timesteps": 7}),
    (MARKED, {"timesteps": 7, "batch_size": 4, "loss_on": "last"}),
]
KNOWN: list[tuple[Any, dict[str, Any]]] = [
    *((task, options) for task, options in GRID if task is not SHORT_MARKED),
    (FIVE, {"timesteps": 2, "batch_size": 3}),
    (FIVE, {"timesteps": 2, "shuffle": True}),
    (FIVE, {"timesteps": 2, "batch_size": 2, "loss_on": "last"}),
    (UNEQUAL, {"batch_size": 2, "loss_on": "last"}),
    (MARKED, {"timesteps": "full", "batch_size": 2}),
]


def updates_of(task: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> tuple[TrialCost, set[float]]:
    from sweep.training import fit

    monkeypatch.setattr(fit, "seeded_model", NoNetwork)
    configuration = Configuration(task=task).replace(**options, epochs=3, trainer="fit")
    trainer = start_training(configuration, build_task(task), (0, 1))
    return TrialCost(configuration, 2), set(trainer.advance(3).updates[:, -1].tolist())


@pytest.mark.slow
@pytest.mark.parametrize(("task", "options"), KNOWN)
def test_the_updates_of_a_replicate_are_known(
    task: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost, made = updates_of(task, options, monkeypatch)
    low, about, high = cost.updates()
    assert low == about == high
    assert made == {high}


@pytest.mark.slow
@pytest.mark.parametrize(("task", "options"), UNKNOWN)
def test_where_chance_decides_the_updates_lie_between_those_told(
    task: Any, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    cost, made = updates_of(task, options, monkeypatch)
    low, about, high = cost.updates()
    assert low < high
    assert low <= min(made) <= max(made) <= high
    assert low <= about <= high


def test_what_may_end_early_makes_at_least_the_updates_of_so_many_epochs() -> None:
    cost = TrialCost(Configuration(task=FIVE).replace(epochs=10), 1)
    assert cost.updates(least_epochs=2).low * 5 == cost.updates().low == cost.updates(least_epochs=2).high
