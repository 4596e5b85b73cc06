"""The results of one phase by themselves."""

from sampled_results import confirmed, tuning

from sweep.experiment.trials import Phase
from sweep.results.phase_view import PhaseView


def test_a_view_has_the_rows_of_its_phase_in_every_frame_and_says_which_it_is() -> None:
    results = confirmed(tuning(), [3, 5])
    search, again = PhaseView.of(results, Phase.SEARCH), PhaseView.of(results, Phase.CONFIRM)
    assert sorted(again.trials["trial"]) == [3, 5]
    assert len(search.trials) == len(results.trials) - 2
    for view in (search, again):
        for frame in (view.trials, view.replicates, view.curves):
            assert set(frame["phase"]) == {str(view.phase)}
    assert len(search.curves) + len(again.curves) == len(results.curves)


def test_without_a_confirmation_its_view_is_empty_and_the_search_has_all() -> None:
    results = tuning()
    again = PhaseView.of(results, Phase.CONFIRM)
    assert again.trials.empty
    assert again.curves.empty
    assert list(again.trials.columns) == list(results.trials.columns)
    assert again.best == {}
    assert len(PhaseView.of(results, Phase.SEARCH).trials) == len(results.trials)
