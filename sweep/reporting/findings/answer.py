"""The answer to an experiment's question, computed from its results and said with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import pandas as pd

from sweep.errors import SweepError
from sweep.experiment.answer import Kind
from sweep.experiment.asked import Asked, asked
from sweep.experiment.outcomes import OUTCOMES
from sweep.faults import plural
from sweep.reporting.findings.choice import Choice, choices
from sweep.reporting.findings.computations import same_as
from sweep.reporting.findings.conditions import given_up
from sweep.reporting.findings.counts import Counts, counts
from sweep.reporting.findings.effects import details_of_effects, sentence_of_effects
from sweep.reporting.findings.extremes import details_of_extremes, sentence_of_extremes
from sweep.reporting.findings.findings import Findings, found_once
from sweep.reporting.findings.labels import settings
from sweep.reporting.findings.runner_up import told_apart
from sweep.reporting.findings.tables import ert_interval, recall_interval
from sweep.reporting.findings.trust import lasting, reservation
from sweep.reporting.look.display import (
    count,
    count_interval,
    joined,
    objective_text,
    percent,
    percent_interval,
)
from sweep.results.ranking import as_good

_ROUNDING = 1e-9
_SPELT_OUT = 5  # conditions that one sentence can name; of more it names the extremes


@dataclass(frozen=True)
class Answer:
    """The answer in one sentence, and what a careful reader wants to know next, a sentence each."""

    sentence: str
    details: tuple[str, ...] = ()


@found_once
def answer(findings: Findings) -> Answer:
    """The answer: for one condition what its best trial reached, for several how they differ."""
    tally = counts(findings)
    if tally.finished == 0:
        return Answer(f"There is no answer yet: no trial of {tally.expected:,} has finished.")
    chosen = choices(findings)
    if not chosen:
        ends = [
            f"{number} {end}" for number, end in ((tally.failed, "failed"), (tally.pruned, "ended early")) if number
        ]
        return Answer(f"There is no answer: of {plural(tally.finished, 'trial')}, {joined(ends)}.")
    try:
        question = asked(findings.experiment)
        sentence, details = _answered(findings, question, choices_by(findings, question), tally)
        if question.taken:
            details += (f"The file asks nothing in [answer]; its design was taken for `{question.taken}`.",)
    except SweepError as error:
        reason = str(error).removesuffix(".")
        sentence, details = f"There is no answer{' yet' if tally.interrupted else ''}: {reason}.", ()
    if tally.interrupted:
        so_far = f"So far, with {tally.finished:,} of {plural(tally.expected, 'trial')} finished: "
        sentence = so_far + sentence[0].lower() + sentence[1:]
    return Answer(sentence, details)


def asked_kind(findings: Findings) -> Kind | None:
    """What is asked; None of a stored `[answer]` that is none."""
    try:
        return asked(findings.experiment).kind
    except SweepError:
        return None


def choices_by(findings: Findings, question: Asked) -> dict[int, Choice]:
    """The best of each condition by what is asked for, where that is not what the study optimised."""
    objective = findings.experiment.study.objectives[0].removeprefix("-")
    if question.kind != "best" or question.metrics[0] == objective:
        return choices(findings)
    name = question.metrics[0]
    wanted = f"-{name}" if OUTCOMES[name].better == "lower" else name
    study = findings.experiment.study.model_copy(update={"objective": wanted})
    experiment = findings.experiment.model_copy(update={"study": study})
    return choices(Findings(replace(findings.results, experiment=experiment)))


def _answered(
    findings: Findings, question: Asked, chosen: dict[int, Choice], tally: Counts
) -> tuple[str, tuple[str, ...]]:
    """The sentence, and the details."""
    if question.kind in ("compare", "smallest", "largest"):
        compares = question.kind == "compare"
        sentence = sentence_of_effects(findings) if compares else sentence_of_extremes(findings)
        details = details_of_effects(findings) if compares else details_of_extremes(findings)
        trained = _every(findings)
        metric = question.metrics[0] if compares else question.bound.metric if question.bound else ""
        if metric == "solve_rate" and (said := reservation(findings, trained)):
            solved = sum(int(choice.replicates["solved"].astype(bool).sum()) for choice in trained)
            trained_from = sum(len(choice.replicates) for choice in trained)
            details.insert(0, f"{solved:,} of all {trained_from:,} networks solved it; {said}.")
        return sentence, (*details, *lasting(findings, trained))
    if len(findings.experiment.condition_settings) == 1:
        sentence = _single(findings, chosen[0], tally)
        more = [*_details(findings, chosen[0]), *lasting(findings, [chosen[0]]), *_tied(findings, chosen[0])]
    else:
        sentence = _several(findings, chosen)
        more = [*_by_condition(findings, chosen), *lasting(findings, list(chosen.values()))]
    return sentence, (*more, *_sure(findings), *_picked(findings, chosen, tally))


def _every(findings: Findings) -> list[Choice]:
    """All complete trials of the search."""
    trials = findings.search.trials[findings.search.trials["state"] == "complete"]
    return [
        Choice(condition, findings.search, trial, False)
        for condition in findings.conditions
        for _, trial in condition.rows(trials).iterrows()
    ]


def _single(findings: Findings, chosen: Choice, tally: Counts) -> str:
    condition, best = chosen.condition, chosen.trial
    reserved = f"; {said}" if (said := reservation(findings, [chosen])) else ""
    outcome = f"{_share(best)} {_verb(best)} with {condition.success}{reserved}{_lost(chosen)}."
    if not findings.experiment.search:
        model, training = condition.configuration.model, condition.configuration.training
        return f"With {plural(model.units, 'unit')} and {plural(training.epochs, 'epoch')}, {outcome}"
    how = f"number {best['trial']} ranks first ({_by(findings)})"
    if chosen.confirmed:
        again = len(chosen.source.trials)
        how += f" of the {plural(again, 'configuration')} that were trained again" if again > 1 else " again"
    return f"Of {plural(tally.complete, 'complete trial')}, {how}: with {settings(findings, best)}, {outcome}"


def _several(findings: Findings, chosen: dict[int, Choice]) -> str:
    how = "With the best configuration found for each condition, t" if findings.experiment.search else "T"
    reserved = f"; {said}" if (said := reservation(findings, list(chosen.values()))) else ""
    numbers = sorted(chosen, key=lambda number: (-float(chosen[number].trial["solve_rate"]), number))
    if len(numbers) <= _SPELT_OUT:
        with_what = {number: _found_there(findings, choice) for number, choice in chosen.items()}
        once = set(with_what.values())
        if len(once) == 1 and (same := once.pop()) and findings.experiment.search:
            how, with_what = f"With {same.strip(' ()')}, the best in each condition, t", {}
        parts = [
            f"{_share(chosen[number].trial)} at {chosen[number].condition.label}{with_what.get(number, '')}"
            for number in sorted(chosen)
        ]
        return f"{how}he task is solved by {joined(parts)}{reserved}."
    best, worst = (chosen[number] for number in (numbers[0], numbers[-1]))
    most, least = _share(best.trial), _share(worst.trial)
    if most == least:
        return f"{how}he task is solved by {most} in each of {len(numbers)} conditions{reserved}."
    ends = f"{least} at {worst.condition.label} and {most} at {best.condition.label}"
    return f"{how}he task is solved by between {ends}, over {len(numbers)} conditions{reserved}."


def _found_there(findings: Findings, choice: Choice) -> str:
    """What the search found best under a condition, in brackets; empty where nothing is searched."""
    return f" ({settings(findings, choice.trial)})" if findings.experiment.search else ""


def _by(findings: Findings) -> str:
    """The study's objectives in words."""
    parts = []
    for objective in findings.experiment.study.objectives:
        name = objective.removeprefix("-")
        least = "fewest" if name == "parameters" else "lowest"
        parts.append(f"{least if objective.startswith('-') else 'highest'} {objective_text(name).split(' (')[0]}")
    return joined(parts)


