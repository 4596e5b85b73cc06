"""How a run is going, on stderr: bars in a terminal, and elsewhere a plain line now and then."""

import time
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from sweep.execution.executor import Observer
from sweep.experiment.experiment import Experiment
from sweep.experiment.trials import Phase
from sweep.faults import plural
from sweep.results.outcome import Scores
from sweep.results.record import TrialKey

EVERY_SECONDS = 30.0
"""Without a terminal, so long from one line to the next."""

_BESIDE_THE_NAME = 66  # letters that bar, counts and times take
_SHORTEST_NAME = 12


class _Left(TimeRemainingColumn):
    """The time that is left, named; nothing of it while nobody knows how much there is to do."""

    def render(self, task: Task) -> Text:
        """For one bar."""
        return Text() if task.total is None else Text.assemble("and ", super().render(task), " left")


class _Bars(Progress):
    """Bars, and below each what is said of it in one line, which ends where the terminal does."""

    def get_renderables(self) -> Iterable[RenderableType]:
        """A row of bar, counts and times for each task, and its note."""
        for task in self.tasks:
            if task.visible:
                yield self.make_tasks_table([task])
                if task.fields["note"]:
                    yield Text(f"  {task.fields['note']}", overflow="ellipsis", no_wrap=True)


class Display(Observer):
    """Trials done, replicates solved, the best so far, and the time left."""

    def __init__(
        self,
        name: str,
        experiment: Experiment,
        console: Console | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._clock = name, clock
        self._objective = experiment.study.objectives[0]
        self._compiles = experiment.training.trainer == "fused"
        self._best: float | None = None
        self._solved = self._trained = self._total = self._before = self._done = 0
        self._began = self._told = clock()
        self._console = console or Console(stderr=True)
        longest = max(_SHORTEST_NAME, self._console.width - _BESIDE_THE_NAME)
        clipped = Column(no_wrap=True, overflow="ellipsis", max_width=longest)
        self._progress = _Bars(
            TextColumn("[bold]{task.description}", markup=True, table_column=clipped),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("elapsed"),
            _Left(),
            console=self._console,
            refresh_per_second=4,  # rich's 10 cost a study of short trials 3% of its time
            disable=not self._console.is_terminal,
        )
        self._trials: TaskID = self._progress.add_task(name, total=None, note="loading Keras")
        self._training: TaskID = self._progress.add_task("", total=None, note="", visible=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def started(self, trials: int, finished: int) -> None:
        """Set the bar to where an earlier run left off."""
        self._total, self._before, self._done = trials, finished, finished
        note = f"{finished} finished before" if finished else ""
        self._progress.update(self._trials, total=trials, completed=finished, note=note)

    def trial_started(self, key: TrialKey, epochs: int) -> None:
        """Show the trial that is being trained; until its first epochs are over, what takes the time is compiling."""
        setting = ", ".join(f"{name} {_short(value)}" for name, value in {**key.condition, **key.parameters}.items())
        doing = "compiling" if self._compiles else "starting"
        self._progress.reset(self._training, total=epochs, visible=True, description=doing, note=setting)

    def chunk(self, key: TrialKey, scores: Scores) -> None:
        """Move the trial's bar on."""
        if len(scores.epochs):
            self._progress.update(self._training, completed=int(scores.epochs[-1]), description="epochs")

    def said(self, line: str) -> None:
        """Print the line above the bars."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def trial_finished(self, key: TrialKey, state: str, figures: Mapping[str, Any]) -> None:
        """Count the trial in."""
        self._done += 1
        if figures.get("solve_rate") is not None:
            self._trained += figures["seeds"]
            self._solved += round(figures["solve_rate"] * figures["seeds"])
        value = figures.get(self._objective.removeprefix("-"))
        if value is not None and state == "complete" and key.phase == Phase.SEARCH:
            better = min if self._objective.startswith("-") else max
            self._best = value if self._best is None else better(self._best, value)
        best = f", best {self._objective.removeprefix('-')} {_short(self._best)}" if self._best is not None else ""
        note = f"solved {self._solved} of {plural(self._trained, 'replicate')}{best}"
        self._progress.update(self._trials, advance=1, note=note)
        if not self._console.is_terminal and self._clock() - self._told >= EVERY_SECONDS:
            self._told = self._clock()
            self.said(f"{self._name}: {self._done} of {plural(self._total, 'trial')}, {self._times()}; {note}")

    def _times(self) -> str:
        elapsed = self._clock() - self._began
        left = elapsed / max(1, self._done - self._before) * (self._total - self._done)
        return f"{_clock_text(elapsed)} elapsed, about {_clock_text(left)} left"


def _clock_text(seconds: float) -> str:
    """Hours, minutes and seconds.

    >>> _clock_text(3725)
    '1:02:05'
    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
