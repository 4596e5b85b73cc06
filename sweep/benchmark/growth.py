"""Measuring along an axis: how time and memory grow with one size, all others staying as they are."""

from collections.abc import Callable, Sequence

from sweep.benchmark.cases import AXES, TRIALS
from sweep.benchmark.measure import Measured, measure, train
from sweep.benchmark.process import Process
from sweep.benchmark.subjects import OWN_MODULE, Subject

AXIS_NAMES = (*AXES, "trials")

Growth = dict[int, list[Measured]]
"""Size -> what each subject needed, smallest first."""

_STUDY = Subject(name="study", command=(*OWN_MODULE, "sweep.benchmark.trials"), own=True)
_AN_HOUR = 3600.0


def grow(
    axis: str,
    subjects: Sequence[Subject],
    *,
    repeats: int,
    limit: float,
    note: Callable[[str], None] = lambda text: None,
) -> Growth:
    """What each subject needs at each size of an axis; one that was too slow is not tried at a larger size."""
    if axis == "trials":
        return {trials: [_study(trials, repeats, note)] for trials in TRIALS}
    measured: Growth = {}
    trying = list(subjects)
    for size, case in AXES[axis].cases.items():
        measured[size] = measure(case, trying, repeats=repeats, limit=limit, note=note)
        usable = {found.subject for found in measured[size] if found.state == "measured"}
        trying = [subject for subject in trying if subject.name in usable]
    return measured


def _study(trials: int, repeats: int, note: Callable[[str], None]) -> Measured:
    """A study whose trials train nothing, short ones repeated; its trials are the parts of an epoch."""
    found = Measured(case=f"trials-{trials}", subject=_STUDY.name, parts=trials, epochs=1)
    note(found.case)
    with Process(_STUDY, _AN_HOUR) as process:
        found.library = process.library
        found.import_seconds.append(process.import_seconds)
        for _ in range(repeats if trials < 1_000 else 1):
            found.epoch_seconds.append(train(process, trials))
        found.peak_memory_mb.append(process.peak_memory())
    return found
