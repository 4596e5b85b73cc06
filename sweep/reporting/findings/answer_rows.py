"""The answer for a program: what was asked, the sentence, and the figures behind it."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sweep.comparison.extremes import figure_of
from sweep.errors import SweepError
from sweep.experiment.asked import Asked, asked
from sweep.experiment.space import Choices
from sweep.reporting.findings.answer import answer, choices_by
from sweep.reporting.findings.effects import effects
from sweep.reporting.findings.extremes import extremes
from sweep.reporting.findings.findings import Findings
from sweep.stats import binomial_interval

if TYPE_CHECKING:
    from sweep.experiment.experiment import Experiment


def answer_rows(findings: Findings) -> dict[str, Any]:
    """Plain data, for JSON: question, kind, metric, sentence, details, `taken_for` and rows; no rows without an answer.

    `taken_for` is the line of `[answer]` that the file might have had, null where it has an `[answer]`. Rates and
    shares are fractions, values as the file has them; what is not known is null.
    """
    said = answer(findings)
    found: dict[str, Any] = {"question": findings.experiment.question}
    try:
        question = asked(findings.experiment)
        rows = _rows(findings, question)
    except SweepError:
        return found | {
            "kind": None,
            "metric": None,
            "sentence": said.sentence,
            "details": list(said.details),
            "rows": [],
        }
    metric = question.bound.metric if question.bound else question.metrics[0]
    found |= {"kind": question.kind, "metric": metric, "sentence": said.sentence, "details": list(said.details)}
    found |= {"taken_for": question.taken or None, "rows": rows}
    if question.kind == "compare" and len(question.parameters) > 1:
        found["interactions"] = _interactions(findings)
    return _plain(found)  # type: ignore[no-any-return]


def _rows(findings: Findings, question: Asked) -> list[dict[str, Any]]:
    if question.kind == "compare":
        return _compared(findings)
    if question.kind in ("smallest", "largest"):
        return _extremes(findings, question.parameters[0])
    chosen = choices_by(findings, question).values()
    rows: list[dict[str, Any]] = []
    if question.kind == "rate":
        for choice in chosen:
            solved, seeds = int(choice.replicates["solved"].astype(bool).sum()), len(choice.replicates)
            low, high = binomial_interval(solved, seeds)
            figures = {"solved": solved, "seeds": seeds, "value": solved / seeds, "low": low, "high": high}
            rows.append({"condition": choice.condition.values} | figures)
        return rows
    for choice in chosen:
        metric = question.metrics[0]
        value, (low, high) = figure_of(metric, choice.trial, choice.replicates)
        parameters = {
            name: _as_written(findings.experiment, name, choice.trial[name])
            for name in findings.experiment.search
            if not _missing(choice.trial[name])
        }
        about = {"condition": choice.condition.values, "trial": int(choice.trial["trial"]), "parameters": parameters}
        rows.append(about | {"metric": metric, "value": value, "low": low, "high": high, "confirmed": choice.confirmed})
    return rows


def _compared(findings: Findings) -> list[dict[str, Any]]:
    rows = []
    for each in effects(findings).rows:
        found, experiment = each.found, findings.experiment
        rows.append(
            {
                "condition": _condition(experiment, found.condition),
                "parameter": each.parameter,
                "a": _as_written(experiment, each.parameter, each.a),
                "b": _as_written(experiment, each.parameter, each.b),
                "metric": found.metric,
                "value_a": found.value_a,
                "value_b": found.value_b,
                "difference": found.difference,
                "low": found.low,
                "high": found.high,
                "p_value": found.p_value,
                "verdict": found.verdict,
                "seeds": list(found.units),
                "seeds_to_settle": [found.seeds_to_settle_low, found.seeds_to_settle_high],
            }
        )
    return rows


def _interactions(findings: Findings) -> list[dict[str, Any]]:
    experiment = findings.experiment
    rows = []
    for each in effects(findings).interactions:
        (name, other), changed = each.parameters, asdict(each)
        changed["condition"] = _condition(experiment, each.condition)
        changed["values"] = [_as_written(experiment, name, value) for value in each.values]
        changed["beside"] = [_as_written(experiment, other, value) for value in each.beside]
        rows.append(changed | {"told": each.told})
    return rows


def _extremes(findings: Findings, parameter: str) -> list[dict[str, Any]]:
    rows = []
    experiment = findings.experiment
    for each in extremes(findings):
        verdicts = {verdict: each.values(verdict) for verdict in ("meets", "fails", "open")}
        listed = {
            verdict: [_as_written(experiment, parameter, value) for value in values]
            for verdict, values in verdicts.items()
        }
        value = None if each.value is None else _as_written(experiment, parameter, each.value)
        rows.append(
            {"condition": _condition(experiment, each.condition), "value": value}
            | listed
            | {"certain": each.certain, "monotone": each.monotone}
            | {
                "measured": [
                    asdict(replace(measured, value=_as_written(experiment, parameter, measured.value)))
                    for measured in each.measured
                ]
            }
        )
    return rows


def _condition(experiment: Experiment, condition: dict[str, Any]) -> dict[str, Any]:
    return {name: _as_written(experiment, name, value) for name, value in condition.items()}


def _as_written(experiment: Experiment, name: str, value: Any) -> Any:
    """A value as the file has it: a column of words and numbers holds texts."""
    dimension = experiment.search.get(name)
    if isinstance(dimension, Choices):
        for choice in dimension.choices:
            if choice == value or str(choice) == str(value):
                return choice
    return value


def _missing(value: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_scalar(value) and pd.isna(value))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value
