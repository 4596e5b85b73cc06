"""The frozen configuration of one trial: the task, the model and its training.

Every parameter that an experiment file may fix, vary or search is a field here, with its unit and its
default (the tutorial's). Names are flat: no two sections share one, so `units` needs no prefix.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Symbol = Annotated[str | int, Field(union_mode="left_to_right")]


class Frozen(BaseModel):
    """An immutable section of a configuration; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class IncreasingTask(Frozen):
    """Key, 0, 1, 2, ..., key: one sequence for each key. Length 5 with 2 keys is the tutorial's pair."""

    name: Literal["increasing"] = "increasing"
    sequence_length: int = Field(5, ge=3, description="symbols in a sequence, both keys counted")
    keys: int = Field(2, ge=1, description="how many different first symbols, hence sequences")
    alphabet_size: int | None = Field(
        None, ge=2, description="symbols in the alphabet; left out: just those that the sequences need"
    )

    @model_validator(mode="after")
    def _alphabet_holds_the_sequences(self) -> Self:
        needed = self.sequence_length - 2 + self.keys
        if self.alphabet_size is not None and self.alphabet_size < needed:
            raise ValueError(
                f"alphabet_size is {self.alphabet_size}; sequence_length = {self.sequence_length} with "
                f"keys = {self.keys} needs at least {needed} symbols"
            )
        return self


class ExplicitTask(Frozen):
    """The sequences that the user wrote down, over whatever symbols they use."""

    name: Literal["explicit"] = "explicit"
    sequences: tuple[Annotated[tuple[Symbol, ...], Field(strict=False)], ...] = Field(
        min_length=1,
        strict=False,  # TOML and JSON have lists, not tuples
        description="the sequences, each a list of symbols (strings or whole numbers)",
    )

    @model_validator(mode="after")
    def _sequences_have_a_step_to_predict(self) -> Self:
        for number, sequence in enumerate(self.sequences, start=1):
            if len(sequence) < 2:
                raise ValueError(f"sequence {number} has {len(sequence)} symbols; it needs at least 2")
            if "" in sequence or any(isinstance(s, str) and s.split() != [s] for s in sequence):
                raise ValueError(f"sequence {number} has a symbol that is empty or holds white space")
        if len({str(s) for sequence in self.sequences for s in sequence}) < 2:
            raise ValueError("the sequences use one symbol only; there is nothing to predict")
        return self


TaskConfig = Annotated[IncreasingTask | ExplicitTask, Field(discriminator="name")]


class ModelConfig(Frozen):
    """The network: recurrent layers on one-hot symbols, and a dense layer that scores the next symbol."""

    units: int = Field(20, ge=1, le=4096, description="units of each recurrent layer")
    layers: int = Field(1, ge=1, le=8, description="recurrent layers, one on top of the other")
    output: Literal["sigmoid", "softmax"] = Field(
        "sigmoid", description="sigmoid with binary cross-entropy, or softmax with categorical cross-entropy"
    )
    stateful: bool = Field(True, description="carry the state from window to window within a sequence")


class TrainingConfig(Frozen):
    """How the network is trained, and how often it is tested meanwhile."""

    epochs: int = Field(250, ge=1, le=10_000_000, description="passes over the training sequences")
    batch_size: int = Field(1, ge=1, description="lanes: sequences trained side by side")
    shuffle: bool = Field(False, description="a new order of the sequences in each epoch")
    timesteps: int | Literal["full"] = Field(
        1, description='steps per update; "full": the whole sequence in one window'
    )
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field("adam", description="with Keras's own defaults")
    learning_rate: float = Field(0.001, gt=0, lt=float("inf"), description="the optimiser's step size")
    loss_on: Literal["every", "last"] = Field("every", description="score every step, or the last one only")
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

        >>> Configuration(task=IncreasingTask()).replace(units=4, batch_size=2).model.units
        4
        """
        data = self.model_dump()
        for name, value in parameters.items():
            data[self.section_of(name)][name] = value
        return Configuration.model_validate(data)

    def section_of(self, parameter: str) -> str:
        """The section that holds `parameter`: "task", "model" or "training"; KeyError if none does."""
        for section in ("task", "model", "training"):
            if parameter in type(getattr(self, section)).model_fields:
                return section
        raise KeyError(parameter)

    def section(self, parameter: str) -> Frozen:
        """The section object that holds `parameter`."""
        return getattr(self, self.section_of(parameter))  # type: ignore[no-any-return]

    @property
    def id(self) -> str:
        """Twelve hexadecimal digits that two configurations share only if they are equal."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


SECTIONS: dict[str, type[Frozen]] = {"model": ModelConfig, "training": TrainingConfig}
"""The sections whose parameters may be fixed or searched; those of a task may be fixed or be conditions."""

TASKS: dict[str, type[Frozen]] = {"increasing": IncreasingTask, "explicit": ExplicitTask}
"""Task name -> the parameters that it takes."""