def _by_condition(findings: Findings, chosen: dict[int, Choice]) -> list[str]:
    settings = findings.conditions
    short = [each for each in chosen.values() if _beside_no_memory(each) != "above"]
    number = len(chosen) - len(short)
    sentences = [
        f"In {number} of {len(chosen)} conditions the final element, the one that needs memory, is right more often "
        "than a predictor without memory can get it, by the 95% interval over the seeds."
    ]
    if 0 < len(short) <= _SPELT_OUT:
        sentences[0] = f"{sentences[0][:-1]}, but not at {joined([each.condition.label for each in short])}."
    effort = {float(each.trial["ert_sequences"]): each for each in chosen.values()}
    if len(effort) > 1 and not any(map(math.isnan, effort)):
        ends = [f"{_ert(findings, effort[ert])} at {effort[ert].condition.label}" for ert in (min(effort), max(effort))]
        sentences.append(f"To solve it once costs between {ends[0]} and {ends[1]} training sequences on average (ERT).")
    missing = [condition.label for number, condition in enumerate(settings) if number not in chosen]
    if missing:
        where = joined(missing) if len(missing) <= _SPELT_OUT else f"{len(missing)} of {len(settings)} conditions"
        sentences.append(f"There is no complete trial at {where}.")
    return sentences


def _details(findings: Findings, chosen: Choice) -> list[str]:
    condition, best = chosen.condition, chosen.trial
    ceiling, interval = condition.recall_ceiling, recall_interval(chosen.replicates["recall_accuracy"])
    known = f" (95% interval {percent_interval(*interval)})" if math.isfinite(interval.low) else ""
    which = "The final element, the one that needs memory," if ceiling < 1 else "The final element"
    sentences = [
        f"{which} is right in {percent(float(best['recall_accuracy']))} of the tests{known}, "
        f"{_beside_no_memory(chosen)} the {percent(ceiling)} that a predictor without memory can reach; "
        f"chance is {percent(condition.chance)}."
    ]
    censored = given_up(chosen.source, condition, best)
    sentences += [f"{censored.capitalize()}."] if censored else []
    epochs, effort = best["epochs_to_solve"], best["ert_sequences"]
    if pd.notna(epochs):
        sentences.append(f"Half of the seeds have had {condition.success} once by epoch {round(epochs):,}.")
    if pd.isna(effort):
        least = count(ert_interval(findings, best, chosen.replicates).low)
        sentences.append(
            f"To have {condition.success} once costs more than {least} training sequences on average (ERT): no seed "
            "got there, and the highest rate of success that they leave likely would waste so many."
        )
    elif chosen.replicates["sequences_to_solve"].isna().any():
        sentences.append(
            f"Counting the training of the seeds that never get there, to have {condition.success} once costs "
            f"{_ert(findings, chosen)} training sequences on average (ERT)."
        )
    return sentences


