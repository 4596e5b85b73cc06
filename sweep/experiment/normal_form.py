"""The normal form of a configuration: what cannot have an effect beside the other values takes one value there.

Two configurations under one condition that have the same normal form are the same computation. A rule stands here only
where both trainers do the same operations on the same numbers, whichever value the parameter has, so that losses are
equal bit for bit. What is equal in exact arithmetic alone is kept apart: the order of the lanes of a batch, for
example, or a weight that is divided out again.
"""

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple, Protocol

from sweep.experiment.cells import CELLS
from sweep.experiment.configuration import Configuration
from sweep.faults import plural

RULED = ("stateful", "timesteps", "batch_layout", "shuffle", "gate_bias", "chrono_max", "last_weight")
"""Parameters whose value may be one of several that are the same beside the others."""

READ = (*RULED, "cell", "batch_size", "lags", "loss_on")
"""Parameters that decide what is the same."""


class Facts(Protocol):
    """What must be known of a task: it is known of a stored one too."""

    @property
    def num_steps(self) -> int:
        """Steps of the longest sequence that training or the test can show."""

    @property
    def num_sequences(self) -> int:
        """Sequences of an epoch."""

    @property
    def expected_length(self) -> float:
        """Mean number of symbols in a sequence."""


class Instead(NamedTuple):
    """The value that a parameter may as well have, and why, as a sentence without its full stop."""

    value: Any
    why: str


def normal_form(configuration: Configuration, task: Facts) -> Configuration:
    """The configuration that stands for all that are the same computation; it is not meant to be trained.

    >>> from sweep.tasks.increasing import Increasing, IncreasingTask
    >>> configuration, task = Configuration(task=IncreasingTask()), Increasing(IncreasingTask())
    >>> normal = normal_form(configuration.replace(timesteps=4, stateful=False), task)
    >>> normal.training.timesteps, normal.model.stateful
    ('full', True)
    """
    sections: dict[str, dict[str, Any]] = {"model": {}, "training": {}}
    for parameter, instead in replaceable(configuration, task).items():
        sections[configuration.section_of(parameter)][parameter] = instead.value
    changed = {
        name: getattr(configuration, name).model_copy(update=values) for name, values in sections.items() if values
    }
    return configuration.model_copy(update=changed)


def computation(configuration: Configuration, task: Facts) -> Hashable:
    """What two configurations of one task share only if they are the same computation."""
    normal = normal_form(configuration, task)
    return normal.model, normal.training


def why_same(configurations: Iterable[Configuration], task: Facts) -> str:
    """Why they are the same computation, in a sentence without its full stop; empty where they are equal."""
    first, *others = configurations
    reasons: list[str] = []
    for other in others:
        for parameter in RULED:
            section = first.section_of(parameter)
            if getattr(getattr(first, section), parameter) != getattr(getattr(other, section), parameter):
                found = [replaceable(each, task).get(parameter) for each in (first, other)]
                reasons += [instead.why for instead in found if instead]
    return "; ".join(dict.fromkeys(reasons))


def replaceable(configuration: Configuration, task: Facts) -> dict[str, Instead]:
    """Parameter -> the value that it may as well have beside the others, where the rules know one."""
    model, training, cell = configuration.model, configuration.training, CELLS[configuration.model.cell]
    found: dict[str, Instead] = {}
    if not cell.recurrent:
        found["stateful"] = Instead(True, f"stateful has no effect on an {model.cell}, which has no state")
    elif (
        _is_one_window(configuration, task)
        and _row_steps(configuration, task) > 1
        and not _tested_beyond(configuration, task)
    ):
        # Of one-step windows XLA leaves out the product with a state that is always zero, and rounds otherwise then.
        found["stateful"] = Instead(True, "stateful has no effect where a sequence is one window")
    if training.timesteps != "full" and training.batch_layout == "sequences" and _is_one_window(configuration, task):
        steps = plural(task.num_steps, "step")
        found["timesteps"] = Instead("full", f'timesteps = {training.timesteps} is "full": a sequence has {steps}')
    if training.batch_size == 1:
        found["batch_layout"] = Instead("sequences", "batch_layout has no effect with batch_size = 1")
    if task.num_sequences == 1:
        found["shuffle"] = Instead(False, "shuffle has no effect on one sequence")
    if model.gate_bias != "chrono" and "forget" not in cell.gates:
        same = f'gate_bias "zeros" and "unit_forget" are the same for cell = "{model.cell}", which has no forget gate'
        found["gate_bias"] = Instead("unit_forget", same)
    if model.gate_bias != "chrono":
        found["chrono_max"] = Instead(None, 'chrono_max has no effect without gate_bias = "chrono"')
    elif cell.gates:
        length = usual_chrono_max(task)
        if model.chrono_max in (None, length):
            found["chrono_max"] = Instead(length, f"chrono_max is {length} where it is left out")
    if training.loss_on == "last":
        found["last_weight"] = Instead(1.0, 'last_weight has no effect with loss_on = "last"')
    return found


def usual_chrono_max(task: Facts) -> int:
    """How long a memory chrono prepares for where the configuration leaves it to the task, in steps."""
    return max(3, round(task.expected_length))


def _is_one_window(configuration: Configuration, task: Facts) -> bool:
    """Whether every row of the task's own sequences is one window, as `Layout` cuts them."""
    training = configuration.training
    steps = _row_steps(configuration, task)
    return training.timesteps == "full" or training.timesteps * _steps_a_symbol(configuration) >= steps


def _row_steps(configuration: Configuration, task: Facts) -> int:
    """Steps of the longest row, as `Layout` lays out the sequences."""
    training = configuration.training
    lanes = training.batch_size if training.batch_layout == "steps" else 1
    return task.num_steps * _steps_a_symbol(configuration) // lanes


def _steps_a_symbol(configuration: Configuration) -> int:
    """How many steps of a row a prediction takes."""
    return configuration.training.lags if CELLS[configuration.model.cell].recurrent else 1


def _tested_beyond(configuration: Configuration, task: Facts) -> bool:
    """Whether the trained network is tested on longer sequences than its own, of several windows."""
    lengths: tuple[int, ...] = getattr(configuration.task, "test_lengths", ())
    return any(length - 1 > task.num_steps for length in lengths)
