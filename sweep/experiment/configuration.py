"""The frozen configuration of one trial: the task, the model and its training.

Every parameter that an experiment file may fix, vary or search is a field here, with its unit and its
default (the tutorial's). Names are flat: no two sections share one, so `units` needs no prefix.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from sweep.experiment.cells import CellName
from sweep.frozen import Frozen
from sweep.tasks.registry import TaskConfig

_LEAST, _MOST = 1.2e-38, 3.4e38
"""Between these a positive number keeps its digits in float32."""


class _InFloat32(Frozen):
    """A section whose real numbers go into the training."""

    @field_validator("*")
    @classmethod
    def _float32_holds_it(cls, value: Any) -> Any:
        if isinstance(value, float) and value != 0 and not _LEAST <= abs(value) <= _MOST:
            raise ValueError(f"is {value}, and trained is in float32; must lie between {_LEAST:.2g} and {_MOST:.2g}")
        return value


class ModelConfig(_InFloat32):
    """The network: recurrent layers on one-hot symbols, and a dense layer that scores the next symbol."""

    cell: CellName = Field(
        "lstm", description="the recurrent cell; mlp: none, a feed-forward network on the last `lags` symbols"
    )
    units: int = Field(20, ge=1, le=4096, description="units of each recurrent (or hidden) layer")
    layers: int = Field(1, ge=1, le=8, description="recurrent (or hidden) layers, one on top of the other")
    output: Literal["sigmoid", "softmax"] = Field(
        "sigmoid", description="sigmoid with binary cross-entropy, or softmax with categorical cross-entropy"
    )
    gate_bias: Literal["zeros", "unit_forget", "chrono"] = Field(
        "unit_forget", description="initial gate biases; unit_forget is Keras's default; chrono: Tallec & Ollivier 2018"
    )
    chrono_max: int | None = Field(
        None, ge=3, description="longest memory that chrono prepares for, in steps; left out: the sequence's length"
    )
    stateful: bool = Field(True, description="carry the state from window to window within a sequence")


class TrainingConfig(_InFloat32):
    """How the network is trained, and how often it is tested meanwhile."""

    epochs: int = Field(250, ge=1, le=10_000_000, description="passes over the training sequences")
    batch_size: int = Field(1, ge=1, description="lanes: sequences trained side by side")
    shuffle: bool = Field(False, description="a new order of the sequences in each epoch")
    timesteps: int | Literal["full"] = Field(
        1, description='steps per update; "full": the whole sequence in one window'
    )
    lags: int = Field(1, ge=1, le=1000, description="each prediction is made from a sliding window of so many symbols")
    batch_layout: Literal["sequences", "steps"] = Field(
        "sequences", description="what a lane of the batch carries: a sequence, or (the pitfall) every n-th step of one"
    )
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="with Keras's own defaults")
    learning_rate: float = Field(0.001, gt=0, lt=float("inf"), description="the optimiser's step size")
    clip_norm: float | None = Field(
        None, gt=0, lt=float("inf"), description="largest norm of the whole gradient; left out: not clipped"
    )
    loss_on: Literal["every", "last"] = Field("every", description="score every step, or the last one only")
    last_weight: float = Field(
        1.0, gt=0, lt=float("inf"), description="weight of the last step's loss, where the others count 1"
    )
    evaluate_every: int = Field(1, ge=1, description="epochs from one test to the next")
    stop_when_solved: bool = Field(False, description="end a replicate at the first test that it solves")
    trainer: Literal["fused", "fit"] = Field("fused", description="the compiled program, or Keras's own loop")

    @model_validator(mode="after")
    def _timesteps_are_positive(self) -> Self:
        if self.timesteps != "full" and self.timesteps < 1:
            raise ValueError(f'timesteps is {self.timesteps}; it must be at least 1, or "full"')
        return self


class Configuration(Frozen):
    """One choice of everything that can be turned: what one trial trains, from each of its seeds."""

    task: TaskConfig
    model: ModelConfig = ModelConfig()
    training: TrainingConfig = TrainingConfig()

    def replace(self, **parameters: Any) -> "Configuration":
        """A copy with the named parameters changed, validated again.

        >>> from sweep.tasks.increasing import IncreasingTask
        >>> Configuration(task=IncreasingTask()).replace(units=4, batch_size=2).model.units
        4
        """
        return self._changed(parameters, lambda kind, raw: kind.model_validate(raw))

    def with_recalled(self, **parameters: Any) -> "Configuration":
        """`replace`, of what was checked when it was run: as what is recalled, it is never refused for a value."""
        return self._changed(parameters, lambda kind, raw: kind.recalled(raw))

    def _changed(
        self, parameters: Mapping[str, Any], made: Callable[[type[Frozen], dict[str, Any]], Frozen]
    ) -> "Configuration":
        """A copy whose changed sections are made anew; the others are left alone, which may be long lists."""
        changes: dict[str, dict[str, Any]] = {}
        for name, value in parameters.items():
            changes.setdefault(self.section_of(name), {})[name] = value
        sections = {name: getattr(self, name) for name in changes}
        return self.model_copy(
            update={n: made(type(s), s.model_dump(exclude_unset=True) | changes[n]) for n, s in sections.items()}
        )

    def section_of(self, parameter: str) -> str:
        """The section that holds `parameter`: "task", "model" or "training"; KeyError if none does."""
        for section in ("task", "model", "training"):
            if parameter in type(getattr(self, section)).model_fields:
                return section
        raise KeyError(parameter)

    def section(self, parameter: str) -> Frozen:
        """The section object that holds `parameter`."""
        return getattr(self, self.section_of(parameter))  # type: ignore[no-any-return]

    def number_type(self, parameter: str) -> type[int] | type[float] | None:
        """What numbers `parameter` takes, if it takes any: int or float, whatever else it may be beside a number.

        >>> from sweep.tasks.increasing import IncreasingTask
        >>> configuration = Configuration(task=IncreasingTask())
        >>> [configuration.number_type(name) for name in ("timesteps", "clip_norm", "shuffle")]
        [<class 'int'>, <class 'float'>, None]
        """
        annotation = type(self.section(parameter)).model_fields[parameter].annotation
        types = get_args(annotation) or (annotation,)
        return next((kind for kind in (int, float) if kind in types), None)

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that two configurations share only if they are equal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


SECTIONS: dict[str, type[Frozen]] = {"model": ModelConfig, "training": TrainingConfig}
"""The sections whose parameters may be fixed or searched; those of a task may be fixed or be conditions."""
