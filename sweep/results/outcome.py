"""What a trial found: the scores of its replicates, and the figures that sum them up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sweep.experiment.outcomes import OUTCOMES, Measure, measured_at
from sweep.stats import binomial_interval, censored_median, expected_running_time, expected_running_time_interval

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The outcomes of R replicates at E tests; nan where a replicate had stopped before.

    `epochs` (E,) is counted from 1; every other array is (R, E). `loss` is the mean of the updates' losses
    over the epoch before the test; `max_error` the largest distance of a scored output from its target;
    `sequences` and `updates` count what a replicate was trained on up to the test. `solved` is the task's
    criterion: every scored step of the test right and no `max_error` beyond the task's, confirmed on its
    criterion sequences where it has any; False where a replicate had stopped before. `others` are the outcomes
    that nothing asks for but the table of outcomes, by their names.
    """

    epochs: NDArray[np.int64]
    loss: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    recall_accuracy: NDArray[np.float64]
    sequence_accuracy: NDArray[np.float64]
    max_error: NDArray[np.float64]
    sequences: NDArray[np.float64]
    updates: NDArray[np.float64]
    solved: NDArray[np.bool_]
    others: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)

    def of(self, name: str) -> NDArray[Any]:
        """(R, E): an outcome by its name, missing where it is one that was not measured."""
        if name in self.others:
            return self.others[name]
        return np.full_like(self.loss, np.nan) if name in OTHERS else np.asarray(getattr(self, name))

    @property
    def tested(self) -> NDArray[np.bool_]:
        """(R, E): where there was a test at all."""
        return ~np.isnan(self.sequence_accuracy)

    @property
    def diverged(self) -> NDArray[np.bool_]:
        """(R,): replicates whose loss is no longer finite."""
        return np.asarray((self.tested & ~np.isfinite(self.loss)).any(axis=1))

    @staticmethod
    def concatenate(parts: "list[Scores]") -> "Scores":
        """One object for tests that follow each other."""
        others = {name: np.concatenate([part.others[name] for part in parts], axis=-1) for name in parts[0].others}
        return Scores(
            **{name: np.concatenate([getattr(part, name) for part in parts], axis=-1) for name in _ARRAYS},
            others=others,
        )

    def tests(self, part: slice) -> "Scores":
        """The scores of some of the tests."""
        others = {name: values[..., part] for name, values in self.others.items()}
        return Scores(**{name: getattr(self, name)[..., part] for name in _ARRAYS}, others=others)


_ARRAYS = tuple(field.name for field in fields(Scores) if field.name != "others")
OTHERS = tuple(name for name in measured_at("test") if name not in _ARRAYS)
"""What every test measures, and nothing asks for by name."""

MEASURED = ("loss", "accuracy", "recall_accuracy", "sequence_accuracy", "max_error", *OTHERS)
"""What a trainer measures at each test, in this order."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All that a trial leaves behind.

    `step_accuracy` (R, T) and `step_scored` (T,) are those of the last test; nan where no sequence is scored
    at that step. `memoryless_loss` is the bound that `loss` is read against, None where there is none; `budget` is
    how many sequences a replicate that never solves the task is trained on.
    `length_recall_accuracy` and `length_sequence_accuracy` (R, L) are those of the trained networks on sequences
    of other `lengths` (L,). `weights` are the trained ones of the replicate whose seed is `weights_seed`: of those
    that solved, the one with the smallest loss. A failed trial may have no scores; `error` then says why.
    """

    state: State
    seeds: tuple[int, ...]
    scores: Scores | None
    step_accuracy: NDArray[np.float64]
    step_scored: NDArray[np.bool_]
    parameters: int
    train_seconds: float
    compile_seconds: float
    memoryless_loss: float | None = None
    budget: int | None = None
    lengths: tuple[int, ...] = ()
    length_recall_accuracy: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    length_sequence_accuracy: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    weights_seed: int | None = None
    weights: tuple[NDArray[np.float32], ...] = ()
    error: str | None = None


def replicate_table(outcome: Outcome) -> dict[str, NDArray[Any]]:
    """Column -> (R,): how each replicate ended, and when it solved the task (nan: never): first, and to keep it.

    To keep it is to succeed at every later test, too: the first test of the unbroken run of successes that lasts to
    the last one. Between the first success and the last test, a task's criterion is judged on the test set alone.
    """
    scores = outcome.scores
    if scores is None:
        return {}
    rows = np.arange(len(outcome.seeds))
    final = scores.tested.sum(axis=1) - 1  # a replicate's tests come first, then nan
    solved = scores.solved[rows, final] & ~scores.diverged
    table: dict[str, NDArray[Any]] = {
        "seed": np.array(outcome.seeds, np.int64),
        "solved": solved,
        "diverged": scores.diverged,
    }
    failures = np.where(~scores.solved & scores.tested, np.arange(len(scores.epochs)), -1)
    first, kept = scores.solved.argmax(axis=1), failures.max(axis=1) + 1
    ever = scores.solved.any(axis=1) & ~scores.diverged
    for end, when, which in (("solve", first, ever), ("keep", np.minimum(kept, final), solved)):
        table[f"epochs_to_{end}"] = np.where(which, scores.epochs[when], np.nan)
        table[f"sequences_to_{end}"] = np.where(which, scores.sequences[rows, when], np.nan)
        table[f"updates_to_{end}"] = np.where(which, scores.updates[rows, when], np.nan)
    measured = [name for name in measured_at("replicate") if name not in table]
    table |= {name: scores.of(name)[rows, final] for name in measured}
    for name in measured:  # of outputs that are no numbers; the loss says itself that it is none
        if name == "max_error" or (OUTCOMES[name].diverged is not None and name != "loss"):
            table[name] = np.where(scores.diverged, np.nan, table[name])
    return table


