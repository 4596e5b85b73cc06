"""The experiment: its schema, and what its keys mean together.

An experiment is immutable data: a question, a task, fixed parameters, conditions (the problem's own axes:
each combination, or each written table, is one study) and a search space.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_serializer, model_validator

from sweep.experiment.answer import AnswerConfig
from sweep.experiment.configuration import SECTIONS, Configuration, ModelConfig, TrainingConfig
from sweep.experiment.grid import grid_points, grid_size, grid_values
from sweep.experiment.outcomes import OBJECTIVES, OUTCOMES
from sweep.experiment.space import Dimension
from sweep.faults import plural, quoted, unknown
from sweep.frozen import Frozen
from sweep.tasks.registry import TaskConfig

SEARCHABLE = tuple(
    name
    for section in SECTIONS.values()
    for name in section.model_fields
    if name not in ("trainer", "evaluate_every", "stop_when_solved")  # how a trial is measured, not what it is
)
"""Parameters that `[search]` may name."""

DEFAULT_TRIALS = 50
MOST_SEEDS = 100_000
_LEAST_FOR_WILCOXON = 4  # with fewer pairs, no result of the test is as rare as the 10% that Optuna prunes at


class StudyConfig(Frozen):
    """How the search space is explored, and from how many seeds each configuration is trained."""

    sampler: Literal["tpe", "random", "grid", "qmc", "cmaes", "nsga2"] = Field(
        "tpe",
        description="how configurations are chosen; cmaes draws choices at random, beside what it learns of ranges",
    )
    trials: int | None = Field(None, ge=1, description="trials a condition; left out: 50, or the whole grid")
    seeds: int | Annotated[tuple[int, ...], Field(strict=False)] = Field(
        10, description="replicates a trial: 10 means seeds 0 to 9; or a list of seeds"
    )
    objective: str | Annotated[tuple[str, ...], Field(strict=False)] = Field(
        "recall_bits", description='the outcome to maximise; a "-" in front minimises it'
    )
    margin: float = Field(
        0.1, ge=0, le=1, description="the lead of every right answer that solved_with_margin asks for; 0: any"
    )
    pruner: Literal["none", "median", "hyperband", "wilcoxon"] = Field(
        "none", description="ends hopeless trials early; wilcoxon: by a test over the seeds"
    )
    seed: int = Field(0, ge=0, lt=2**32, description="the sampler's own seed")
    start: tuple[dict[str, Any], ...] = Field(
        (), strict=False, description="configurations that come first; what one leaves out is chosen for it"
    )
    trial_timeout: float | None = Field(
        None,
        gt=0,
        lt=float("inf"),
        description="seconds after which a trial has failed; left out: it may take any time",
    )

    @model_validator(mode="after")
    def _seeds_are_usable(self) -> Self:
        if isinstance(self.seeds, int) and self.seeds > MOST_SEEDS:
            raise ValueError(f"seeds is {self.seeds}; at most {MOST_SEEDS} replicates make a trial")
        seeds = self.replicate_seeds
        if not seeds:
            raise ValueError(f"seeds is {quoted(self.seeds)}; at least one replicate is needed")
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"seeds holds a seed twice: {quoted(seeds)}")
        if not all(0 <= seed < 2**32 for seed in seeds):
            raise ValueError(f"seeds is {quoted(seeds)}; each must lie between 0 and {2**32 - 1}")
        return self

    @model_validator(mode="after")
    def _objectives_are_outcomes(self) -> Self:
        if not self.objectives:
            raise ValueError("objective is empty; name an outcome, recall_bits for example")
        for objective in self.objectives:
            name = objective.removeprefix("-")
            if name not in OBJECTIVES:
                sign = objective.removesuffix(name)
                raise ValueError("objective: " + unknown("outcome", objective, [sign + known for known in OBJECTIVES]))
        if len({objective.removeprefix("-") for objective in self.objectives}) < len(self.objectives):
            raise ValueError(f"objective names an outcome twice: {quoted(self.objectives)}; leave one of them out")
        if self.pruner != "none" and len(self.objectives) > 1:
            raise ValueError("pruner needs a single objective; Optuna cannot prune by several")
        if self.sampler == "cmaes" and len(self.objectives) > 1:
            raise ValueError('sampler "cmaes" takes a single objective; nsga2 and tpe take several')
        if self.sampler == "grid" and self.start:
            raise ValueError("start is for the other samplers; a grid comes to every combination by itself")
        if self.pruner == "wilcoxon" and len(self.replicate_seeds) < _LEAST_FOR_WILCOXON:
            raise ValueError(
                f'pruner is "wilcoxon" with {plural(len(self.replicate_seeds), "seed")}; its test over the seeds can '
                f"only tell from {_LEAST_FOR_WILCOXON} on"
            )
        return self

    @property
    def replicate_seeds(self) -> tuple[int, ...]:
        """The seeds of every trial, in order."""
        return tuple(range(self.seeds)) if isinstance(self.seeds, int) else self.seeds

    def seeds_after(self, number: int) -> tuple[int, ...]:
        """The next `number` seeds after those of the trials.

        >>> StudyConfig(seeds=(3, 7)).seeds_after(2)
        (8, 9)
        """
        first = max(self.replicate_seeds) + 1
        return tuple(range(first, first + number))

    @property
    def objectives(self) -> tuple[str, ...]:
        """The objectives in order, each with its "-" if it is minimised."""
        return (self.objective,) if isinstance(self.objective, str) else self.objective


class ConfirmConfig(Frozen):
    """How the best configurations of each condition are trained again, from seeds that the search never used."""

    top: int = Field(
        3, ge=1, le=1000, description="how many of the best of each condition; of several objectives, of the Pareto set"
    )
    seeds: int = Field(
        30, ge=1, le=MOST_SEEDS, description="from how many seeds each: the next ones after the search's own"
    )


class Experiment(Frozen):
    """A sweep: a question, the task, what is fixed, what is measured and what is searched."""

    question: str = Field(min_length=1, description="one sentence; heads the report")
    task: TaskConfig = Field(description="what is to be learnt: the task's name and its parameters")
    model: ModelConfig = Field(ModelConfig(), description="fixed parameters of the model")
    training: TrainingConfig = Field(TrainingConfig(), description="fixed parameters of the training")
    conditions: dict[str, tuple[Any, ...]] = Field(
        {}, description="task parameter -> values; each combination is a study; or [[conditions]], each table a study"
    )
    paired: bool = Field(False, exclude=True, description="whether the conditions were written as tables, one a study")
    search: dict[str, Dimension] = Field({}, description="model or training parameter -> what the sampler may choose")
    study: StudyConfig = Field(StudyConfig(), description="sampler, trials, seeds and objective")
    confirm: ConfirmConfig | None = Field(None, description="left out: the search is all there is")
    answer: AnswerConfig | None = Field(None, description="what the question asks; left out: what fits the design")

    @property
    def base(self) -> Configuration:
        """The fixed parameters, before a condition or a search dimension replaces any."""
        # Without a second check: what is recalled from results may be refused by now.
        return Configuration.model_construct(task=self.task, model=self.model, training=self.training)

    @property
    def condition_settings(self) -> tuple[dict[str, Any], ...]:
        """The setting of each study; one empty setting where there are no conditions."""
        return settings_of(self.conditions, paired=self.paired)

    @field_serializer("conditions")
    def _conditions_as_written(self, conditions: dict[str, tuple[Any, ...]]) -> Any:
        return list(self.condition_settings) if self.paired else conditions

    @property
    def trials(self) -> int:
        """Trials of each condition's study."""
        if not self.search:
            return 1
        if self.study.trials is not None:
            return self.study.trials
        return self.grid_size if self.study.sampler == "grid" else DEFAULT_TRIALS

    @property
    def grid_size(self) -> int:
        """Combinations of the search space's values; ValueError where a range has no step."""
        return grid_size(self.search, self._grid)

    @property
    def grid_points(self) -> list[dict[str, Any]]:
        """Every combination of the search space's values once, without what is not searched beside the others."""
        return grid_points(self.search, self._grid)

    def applicable(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """The `parameters` without those of the search that are not searched beside the others."""
        return {
            name: value
            for name, value in parameters.items()
            if name not in self.search or self.search[name].applies(parameters)
        }

    def as_begun_with(self, version: int) -> "Experiment":
        """As results have it that were begun with a schema version: what the file leaves out was another thing once.

        Without an objective, recall accuracy was optimised before there were recall bits.
        """
        if "objective" in self.study.model_fields_set or version >= OUTCOMES["recall_bits"].since:
            return self
        return self.model_copy(update={"study": self.study.model_copy(update={"objective": "recall_accuracy"})})

    @property
    def _grid(self) -> dict[str, Sequence[Any]]:
        whole = {name: self.base.number_type(name) is int for name in self.search}
        return {name: grid_values(name, dimension, whole=whole[name]) for name, dimension in self.search.items()}


def settings_of(conditions: Mapping[str, tuple[Any, ...]], *, paired: bool) -> tuple[dict[str, Any], ...]:
    """Every combination of the conditions' values; where they are `paired`, the first of each, the second of each, ...

    >>> settings_of({"lag": (50, 100), "distractors": (8, 9)}, paired=True)
    ({'lag': 50, 'distractors': 8}, {'lag': 100, 'distractors': 9})
    """
    columns = conditions.values()
    rows = zip(*columns, strict=True) if paired else itertools.product(*columns)
    return tuple(dict(zip(conditions, row, strict=True)) for row in rows)
