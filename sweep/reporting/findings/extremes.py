"""The smallest or largest value that comes to something, in sentences: as measured, and what is certain of it."""

from __future__ import annotations

import math
from typing import Any

from sweep.comparison.extremes import Extreme, Measured
from sweep.comparison.extremes import extremes as found_extremes
from sweep.experiment.answer import Bound
from sweep.experiment.asked import asked
from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import plural
from sweep.reporting.findings.findings import Findings, found_once
from sweep.reporting.look.display import (
    MISSING,
    joined,
    objective_text,
    outcome_text,
    percent,
    settings_text,
    value_text,
)
from sweep.stats import binomial_interval

_SPELT_OUT = 4  # conditions that one sentence can name
_MOST_SEEDS = 10_000


@found_once
def extremes(findings: Findings) -> list[Extreme]:
    """An answer a condition, of an experiment that asks for a smallest or a largest value."""
    return found_extremes(findings.results, asked(findings.experiment))


def sentence_of_extremes(findings: Findings) -> str:
    """The answer, with its full stop."""
    found, question = extremes(findings), asked(findings.experiment)
    (parameter,) = question.parameters
    parts = [_value(parameter, each) for each in found]
    if len(found) > _SPELT_OUT:
        certain = sum(each.certain for each in found)
        values = [each.value for each in found if each.value is not None]
        none = len(found) - len(values)
        ends = f"between {value_text(min(values))} and {value_text(max(values))}" if values else "met by none"
        lost = f", and none is enough in {none}" if none and values else ""
        said = f"As measured, the {question.kind} {parameter} with {_bound(found[0].bound)} is {ends} over "
        return f"{said}{len(found)} conditions{lost}; certain is that in {certain} of them."
    clauses = [f"{part}; {_certainty(each)}" for part, each in zip(parts, found, strict=True)]
    return f"As measured, {'; '.join(clauses)}."


def details_of_extremes(findings: Findings) -> list[str]:
    """What a careful reader wants to know next, a sentence each."""
    found = extremes(findings)
    said = []
    for each in found[:_SPELT_OUT]:
        if not each.monotone:
            beyond = "smaller" if each.largest else "larger"
            fails = [m.value for m in each.measured if not each.bound.met_by(m.figure) and _beyond(each, m)]
            said.append(
                f"That is no threshold: a {beyond} one, {_listed(fails)}, does not come to it{_at(each)} as measured."
            )
    few = _too_few(found)
    if few:
        said.append(few)
    tried = [m for each in found for m in each.measured if m.tried > 1]
    if tried:
        confirmed = all(m.confirmed for m in tried)
        by = "from seeds that the search never saw" if confirmed else "by these very scores, which flatters it"
        said.append(f"Where several configurations have a value, the best of them stands for it, picked {by}.")
    return said


def _value(parameter: str, found: Extreme) -> str:
    end = "largest" if found.largest else "smallest"
    at = _at(found)
    at = f"{at.strip()}, " if at else ""
    if found.found is None:
        best = max(
            found.measured,
            key=lambda m: (m.figure if found.bound.rises else -m.figure) if m.figure == m.figure else -math.inf,
        )
        return (
            f"{at}no {parameter} that was measured has {_bound(found.bound)}: {value_text(best.value)} comes closest, "
            f"with {_figure(found.bound, best)}"
        )
    return (
        f"{at}{parameter} = {value_text(found.value)} is the {end} with {_bound(found.bound)} "
        f"({_figure(found.bound, found.found)})"
    )


def _certainty(found: Extreme) -> str:
    """What the intervals say."""
    meets, fails, left = (found.values(verdict) for verdict in ("meets", "fails", "open"))
    if found.certain:
        if found.value is None:
            return "by the 95% intervals that is certain of each"
        return (
            f"that is certain by the 95% intervals: {_listed(fails)} {_fail(fails)}"
            if fails
            else ("that is certain by the 95% intervals")
        )
    first, last = found.candidates
    if not fails and not meets and len(left) > 1:
        return "by the 95% intervals all of them are open, so that none is certain"
    parts = [f"{_listed(left)} {'is' if len(left) == 1 else 'are'} open"]
    if fails:
        parts.append(f"{_listed(fails)} {_fail(fails)}")
    if meets:
        parts.append(f"{_listed(meets)} {'meets' if len(meets) == 1 else 'meet'} it")
    said = f"by the 95% intervals {joined(parts)}"
    if last is not None:
        reach = (
            f"from {value_text(first)} to {value_text(last)}"
            if not found.largest
            else (f"from {value_text(last)} to {value_text(first)}")
        )
        return f"{said}, so that it may lie anywhere {reach}"
    return f"{said}, so that none is certain"


def _too_few(found: list[Extreme]) -> str:
    """That so few seeds can never be certain of so high a rate, kindly."""
    bound = found[0].bound
    if bound.metric != "solve_rate" or not bound.rises or bound.value >= 1:
        return ""
    needed = next(
        (n for n in range(1, _MOST_SEEDS) if bound.met_by(binomial_interval(n, n).low)),
        None,
    )
    most = max(m.seeds for each in found for m in each.measured)
    if needed is None or most >= needed:
        return ""
    return (
        f"Even if every seed succeeds, {plural(most, 'seed')} cannot make {percent(bound.value)} certain: by the exact "
        f"interval that takes {needed} of {needed}. What is open here is open for want of seeds."
    )


def _beyond(found: Extreme, measured: Measured) -> bool:
    if found.value is None:
        return False
    return bool(measured.value < found.value if found.largest else measured.value > found.value)


def _bound(bound: Bound) -> str:
    words = {">=": "of at least", ">": "above", "<=": "of at most", "<": "below"}
    value = percent(bound.value) if OUTCOMES[bound.metric].is_share else f"{bound.value:,g}"
    return f"{_article(objective_text(bound.metric))} {objective_text(bound.metric)} {words[bound.operator]} {value}"


def _article(word: str) -> str:
    return "an" if word[0] in "aeE" else "a"


def _figure(bound: Bound, measured: Measured) -> str:
    if math.isnan(measured.figure):
        return "no figure, as seeds diverged or it was not measured"
    never = "never, by half of the seeds" if OUTCOMES[bound.metric].is_time else "never"
    figure = never if math.isinf(measured.figure) else outcome_text(bound.metric, measured.figure)
    if math.isnan(measured.low) or math.isnan(measured.high):
        return f"{figure}, with an interval that is not known"
    if OUTCOMES[bound.metric].is_share:
        low, high = (percent(end) for end in (measured.low, measured.high))
        ends = f"{low.removesuffix('%')} to {high}"
    else:
        ends = " to ".join(
            outcome_text(bound.metric, end) if math.isfinite(end) else "no end" for end in (measured.low, measured.high)
        )
    return (
        f"{figure} of {plural(measured.seeds, 'seed')}, 95% interval {ends}"
        if (bound.metric == "solve_rate")
        else f"{figure}, 95% interval {ends}"
    )


def _listed(values: list[Any]) -> str:
    return joined([value_text(value) for value in values]) if values else MISSING


def _fail(values: list[Any]) -> str:
    return "fails" if len(values) == 1 else "fail"


def _at(found: Extreme) -> str:
    settings = settings_text(found.condition)
    return f" at {settings}" if settings else ""
