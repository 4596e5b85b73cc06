"""Statistics of replicates: pure functions on arrays, each with its source. Whatever is drawn has a fixed seed.

For outcomes, comparisons and reports. Begin with `rates.py`, where a solve rate's interval is.
"""

from sweep.stats.interval import Interval
from sweep.stats.ranks import Estimate, Runs, mean_ranks, solved_within
from sweep.stats.rates import (
    binomial_interval,
    mid_p_interval,
    paired_rate_difference_interval,
    paired_rate_test,
    rate_difference_interval,
    rate_test,
)
from sweep.stats.scores import (
    agreeing_mean_interval,
    bootstrap_interval,
    improvement_interval,
    mean_difference_interval,
    mean_interval,
    paired_mean_difference_interval,
    probability_of_improvement,
)
from sweep.stats.significance import Seeds, holm, paired_permutation_test, permutation_test, seeds_to_settle
from sweep.stats.times import (
    SolvedCurve,
    censored_median,
    expected_running_time,
    expected_running_time_interval,
    kaplan_meier,
    log_rank_scores,
    median_interval,
)

__all__ = [
    "Estimate",
    "Interval",
    "Runs",
    "Seeds",
    "SolvedCurve",
    "agreeing_mean_interval",
    "binomial_interval",
    "bootstrap_interval",
    "censored_median",
    "expected_running_time",
    "expected_running_time_interval",
    "holm",
    "improvement_interval",
    "kaplan_meier",
    "log_rank_scores",
    "mean_difference_interval",
    "mean_interval",
    "mean_ranks",
    "median_interval",
    "mid_p_interval",
    "paired_mean_difference_interval",
    "paired_permutation_test",
    "paired_rate_difference_interval",
    "paired_rate_test",
    "permutation_test",
    "probability_of_improvement",
    "rate_difference_interval",
    "rate_test",
    "seeds_to_settle",
    "solved_within",
]
