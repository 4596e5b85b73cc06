"""Training: the tutorial's literal loop and the compiled program that must equal it."""

from sweep.config import Configuration
from sweep.model import import_keras
from sweep.tasks import Task
from sweep.training.contract import Trainer

__all__ = ["Trainer", "start_training"]


def start_training(
    configuration: Configuration, task: Task, seeds: tuple[int, ...], alike: int | None = None
) -> Trainer:
    """A trainer as the configuration names it, before its first epoch. Imports TensorFlow.

    With `alike`, it shares its compiled program with trainers of as many seeds.
    """
    import_keras()
    if configuration.training.trainer == "fit":
        from sweep.training.fit import FitTrainer

        return FitTrainer(configuration, task, seeds)
    from sweep.training.fused import FusedTrainer

    return FusedTrainer(configuration, task, seeds, alike)
