"""Which configuration a report says to use: the best of each condition, by its confirmed scores where there are any."""

import pytest
from sampled_results import TUNING, by_cell, confirmed, sample, tuning, tutorial, two_conditions

from sweep.reporting.figures.sections import figure_sections
from sweep.reporting.findings.answer import answer
from sweep.reporting.findings.choice import choice_table, choices, measured_where
from sweep.reporting.findings.confirmed import confirmed_table, optimism
from sweep.reporting.findings.facts import environment
from sweep.reporting.findings.findings import Findings
from sweep.reporting.findings.tables import cost_table
from sweep.reporting.look.display import columns
from sweep.stats.scores import mean_interval


def test_each_condition_has_its_best_trial_with_its_settings():
    results = by_cell()
    table, best = choice_table(Findings(results)), Findings(results).search.best
    assert list(table["sequence_length"]) == [4, 5, 6]
    assert list(table["trial"]) == [int(trial["trial"]) for trial in best.values()]
    assert list(table["cell"]) == [trial["cell"] for trial in best.values()]


def test_recall_has_the_interval_of_its_mean_over_the_seeds():
    row = choice_table(Findings(tutorial())).iloc[0]
    recall = tutorial().replicates["recall_accuracy"].to_numpy(float)
    assert row["recall_accuracy"] == pytest.approx(recall.mean())
    assert (row["recall_accuracy_low"], row["recall_accuracy_high"]) == mean_interval(recall)
    assert row["recall_accuracy_low"] < recall.mean() < row["recall_accuracy_high"]


def test_seeds_that_all_score_the_same_are_no_certainty_and_get_the_exact_bound():
    table = choice_table(Findings(two_conditions()))
    score, differ = table["recall_accuracy"][1], 1 - 0.025 ** (1 / 16)
    assert table["recall_accuracy_low"][1] == pytest.approx(score - differ * score)
    assert table["recall_accuracy_high"][1] == pytest.approx(score + differ * (1 - score))
    shown = {column.heading: column.texts for column in columns(table)}
    assert all("(" in text for text in shown["recall accuracy (95%)"])
    assert "(0" in shown["solve rate (95%)"][1]


def test_confirmed_scores_take_the_place_of_the_searchs():
    results = tuning()
    best = int(Findings(results).search.best[0]["trial"])
    again = confirmed(results, [best])
    (choice,) = choices(Findings(again)).values()
    assert choice.confirmed
    assert int(choice.trial["trial"]) == best
    assert choice.trial["solve_rate"] < Findings(results).search.best[0]["solve_rate"]
    assert sorted(choice.replicates["seed"]) == list(range(100, 110))
    assert "These are the confirmed scores" in " ".join(answer(Findings(again)).details)
    assert "Picked as the best" not in " ".join(answer(Findings(again)).details)


def test_of_several_confirmed_trials_the_one_with_the_best_confirmed_score_is_chosen():
    results = tuning()
    order = results.trials.sort_values("recall_accuracy", ascending=False)["trial"].tolist()
    again = confirmed(results, order[:3])
    again.trials.loc[(again.trials["phase"] == "confirm") & (again.trials["trial"] == order[2]), "recall_accuracy"] = (
        1.0
    )
    assert int(choices(Findings(again))[0].trial["trial"]) == order[2]
    assert "of the 3 configurations that were trained again" in answer(Findings(again)).sentence


def test_a_condition_that_was_not_confirmed_keeps_the_searchs_score_and_says_so():
    raw = TUNING | {"conditions": {"sequence_length": [5, 6]}, "study": {"trials": 12, "seeds": 3}}
    results = sample(tuning().path, raw)
    best = int(Findings(results).search.best[0]["trial"])
    found = choices(Findings(confirmed(results, [best])))
    assert [choice.confirmed for choice in found.values()] == [True, False]
    assert "Only some of these scores were confirmed" in " ".join(answer(Findings(confirmed(results, [best]))).details)


def test_without_a_confirmation_there_is_none():
    assert Findings(tuning()).again.trials.empty
    assert not any(choice.confirmed for choice in choices(Findings(by_cell())).values())


def test_what_was_not_measured_is_said_along_a_numeric_axis():
    assert measured_where(Findings(by_cell())).startswith("Measured at sequence_length = 4, 5 and 6, and nowhere else:")
    assert "is not known" in measured_where(Findings(by_cell()))
    assert measured_where(Findings(tuning())) == ""


def test_a_value_without_a_complete_trial_does_not_count_as_measured():
    results = by_cell()
    results.trials.loc[results.trials["sequence_length"] == 6, "state"] = "failed"
    assert "= 4 and 5, and nowhere" in measured_where(Findings(results))


def test_the_confirmed_table_sets_both_scores_and_the_optimism_side_by_side():
    results = tuning()
    order = results.trials.sort_values("recall_accuracy", ascending=False)["trial"].tolist()[:3]
    again = confirmed(results, order)
    table = confirmed_table(Findings(again))
    assert sorted(table["trial"]) == sorted(order)
    assert list(table["rank"]) == [1, 2, 3]
    assert table["confirmed_recall_accuracy"].is_monotonic_decreasing
    before = results.trials.set_index("trial")["recall_accuracy"]
    for _, row in table.iterrows():
        assert row["searched_recall_accuracy"] == before[row["trial"]]
        excess = 100 * (row["searched_recall_accuracy"] - row["confirmed_recall_accuracy"])
        assert row["optimism_points"] == pytest.approx(excess)
    assert f"too optimistic by {table['optimism_points'].mean():.1f} points" in optimism(Findings(again))


@pytest.mark.parametrize(
    ("confirmed_loss", "said"),
    [
        (0.5, "too optimistic by 0.25 on"),
        (0.125, "too pessimistic by 0.125 on"),
        (0.25, "had said, which was right on"),
    ],
)
def test_a_search_that_was_too_pessimistic_is_said_to_be(confirmed_loss: float, said: str) -> None:
    results = tuning(study={"trials": 4, "seeds": 4, "objective": "-loss"})
    results.trials["loss"] = 0.25
    again = confirmed(results, [0])
    again.trials.loc[again.trials["phase"] == "confirm", "loss"] = confirmed_loss
    assert said in optimism(Findings(again))


def test_the_optimism_of_a_minimised_score_is_what_it_was_too_low_by():
    results = tuning(study={"trials": 4, "seeds": 4, "objective": "-loss"})
    again = confirmed(results, [0])
    again.trials.loc[again.trials["phase"] == "confirm", "loss"] = 0.5
    (row,) = confirmed_table(Findings(again)).to_dict("records")
    assert row["optimism"] == pytest.approx(0.5 - row["searched_loss"])


def test_confirmed_trials_have_a_section_a_cost_and_seeds_of_their_own():
    results = tuning(study={"trials": 6, "seeds": 3})
    best = int(Findings(results).search.best[0]["trial"])
    again = confirmed(results, [best])
    assert "confirmed-rates" in [
        figure.name for section in figure_sections(Findings(again)) for figure in section.figures
    ]
    cost = cost_table(Findings(again)).set_index("phase")
    assert list(cost["replicates"]) == [18, 3]
    assert list(cost["trials"]) == [6, 1]
    assert ("seeds of the confirmation", "100 to 102") in environment(Findings(again))
    assert not [fact for fact in environment(Findings(results)) if "confirmation" in fact.name]
    assert confirmed_table(Findings(results)).empty
