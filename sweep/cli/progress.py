"""The live display of a run, on stderr; silent where that is no terminal."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from sweep.execution.executor import Observer
from sweep.experiment.experiment import Experiment
from sweep.experiment.trials import Phase
from sweep.faults import plural
from sweep.results.outcome import Scores
from sweep.results.record import TrialKey


class Display(Observer):
    """Trials done, replicates solved, the best so far, and the time left."""

    def __init__(self, name: str, experiment: Experiment) -> None:
        self._objective = experiment.study.objectives[0]
        self._best: float | None = None
        self._solved = self._trained = 0
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=4,  # rich's 10 cost a study of short trials 3% of its time
            disable=not console.is_terminal,
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
        self._progress.update(
            self._trials, total=trials, completed=finished, note=f"{finished} finished before" if finished else ""
        )

    def trial_started(self, key: TrialKey, epochs: int) -> None:
        """Show the trial that is being trained."""
        setting = ", ".join(f"{name} {_short(value)}" for name, value in {**key.condition, **key.parameters}.items())
        self._progress.reset(self._training, total=epochs, visible=True, description="  epochs", note=setting)

    def chunk(self, key: TrialKey, scores: Scores) -> None:
        """Move the trial's bar on."""
        if len(scores.epochs):
            self._progress.update(self._training, completed=int(scores.epochs[-1]))

    def said(self, line: str) -> None:
        """Print the line above the bars."""
        self._progress.console.print(Text(line), soft_wrap=True)

    def trial_finished(self, key: TrialKey, state: str, figures: Mapping[str, Any]) -> None:
        """Count the trial in."""
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


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
