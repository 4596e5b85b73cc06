"""What a plan counts is what a run records."""

import json
import tomllib
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from small_copies import EXPERIMENTS, NoNetwork, small_copy
from stubs import Stub

from sweep.execution.executor import Observer, train
from sweep.execution.plan import Plan, make_plan
from sweep.execution.rounds import Run, run_experiment
from sweep.experiment.file import load, override, parse

NAMES = sorted(file.stem for file in EXPERIMENTS.glob("*.toml"))
KNOWN = {"alphabets", "baselines", "batch_learning", "lags", "random_sequences", "shuffle", "stateless", "tutorial"}
KNOWN |= {"windows", "long_random"}
"""Experiments in which neither a search nor a success decides how much is trained."""

PUBLISHED = EXPERIMENTS.parent / "results" / "published"


def assert_agree(plan: Plan, trials: int, replicates: int, updates: int) -> None:
    assert (trials, replicates) == (plan.trials + plan.confirmed, plan.replicates + plan.confirmed_replicates)
    assert plan.updates_low <= updates <= plan.updates_high
    assert plan.updates_low <= plan.updates <= plan.updates_high


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_says_what_the_published_run_made(name: str) -> None:
    overrides = json.loads((PUBLISHED / name / "manifest.json").read_text())["overrides"]
    plan = make_plan(override(load(EXPERIMENTS / f"{name}.toml"), **overrides))
    records = pq.read_table(PUBLISHED / name / "records.parquet", columns=["seeds", "updates"]).to_pydict()
    assert_agree(plan, len(records["seeds"]), sum(records["seeds"]), sum(records["updates"]))
    assert (plan.updates_low == plan.updates_high) == (name in KNOWN)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_plan_of_a_small_copy_says_what_its_run_makes(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sweep.training import fit

    monkeypatch.setattr(fit, "seeded_model", NoNetwork)
    text = small_copy(name)
    experiment = override(parse(tomllib.loads(text), where=name), trainer="fit")
    run = Run(name, experiment, text, {"trainer": "fit"}, tmp_path, None, ["sweep", "run", name])
    trials = run_experiment(run, Observer(), Stub(outcome=lambda job: train(job, lambda scores: None))).load().trials
    assert set(trials["state"]) == {"complete"}
    assert_agree(make_plan(experiment), len(trials), trials["seeds"].sum(), trials["updates"].sum())
