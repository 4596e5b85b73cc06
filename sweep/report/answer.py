"""The answer to an experiment's question, computed from its results and said with its uncertainty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from sweep.report.conditions import Condition, conditions, given_up, of_trial
from sweep.report.counts import Counts, counts
from sweep.report.display import count, heading, joined, percent, percent_interval, plural, value_text
from sweep.report.tables import as_good, best_trials

if TYPE_CHECKING:
    from sweep.store import Results

_SPELT_OUT = 4  # conditions that one sentence can name; of more it names the extremes


@dataclass(frozen=True)
class Answer:
    """The answer in one sentence, and what a careful reader wants to know next, a sentence each."""

    sentence: str
    details: tuple[str, ...] = ()


def answer(results: Results) -> Answer:
    """The answer: for one condition what its best trial reached, for several how they differ."""
    tally = counts(results)
    if tally.finished == 0:
        return Answer(f"There is no answer yet: no trial of {tally.expected:,} has finished.")
    best = best_trials(results)
    if not best:
        ends = [
            f"{number} {end}" for number, end in ((tally.failed, "failed"), (tally.pruned, "ended early")) if number
        ]
        return Answer(f"There is no answer: of {plural(tally.finished, 'trial')}, {joined(ends)}.")
    known = {number: conditions(results)[number] for number in best}
    if len(results.experiment.condition_settings) == 1:
        sentence = _single(results, known[0], best[0], tally)
        details = _details(results, known[0], best[0]) + _tied(results, best[0]) + _picked(results, tally)
    else:
        sentence = _several(results, known, best, tally)
        details = _by_condition(results, known, best) + _picked(results, tally)
    if tally.interrupted:
        so_far = f"So far, with {tally.finished:,} of {plural(tally.expected, 'trial')} finished: "
        sentence = so_far + sentence[0].lower() + sentence[1:]
    return Answer(sentence, tuple(details))


def settings(results: Results, trial: pd.Series) -> str:
    """What the search chose for a trial, by the names of the experiment file."""
    return ", ".join(f"{name} = {value_text(trial[name])}" for name in results.experiment.search)


def _single(results: Results, condition: Condition, best: pd.Series, tally: Counts) -> str:
    share = _share(best)
    if not results.experiment.search:
        model, training = condition.configuration.model, condition.configuration.training
        setting = f"With {plural(model.units, 'unit')} and {plural(training.epochs, 'epoch')}"
        return f"{setting}, {share} {_verb(best)} with {condition.success}{_lost(results, best)}."
    return (
        f"Of {plural(tally.complete, 'complete trial')}, number {best['trial']} ranks first ({_by(results)}): with "
        f"{settings(results, best)}, {share} {_verb(best)} with {condition.success}{_lost(results, best)}."
    )


def _several(results: Results, known: dict[int, Condition], best: dict[int, pd.Series], tally: Counts) -> str:
    chosen = "With the best configuration found for each condition, t" if results.experiment.search else "T"
    numbers = sorted(best, key=lambda number: (-float(best[number]["solve_rate"]), number))
    if len(numbers) <= _SPELT_OUT:
        parts = [f"{_share(best[number])} at {known[number].label}" for number in sorted(best)]
        return f"{chosen}he task is solved by {joined(parts)}."
    ends = [f"{_share(best[number])} at {known[number].label}" for number in (numbers[0], numbers[-1])]
    return f"{chosen}he task is solved by between {ends[1]} and {ends[0]}, over {len(numbers)} conditions."


def _by(results: Results) -> str:
    """The study's objectives in words."""
    parts = []
    for objective in results.experiment.study.objectives:
        name = objective.removeprefix("-")
        least = "fewest" if name == "parameters" else "lowest"
        parts.append(f"{least if objective.startswith('-') else 'highest'} {heading(name).split(' (')[0]}")
    return joined(parts)


def _by_condition(results: Results, known: dict[int, Condition], best: dict[int, pd.Series]) -> list[str]:
    settings = conditions(results)
    sentences = [
        f"{condition.label}: " + " ".join(_details(results, condition, best[number]))
        for number, condition in known.items()
    ]
    if len(known) > _SPELT_OUT:
        above = sum(float(best[number]["recall_accuracy"]) > known[number].recall_ceiling for number in known)
        sentences = [
            f"In {above} of {len(known)} conditions the final element is right more often than a predictor "
            "without memory can get it; the table has each of them."
        ]
    missing = [condition.label for number, condition in enumerate(settings) if number not in known]
    if missing:
        where = joined(missing) if len(missing) <= _SPELT_OUT else f"{len(missing)} of {len(settings)} conditions"
        sentences.append(f"There is no complete trial at {where}.")
    return sentences


def _details(results: Results, condition: Condition, best: pd.Series) -> list[str]:
    recall, ceiling = float(best["recall_accuracy"]), condition.recall_ceiling
    compared = "above" if recall > ceiling else "no better than"
    which = "The final element, the one that needs memory," if ceiling < 1 else "The final element"
    sentences = [
        f"{which} is right in {percent(recall)} of the tests, "
        f"{compared} the {percent(ceiling)} that a predictor without memory can reach; "
        f"chance is {percent(condition.chance)}."
    ]
    censored = given_up(results, condition, best)
    sentences += [f"{censored.capitalize()}."] if censored else []
    epochs, effort = best["epochs_to_solve"], best["ert_sequences"]
    if pd.notna(epochs):
        sentences.append(f"Half of the seeds have had {condition.success} once by epoch {round(epochs):,}.")
    if pd.notna(effort) and float(best["solve_rate"]) < 1:
        sentences.append(
            f"Counting the training of the seeds that never get there, to have {condition.success} once costs "
            f"{count(effort)} training sequences on average (ERT)."
        )
    return sentences


def _tied(results: Results, best: pd.Series) -> list[str]:
    """What to add where the objectives alone do not make the trial the best one."""
    others = as_good(results, best) if results.experiment.search else 0
    if not others:
        return []
    verb = "does" if others == 1 else "do"
    if len(results.experiment.study.objectives) > 1:
        return [
            f"{plural(others, 'other trial')} {verb} as well as it: better by one objective and worse by another "
            "(the Pareto front)."
        ]
    return [
        f"{plural(others, 'other trial')} {'has' if others == 1 else 'have'} the very same score; "
        "solve rate, then ERT, then the trial's number decided between them."
    ]


def _picked(results: Results, tally: Counts) -> list[str]:
    if not results.experiment.search or tally.complete < 2:
        return []
    return ["Picked as the best by these very scores, it is likely to do worse from other seeds."]


def _share(trial: pd.Series) -> str:
    seeds = int(trial["seeds"])
    solved = round(float(trial["solve_rate"]) * seeds)
    interval = percent_interval(float(trial["solve_rate_low"]), float(trial["solve_rate_high"]))
    rate = f"{percent(float(trial['solve_rate']))}, " if solved else ""
    return f"{solved or 'none'} of {plural(seeds, 'seed')} ({rate}95% interval {interval})"


def _verb(trial: pd.Series) -> str:
    return "ends" if round(float(trial["solve_rate"]) * int(trial["seeds"])) <= 1 else "end"


def _lost(results: Results, trial: pd.Series) -> str:
    """What to add where replicates had solved the task at some test, and no longer at the last one."""
    replicates = of_trial(results.replicates, int(trial["trial"]))
    lost = int((replicates["epochs_to_solve"].notna() & ~replicates["solved"].astype(bool)).sum())
    return f"; {lost} more had that at some time and lost it again" if lost else ""
