"""What the compared values do, in sentences: which does better, by how much, how sure, and under which condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sweep.comparison.effects import Effect, Effects, Interaction, Level, levels_of
from sweep.comparison.effects import effects as compared
from sweep.errors import SweepError
from sweep.experiment.asked import asked
from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import plural
from sweep.reporting.findings.compared import SEEDS_ASSUME, cannot_tell, seeds_needed
from sweep.reporting.findings.findings import Findings, found_once
from sweep.reporting.look.display import (
    count,
    difference_text,
    heading,
    joined,
    outcome_text,
    settings_text,
    value_text,
)

_SPELT_OUT = 4  # conditions, or pairs of values, that one sentence can name
_DETAILED = 6  # comparisons whose seeds to settle are told


@found_once
def effects(findings: Findings) -> Effects:
    """What stands against each other, of an experiment whose question is a comparison."""
    question = asked(findings.experiment)
    return compared(findings.results, question.parameters, question.within, question.metrics)


@found_once
def effect_levels(findings: Findings) -> list[Level]:
    """What each compared value came to, by the metric that decides; empty where the question is no comparison."""
    try:
        question = asked(findings.experiment)
    except SweepError:  # a stored [answer] that is none: the answer says so
        return []
    if question.kind != "compare" or findings.search.trials.empty:
        return []
    return [
        level
        for parameter in question.parameters
        for level in levels_of(findings.results, parameter, question.within, question.metrics[0])
    ]


def effects_table(findings: Findings) -> pd.DataFrame:
    """A row for each comparison by the metric that decides.

    Columns: the conditions (and what is compared within), parameter, a and b, the metric of both as text, difference
    (difference_points, in percentage points, of a share) of b from a with its 95% interval, p_value (Holm), and the
    verdict on b.
    """
    try:
        found = effects(findings)
    except SweepError:
        return pd.DataFrame()
    metric = asked(findings.experiment).metrics[0]
    share = OUTCOMES[metric].is_share
    name, factor = ("difference_points", 100.0) if share else ("difference", 1.0)
    turned = {"better": "worse", "worse": "better"}
    rows = []
    for row in found.rows:
        if row.found.metric != metric:
            continue
        one = row.found

        def of_b(number: float | None) -> float:
            return np.nan if number is None else -factor * number

        rows.append(
            {
                **one.condition,
                "parameter": row.parameter,
                "a": value_text(row.a),
                "b": value_text(row.b),
                f"{heading(metric)} of a": _or_dash(metric, one.value_a),
                f"{heading(metric)} of b": _or_dash(metric, one.value_b),
                name: of_b(one.difference),
                f"{name}_low": of_b(one.high),
                f"{name}_high": of_b(one.low),
                "p_value": one.p_value,
                "verdict on b": turned.get(one.verdict, one.verdict),
            }
        )
    return pd.DataFrame(rows)


def sentence_of_effects(findings: Findings) -> str:
    """The answer, with its full stop."""
    found, question = effects(findings), asked(findings.experiment)
    main = [row for row in found.rows if row.found.metric == question.metrics[0]]
    if not main:
        return (
            "There is no answer: no two trials agree in all else, so that no difference is one of "
            f"{joined(list(question.parameters))} alone; a grid has such trials."
        )
    one = len(question.parameters) == 1
    said = _of_one(main, _SPELT_OUT) if one else _of_several(question.parameters, main)
    if few := cannot_tell([row.found for row in main]):
        most = _largest(main)
        seen = f"{_most(most)} stands out" if most.found.difference else "there is none"
        said = f"nothing is told: {few[0].lower()}{few[1:-1]}; as measured, {seen}"
    hangs = [_of_interaction(each) for each in _told_interactions(found)[:1]]
    return f"All else equal, {'; '.join([said, *hangs])}{_otherwise(found, question.metrics)}."


def details_of_effects(findings: Findings) -> list[str]:
    """What a careful reader wants to know next, a sentence each."""
    found, question = effects(findings), asked(findings.experiment)
    main = [row for row in found.rows if row.found.metric == question.metrics[0]]
    told = _told_interactions(found)
    said = [f"{text[0].upper()}{text[1:]}." for text in map(_of_interaction, told[1 : 1 + _SPELT_OUT])]
    if len(told) > 1 + len(said):
        said.append(f"{plural(len(told) - 1 - len(said), 'other interaction')} told from chance: --json has all.")
    elif found.interactions and not told:
        said.append("That the effect of one of them hangs on another's value is not told from chance.")
    tested = [row for row in main if row.found.verdict != "same"]
    if tested:
        said.append(_how(tested, found))
    open_ = [(row, seeds) for row in tested if not row.told and (seeds := seeds_needed(row.found))]
    for row, seeds in open_[:_DETAILED]:
        said.append(f"{seeds[0].upper()}{seeds[1:]} would tell {_pair(row)}{_at([row])}.")
    if open_:
        said.append(SEEDS_ASSUME)
    if found.unmatched:
        said.append(
            f"Left out, as no two of their trials agree in all else: {joined(found.unmatched)}; a grid would have them."
        )
    return said + found.notes


def _of_one(rows: Sequence[Effect], spelt_out: int) -> str:
    """Of one parameter: the conditions with one verdict together, those where something is told first."""
    values = list(dict.fromkeys(value for row in rows for value in (row.a, row.b)))
    by_condition = _by_condition(rows)
    if len(values) > 2:
        if len(by_condition) <= spelt_out:
            return _ranked_alike(by_condition)
        told = [own for own in by_condition if any(row.told for row in own)]
        shown = sorted(told, key=lambda own: max(abs(row.found.difference or 0.0) for row in own))[-2:]
        rest = f"values of {rows[0].parameter} are told apart in {len(told)} of {len(by_condition)} conditions"
        return f"{rest}; {_ranked_alike(shown)}" if shown else rest
    groups: dict[str, list[Effect]] = {}
    for row in rows:
        groups.setdefault(row.found.verdict if row.told or row.found.verdict == "same" else "open", []).append(row)
    order = [verdict for verdict in ("worse", "better", "open", "same") if verdict in groups]
    return "; ".join(_together(groups[verdict], verdict, spelt_out) for verdict in order)


def _together(rows: list[Effect], verdict: str, spelt_out: int) -> str:
    """Conditions with one verdict on two values; the second stands first: what a change to it does is asked."""
    a, b = _setting(rows[0], rows[0].a), _setting(rows[0], rows[0].b)
    if verdict == "same":
        return f"{b} and {a} are the same computation{_at(rows)}"
    what = {"worse": f"{b} does better than {a}", "better": f"{b} does worse than {a}"}
    head = what.get(verdict, f"{b} and {a} are not told apart")
    if len(rows) == 1:
        return f"{head}{_at(rows)}: {_figures(rows[0], named=True)}"
    if len(rows) <= spelt_out:
        return f"{head} {joined([f'{_at([row])[1:]} ({_figures(row, named=row is rows[0])})' for row in rows])}"
    ends = sorted(rows, key=lambda row: row.found.difference or 0.0)
    sizes = f"{_difference(ends[-1])} to {_difference(ends[0])}" if len(ends) > 1 else _difference(ends[0])
    return f"{head} in {len(rows)} conditions ({heading(rows[0].found.metric)}: by {sizes})"


def _ranked_alike(conditions: Sequence[list[Effect]]) -> str:
    """Every condition; those of which the very same is said are named together."""
    same: dict[str, list[Effect]] = {}
    for rows in conditions:
        same.setdefault(_ranked(rows), []).append(rows[0])
    return "; ".join(f"{at[1:]}, {text}" if (at := _at(rows)) else text for text, rows in same.items())


def _ranked(rows: list[Effect]) -> str:
    """Three values and more under one condition: what each came to, best first, and which are told apart.

    Where trials are missing, a value has not the same partners in every pair: its first figure is told.
    """
    metric = rows[0].found.metric
    figures: dict[str, float | None] = {}
    for row in rows:
        figures.setdefault(value_text(row.a), row.found.value_a)
        figures.setdefault(value_text(row.b), row.found.value_b)
    sign = -1.0 if OUTCOMES[metric].better == "lower" else 1.0
    order = sorted(figures, key=lambda text: -sign * (figures[text] or 0.0))
    listed = ", ".join(f"{text} {_or_dash(metric, figures[text])}" for text in order)
    head = f"{heading(metric)} with {rows[0].parameter} = {listed}"
    told = [row for row in rows if row.told]
    if not told:
        return f"{head}: no two are told apart"
    told.sort(key=lambda row: -abs(row.found.difference or 0.0))
    if len(told) > _SPELT_OUT:
        return f"{head}: {len(told)} of {len(rows)} pairs are told apart, {_above(told[0])} first among them"
    whole = " (all pairs)" if len(told) == len(rows) else ""
    above: dict[str, list[str]] = {}
    for row in told:
        above.setdefault(value_text(row.better), []).append(f"{value_text(_worse(row))} (by {_size(row)})")
    return f"{head}; told apart{whole}: {', '.join(f'{better} above {joined(of)}' for better, of in above.items())}"


def _above(row: Effect) -> str:
    return f"{value_text(row.better)} above {value_text(_worse(row))} (by {_size(row)})"


def _worse(row: Effect) -> Any:
    return row.b if row.better is row.a else row.a


def _of_several(parameters: Sequence[str], rows: Sequence[Effect]) -> str:
    """Of several parameters, those with the largest effects first: its ends, condition by condition."""
    own = {name: [row for row in rows if row.parameter == name] for name in parameters}
    own = {name: found for name, found in own.items() if found}
    told = {name: [row for row in found if row.told] for name, found in own.items()}

    def strength(name: str) -> float:
        return max((abs(row.found.difference or 0.0) for row in told[name]), default=-1.0)

    parts = [_main_effect(own[name]) for name in sorted(own, key=strength, reverse=True) if told[name]]
    silent = [name for name in own if not told[name]]
    if silent:
        most = _largest([row for name in silent for row in own[name]])
        verb = "has no effect" if len(silent) == 1 else "have no effect"
        parts.append(f"{joined(silent)} {verb} that is told from chance; largest is {_most(most)}")
    return "; ".join(parts)


def _largest(rows: Sequence[Effect]) -> Effect:
    return max(rows, key=lambda row: abs(row.found.difference or 0.0))


def _most(row: Effect) -> str:
    return f"that of {_setting(row, row.better)} over {value_text(_worse(row))}{_at([row])}, {_size(row)}"


def _main_effect(rows: list[Effect]) -> str:
    """Of one parameter among several: under each condition its two values that lie furthest apart."""
    clauses: dict[tuple[str, str], list[str]] = {}
    silent: list[Effect] = []
    for own in _by_condition(rows):
        told = [row for row in own if row.told]
        if not told:
            silent.append(_largest(own))
            continue
        most = _largest(told)
        key = (_setting(most, most.better), value_text(_worse(most)))
        clauses.setdefault(key, []).append(f"{_at([most])} by {_size(most)}")
    parts = [f"{better} does better than {worse}{_listed(where)}" for (better, worse), where in clauses.items()]
    if silent:
        parts.append(f"{rows[0].parameter} is not told to matter{_at(silent)}")
    return ", ".join(parts)


def _otherwise(found: Effects, metrics: Sequence[str]) -> str:
    """What the second metric says where it is told otherwise, or tells what the first one leaves open."""
    if len(metrics) < 2:
        return ""
    first = {_key(row): row for row in found.rows if row.found.metric == metrics[0]}
    told = [row for row in found.rows if row.found.metric == metrics[1] and row.told]
    contrary = [row for row in told if first[_key(row)].told and first[_key(row)].found.verdict != row.found.verdict]
    new = [row for row in told if not first[_key(row)].told]
    name = heading(metrics[1])
    said = f"; by {name} it is the other way round: {_sooner(contrary)}" if contrary else ""
    if new:
        head = f"; {name} tell apart too" if contrary else f"; by {name} there is a difference"
        said += f"{head}: {_sooner(new)}"
    return said


def _sooner(rows: Sequence[Effect]) -> str:
    """By which values a task is solved sooner, the first few of the rows."""
    clauses: dict[str, list[str]] = {}
    for row in rows[:_SPELT_OUT]:
        which = f"sooner with {_setting(row, row.better)} than {value_text(_worse(row))}"
        clauses.setdefault(which, []).append(f"{_at([row])} ({_figures_of_better(row)})")
    parts = [which + _listed(where) for which, where in clauses.items()]
    more = len(rows) - _SPELT_OUT
    return ", ".join(parts + ([f"and {plural(more, 'other difference')}"] if more > 0 else []))


def _told_interactions(found: Effects) -> list[list[Interaction]]:
    """Those of which some are told, together for each condition and two values of the first parameter."""
    groups: dict[str, list[Interaction]] = {}
    for each in found.interactions:
        groups.setdefault(f"{each.parameters} {each.condition} {each.values}", []).append(each)
    told = [group for group in groups.values() if any(each.told for each in group)]
    return sorted(told, key=lambda group: -max(abs(each.at_first - each.at_second) for each in group))


def _of_interaction(group: list[Interaction]) -> str:
    """How far the effect of one parameter hangs on another's value."""
    (name, other), (a, b) = group[0].parameters, group[0].values
    at = _where([group[0].condition])
    sizes: dict[str, float] = {}
    for each in group:
        for value, size in zip(each.beside, (each.at_first, each.at_second), strict=True):
            sizes[value_text(value)] = -size  # of the second value, as in a comparison of two
    told = sum(each.told for each in group)
    metric, p_value = group[0].metric, min(each.p_value for each in group)
    listed = joined([f"{_amount(metric, size)} with {other} = {value}" for value, size in sizes.items()])
    which = "" if len(group) == 1 else f"{told} of {len(group)} differences told, "
    return (
        f"what {name} does hangs on {other}{at}: {value_text(b)} against {value_text(a)} comes to {listed} "
        f"({which}p {_p(p_value)})"
    )


