"""How a trial is called where several are named: by its settings; its number is only where these do not tell it."""

from __future__ import annotations

import pandas as pd

from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.display import MISSING, value_text

_LONGEST = 44  # letters that fit beside a figure


def settings(findings: Findings, trial: pd.Series) -> str:
    """What the search chose for a trial, by the names of the experiment file; what it has no use for is left out."""
    texts = {name: value_text(trial[name]) for name in findings.experiment.search}
    return ", ".join(f"{name} = {text}" for name, text in texts.items() if text != MISSING)


def trial_labels(findings: Findings, trials: pd.DataFrame) -> list[str]:
    """For each row its conditions and settings, those that tell the rows apart; cut where they are long."""
    names = [*findings.experiment.conditions, *findings.experiment.search]
    texts = {name: [value_text(value) for value in trials[name]] for name in names}
    telling = [name for name in names if len(set(texts[name])) > 1]
    whole = [
        ", ".join(f"{name} = {texts[name][row]}" for name in telling if texts[name][row] != MISSING)
        for row in range(len(trials))
    ]
    return [
        label if len(label) <= _LONGEST and whole.count(label) == 1 and label else _with_number(label, int(number))
        for label, number in zip(whole, trials["trial"], strict=True)
    ]


def _with_number(label: str, number: int) -> str:
    """As many whole settings as there is room for before the trial's number."""
    behind = f"trial {number}"
    kept: list[str] = []
    for part in filter(None, label.split(", ")):
        if len(", ".join([*kept, part, behind])) > _LONGEST:
            break
        kept.append(part)
    return ", ".join([*kept, behind])
