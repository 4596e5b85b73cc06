"""Three or more sides as a reader sees them: who ranks first, who is told from whom, and how soon each is done."""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any, NamedTuple

from sweep.comparison.several import Point, Rank, Score, Several
from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import plural
from sweep.reporting.findings.compared import cannot_tell
from sweep.reporting.look.display import (
    MISSING,
    Column,
    count,
    heading,
    joined,
    outcome_text,
    percent,
    percent_interval,
    value_text,
)

PROFILES = "Runs that solve the task within so many times the sequences that the quickest side takes"

_TIMES = {1.0: "once", 2.0: "twice"}
_SHOWN = (1.0, 2.0, 5.0, 10.0, 100.0)  # ratios of a profile that a table has, beside the last
_IN_WORDS = 6  # sides, above which the matrix has signs
_SPELT_OUT = 4  # conditions that a sentence can name
_ROUNDING = 1e-9


def lettered(found: Several) -> list[str]:
    """The letter of each side."""
    return list(ascii_uppercase[: len(found.sides)])


def condition_text(condition: dict[str, Any]) -> str:
    """A condition in words; empty where an experiment has only one.

    >>> condition_text({"sequence_length": 5, "keys": 2})
    'sequence_length = 5, keys = 2'
    """
    return ", ".join(f"{name} = {value_text(value)}" for name, value in condition.items())


@dataclass(frozen=True)
class Told:
    """Under how many conditions a side is better than another, worse, the same computation, or neither is told."""

    better: int = 0
    worse: int = 0
    same: int = 0
    inconclusive: int = 0

    @property
    def number(self) -> int:
        """Of all conditions."""
        return self.better + self.worse + self.same + self.inconclusive

    @property
    def sign(self) -> str:
        """For a cell of a matrix of many sides.

        >>> Told(better=1).sign, Told(inconclusive=2).sign, Told(better=2, worse=1, inconclusive=3).sign
        ('+', '?', '+2 -1')
        """
        return {"better": "+", "worse": "-", "open": "?", "same": "="}.get(self.text, self.text)

    @property
    def text(self) -> str:
        """For a cell of the matrix.

        >>> Told(better=1).text, Told(inconclusive=2).text, Told(better=2, worse=1, inconclusive=3).text
        ('better', 'open', '+2 -1')
        """
        if self.same == self.number:
            return "same"
        if not self.better and not self.worse:
            return "open"
        if self.number == 1:
            return "better" if self.better else "worse"
        return " ".join([*([f"+{self.better}"] * bool(self.better)), *([f"-{self.worse}"] * bool(self.worse))])


def matrix(found: Several, metric: str) -> list[list[Told | None]]:
    """(sides, sides): how the side of the row stands to that of the column, by one metric; None to itself."""
    counts = [[dict.fromkeys(("better", "worse", "same", "inconclusive"), 0) for _ in found.sides] for _ in found.sides]
    other = {"better": "worse", "worse": "better"}
    for row, (a, b) in zip(found.rows, found.places, strict=True):
        if row.metric == metric:
            counts[a][b][row.verdict] += 1
            counts[b][a][other.get(row.verdict, row.verdict)] += 1
    return [[None if i == j else Told(**cell) for j, cell in enumerate(row)] for i, row in enumerate(counts)]


def standing_columns(found: Several, metric: str) -> list[Column]:
    """A row for each side: its value under each condition, its mean rank with the interval, and the matrix beside."""
    columns = [_side_column(found)]
    for condition in found.conditions:
        scores = scores_of(found, metric, condition)
        texts = [MISSING if score.value is None else outcome_text(metric, score.value) for score in scores]
        head = f"at {_values(found, condition)}" if len(found.conditions) > 1 else heading(metric)
        columns.append(Column(head, texts, [score.value for score in scores], True))
    ranks = ranks_of(found, metric)
    columns.append(Column("mean rank (95%)", [_rank(rank) for rank in ranks], [rank.rank for rank in ranks], True))
    told, many = matrix(found, metric), len(found.sides) > _IN_WORDS
    for number, letter in enumerate(lettered(found)):
        cells = [row[number] for row in told]
        texts = [MISSING if cell is None else cell.sign if many else cell.text for cell in cells]
        numbers = [None if cell is None else float(cell.better - cell.worse) for cell in cells]
        columns.append(Column(letter if many else f"vs {letter}", texts, numbers, True))
    return columns


