"""The facts beside the answer: key figures, what was fixed, where it ran, and how to run it again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, NamedTuple

from sweep.experiment.space import Choices, Dimension
from sweep.faults import plural
from sweep.reporting.findings.counts import counts
from sweep.reporting.look.display import MISSING, joined, percent, percent_interval, seconds, value_text

if TYPE_CHECKING:
    from sweep.reporting.findings.findings import Findings

_FACTS_OF_THE_MACHINE = {"cpu": "processor", "cores": "cores", "memory_gb": "memory", "platform": "platform"}


class Fact(NamedTuple):
    """A name and its value, both as text."""

    name: str
    value: str


def key_figures(findings: Findings) -> list[Fact]:
    """A few numbers for the head of the report; the value first in the eye, the name below it."""
    tally, best, settings = counts(findings), findings.search.best, findings.conditions
    facts = []
    if len(settings) == 1 and 0 in best:
        trial = best[0]
        interval = percent_interval(float(trial["solve_rate_low"]), float(trial["solve_rate_high"]))
        whose = "best trial's " if findings.experiment.search else ""
        facts += [
            Fact(f"{whose}solve rate ({interval})", percent(float(trial["solve_rate"]))),
            Fact(f"{whose}recall accuracy", percent(float(trial["recall_accuracy"]))),
            Fact("memoryless ceiling", percent(settings[0].recall_ceiling)),
        ]
    elif len(settings) > 1:
        facts.append(Fact("conditions", f"{len(settings):,}"))
    trials = f"{tally.finished:,}" + (f" of {tally.expected:,}" if tally.interrupted else "")
    if tally.expected > 1 or tally.interrupted:
        facts.append(Fact("trials", trials))
    facts.append(Fact("trained networks", f"{tally.replicates:,}"))
    trained = findings.search.trials["train_seconds"].sum()
    facts.append(Fact("of training", seconds(float(trained))))
    return facts


def fixed_parameters(findings: Findings) -> list[Fact]:
    """What the experiment holds fixed, by section and name as in its file."""
    experiment = findings.experiment
    changing = {*experiment.conditions, *experiment.search}
    sections = experiment.base.model_dump()
    return [
        Fact(f"{section}.{name}", value_text(value))
        for section, parameters in sections.items()
        for name, value in parameters.items()
        if name not in changing and value not in (None, ())
    ]


def searched_parameters(findings: Findings) -> list[Fact]:
    """What the conditions and the sampler range over."""
    experiment = findings.experiment
    facts = [Fact(name, value_text(list(values))) for name, values in experiment.conditions.items()]
    return facts + [Fact(name, _range_text(dimension)) for name, dimension in experiment.search.items()]


def environment(findings: Findings) -> list[Fact]:
    """When, with what and on what the numbers were made."""
    manifest, study = findings.results.manifest, findings.experiment.study
    hardware = manifest.get("hardware") or {}
    again = tuple(sorted({int(seed) for seed in findings.again.replicates["seed"]}))
    facts = [
        Fact("seeds", seed_ranges(study.replicate_seeds)),
        *([Fact("seeds of the confirmation", seed_ranges(again))] if again else []),
        Fact("started", str(manifest.get("created", MISSING))),
    ]
    if findings.experiment.search:
        facts.insert(0, Fact("sampler", f"{study.sampler}, seed {study.seed}; pruner: {study.pruner}"))
    facts += [Fact("device", value_text(manifest.get("device")))]
    for key, name in _FACTS_OF_THE_MACHINE.items():
        if hardware.get(key) is not None:
            unit = " GB" if key == "memory_gb" else ""
            facts.append(Fact(name, value_text(hardware[key]) + unit))
    facts += [Fact(name, str(version)) for name, version in (manifest.get("versions") or {}).items()]
    return [*facts, Fact("commit", value_text(manifest.get("commit")))]


def command(findings: Findings) -> str:
    """The command that makes the same numbers again, for a shell."""
    results = findings.results
    return shlex.join(str(word) for word in results.manifest.get("command") or ["sweep", "run", results.name])


def failures(findings: Findings, most: int = 10) -> list[Fact]:
    """The failed trials, at most so many, each with the last line of its error."""
    failed = findings.search.trials
    failed = failed[failed["state"] == "failed"]
    facts = []
    for trial, error in list(zip(failed["trial"], failed["error"], strict=True))[:most]:
        lines = str(error).strip().splitlines() if isinstance(error, str) else []
        facts.append(Fact(f"trial {trial}", lines[-1] if lines else "no message"))
    if len(failed) > most:
        facts.append(Fact("and", plural(len(failed) - most, "other trial")))
    return facts


def seed_ranges(seeds: tuple[int, ...]) -> str:
    """Seeds with their runs drawn together.

    >>> seed_ranges((0, 1, 2, 7))
    '0 to 2, 7'
    """
    runs: list[list[int]] = []
    for seed in sorted(seeds):
        if runs and seed == runs[-1][-1] + 1:
            runs[-1].append(seed)
        else:
            runs.append([seed])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _range_text(dimension: Dimension) -> str:
    where = [f"{name} = {value_text(value)}" for name, value in (dimension.when or {}).items()]
    return _values_text(dimension) + (f", where {joined(where)}" if where else "")


def _values_text(dimension: Dimension) -> str:
    if isinstance(dimension, Choices):
        return " or ".join(value_text(choice) for choice in dimension.choices)
    text = f"{value_text(dimension.low)} to {value_text(dimension.high)}"
    if dimension.step is not None:
        text += f" in steps of {value_text(dimension.step)}"
    return text + (", logarithmic" if dimension.log else "")
