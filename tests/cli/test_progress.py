"""How a run shows that it goes on: bars in a terminal, and elsewhere a plain line now and then."""

import io

import pytest
from conftest import outcome_of
from rich.console import Console

from sweep.cli.progress import Display
from sweep.experiment.file import parse
from sweep.experiment.trials import Phase
from sweep.results.record import TrialKey

RAW = {"question": "Q?", "task": {"name": "increasing"}, "search": {"units": {"low": 1, "high": 8}}}
KEY = TrialKey(trial=0, phase=Phase.SEARCH, condition={}, parameters={"units": 3})
FIGURES = {"solve_rate": 0.5, "seeds": 4, "recall_bits": 0.75}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def display(width: int, name: str = "tuning", *, terminal: bool = True) -> tuple[Display, io.StringIO, Clock]:
    out, clock = io.StringIO(), Clock()
    console = Console(file=out, width=width, force_terminal=terminal, color_system=None)
    return Display(name, parse(RAW, "f.toml"), console, clock), out, clock


def shown(display: Display, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None)
    console.print(display._progress.get_renderable())
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [80, 100, 120])
@pytest.mark.parametrize("name", ["tuning", "a_name_of_a_hundred_letters_" * 4])
def test_the_times_are_named_and_whole_at_any_width_and_the_name_is_clipped_first(width: int, name: str) -> None:
    told, _, _ = display(width, name)
    told.started(1000, 0)
    told.trial_started(KEY, 250)
    lines = shown(told, width)
    assert max(map(len, lines)) <= width
    assert "0/1000" in lines[0]
    assert "0:00:00 elapsed and -:--:-- left" in lines[0]
    assert name[:10] in lines[0]


def test_before_anybody_knows_how_much_there_is_to_do_no_time_is_said_to_be_left() -> None:
    told, _, _ = display(80)
    lines = shown(told, 80)
    assert any("elapsed" in line for line in lines)
    assert not any("left" in line for line in lines)


def test_what_takes_the_time_before_the_first_epochs_is_said() -> None:
    told, _, _ = display(80)
    told.started(10, 0)
    told.trial_started(KEY, 250)
    assert any("compiling" in line for line in shown(told, 80))
    scores = outcome_of([[0, 1]]).scores
    assert scores is not None
    told.chunk(KEY, scores)
    assert not any("compiling" in line for line in shown(told, 80))
    assert any("epochs" in line for line in shown(told, 80))


def test_brackets_in_a_setting_are_shown_as_they_are() -> None:
    told, _, _ = display(80)
    told.trial_started(TrialKey(trial=0, phase=Phase.SEARCH, condition={"symbol": "[/x]"}, parameters={}), 9)
    assert any("[/x]" in line for line in shown(told, 80))


def test_without_a_terminal_a_plain_line_is_told_now_and_then() -> None:
    told, out, clock = display(80, terminal=False)
    with told:
        told.started(50, 10)
        for now in (5.0, 20.0, 40.0, 50.0):
            clock.now = now
            told.trial_finished(KEY, "complete", FIGURES)
    assert out.getvalue().splitlines() == [
        "tuning: 13 of 50 trials, 0:00:40 elapsed, about 0:08:13 left; solved 6 of 12 replicates, best recall_bits 0.75"
    ]


def test_a_short_run_without_a_terminal_is_silent() -> None:
    told, out, _ = display(80, terminal=False)
    with told:
        told.started(2, 0)
        told.trial_finished(KEY, "complete", FIGURES)
    assert out.getvalue() == ""