def profile_columns(found: Several) -> list[Column]:
    """A row for each side: the share of its runs that solved the task within so many times what the quickest takes."""
    ratios = [point.ratio for point in profile_of(found, found.sides[0])]
    shown = [ratio for ratio in _SHOWN if ratio in ratios[:-1]] + ratios[-1:]
    last = "ever" if all(each.cut_off is None for each in found.quickest) else "by the cut-off"
    columns = [_side_column(found)]
    for ratio in shown:
        points = [point for side in found.sides for point in profile_of(found, side) if point.ratio == ratio]
        texts = [f"{percent(point.solved)} ({percent_interval(point.low, point.high)})" for point in points]
        head = last if ratio == ratios[-1] else _TIMES.get(ratio, f"{value_text(ratio)} times")
        columns.append(Column(head, texts, [point.solved for point in points], True))
    return columns


def scores_of(found: Several, metric: str, condition: dict[str, Any]) -> list[Score]:
    """What each side came to under one condition."""
    return [score for score in found.scores if score.metric == metric and score.condition == condition]


def ranks_of(found: Several, metric: str) -> list[Rank]:
    """The mean rank of each side by one metric."""
    return [rank for rank in found.ranks if rank.metric == metric]


def profile_of(found: Several, side: str) -> list[Point]:
    """The performance profile of one side."""
    return [point for point in found.profiles if point.side == side]


def sentence(found: Several, metric: str) -> str:
    """Who ranks first by one metric, with what uncertainty, and from whom that is told."""
    ranks = ranks_of(found, metric)
    best = min(rank.rank for rank in ranks)
    first = [number for number, rank in enumerate(ranks) if rank.rank <= best + _ROUNDING]
    names = joined([found.sides[number] for number in first])
    over = f" over {len(found.conditions)} conditions" if len(found.conditions) > 1 else ""
    how = f"a mean rank of {_number(best)}"
    how += (
        "" if len(first) > 1 else f" (95% interval {_number(ranks[first[0]].low)} to {_number(ranks[first[0]].high)})"
    )
    if len(first) == len(ranks):
        return f"By {heading(metric)} all {len(ranks)} rank the same{over}."
    start = f"By {heading(metric)} {names} {'ranks' if len(first) == 1 else 'rank'} first{over}, with {how}"
    if len(first) > 1:
        return f"{start}."
    return f"{start}: {_told_from(found, metric, first[0])}."


class Fact(NamedTuple):
    """A part of how the tables are to be read."""

    about: str
    said: str


def readings(found: Several) -> list[Fact]:
    """How the tables are to be read, each thing by itself."""
    tested = [row for row in found.rows if row.verdict != "same"]
    sides, several = len(found.sides), len(found.conditions) > 1
    facts = [Fact("Mean rank", _about_ranks(found))]
    if several:
        facts.insert(0, Fact(f"at {_values(found, found.conditions[0])}", condition_text(found.conditions[0]) + "."))
    if tested:
        verdicts = f"each two sides{' under each condition' if several else ''}, p below 0.05, corrected for all "
        verdicts += f"{plural(len(tested), 'comparison')} (Holm). "
        if several:
            verdicts += "+2 -1: better under two conditions, worse under one, and open under any other. "
        opens = "Open is inconclusive, not equal."
        if sides > _IN_WORDS:
            opens = "+ is better, - worse, ? inconclusive, which is not equal, and = the same computation."
        facts.append(Fact("A, B, ..." if sides > _IN_WORDS else "vs", verdicts + opens))
        if few := cannot_tell(tested):
            facts.append(Fact("Too few seeds", f"{few[0].lower()}{few[1:]}"))
    if any(row.verdict == "same" for row in found.rows):
        facts.append(Fact("Same", "one computation, not tested; they share their rank."))
    for metric in found.metrics:
        if OUTCOMES[metric].is_time:
            limit = f"the mean, cut off at the smallest budget of the {sides} sides{' there' if several else ''}."
            facts.append(Fact(heading(metric).capitalize(), limit))
        if any(score.value is None for score in found.scores if score.metric == metric):
            facts.append(Fact(heading(metric).capitalize(), "no mean where seeds diverged; ranks have these last."))
    return facts