def _how(rows: Sequence[Effect], found: Effects) -> str:
    """On how many seeds, and what was corrected for."""
    units = sorted({row.found.units for row in rows})
    sizes = joined([f"{a} and {b}" if a != b else f"{a}" for a, b in units])
    paired = "the same seeds, pair by pair" if all(row.found.paired for row in rows) else "the seeds of each"
    corrected = f", corrected for all {len(rows)} comparisons (Holm)" if len(rows) > 1 else ""
    times = [row for row in found.rows if OUTCOMES[row.found.metric].is_time]
    cut = " Sequences are means, cut off at the smaller budget of the two." if times else ""
    mean = " Where other parameters vary too, an effect is the mean over their values."
    mean = mean if any(len(row.parameters) > 1 for row in found.interactions) else ""
    return (
        f"On {sizes} seeds: {paired}; told apart is p below 0.05{corrected}, and not told apart is not equal. The "
        f"intervals are of each difference alone.{mean}{cut}"
    )


def _where(conditions: Sequence[dict[str, Any]]) -> str:
    """Conditions in words, with a space before; empty where there are none."""
    if not conditions or not conditions[0]:
        return ""
    names = list(conditions[0])
    if len(names) == 1:
        values = dict.fromkeys(value_text(each[names[0]]) for each in conditions)
        return f" at {names[0]} = {joined(list(values))}"
    return f" at {'; '.join(dict.fromkeys(map(settings_text, conditions)))}"


