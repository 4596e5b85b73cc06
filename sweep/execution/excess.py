"""What is refused before a run begins: more than this machine holds, and more than anybody waits for."""

from collections.abc import Sequence

from sweep.errors import SweepError
from sweep.execution.executor import Room
from sweep.execution.plan import Plan, make_plan
from sweep.experiment.experiment import Experiment
from sweep.search.job import Job
from sweep.training.cost import BACKEND_COSTS, TrialCost

_WEEK = 7 * 24 * 3600.0
_MOST_TRIALS = 999_999  # the names of their records have six digits
_MOST_POINTS = 1_000_000  # of a grid: they are listed to be shuffled


def refuse_excess(
    experiment: Experiment, where: str, backend: str, room: Room, *, finished: int = 0, anyway: bool = False
) -> None:
    """SweepError where a run would outgrow the memory, or take more than a week for what is not `finished`.

    Both are estimates, so that whoever says `anyway` goes on.
    """
    planned = make_plan(experiment, backend)
    refuse_uncountable(experiment, planned, where)
    if not anyway:
        left = planned.seconds * max(0.0, 1 - finished / planned.trials)
        _refuse(where, excess(left, planned.memory_mb, room))


def refuse_jobs(jobs: Sequence[Job], where: str, backend: str, room: Room) -> None:
    """The same for trials that are known one by one, as those that are trained again for a confirmation."""
    cost, trials = BACKEND_COSTS[backend], [TrialCost(job.configuration, len(job.seeds)) for job in jobs]
    programs = len({trial.program for trial in trials})
    seconds = cost.seconds(programs) + sum(trial.seconds for trial in trials)
    memory = cost.megabytes(programs) + max(trial.megabytes for trial in trials)
    _refuse(where, excess(seconds, memory, room))


def duration(seconds: float) -> str:
    """About how long something takes.

    >>> duration(90), duration(5400), duration(40 * 3600), duration(30 * 24 * 3600)
    ('90 s', '90 min', '40 h', '30 days')
    """
    for size, unit in ((1, "s"), (60, "min"), (3600, "h")):
        if seconds < {"s": 120, "min": 600, "h": 72}[unit] * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / (24 * 3600):,.0f} days"


def refuse_uncountable(experiment: Experiment, planned: Plan, where: str) -> None:
    """SweepError for more than can be told apart, or drawn fairly, whoever says what."""
    faults = []
    if planned.trials > _MOST_TRIALS:
        faults.append(f"study.trials: make {planned.trials:,} records; at most {_MOST_TRIALS:,} can be kept apart")
    if experiment.search and experiment.study.sampler == "grid" and experiment.grid_size > _MOST_POINTS:
        faults.append(
            f"search: the grid has {experiment.grid_size:,} combinations; of at most {_MOST_POINTS:,} a fair part can "
            'be drawn, so use sampler = "random" or "qmc", or larger steps'
        )
    _refuse(where, faults)


def excess(seconds: float, memory_mb: float, room: Room) -> list[str]:
    """What is wrong with training that takes one process so many seconds, and each so much memory."""
    faults = []
    needed = memory_mb * room.processes
    if needed > room.memory_mb:
        faults.append(
            f"would need about {needed:,.0f} MB of memory (an estimate), and there are {room.memory_mb:,.0f}; make "
            "sequences, network or seeds fewer or smaller, or go on with --anyway"
        )
    if seconds / room.processes > _WEEK:
        faults.append(
            f"would take up to about {duration(seconds / room.processes)} (an estimate), more than a week; make it "
            "smaller, or go on with --anyway"
        )
    return faults


def _refuse(where: str, faults: list[str]) -> None:
    if faults:
        raise SweepError("\n".join(f"{where}: {fault}" for fault in faults))
