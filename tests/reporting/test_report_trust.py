"""Whether a success can be trusted: margins, losses above the memoryless one, and successes that do not last."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import outcome_of
from sampled_results import MANIFEST, tutorial

from sweep.experiment.file import parse
from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.choice import choices
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.tables import accuracy_table
from sweep.reporting.findings.trust import Margins, lasting, margins, reservation
from sweep.results.record import TrialKey
from sweep.results.results import Results
from sweep.results.store import Store

BOUND = 0.0693


def results_of(
    folder: Path,
    accuracy: list[list[float]],
    margin: list[float],
    test_loss: list[float],
    bound: float | None = BOUND,
    **training: Any,
) -> Results:
    """The tutorial's trial whose seeds have these sequence accuracies at their tests, and end with these scores."""
    raw = {"question": "q", "task": {"name": "increasing"}, "training": {"epochs": len(accuracy[0])} | training}
    experiment = parse(raw | {"study": {"seeds": len(accuracy)}}, where="test")
    store = Store(folder / "trusted")
    text = f'question = "q"\n[task]\nname = "increasing"\n[training]\nepochs = {len(accuracy[0])}\n'
    text += "".join(f"{name} = {str(value).lower()}\n" for name, value in training.items())
    store.create(text + f"[study]\nseeds = {len(accuracy)}\n", MANIFEST | {"schema_version": 3, "overrides": {}})
    outcome = outcome_of(accuracy, memoryless_loss=bound)
    assert outcome.scores is not None
    shape = outcome.scores.loss.shape
    others = dict(outcome.scores.others)
    for name, ends in (("margin", margin), ("test_loss", test_loss)):
        others[name] = np.broadcast_to(np.array(ends)[:, None], shape) + 0 * outcome.scores.sequence_accuracy
    outcome = replace(outcome, scores=replace(outcome.scores, others=others))
    store.append(experiment, TrialKey(trial=0, phase="search", condition={}, parameters={}), outcome)  # type: ignore[arg-type]
    return store.load()


def test_a_tie_break_is_told_in_the_headline_with_the_loss_that_it_needs_no_memory_for(tmp_path: Path) -> None:
    results = results_of(tmp_path, [[1.0], [1.0], [0.5]], margin=[0.001, 0.03, -0.2], test_loss=[0.079, 0.08, 0.09])
    assert margins(choices(Findings(results))[0]) == Margins(solved=2, by_margin=0, below=0, bound=BOUND)
    said = answer(Findings(results)).sentence
    assert said.endswith(
        "end with every step right; none of them by a margin of 0.1 or more: at this point their test loss is still "
        "above the 0.0693 that a predictor without memory reaches."
    )


def test_a_margin_that_some_have_is_counted_and_so_are_losses_below_the_bound(tmp_path: Path) -> None:
    results = results_of(tmp_path, [[1.0]] * 4, margin=[0.3, 0.2, 0.05, 0.01], test_loss=[0.01, 0.02, 0.06, 0.08])
    assert reservation(Findings(results), list(choices(Findings(results)).values())) == (
        "2 of them by a margin of 0.1 or more, and 3 have a test loss below the 0.0693 that a predictor without memory "
        "reaches"
    )
    one = results_of(tmp_path / "o", [[1.0], [0.5]], margin=[0.05, -0.1], test_loss=[0.0688, 0.09])
    assert answer(Findings(one)).sentence.endswith(
        "it does not do so by a margin of 0.1 or more, and it has a test loss below the 0.0693 that a predictor "
        "without memory reaches."
    )
    no_bound = results_of(tmp_path / "b", [[1.0]] * 2, margin=[0.3, 0.01], test_loss=[0.01, 0.02], bound=None)
    assert answer(Findings(no_bound)).sentence.endswith("; 1 of them by a margin of 0.1 or more.")


def test_where_all_succeed_by_the_margin_nothing_is_added(tmp_path: Path) -> None:
    results = results_of(tmp_path, [[1.0]] * 3, margin=[0.3, 0.2, 0.1], test_loss=[0.01] * 3)
    assert answer(Findings(results)).sentence.endswith("end with every step right.")
    assert results.replicates["solved_with_margin"].tolist() == [True] * 3


def test_results_of_the_first_versions_say_nothing_of_margins() -> None:
    findings = Findings(tutorial())
    assert reservation(findings, list(choices(findings).values())) == ""
    assert lasting(findings, list(choices(findings).values())) == []


def test_what_lasts_is_told_with_its_cost_and_how_often_was_tested(tmp_path: Path) -> None:
    flickering = [[1.0, 0.5, 1.0, 1.0], [0.5, 1.0, 0.5, 0.5], [0.5, 0.5, 0.5, 1.0]]
    results = results_of(tmp_path, flickering, margin=[0.2, -0.1, 0.2], test_loss=[0.01] * 3)
    (said,) = lasting(Findings(results), list(choices(Findings(results)).values()))
    assert said.startswith(
        "Seeds were tested after every epoch, and who tests more often sees a first success earlier; of 3 that ever "
        "had one, 1 never lost it, 1 lost it and had it back by the last test and 1 ended without, and to have it from "
        "some test on to the last costs 11 (95% interval"
    )
    assert said in answer(Findings(results)).details
    stopped = results_of(tmp_path / "s", [[1.0]], margin=[0.2], test_loss=[0.01], stop_when_solved=True)
    assert lasting(Findings(stopped), list(choices(Findings(stopped)).values())) == [
        "Each seed was tested after every epoch and stopped at its first success: whether that lasts was not tested."
    ]


def test_the_accuracy_table_has_margins_and_bits_where_they_were_measured(tmp_path: Path) -> None:
    results = results_of(tmp_path, [[1.0]] * 2, margin=[0.3, 0.02], test_loss=[0.01, 0.02])
    row = accuracy_table(Findings(results)).iloc[0]
    assert (row["solved_with_margin"], row["recall_bits"], row["memoryless_loss"]) == (0.5, 1.0, BOUND)
    assert row["test_loss"] == pytest.approx(0.015)
    assert row["below_memoryless_loss"] == 1.0
    old = accuracy_table(Findings(tutorial()))
    assert not {"solved_with_margin", "recall_bits", "test_loss", "memoryless_loss"} & set(old.columns)


@pytest.mark.slow
def test_the_tutorials_own_networks_are_told_to_be_a_tie_break(tmp_path: Path) -> None:
    """Point 1 of what an audit found, with real training: right by less than 0.1, at a loss above the bound."""
    from sweep.execution.executor import Observer
    from sweep.execution.rounds import Run, run_experiment
    from sweep.experiment.file import load

    file = Path(__file__).parents[2] / "experiments" / "tutorial.toml"
    run = Run("tutorial", load(file), file.read_text(), {}, tmp_path, None, ["sweep", "run"])
    results = run_experiment(run, Observer()).load()
    found = margins(choices(Findings(results))[0])
    assert found is not None
    assert found.solved >= 16
    assert (found.by_margin, found.below) == (0, 0)
    right = results.replicates[results.replicates["solved"].astype(bool)]
    assert right["margin"].between(0, 0.05).all()
    assert right["max_error"].between(0.49, 0.52).all()
    assert re.search(
        r"none of them by a margin of 0\.1 or more: .* above the 0\.0693", answer(Findings(results)).sentence
    )