def about_profiles(found: Several) -> str:
    """What the profiles' ratios are multiples of, and what counts as never."""
    which = []
    for each in found.quickest:
        where = f" at {condition_text(each.condition)}" if each.condition else ""
        end = "" if each.cut_off is None else f"; cut off at {count(each.cut_off)}"
        which.append(f"{count(each.sequences)} sequences ({each.side}{where}{end})")
    several = len(which) > 1
    takes = f"Once is what the quickest side takes on average{' under each condition' if several else ''}"
    takes += f": {joined(which)}. " if len(which) <= _SPELT_OUT else ". "
    same = "all conditions weighing the same, " if several else ""
    return (
        f"{takes}Runs of all seeds, {same}each share with its 95% interval. The cut-off is the smallest budget of the "
        "sides: a run that needs more counts as one that never does."
    )


def _about_ranks(found: Several) -> str:
    sides = len(found.sides)
    paired = {rank.paired for rank in found.ranks}
    seeds = "with the same seed" if paired == {True} else "with any seed"
    over = f", averaged over the {len(found.conditions)} conditions that all have" if len(found.conditions) > 1 else ""
    return (
        f"of a run among one run of each side {seeds}{over}; 1 is the best, {value_text((sides + 1) / 2)} what chance "
        "would give. The interval is that of the mean over seeds, not over conditions."
    )


def _told_from(found: Several, metric: str, first: int) -> str:
    """From which of the others the side that ranks first is told, for a sentence."""
    parts: dict[tuple[str, str], list[str]] = {}
    for name, told in zip(found.sides, matrix(found, metric)[first], strict=True):
        if told is not None:
            parts.setdefault(_in_words(told), []).append(name)
    if list(parts) == [_OPEN]:
        return "it is told from none of the others"
    return "; ".join(f"{how} {joined(names)}{where}" for (how, where), names in parts.items())


_OPEN = ("not told apart from", "")


def _in_words(told: Told) -> tuple[str, str]:
    """What stands before the other's name, and behind it."""
    if told.same == told.number:
        return "the same computation as", ""
    if not told.better and not told.worse:
        return _OPEN
    if told.number == 1:
        return ("better than" if told.better else "worse than"), ""
    if not told.better:
        return "worse than", f" under {told.worse} of {told.number} conditions"
    where = f" under {told.better} of {told.number} conditions"
    return "better than", f"{where} and worse under {told.worse}" if told.worse else where


def _varied(found: Several) -> list[str]:
    """What tells the conditions apart."""
    return [name for name in found.conditions[0] if len({str(each[name]) for each in found.conditions}) > 1]


def _values(found: Several, condition: dict[str, Any]) -> str:
    return ", ".join(value_text(condition[name]) for name in _varied(found))


def _side_column(found: Several) -> Column:
    texts = [f"{letter}  {side}" for letter, side in zip(lettered(found), found.sides, strict=True)]
    return Column("side", texts, [None] * len(texts), False)


def _rank(rank: Rank) -> str:
    return f"{_number(rank.rank)} ({_number(rank.low)} to {_number(rank.high)})"


def _number(rank: float) -> str:
    return f"{rank:.2f}"
