"""The results of one phase by themselves: what ranks trials and what draws them never mixes seeds of two phases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from sweep.experiment.trials import Phase
from sweep.results.ranking import best_of, ranking
from sweep.results.results import Results

_FRAMES = ("trials", "replicates", "curves", "steps", "lengths")


@dataclass(frozen=True, kw_only=True)
class PhaseView(Results):
    """Results of which every frame has the rows of one `phase` alone."""

    phase: Phase

    @classmethod
    def of(cls, results: Results, phase: Phase) -> PhaseView:
        """The trials of `phase`; confirmed ones are measured on other seeds and never compete with the search's."""
        others = (results.trials["phase"] != phase).any()
        none = not (results.trials["phase"] == phase).any()
        frames = {}
        for name in _FRAMES:
            frame = getattr(results, name)
            if others:  # curves may have millions of rows
                frame = (frame.head(0) if none else frame[frame["phase"] == phase]).reset_index(drop=True)
            frames[name] = frame
        about = {name: getattr(results, name) for name in ("name", "path", "experiment", "manifest")}
        return cls(**about, **frames, phase=phase)

    @cached_property
    def ranked(self) -> pd.DataFrame:
        """Its trials, best first within each condition; see `ranking`."""
        return ranking(self)

    @cached_property
    def best(self) -> dict[int, pd.Series]:
        """Number of the condition -> its best complete trial; a condition without one is left out."""
        return best_of(self.ranked, len(self.experiment.condition_settings))
