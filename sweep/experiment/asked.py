"""What an experiment asks: as its `[answer]` says, or else as its design has it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sweep.errors import SweepError
from sweep.experiment.answer import MOST_VALUES, AnswerConfig, Bound, Kind, names_in, parse_bound
from sweep.experiment.experiment import Experiment
from sweep.experiment.grid import grid_values
from sweep.experiment.space import Choices
from sweep.faults import quoted, unknown


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The question as a program can answer it.

    `parameters` are compared, or the smallest or largest value of the one is asked for; `within` are answered for value
    by value; the first of the `metrics` decides, a second one is told where it says otherwise. `taken` is
    the line that the file might have had, where it has none and the design decided.
    """

    kind: Kind
    parameters: tuple[str, ...] = ()
    within: tuple[str, ...] = ()
    bound: Bound | None = None
    metrics: tuple[str, ...] = ()
    taken: str = ""


def asked(experiment: Experiment) -> Asked:
    """What is asked; SweepError where a stored `[answer]` asks for what the experiment has not."""
    answer = experiment.answer
    if answer is None:
        return _by_design(experiment)
    kind = answer.kind
    if kind is None or (faults := faults_of_answer(experiment, answer)):
        reason = faults[0] if kind else "answer: asks for no one thing"
        raise SweepError(f"{reason}; change [answer] in the file and run it again: nothing is trained anew for that")
    return Asked(
        kind=kind,
        parameters=answer.parameters,
        within=names_in(answer.within),
        bound=parse_bound(answer.where) if answer.where is not None else None,
        metrics=_metrics(experiment, kind, answer.metric),
    )


def faults_of_answer(experiment: Experiment, answer: AnswerConfig) -> list[str]:
    """What in `[answer]` does not fit the rest of the file, one line a fault."""
    faults: list[str] = []
    search, kind = experiment.search, answer.kind
    if kind == "rate" and search:
        faults.append(f"answer.rate: {', '.join(search)} is searched, so there is no one rate; ask best or compare")
    if kind in ("best", "compare") and not search:
        faults.append(f"answer.{kind}: nothing is searched, so there is nothing to choose from; ask rate")
        return faults
    known = [*search] if kind == "compare" else [*search, *experiment.conditions]
    for name in answer.parameters:
        if name not in known:
            hint = "; conditions are told one by one, as they are" if name in experiment.conditions else ""
            word = "searched parameter" if kind == "compare" else "searched parameter or condition"
            faults.append(f"answer.{kind}: {unknown(word, name, known)}{hint}")
        elif kind == "compare" and (wrong := _fault_of_number(experiment, name)):
            faults.append(f"answer.compare: {name} {wrong}")
        elif kind != "compare" and not _is_ordered(experiment, name):
            faults.append(f"answer.{kind}: {name} has values that are no numbers; name one that has a smallest value")
    for name in names_in(answer.within):
        if name not in search:
            hint = "; each condition is answered for anyway" if name in experiment.conditions else ""
            faults.append(f"answer.within: {unknown('searched parameter', name, [*search])}{hint}")
        elif name in answer.parameters:
            faults.append(f"answer.within: {name} is what is asked about; leave it out here")
        elif wrong := _fault_of_number(experiment, name):
            faults.append(f"answer.within: {name} {wrong}")
    return faults


def number_of_values(experiment: Experiment, name: str) -> int | None:
    """How many values a searched parameter can take; None where they are without end."""
    dimension = experiment.search[name]
    try:
        values = grid_values(name, dimension, whole=experiment.base.number_type(name) is int)
    except ValueError:
        whole = experiment.base.number_type(name) is int
        return None if isinstance(dimension, Choices) or not whole else int(dimension.high - dimension.low) + 1
    return len(values)


def _fault_of_number(experiment: Experiment, name: str) -> str:
    number = number_of_values(experiment, name)
    if number is None:
        return f"is a range without steps; at most {MOST_VALUES} values can be compared, so give choices"
    if number > MOST_VALUES:
        return f"has {number} values; at most {MOST_VALUES} can be compared"
    return "has one value; two are needed" if number < 2 else ""


def _is_ordered(experiment: Experiment, name: str) -> bool:
    dimension = experiment.search.get(name)
    values: Iterable[Any] = experiment.conditions[name] if dimension is None else dimension.extremes
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _by_design(experiment: Experiment) -> Asked:
    if not experiment.search:
        return Asked(kind="rate", metrics=("solve_rate",), taken="rate = true")
    few = [name for name in experiment.search if 2 <= (number_of_values(experiment, name) or 0) <= MOST_VALUES]
    if experiment.study.sampler == "grid" and few:
        names = quoted(few[0]) if len(few) == 1 else f"[{', '.join(map(quoted, few))}]"
        metrics = _metrics(experiment, "compare", None)
        return Asked(kind="compare", parameters=tuple(few), metrics=metrics, taken=f"compare = {names}")
    return Asked(kind="best", metrics=_metrics(experiment, "best", None), taken="best = true")


def _metrics(experiment: Experiment, kind: Kind, named: str | None) -> tuple[str, ...]:
    """The outcome that decides, and for a comparison another one that may say otherwise.

    Whether a task is solved is a question with one answer where its sequences are fixed or its criterion was given, or
    where a network is trained until it solves it. Of random sequences, `solved` is that no test sequence is missed:
    there the share of final symbols that are right says more.
    """
    if kind in ("smallest", "largest"):
        return ()
    if named is not None:
        return (named,)
    if kind == "rate":
        return ("solve_rate",)
    if kind == "best":
        return (experiment.study.objectives[0].removeprefix("-"),)
    return (fitting_metric(experiment), "sequences_to_solve")


def fitting_metric(experiment: Experiment) -> str:
    """The outcome by which the configurations of a task are compared where the file names none."""
    task = experiment.task
    own_criterion = getattr(task, "max_error", 1) < 1 or getattr(task, "criterion_sequences", None) is not None
    fixed = task.name in ("increasing", "explicit")
    if fixed or own_criterion or experiment.training.stop_when_solved:
        return "solve_rate"
    return "recall_accuracy"
