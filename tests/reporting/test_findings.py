"""What a report knows is found once, and each figure says which curves it draws."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sampled_results import TUTORIAL, confirmed, sample, tuning, tutorial, two_conditions

from sweep.reporting.figures.sections import KINDS, Kind
from sweep.reporting.findings.choice import choices
from sweep.reporting.findings.findings import Findings
from sweep.reporting.page import content, curves_needed
from sweep.results import phase_view
from sweep.results.results import Results


def test_the_trials_of_a_phase_are_ranked_once_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    ranked = Counter[str]()
    ranking = phase_view.ranking

    def counted(view: phase_view.PhaseView) -> object:
        ranked[view.phase] += 1
        return ranking(view)

    monkeypatch.setattr(phase_view, "ranking", counted)
    content(confirmed(tuning(), [3, 5]))
    assert ranked == {"search": 1, "confirm": 1}


def test_what_was_found_is_the_same_object_for_whoever_asks_again() -> None:
    findings = Findings(tuning())
    assert choices(findings) is choices(findings)
    assert choices(findings) is not choices(Findings(findings.results))


def limited(results: Results, trials: set[int]) -> Findings:
    return Findings(replace(results, curves=results.curves[results.curves["trial"].isin(trials)]))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.draw.__module__.rpartition(".")[2])
@pytest.mark.parametrize("made_up", [tutorial, tuning, two_conditions])
def test_a_figure_declares_every_curve_that_it_draws(kind: Kind, made_up: object) -> None:
    results = made_up()  # type: ignore[operator]
    whole = Findings(results)
    with_its_curves = kind.draw(limited(results, kind.curves(whole)))
    assert [(each.name, each.svg) for each in with_its_curves.figures] == [
        (each.name, each.svg) for each in kind.draw(whole).figures
    ]


def test_a_page_made_with_the_curves_that_it_asks_for_is_the_page_made_with_all() -> None:
    results = confirmed(tuning(), [3, 5])
    needed = curves_needed(results)
    assert needed < set(results.trials["trial"]) or len(needed) == len(set(results.trials["trial"]))
    few, every = content(limited(results, needed).results), content(results)
    assert [drawing.svg for drawing in few.drawings] == [drawing.svg for drawing in every.drawings]
    assert few.shown["cautions"] == every.shown["cautions"]
    assert few.shown["answer"] == every.shown["answer"]


def test_conditions_that_differ_in_the_fifth_digit_have_their_own_rows_each() -> None:
    task = TUTORIAL["task"]
    raw = TUTORIAL | {"task": task, "conditions": {"max_error": [0.12341, 0.12342]}}
    findings = Findings(sample(Path("results/near"), raw))
    rows = [condition.rows(findings.search.trials) for condition in findings.conditions]
    assert [list(each["max_error"]) for each in rows] == [[0.12341], [0.12342]]
