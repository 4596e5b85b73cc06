"""Trains what it is given in a process of its own, on the backend that its environment names: for test_backends.py.

Its input is a pickled list of (task, parameters, seeds, initial weights or None, epochs), its output one of what came.
"""

import pickle
import sys
from typing import Any

from sweep.experiment.configuration import Configuration
from sweep.tasks.registry import build_task
from sweep.training.trainers import start_training


def trained(task: Any, parameters: dict[str, Any], seeds: tuple[int, ...], initial: Any, epochs: int) -> dict[str, Any]:
    """The weights before and after, and what the tests measured."""
    configuration = Configuration(task=task).replace(**parameters)
    trainer = start_training(configuration, build_task(task), seeds, initial=initial)
    started = trainer.weights()
    scores = trainer.advance(epochs)
    return {"started": started, "scores": scores, "steps": trainer.step_accuracy(), "ended": trainer.weights()}


if __name__ == "__main__":
    came = [trained(*each) for each in pickle.load(sys.stdin.buffer)]
    loaded = [name for name in ("tensorflow", "jax") if name in sys.modules]
    sys.stdout.buffer.write(pickle.dumps((came, loaded)))
