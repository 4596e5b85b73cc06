"""What a compiled program depends on, and how a trial's replicates are shared out over the calls of one.

Whatever else a trial may vary is an input of the program, so that many trials share one.
"""

from dataclasses import dataclass

import numpy as np

from sweep.experiment.configuration import Configuration, ModelConfig, TrainingConfig
from sweep.machine.loading import device_name
from sweep.training.compiled.padding import bucket
from sweep.training.keras_model import num_weights
from sweep.training.trainer import Trainer, loss_weights, only_last_is_scored

EPOCHS_PER_CALL = 128
"""Epochs that one call can hold: an XLA program's buffers have a fixed size."""

THREADS = 2
"""Calls of a program that run side by side, each on a core of its own."""

ALONE_BEYOND = 16
"""Steps of a window; of longer ones one replicate a call is fastest on a CPU."""

# What follows is the backends' own: the same question has another answer on each, for XLA compiles them differently.

UNROLLED = 8
"""TensorFlow writes windows of up to so many steps out; longer ones are loops over time."""

LANE_BY_LANE_BEYOND = 64
"""Steps of a window; JAX trains the lanes of longer ones one after the other on a CPU."""

MULTIPLIED_FEATURES = {"tensorflow": 64, "jax": 32}
"""Backend -> up to so many features, a product with a one-hot vector is as fast as looking a row up."""

_NOT_READ = (
    *("epochs", "learning_rate", "shuffle", "evaluate_every", "stop_when_solved", "last_weight"),  # inputs
    *("timesteps", "batch_layout"),  # what follows from them is in the shape
    "trainer",
)
"""Parameters of the training that no program reads."""

_TABLE_BYTES = 32_000_000
_GROUP_BYTES = 1_500_000  # of weights and optimiser: what one core trains without waiting for memory
_WORTH_TWO_THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Shape:
    """All that a compiled program depends on, and nothing else; equal shapes share one program."""

    model: ModelConfig
    training: TrainingConfig
    num_symbols: int
    num_features: int
    replicates_per_program: int
    epochs: int  # that one call can hold
    rows: int  # of the training tables
    side_by_side: int  # F
    steps: int  # L, a multiple of the window
    window: int
    sequences: int  # M
    rows_per_sequence: int
    test_rows: int
    test_steps: int
    last_only: bool  # whether only the final step of a test sequence is scored
    masked: bool  # whether some windows have nothing to score, or replicates may stop


def shape_of(trainer: Trainer, seeds: int) -> Shape:
    """What the program depends on that trains this trainer's replicates, a group at a time.

    The groups are as large as would suit so many `seeds`.
    """
    configuration, task, layout = trainer.configuration, trainer.task, trainer.layout
    model, training = read_by_programs(configuration)
    weights = num_weights(model, task.num_symbols, training.lags)
    replicates = _replicates_per_program(weights, seeds, layout.window)
    steps = -(-layout.num_steps // layout.window) * layout.window  # the last window is filled up with padding
    rows, epochs = task.num_sequences * layout.rows_per_sequence, EPOCHS_PER_CALL
    if task.fresh:
        an_epoch = replicates * rows * steps * (layout.side_by_side + 2) * 4
        epochs = max(1, min(EPOCHS_PER_CALL, configuration.training.epochs, _TABLE_BYTES // an_epoch))
        rows *= epochs * replicates
    elif not task.same_for_all_seeds:
        rows *= replicates
    test = task.test_sequences(trainer.seeds[0])
    return Shape(
        model=model,
        training=training,
        num_symbols=task.num_symbols,
        num_features=layout.num_features,
        replicates_per_program=replicates,
        epochs=epochs,
        rows=rows,
        side_by_side=layout.side_by_side,
        steps=steps,
        window=layout.window,
        sequences=task.num_sequences,
        rows_per_sequence=layout.rows_per_sequence,
        test_rows=test.num_sequences * layout.rows_per_sequence,
        test_steps=layout.row_steps(test.num_steps),
        last_only=only_last_is_scored(task, trainer.seeds[0]),
        masked=configuration.training.stop_when_solved or not _every_window_counts(trainer, steps),
    )


def _replicates_per_program(weights: int, replicates: int, window: int) -> int:
    """How many replicates of so many weights one call trains.

    On CPUs it follows from the experiment alone, so that each gets its numbers.
    A group runs as one native function on one core, so two groups make use of two; more replicates in one group
    than a core's cache takes are slower again, and of a long window one replicate keeps enough for the way back. A GPU
    trains them all at once.
    """
    if device_name() != "cpu":
        return replicates
    if window > ALONE_BEYOND:
        return 1
    bytes_ = replicates * 3 * 4 * weights  # Adam keeps two more numbers for each weight
    groups = -(-bytes_ // _GROUP_BYTES)
    if replicates >= _WORTH_TWO_THREADS:
        groups += groups % 2
    return -(-replicates // groups)


def _every_window_counts(trainer: Trainer, steps: int) -> bool:
    """Whether every window of every training row has a step whose loss counts."""
    configuration, task, layout = trainer.configuration, trainer.task, trainer.layout
    if layout.window == layout.num_steps:
        return True  # each sequence has a last step
    if task.fresh and configuration.training.loss_on == "last":
        return False
    weights = layout.laid(loss_weights(configuration, task.training_sequences(trainer.seeds[0], 1)))
    filled = np.pad(weights, ((0, 0), (0, steps - weights.shape[1])))
    return bool(np.any(filled.reshape(len(filled), -1, layout.window), axis=2).all())


def read_by_programs(configuration: Configuration) -> tuple[ModelConfig, TrainingConfig]:
    """The model and the training as far as a program reads them: whatever it does not read takes its default."""
    model, training = configuration.model, configuration.training
    defaults = TrainingConfig()
    training = training.model_copy(update={name: getattr(defaults, name) for name in _NOT_READ})
    if training.clip_norm is not None:
        training = training.model_copy(update={"clip_norm": 1.0})  # whether, not where: the norm itself is an input
    return model.model_copy(
        update={"units": bucket(model.units), "gate_bias": "unit_forget", "chrono_max": None}
    ), training
