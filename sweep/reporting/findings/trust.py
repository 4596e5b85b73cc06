"""Whether a success can be trusted: by what margin, at what loss, and whether it lasts to the last test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from sweep.reporting.findings.choice import Choice
from sweep.reporting.findings.conditions import trained_with
from sweep.reporting.findings.findings import Findings
from sweep.reporting.look.display import count, count_interval, joined, value_text


@dataclass(frozen=True)
class Margins:
    """Of the seeds that solved the task: how many did so by the margin, and how many below the memoryless loss.

    `bound` is that loss; None, as `below`, where it is not defined.
    """

    solved: int
    by_margin: int
    below: int | None
    bound: float | None


def margins(choice: Choice) -> Margins | None:
    """What the choice's seeds show; None where no margin was measured, as in results of the first versions."""
    rows = choice.replicates
    if "solved_with_margin" not in rows or rows["solved_with_margin"].isna().any():
        return None
    solved = rows[rows["solved"].astype(bool)]
    bound = float(choice.trial["memoryless_loss"])
    known = not pd.isna(bound)
    return Margins(
        solved=len(solved),
        by_margin=int(solved["solved_with_margin"].sum()),
        below=int((solved["test_loss"] < bound).sum()) if known else None,
        bound=bound if known else None,
    )


def reservation(findings: Findings, choices: list[Choice]) -> str:
    """What to add to how many solved it, where not all of these did so by the margin; else empty.

    The tutorial's networks often have every step right by a hair: nobody is to take that for memory.
    """
    found = [each for each in map(margins, choices) if each is not None]
    solved, by_margin = sum(each.solved for each in found), sum(each.by_margin for each in found)
    if len(found) < len(choices) or by_margin == solved:
        return ""
    them = "it does not do so" if solved == 1 else f"{by_margin or 'none'} of them"
    margin = value_text(findings.experiment.study.margin)
    said = f"{them} by a margin of {margin} or more"
    if any(each.below is None for each in found):
        return said
    below = sum(each.below or 0 for each in found)
    bounds = joined(sorted({f"{each.bound:.3g}" for each in found}))
    if not below:
        whose = "its test loss is" if solved == 1 else "their test loss is"
        return f"{said}: at this point {whose} still above the {bounds} that a predictor without memory reaches"
    number = "it has" if solved == 1 else f"{'all' if below == solved else below} have"
    return f"{said}, and {number} a test loss below the {bounds} that a predictor without memory reaches"


def lasting(findings: Findings, choices: list[Choice]) -> list[str]:
    """Whether success lasts to the last test, what that costs, and how often was tested, in a sentence."""
    if any("margin" not in each.replicates or each.replicates["margin"].isna().all() for each in choices):
        return []  # the first versions did not say

    def trained(name: str) -> list[Any]:
        return [trained_with(findings.experiment, each.condition, each.trial, name) for each in choices]

    often = sorted({int(every) for every in trained("evaluate_every")})
    tested = "tested after every epoch" if often == [1] else f"tested every {joined(list(map(str, often)))} epochs"
    if all(trained("stop_when_solved")):
        return [f"Each seed was {tested} and stopped at its first success: whether that lasts was not tested."]
    ended = pd.concat([each.replicates for each in choices])
    first, kept = (int(ended[f"sequences_to_{end}"].notna().sum()) for end in ("solve", "keep"))
    if not first:
        return []
    unbroken = int((ended["sequences_to_keep"] == ended["sequences_to_solve"]).sum())
    parts = {"never lost it": unbroken, "lost it and had it back by the last test": kept - unbroken}
    parts["ended without"] = first - kept
    counted = joined([f"{number:,} {what}" for what, number in parts.items() if number])
    said = f"Seeds were {tested}, and who tests more often sees a first success earlier; of {first:,} that ever had "
    said += f"one, {counted}"
    best = choices[0].trial
    if len(choices) > 1 or pd.isna(best["ert_sequences_to_keep"]):
        return [f"{said}."]
    low, high = (float(best[f"ert_sequences_to_keep_{end}"]) for end in ("low", "high"))
    interval = count_interval(low, high)
    effort = f"{count(float(best['ert_sequences_to_keep']))} (95% interval {interval})"
    return [f"{said}, and to have it from some test on to the last costs {effort} sequences on average (ERT to keep)."]