def _at(rows: Sequence[Effect]) -> str:
    return _where([row.found.condition for row in rows])


def _by_condition(rows: Sequence[Effect]) -> list[list[Effect]]:
    found: dict[str, list[Effect]] = {}
    for row in rows:
        found.setdefault(str(row.found.condition), []).append(row)
    return list(found.values())


def _listed(where: Sequence[str]) -> str:
    """Several that begin with a space each, as a list."""
    return f" {joined([each.strip() for each in where])}"


def _key(row: Effect) -> tuple[str, str, str, str]:
    return row.parameter, str(row.a), str(row.b), str(row.found.condition)


def _setting(row: Effect, value: Any) -> str:
    return f"{row.parameter} = {value_text(value)}"


def _pair(row: Effect) -> str:
    return f"{_setting(row, row.b)} from {_setting(row, row.a)}"


def _figures(row: Effect, *, named: bool) -> str:
    """Both figures, the second value's first, and how far they are apart."""
    metric = row.found.metric
    name = f"{heading(metric)} " if named else ""
    figures = f"{_or_dash(metric, row.found.value_b)} against {_or_dash(metric, row.found.value_a)}"
    return f"{name}{figures}, {_difference(row, with_interval=True)}"


def _figures_of_better(row: Effect) -> str:
    a, b = row.found.value_a, row.found.value_b
    better, worse = (a, b) if row.better is row.a else (b, a)
    metric = row.found.metric
    return f"{_or_dash(metric, better)} against {_or_dash(metric, worse)}"


