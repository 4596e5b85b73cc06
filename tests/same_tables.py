"""What two runs of the same experiment must agree on."""

import pandas as pd

from sweep.results.results import Results

TIMINGS = ["train_seconds", "compile_seconds"]


def assert_same_tables(one: Results, two: Results) -> None:
    """Everything but the timings, bit for bit."""
    pd.testing.assert_frame_equal(one.trials.drop(columns=TIMINGS), two.trials.drop(columns=TIMINGS), check_exact=True)
    for name in ("replicates", "curves", "steps"):
        pd.testing.assert_frame_equal(getattr(one, name), getattr(two, name), check_exact=True)
