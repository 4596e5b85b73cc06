"""What a reader must not conclude from the results, a sentence each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from sweep.experiment.space import Range
from sweep.faults import plural
from sweep.reporting.findings.choice import choices
from sweep.reporting.findings.computations import same_computations
from sweep.reporting.findings.conditions import Condition, epochs_of, given_up, of_trial
from sweep.reporting.findings.counts import Counts, counts
from sweep.reporting.look.display import joined, percent_interval, value_text
from sweep.stats import binomial_interval

if TYPE_CHECKING:
    from sweep.reporting.findings.findings import Findings

_FEW_SEEDS = 20  # below, even a perfect score leaves more than 1 failure in 7 possible
_CONDITIONS = 3  # that are warned of one by one
_LATE = 0.2  # the last part of the epochs, in which a success counts as late
_NEAR = 0.02  # of a range's width: this close to its end counts as at its end


def cautions(findings: Findings) -> list[str]:
    """Everything about these results that limits what they show."""
    tally, settings, best = counts(findings), findings.conditions, findings.search.best
    found = [*_states(tally), *_task(settings)]
    if not best:
        return found
    found += [*_seeds(best), *_winner(findings, tally), *same_computations(findings)]
    for check in (_lost, _given_up, _budget):
        said = [sentence for number, trial in best.items() for sentence in check(findings, settings[number], trial)]
        found += said[:_CONDITIONS]
        if len(said) > _CONDITIONS:
            found.append(f"The same holds for {plural(len(said) - _CONDITIONS, 'other condition')}.")
    return found + _edges(findings, best)


def best_numbers(findings: Findings) -> set[int]:
    """The trials whose curves are looked at: whether the loss of the best ones is still falling at their end."""
    return {int(trial["trial"]) for trial in findings.search.best.values()}


def _states(tally: Counts) -> list[str]:
    sentences = []
    if tally.interrupted:
        missing = tally.expected - tally.finished
        sentences.append(
            f"The run is not finished: {plural(missing, 'trial')} of {tally.expected:,} still to come, "
            "and the answer may change."
        )
    if tally.failed:
        sentences.append(
            f"{tally.failed:,} of {plural(tally.finished, 'trial')} failed with an error; no score counts "
            f"{'it' if tally.failed == 1 else 'them'}."
        )
    if tally.pruned:
        sentences.append(
            f"{tally.pruned:,} of {plural(tally.finished, 'trial')} ended early, because others did better "
            "at the same epoch; some might have caught up."
        )
    if tally.diverged:
        sentences.append(
            f"The loss of {tally.diverged:,} of {plural(tally.replicates, 'replicate')} stopped being a "
            "number. Such a replicate counts as unsolved, and its trial ranks below those without one."
        )
    return sentences


def _task(settings: list[Condition]) -> list[str]:
    sentences = []
    if any(condition.task.tested_on_training_sequences for condition in settings):
        sentences.append(
            "The network is tested on the very sequences that it was trained on. A right answer shows that "
            "it has learnt these by heart, not that it would get others right."
        )
    fresh = sorted({condition.task.num_sequences for condition in settings if condition.task.fresh})
    if fresh:
        numbers = " or ".join(f"{number:,}" for number in fresh)
        sentences.append(
            f"An epoch is no pass over a training set here: it is {numbers} fresh sequences, drawn for each seed "
            "and each epoch anew."
        )
    easy = [condition for condition in settings if condition.recall_ceiling == 1]
    if easy:
        where = f" at {joined([condition.label for condition in easy])}" if easy[0].label else ""
        sentences.append(f"The final element can be told without any memory{where}: a perfect score proves none there.")
    return sentences


def _seeds(best: dict[int, pd.Series]) -> list[str]:
    seeds = min(int(trial["seeds"]) for trial in best.values())
    if seeds >= _FEW_SEEDS:
        return []
    perfect = percent_interval(*binomial_interval(seeds, seeds))
    return [
        f"With {plural(seeds, 'seed')} a trial, even a perfect score leaves the true solve rate "
        f"anywhere within {perfect}."
    ]


def _winner(findings: Findings, tally: Counts) -> list[str]:
    if not findings.experiment.search or tally.complete < 2:
        return []
    if all(choice.confirmed for choice in choices(findings).values()):
        return [
            f"The confirmed scores are those of new seeds; every other score of the {tally.complete:,} trials is the "
            "search's own, and the best of these are optimistic."
        ]
    return [
        f"The best of {tally.complete:,} trials is picked by the very scores that are printed here, so its "
        "own are optimistic and its interval is too narrow. Train it again from seeds that the search never "
        "saw before you rely on it."
    ]


def _lost(findings: Findings, condition: Condition, trial: pd.Series) -> list[str]:
    """Whether replicates had solved the task and lost it again, so that the last test is a matter of luck."""
    replicates = of_trial(findings.search.replicates, int(trial["trial"]))
    lost = int((replicates["epochs_to_solve"].notna() & ~replicates["solved"].astype(bool)).sum())
    if lost < max(1, 0.1 * len(replicates)):
        return []
    where = f" at {condition.label}" if condition.label else ""
    return [
        f"Success comes and goes{where}: {lost} of {plural(len(replicates), 'seed')} had {condition.success} at "
        "some test and not at the last one, so the solve rate depends on the epoch at which training ends."
    ]


def _given_up(findings: Findings, condition: Condition, trial: pd.Series) -> list[str]:
    """Whether replicates were given up unsolved, where each is trained until it solves the task."""
    censored = given_up(findings.search, condition, trial)
    where = f"At {condition.label}, " if condition.label else ""
    said = f"{where}{censored}." if where else f"{censored.capitalize()}."
    return [f"{said} With more training these might solve the task, or might not."] if censored else []


def _budget(findings: Findings, condition: Condition, trial: pd.Series) -> list[str]:
    """Whether the trial's epochs ended before its seeds were done learning."""
    epochs = epochs_of(findings.experiment, condition, trial)
    replicates = of_trial(findings.search.replicates, int(trial["trial"]))
    successes = replicates[replicates["solved"].astype(bool)]
    solved, late = len(successes), int((successes["epochs_to_solve"] > (1 - _LATE) * epochs).sum())
    where = f" at {condition.label}" if condition.label else ""
    if late >= max(1, 0.1 * solved) and solved < len(replicates):
        return [
            f"The budget may be too short{where}: of {plural(solved, 'solved seed')}, {late} got there only in the "
            f"last fifth of the {epochs:,} epochs, so with more epochs others might follow."
        ]
    if not solved and _still_falling(of_trial(findings.search.curves, int(trial["trial"])), epochs):
        return [
            f"The budget may be too short{where}: the loss is still falling at the end of the {epochs:,} "
            "epochs, so failure here says nothing about a longer training."
        ]
    return []