def curve_table(outcome: Outcome) -> dict[str, NDArray[Any]]:
    """Column -> (tests of all replicates,): one row for each replicate and test, replicate by replicate."""
    scores = outcome.scores
    if scores is None:
        return {}
    made = scores.tested
    shape = made.shape
    table: dict[str, NDArray[Any]] = {
        "seed": np.broadcast_to(np.array(outcome.seeds, np.int64)[:, None], shape)[made],
        "epoch": np.broadcast_to(scores.epochs, shape)[made],
        "sequences": scores.sequences[made].astype(np.int64),
    }
    return table | {name: scores.of(name)[made] for name in measured_at("test")}


def step_table(outcome: Outcome) -> dict[str, NDArray[Any]]:
    """Column -> (rows,): the accuracy of each replicate at each step that was measured, at its last test."""
    if outcome.scores is None:
        return {}
    replicates, steps = np.nonzero(~np.isnan(outcome.step_accuracy))
    return {
        "seed": np.array(outcome.seeds, np.int64)[replicates],
        "step": steps + 1,
        "scored": outcome.step_scored[steps],
        **{name: getattr(outcome, f"step_{name}")[replicates, steps] for name in measured_at("step")},
    }


def length_table(outcome: Outcome) -> dict[str, NDArray[Any]]:
    """Column -> (R x L,): what each trained network reaches at each of the other lengths."""
    if outcome.scores is None or not outcome.lengths:
        return {}
    return {
        "seed": np.repeat(np.array(outcome.seeds, np.int64), len(outcome.lengths)),
        "length": np.tile(np.array(outcome.lengths, np.int64), len(outcome.seeds)),
        **{name: getattr(outcome, f"length_{name}").ravel() for name in measured_at("length")},
    }


def summary(outcome: Outcome) -> dict[str, Any]:
    """The trial's own figures: its solve rate with the exact 95% interval, means and medians.

    Scores are means over the replicates, a diverged one making the loss infinite; times to solve are
    medians that count an unsolved replicate as infinite, and None where that makes them infinite. An expected running
    time comes with its 95% interval, of which an endless upper end is None.
    A replicate that solved the task and lost it again is unsolved, but has a time of its first success.
    """
    figures: dict[str, Any] = {
        "parameters": outcome.parameters,
        "seeds": len(outcome.seeds),
        "train_seconds": outcome.train_seconds,
        "compile_seconds": outcome.compile_seconds,
        "error": outcome.error,
        "memoryless_loss": outcome.memoryless_loss,
    }
    scores = outcome.scores
    if scores is None:
        return figures
    table = replicate_table(outcome)
    solved, total = int(table["solved"].sum()), len(outcome.seeds)
    low, high = binomial_interval(solved, total)
    spent = np.where(scores.tested, scores.sequences, 0).max(axis=1)
    figures |= {"solve_rate": solved / total, "solve_rate_low": low, "solve_rate_high": high}
    for name in [name for name in measured_at("trial") if name in table]:
        figures[name] = _of_trial(OUTCOMES[name], table[name], table["diverged"])
    least = float(np.nanmin(scores.sequences[:, 0]))
    for name, times in (("ert_sequences", "sequences_to_solve"), ("ert_sequences_to_keep", "sequences_to_keep")):
        succeeded = ~np.isnan(table[times])
        effort = np.where(succeeded, table[times], spent)
        figures[name] = _finite(expected_running_time(effort, succeeded))
        interval = expected_running_time_interval(effort, succeeded, budget=outcome.budget, least=least)
        figures |= {f"{name}_low": _finite(interval.low), f"{name}_high": _finite(interval.high)}
    figures["updates"] = int(np.where(scores.tested, scores.updates, 0).max(axis=1).sum())
    return figures


def _of_trial(measure: Measure, values: NDArray[np.float64], diverged: NDArray[np.bool_]) -> float | None:
    """The median of times, an endless one where most never come to it; the mean of scores."""
    if measure.is_time:
        return _finite(censored_median(np.where(np.isnan(values), np.inf, values)))
    return float((values if measure.diverged is None else np.where(diverged, measure.diverged, values)).mean())


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
