"""Training: the tutorial's literal loop and the compiled program that must equal it."""

from sweep.experiment.configuration import Configuration
from sweep.machine.loading import import_keras
from sweep.tasks.task import Task
from sweep.training.keras_model import Weights
from sweep.training.trainer import Trainer

__all__ = ["Trainer", "start_training"]


def start_training(
    configuration: Configuration,
    task: Task,
    seeds: tuple[int, ...],
    alike: int | None = None,
    initial: list[Weights] | None = None,
) -> Trainer:
    """A trainer as the configuration names it, before its first epoch. Imports Keras and its backend.

    With `alike`, it shares its compiled program with trainers of as many seeds. `initial` are the weights that the
    replicates start from instead of their seeds' own.
    """
    import_keras()
    if configuration.training.trainer == "fit":
        from sweep.training.fit import FitTrainer

        return FitTrainer(configuration, task, seeds, initial)
    from sweep.training.compiled.fused import FusedTrainer

    return FusedTrainer(configuration, task, seeds, alike, initial)
