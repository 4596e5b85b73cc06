"""PED-ANOVA is Optuna's, to the rounding, and chance takes as many best trials at random."""

import warnings
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sweep.stats.ped_anova import Axis, axis_of_choices, axis_of_range, divergences, divergences_by_chance

SPACE: dict[str, BaseDistribution] = {
    "choice": CategoricalDistribution(("a", "b", "c")),
    "only": CategoricalDistribution(("a",)),
    "whole": IntDistribution(1, 64),
    "magnitudes": IntDistribution(1, 64, log=True),
    "few": IntDistribution(25, 250, step=25),
    "real": FloatDistribution(-2.0, 3.0),
    "rate": FloatDistribution(1e-4, 1e-1, log=True),
    "stepped": FloatDistribution(0.1, 0.7, step=0.1),
}


def axis(distribution: Any, values: list[Any]) -> Axis:
    if isinstance(distribution, CategoricalDistribution):
        return axis_of_choices([distribution.choices.index(value) for value in values], len(distribution.choices))
    return axis_of_range(values, distribution.low, distribution.high, log=distribution.log, step=distribution.step)


@pytest.mark.parametrize(("trials", "quantile"), [(10, 0.5), (33, 0.1), (200, 0.1)])
def test_it_gives_the_importances_of_optuna(trials: int, quantile: float) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.RandomSampler(seed=trials)
    study = optuna.create_study(sampler=sampler)
    for _ in range(trials):
        asked = study.ask(SPACE)
        study.tell(asked, float(np.random.default_rng(asked.number).random() + asked.params["rate"] * 5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # marks the evaluator as new
        evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=quantile)
        theirs = optuna.importance.get_param_importances(study, evaluator=evaluator)
    best = np.argsort([trial.value for trial in study.trials])[None, : int(np.ceil(quantile * trials))]
    axes = {name: axis(each, [trial.params[name] for trial in study.trials]) for name, each in SPACE.items()}
    found = {name: divergences(each, best)[0] for name, each in axes.items()}
    total = sum(found.values())
    assert {name: value / total for name, value in found.items()} == pytest.approx(theirs, rel=1e-9, abs=1e-12)
    assert found["only"] == 0


def test_by_hand_of_two_choices() -> None:
    """All: 2 of each of two choices; best: both of the first. With the prior the shares are 7/15 + ... as below."""
    # Kernels (all): 3; counts (2, 2) -> (2 + 4/3) / (1 + 2/3) + 1/2 = 2.5 each, of 5: (1/2, 1/2).
    # Kernels (best): 2; counts (2, 0) -> (2 + 1) / 2 + 1/2 = 2 and (0 + 1) / 2 + 1/2 = 1, of 3: (2/3, 1/3).
    found = divergences(axis_of_choices([0, 0, 1, 1], 2), np.array([[0, 1]]))
    assert found == pytest.approx([0.5 * (1 / 3) ** 2 * 2], rel=1e-9)


def test_chance_draws_so_many_trials_each_time_and_the_same_ones_for_every_parameter() -> None:
    one = axis_of_choices([0, 1] * 10, 2)
    chance = divergences_by_chance([one, one], trials=20, best=5, draws=200)
    assert chance.shape == (200, 2)
    assert (chance[:, 0] == chance[:, 1]).all()
    possible = [divergences(one, np.array([[*range(0, 2 * k, 2), *range(1, 2 * (5 - k), 2)]]))[0] for k in range(6)]
    assert np.isclose(chance[:, :1], possible).any(axis=1).all()
    assert (divergences_by_chance([one], 20, 5, 200) == chance[:, :1]).all()
    assert (divergences_by_chance([one], 20, 5, 200, seed=1) != chance[:, :1]).any()
