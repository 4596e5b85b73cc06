"""One trial: a configuration is checked, trained from its seeds and measured. No Optuna, no disk."""

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sweep.experiment.configuration import Configuration
from sweep.machine.loading import ONE_AT_A_TIME
from sweep.results.outcome import Outcome, Scores, State, replicate_table
from sweep.tasks.registry import build_task
from sweep.training.memoryless import memoryless_loss
from sweep.training.trainer import Trainer
from sweep.training.trainers import start_training

CHUNKS = 10
"""At how many points of its training a trial reports, and may be pruned."""

_STEPS_WORTH_A_CALL = 2_000  # fewer steps of the sequences than this take no time beside the call itself

Progress = Callable[[Scores], bool]
"""Called after each chunk with all scores so far; True ends the trial as pruned."""


def run_trial(
    configuration: Configuration,
    seeds: tuple[int, ...],
    progress: Progress,
    *,
    may_prune: bool = False,
    alike: int | None = None,
) -> Outcome:
    """Train `configuration` from each seed and measure it; with `may_prune`, ask `progress` at every point.

    `alike` is how many seeds the trials have that share its compiled program, None if it is as many.

    Whatever goes wrong in the training is an outcome too: the trial then failed, with the scores up to there
    and the traceback as its error. Other threads wait: two trials at once would change each other's numbers.
    """
    task = build_task(configuration.task)
    parts: list[Scores] = []
    with ONE_AT_A_TIME:
        try:
            trainer = start_training(configuration, task, seeds, alike)
            state = _train(trainer, parts, progress, may_prune=may_prune)
            return _measured(trainer, state, Scores.concatenate(parts))
        except Exception:
            # The border of a trial: a sweep goes on past one that fails, and its record says why.
            return failed_outcome(configuration, seeds, parts, traceback.format_exc())


def failed_outcome(configuration: Configuration, seeds: tuple[int, ...], parts: list[Scores], error: str) -> Outcome:
    """A trial that came to nothing: the scores of its chunks up to there, and why it ended."""
    steps = build_task(configuration.task).num_steps
    return Outcome(
        state="failed",
        seeds=seeds,
        scores=Scores.concatenate(parts) if parts and parts[0].epochs.size else None,
        step_accuracy=np.full((len(seeds), steps), np.nan),
        step_scored=np.zeros(steps, bool),
        parameters=0,
        train_seconds=0.0,
        compile_seconds=0.0,
        error=error,
    )


def _train(trainer: Trainer, parts: list[Scores], progress: Progress, *, may_prune: bool) -> State:
    """Train to the end, chunk by chunk, each one's scores appended to `parts`."""
    training, task = trainer.configuration.training, trainer.task
    chunk = -(-training.epochs // CHUNKS)
    if not may_prune:
        steps_an_epoch = task.num_steps * task.num_sequences // training.batch_size
        chunk = max(chunk, -(-_STEPS_WORTH_A_CALL // steps_an_epoch))
    while trainer.epoch < training.epochs:
        parts.append(trainer.advance(min(chunk, training.epochs - trainer.epoch)))
        tested = Scores.concatenate(parts)
        if training.stop_when_solved and tested.solved.any(axis=1).all():
            break
        if progress(tested) and trainer.epoch < training.epochs:
            return "pruned"
    return "complete"


def _measured(trainer: Trainer, state: State, scores: Scores) -> Outcome:
    test, weights = trainer.task.test_sequences(trainer.seeds[0]), trainer.weights()
    outcome = Outcome(
        state=state,
        seeds=trainer.seeds,
        scores=scores,
        step_accuracy=trainer.step_accuracy(),
        step_scored=np.any(trainer.task.scored(test), axis=0),
        parameters=sum(weight.size for weight in weights[0]),
        train_seconds=trainer.train_seconds,
        compile_seconds=trainer.compile_seconds,
        memoryless_loss=memoryless_loss(trainer.configuration, trainer.task),
        budget=trainer.configuration.training.epochs * trainer.task.num_sequences,
        **_at_other_lengths(trainer),
    )
    ended = replicate_table(outcome)
    loss = np.where(ended["diverged"], np.inf, ended["loss"])
    best = int(np.lexsort((loss, ~ended["solved"]))[0])
    return replace(outcome, weights_seed=trainer.seeds[best], weights=tuple(weights[best]))


def _at_other_lengths(trainer: Trainer) -> dict[str, Any]:
    """Recall at the lengths that the task names beside its own: the columns of `Outcome`, none without any."""
    tests = [trainer.task.other_lengths(seed) for seed in trainer.seeds]
    if tests[0] is None:
        return {}
    lengths = tuple(dict.fromkeys(tests[0].lengths.tolist()))
    right = np.array([trainer.recalled(r, test)[0] for r, test in enumerate(tests) if test is not None])
    accuracy = np.stack([right[:, tests[0].lengths == length].mean(axis=1) for length in lengths], axis=1)
    # Only the final step of these sequences is scored: to recall it is to have the whole sequence right.
    return {"lengths": lengths, "length_recall_accuracy": accuracy, "length_sequence_accuracy": accuracy}
