"""Numbers as a reader sees them: percents, intervals, counts and seconds; a dash for what is missing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sweep.experiment.outcomes import OUTCOMES, Unit
from sweep.faults import four_digits

DASH = "\N{EN DASH}"
MISSING = DASH

_HEADINGS = {
    "recall_median": "recall accuracy, median",
    "solved_with_margin": "solved by the margin",
    "below_memoryless_loss": "test loss below memoryless",
    "memoryless_ceiling": "memoryless ceiling",
    "mean_sequences_to_solve": "sequences to solve (mean)",
    "microseconds_per_update": "µs per update",
    "optimism_points": "optimism (points)",
    "difference_points": "difference in points",
    "runner_up": "runner-up",
    "differs_in": "where it differs",
    "probability_of_improvement": "probability of improvement",
    "p_value": "p (Holm)",
    "seeds_to_settle_low": "seeds to settle it, fewest",
    "seeds_to_settle_high": "seeds to settle it, most",
}
"""Columns that only a report has; those of outcomes stand in the table of outcomes."""

_PHASES = {"searched_": "search", "confirmed_": "confirmed"}
"""Beginning of a column's name -> the phase of the run whose score it holds."""

_SPREADS = dict.fromkeys(OUTCOMES, "95%") | {
    "recall_median": "middle 80%",
    "difference": "95%",
    "difference_points": "95%",
    "probability_of_improvement": "95%",
}
"""Score -> what the columns `_low` and `_high` beside it are the ends of."""


@dataclass(frozen=True)
class Column:
    """A column ready to print: heading, one text a row, and the number behind each text if there is one."""

    heading: str
    texts: list[str]
    numbers: list[float | None]
    numeric: bool
    """Whether it is to be set flush right and sorted by number."""


def columns(table: pd.DataFrame) -> list[Column]:
    """The columns of one of the report's tables; a score takes its interval into the same column."""
    shown = []
    for name in map(str, table.columns):
        if name.removesuffix("_low").removesuffix("_high") in _SPREADS and name not in _SPREADS:
            continue
        cells = table[name].tolist()
        texts, head = [_cell(name, cell) for cell in cells], heading_of_trials(name)
        if name in _SPREADS and f"{name}_low" in table:
            head += f" ({_SPREADS[name]})"
            ends = zip(table[f"{name}_low"], table[f"{name}_high"], strict=True)
            texts = [_with_interval(name, text, low, high) for text, (low, high) in zip(texts, ends, strict=True)]
        numbers = [_number(cell) for cell in cells]
        numeric = name in _FORMATS or any(number is not None for number in numbers)
        shown.append(Column(head, texts, numbers, numeric))
    return shown


def without_constants(shown: list[Column]) -> tuple[list[Column], str]:
    """The columns that say something of each row, and a line of what is the same in all; that is empty of one row."""
    rows = len(shown[0].texts) if shown else 0
    same = [column for column in shown if rows > 1 and len(set(column.texts)) == 1]
    if not same or len(same) == len(shown):
        return shown, ""
    said = "; ".join(f"{column.heading} {column.texts[0]}" for column in same)
    return [column for column in shown if column not in same], f"In every row: {said}."


def heading(name: str) -> str:
    """A column's name as a reader sees it; a parameter keeps the one that it has in the experiment file."""
    for prefix, addition in _PHASES.items():
        if name.startswith(prefix):
            return f"{heading(name.removeprefix(prefix))}, {addition}"
    return OUTCOMES[name].heading if name in OUTCOMES else _HEADINGS.get(name, name)


def heading_of_trials(name: str) -> str:
    """The same where it heads the figures of trials: of a time they have the median over the seeds.

    What is compared, in `sweep compare` and in a report, is a time's mean, cut off at the budget.

    >>> heading_of_trials("sequences_to_solve"), heading_of_trials("searched_loss")
    ('sequences to solve (median)', 'loss, search')
    """
    for prefix, addition in _PHASES.items():
        if name.startswith(prefix):
            return f"{heading_of_trials(name.removeprefix(prefix))}, {addition}"
    return f"{heading(name)} (median)" if name in OUTCOMES and OUTCOMES[name].is_time else heading(name)


def objective_text(name: str) -> str:
    """What trials are ranked by, or held against a bound, in a sentence.

    >>> objective_text("sequences_to_solve"), objective_text("loss")
    ('median of sequences to solve', 'loss')
    """
    return f"median of {heading(name)}" if OUTCOMES[name].is_time else heading(name)


def displayed(table: pd.DataFrame) -> pd.DataFrame:
    """The table with headings and cells as text, for a terminal or for Markdown."""
    return pd.DataFrame({column.heading: column.texts for column in columns(table)}, dtype=object)


def percent(share: float) -> str:
    """A share in percent; 0% and 100% are said only of exactly 0 and 1.

    >>> percent(0.406), percent(1.0), percent(0.998), percent(0.0001)
    ('41%', '100%', '99.8%', '<0.1%')
    """
    if not math.isfinite(share):
        return MISSING
    if share in (0.0, 1.0) or 0.005 <= share < 0.995:
        return f"{100 * share:.0f}%"
    if 0.0005 <= share < 0.9995:
        return f"{100 * share:.1f}%"
    return "<0.1%" if share < 0.5 else ">99.9%"


def percent_interval(low: float, high: float) -> str:
    """Both ends in percent.

    >>> print(percent_interval(0.2874, 0.5361).replace(DASH, " to "))
    29 to 54%
    """
    return f"{percent(low).removesuffix('%')}{DASH}{percent(high)}"