def _still_falling(curves: pd.DataFrame, epochs: int) -> bool:
    """Whether the median loss fell by more than a twentieth in the last fifth of the epochs."""
    loss = curves.groupby("epoch")["loss"].median().dropna()
    earlier = loss[loss.index <= (1 - _LATE) * epochs]
    return len(earlier) > 0 and bool(loss.iloc[-1] < 0.95 * earlier.iloc[-1])


def _edges(findings: Findings, best: dict[int, pd.Series]) -> list[str]:
    found = []
    for name, dimension in findings.experiment.search.items():
        if isinstance(dimension, Range) and dimension.low < dimension.high:
            ends = {_end(dimension, trial[name]) for trial in best.values()} - {None}
            found += [f"{name} at {value_text(end)}" for end in (dimension.low, dimension.high) if end in ends]
    if not found:
        return []
    return [f"The best trial lies at the end of a searched range ({joined(found)}); better may lie beyond it."]


def _end(dimension: Range, value: Any) -> float | int | None:
    """The end of the range that `value` is at; None inside it, and where it was not searched beside the others."""
    if pd.isna(value):
        return None
    scale = math.log if dimension.log else float
    low, high, at = scale(dimension.low), scale(dimension.high), scale(value)
    if at - low <= _NEAR * (high - low):
        return dimension.low
    return dimension.high if high - at <= _NEAR * (high - low) else None
