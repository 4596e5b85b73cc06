"""`[answer]`: what the question asks, so that a program can answer it. It changes no number of any trial."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import ge, gt, le, lt
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import Field, model_validator

from sweep.experiment.outcomes import METRICS, OUTCOMES
from sweep.faults import quoted, unknown
from sweep.frozen import Frozen

Kind = Literal["compare", "smallest", "largest", "best", "rate"]
KINDS: tuple[Kind, ...] = get_args(Kind)

MOST_VALUES = 8
"""Of a parameter that is compared: 28 pairs of them."""

MEASURED = tuple(
    name
    for name, measure in OUTCOMES.items()
    if measure.better is not None and "trial" in measure.at and measure.unit not in ("weights", "seconds")
)
"""Outcomes that `where` may bound and `best` may name: what a trial came to."""

_OPERATORS: dict[str, Callable[[float, float], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt}
_BOUND = re.compile(r"\s*(?P<metric>\w+)\s*(?P<operator>>=|<=|>|<)\s*(?P<value>[-+.\w]+)\s*")

_Names = str | Annotated[tuple[str, ...], Field(strict=False)]


@dataclass(frozen=True)
class Bound:
    """What a trial has to come to: its `metric`, compared with a `value`."""

    metric: str
    operator: str
    value: float

    def met_by(self, figure: float) -> bool:
        """Whether a figure is on the good side; nan is not.

        >>> Bound("solve_rate", ">=", 0.9).met_by(0.9)
        True
        """
        return _OPERATORS[self.operator](figure, self.value)

    @property
    def rises(self) -> bool:
        """Whether larger figures meet it."""
        return self.operator.startswith(">")

    @property
    def text(self) -> str:
        """As a file writes it.

        >>> parse_bound("solve_rate>=.9").text
        'solve_rate >= 0.9'
        """
        return f"{self.metric} {self.operator} {self.value:g}"


def parse_bound(text: str) -> Bound:
    """What `where` says; ValueError if it is none, or bounds what no trial measures."""
    found = _BOUND.fullmatch(text)
    if found is None:
        raise ValueError(f'where: is {quoted(text)}; must be like "solve_rate >= 0.9"')
    metric = found["metric"]
    if metric not in MEASURED:
        raise ValueError("where: " + unknown("outcome", metric, MEASURED))
    try:
        value = float(found["value"])
    except ValueError:
        value = float("nan")
    if not abs(value) < float("inf"):
        raise ValueError(f"where: {quoted(found['value'])} is no number; write {metric} {found['operator']} 0.9")
    measure = OUTCOMES[metric]
    if measure.is_share and not 0 <= value <= 1:
        raise ValueError(f"where: {metric} is a share between 0 and 1, and never {value:g}; write 0.9 for 90%")
    return Bound(metric, found["operator"], value)


class AnswerConfig(Frozen):
    """What is asked of the results: one of `compare`, `smallest`, `largest`, `best` and `rate`."""

    compare: _Names | None = Field(None, description="searched parameters whose values stand against each other")
    smallest: str | None = Field(None, description="searched parameter or condition whose smallest value is asked for")
    largest: str | None = Field(None, description="the same, for the largest value")
    best: bool | None = Field(None, description="the best configuration of a search")
    rate: bool | None = Field(None, description="how often it works, where nothing is searched")
    within: _Names | None = Field(None, description="searched parameters whose values are answered for one by one")
    where: str | None = Field(None, description='what a value has to come to: "solve_rate >= 0.9"')
    metric: str | None = Field(None, description="the outcome that is compared; left out: what fits the task")

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        asked = [kind for kind in KINDS if getattr(self, kind) is not None]
        if len(asked) != 1:
            raise ValueError(f"asks for {' and '.join(asked) if asked else 'nothing'}; give one of {', '.join(KINDS)}")
        if getattr(self, asked[0]) is False:
            raise ValueError(f"{asked[0]} is false, which asks for nothing; write true, or leave [answer] out")
        extreme = asked[0] in ("smallest", "largest")
        if extreme and self.where is None:
            raise ValueError(f'where is missing beside {asked[0]}; "solve_rate >= 0.9" for example')
        if self.where is not None:
            if not extreme:
                raise ValueError(f"where is for smallest and largest; leave it out beside {asked[0]}")
            parse_bound(self.where)
        if self.metric is not None and asked[0] not in ("compare", "best"):
            said = "where names it" if extreme else "a rate is of solve_rate"
            raise ValueError(f"metric is for compare and best; leave it out beside {asked[0]}: {said}")
        known = MEASURED if asked[0] == "best" else METRICS
        if self.metric is not None and self.metric not in known:
            raise ValueError("metric: " + unknown("outcome", self.metric, known))
        if self.within is not None and asked[0] in ("best", "rate"):
            raise ValueError(f"within is for compare, smallest and largest; leave it out beside {asked[0]}")
        for key in ("compare", "within"):
            names = names_in(getattr(self, key))
            if getattr(self, key) is not None and not names:
                raise ValueError(f"{key} is empty; name a searched parameter")
            if len(set(names)) < len(names):
                raise ValueError(f"{key} names a parameter twice: {quoted(names)}")
        return self

    @property
    def kind(self) -> Kind | None:
        """What it asks; None of a stored file that says no one thing."""
        asked = [kind for kind in KINDS if getattr(self, kind) is not None]
        return asked[0] if len(asked) == 1 else None

    @property
    def parameters(self) -> tuple[str, ...]:
        """What is compared, or whose smallest or largest value is asked for."""
        return names_in(self.compare or self.smallest or self.largest)


def names_in(value: Any) -> tuple[str, ...]:
    """One name, or a list of them, or none."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