def _beside_no_memory(chosen: Choice) -> str:
    """How the recall of a choice's seeds stands to the best that needs no memory, as far as their interval tells."""
    low, high = recall_interval(chosen.replicates["recall_accuracy"])
    ceiling = chosen.condition.recall_ceiling
    if low > ceiling + _ROUNDING:
        return "above"
    return "below" if high < ceiling - _ROUNDING else "not told from"


def _ert(findings: Findings, chosen: Choice) -> str:
    """Its ERT, with the interval."""
    interval = count_interval(*ert_interval(findings, chosen.trial, chosen.replicates))
    return f"{count(float(chosen.trial['ert_sequences']))} (95% interval {interval})"


def _tied(findings: Findings, chosen: Choice) -> list[str]:
    """What to add where the objectives alone do not make the trial the best one."""
    if not findings.experiment.search:
        return []
    others = as_good(chosen.source.ranked, len(findings.conditions), chosen.trial)
    if not chosen.confirmed:
        others -= same_as(findings, int(chosen.trial["trial"]))  # the same score is no wonder there
    if not others:
        return []
    verb = "does" if others == 1 else "do"
    if len(findings.experiment.study.objectives) > 1:
        return [
            f"{plural(others, 'other trial')} {verb} as well as it: better by one objective and worse by another "
            "(the Pareto front)."
        ]
    return [
        f"{plural(others, 'other trial')} {'has' if others == 1 else 'have'} the very same score; "
        "solve rate, then ERT, then the trial's number decided between them."
    ]


def _sure(findings: Findings) -> list[str]:
    """Whether the best configuration can be told from the next best."""
    said = told_apart(findings) if findings.experiment.search else ""
    return [said] if said else []


def _picked(findings: Findings, chosen: dict[int, Choice], tally: Counts) -> list[str]:
    """How far the scores can be trusted that a configuration was picked by."""
    if not findings.experiment.search or tally.complete < 2:
        return []
    if all(each.confirmed for each in chosen.values()):
        return [
            "These are the confirmed scores, from seeds that the search never saw.",
            *_second_choice(findings, chosen),
        ]
    if any(each.confirmed for each in chosen.values()):
        return ["Only some of these scores were confirmed on seeds that the search never saw; the table says which."]
    return ["Picked as the best by these very scores, it is likely to do worse from other seeds."]


def _second_choice(findings: Findings, chosen: dict[int, Choice]) -> list[str]:
    """That the best of several confirmed configurations was picked by its confirmed scores, and what is without that.

    All seeds are kept for the choice and for its score: half of them for each would choose worse and know less. The
    search's own first choice is named beside it, whose confirmed score nothing was picked by.
    """
    rivals = {number: len(each.condition.rows(each.source.trials)) for number, each in chosen.items()}
    most = max(rivals.values())
    if most < 2:
        return []
    picked = f"The best of {most} was chosen by these same scores: a second choice, which flatters it again."
    if len(chosen) > 1:
        return [picked]
    ((number, choice),) = chosen.items()
    first = int(findings.search.best[number]["trial"])
    if first == int(choice.trial["trial"]):
        return [f"{picked} It was the search's first choice too."]
    trials = choice.source.trials
    again = trials[(trials["trial"] == first) & (trials["state"] == "complete")]
    if again.empty:
        return [picked]
    return [f"{picked} The search's own first choice, number {first}, came to {_share(again.iloc[0])}."]


def _share(trial: pd.Series) -> str:
    seeds = int(trial["seeds"])
    solved = round(float(trial["solve_rate"]) * seeds)
    interval = percent_interval(float(trial["solve_rate_low"]), float(trial["solve_rate_high"]))
    rate = f"{percent(float(trial['solve_rate']))}, " if solved else ""
    return f"{solved or 'none'} of {plural(seeds, 'seed')} ({rate}95% interval {interval})"


def _verb(trial: pd.Series) -> str:
    return "ends" if round(float(trial["solve_rate"]) * int(trial["seeds"])) <= 1 else "end"


def _lost(chosen: Choice) -> str:
    """What to add where replicates had solved the task at some test, and no longer at the last one."""
    replicates = chosen.replicates
    lost = int((replicates["epochs_to_solve"].notna() & ~replicates["solved"].astype(bool)).sum())
    return f"; {lost} more had that at some time and lost it again" if lost else ""