def count(number: float) -> str:
    """A whole number with its thousands apart.

    >>> count(128000), count(float("inf")) == MISSING
    ('128,000', True)
    """
    return f"{number:,.0f}" if math.isfinite(number) else MISSING


def count_interval(low: float, high: float) -> str:
    """Both ends of a count; an upper one that is not known is none.

    >>> count_interval(9812.3, 21000.0), count_interval(9812.3, float("nan"))
    ('9,812 to 21,000', 'more than 9,812')
    """
    return f"{count(low)} to {count(high)}" if math.isfinite(high) else f"more than {count(low)}"


def median_count(number: float) -> str:
    """A median of whole numbers, which may lie between two of them.

    >>> median_count(4.0), median_count(4.5), median_count(1200.5)
    ('4', '4.5', '1,200.5')
    """
    return f"{number:,.1f}" if number % 1 == 0.5 else count(number)


def seconds(duration: float) -> str:
    """A duration.

    >>> seconds(0.0421), seconds(7.13), seconds(192)
    ('0.042 s', '7.1 s', '3 min 12 s')
    """
    if not math.isfinite(duration):
        return MISSING
    if duration < 1:
        return f"{duration:.2g} s"
    if duration < 60:
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def value_text(value: Any) -> str:
    """A parameter's value as the experiment file writes it, floats to four digits.

    >>> value_text(True), value_text(0.00873219), value_text(64.0), value_text(10_000.0), value_text("full")
    ('true', '0.008732', '64', '10000', 'full')
    """
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, list | tuple | np.ndarray):
        return "[" + ", ".join(value_text(item) for item in value) + "]"
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return MISSING
    if isinstance(value, float | np.floating):
        return four_digits(float(value))
    return str(value)


def settings_text(values: Mapping[str, Any]) -> str:
    """Parameters with their values, empty where there are none.

    >>> settings_text({"keys": 3, "shuffle": True})
    'keys = 3, shuffle = true'
    """
    return ", ".join(f"{name} = {value_text(value)}" for name, value in values.items())


def joined(parts: Sequence[str]) -> str:
    """Parts as a list in a sentence.

    >>> joined(["5", "10", "20"])
    '5, 10 and 20'
    """
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)


def _number(cell: Any) -> float | None:
    if isinstance(cell, int | float | np.number) and not isinstance(cell, bool) and math.isfinite(cell):
        return float(cell)
    return None


def _with_interval(name: str, text: str, low: float, high: float) -> str:
    """A score's text with its interval, which alone says what is known of a score that is endless itself."""
    form = _FORMATS[name]
    if not math.isfinite(low):
        return text
    if text == MISSING:
        return f">{form(low)}"
    return f"{text} ({percent_interval(low, high) if form is percent else f'{form(low)} to {form(high)}'})"


def outcome_text(name: str, value: float) -> str:
    """A value of an outcome, in its unit.

    >>> outcome_text("solve_rate", 0.4), outcome_text("sequences_to_solve", 1200), outcome_text("loss", 0.07931)
    ('40%', '1,200', '0.0793')
    """
    return _cell(name, value)


def difference_text(name: str, difference: float) -> str:
    """A difference in an outcome, with its sign: in percentage points, in whole sequences, or to three digits.

    >>> difference_text("solve_rate", -0.4), difference_text("updates_to_solve", 1200.4), difference_text("loss", 0.0)
    ('-40.0', '+1,200', '0')
    """
    if OUTCOMES[name].is_share:
        return f"{100 * difference:+.1f}" if round(abs(difference), 3) else "0"
    if OUTCOMES[name].is_time:
        return f"{difference:+,.0f}" if round(difference) else "0"
    return f"{difference:+.3g}" if difference else "0"


def _cell(name: str, cell: Any) -> str:
    number = _number(cell)
    if number is None:
        return MISSING if isinstance(cell, float) else value_text(cell)
    for prefix in _PHASES:
        name = name.removeprefix(prefix)
    form = _FORMATS.get(name)
    return form(number) if form else value_text(cell)


def _three_digits(number: float) -> str:
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"


def _signed(number: float) -> str:
    """With two digits, or whole.

    >>> _signed(-0.123), _signed(44.4), _signed(99.7), _signed(0.0)
    ('-0.12', '+44', '+100', '0')
    """
    if not number:
        return "0"
    return f"{number:+.2g}" if abs(number) < 10 else f"{number:+,.0f}"


_UNITS: dict[Unit, Callable[[float], str]] = {
    "share": percent,
    "nats": _three_digits,
    "bits": _three_digits,
    "lead": _three_digits,
    "epochs": count,
    "sequences": count,
    "updates": count,
    "weights": count,
    "seconds": seconds,
}
"""How a number of a unit is written; any other as a parameter's value."""

_FORMATS: dict[str, Callable[[float], str]] = {
    "recall_median": percent,
    "chance": percent,
    "memoryless_ceiling": percent,
    "solved_with_margin": percent,
    "below_memoryless_loss": percent,
    "replicates": count,
    "mean_sequences_to_solve": median_count,
    "microseconds_per_update": _three_digits,
    "difference": _signed,
    "difference_points": _signed,
    "probability_of_improvement": percent,
    "p_value": _three_digits,
    "seeds_to_settle_low": count,
    "seeds_to_settle_high": count,
    "optimism": _signed,
    "optimism_points": _signed,
} | {
    name: median_count if measure.is_time else _UNITS[measure.unit]
    for name, measure in OUTCOMES.items()
    if measure.unit in _UNITS
}