def _difference(row: Effect, *, with_interval: bool = False) -> str:
    """Of b from a, with its sign."""
    found = row.found
    if found.difference is None:
        return "seeds diverged, so that no difference of means can be said"
    text = _amount(found.metric, -found.difference)
    if not with_interval:
        return text
    if found.low is None or found.high is None:
        return f"{text}, of which is not known how sure it is: the seeds show no spread"
    low, high = (_number(found.metric, -end) for end in (found.high, found.low))
    return f"{text}, 95% interval {low} to {high}"


def _size(row: Effect) -> str:
    """How far the value that is ahead is, without a sign."""
    found = row.found
    if found.difference is None:
        return "no difference of means, as seeds diverged"
    text = _amount(found.metric, abs(found.difference)).removeprefix("+")
    if found.low is None or found.high is None:
        return text
    ends = (found.low, found.high) if found.difference > 0 else (-found.high, -found.low)
    low, high = (_number(found.metric, end).removeprefix("+") for end in ends)
    return f"{text}, 95% interval {low} to {high}"


def _amount(metric: str, difference: float) -> str:
    measure = OUTCOMES[metric]
    unit = "points" if measure.is_share else measure.unit
    named = measure.is_share or unit in ("bits", "nats", "sequences", "epochs", "updates")
    return f"{_number(metric, difference)} {unit}" if named else _number(metric, difference)


def _number(metric: str, difference: float) -> str:
    """With its sign; of points only the whole ones where they are many.

    >>> _number("solve_rate", -0.303), _number("solve_rate", 0.025), _number("solve_rate", 1.0)
    ('-30', '+2.5', '+100')
    """
    if OUTCOMES[metric].is_share and abs(difference) >= 0.0995:
        return f"{100 * difference:+.0f}"
    return difference_text(metric, difference).removesuffix(".0")


def _or_dash(metric: str, value: float | None) -> str:
    if value is None:
        return "no mean"
    return count(value) if OUTCOMES[metric].is_time else outcome_text(metric, value)


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 0.001 else "below 0.001"
