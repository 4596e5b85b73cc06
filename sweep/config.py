"""The frozen configuration of one trial: the task, the model and its training.

Every parameter that an experiment file may fix, vary or search is a field here, with its unit and its
default (the tutorial's). Names are flat: no two sections share one, so `units` needs no prefix.
"""

import hashlib
import json
from typing import Annotated, Any, Literal, Self, get_args

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
    max_error: float = Field(
        1.0, gt=0, le=1, description="solved only if no scored output is further from its target; 1: any that is right"
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
    max_error: float = Field(
        1.0, gt=0, le=1, description="solved only if no scored output is further from its target; 1: any that is right"
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


class RandomTask(Frozen):
    """Key, random fillers, key: Experiment 2b of Hochreiter & Schmidhuber (1997) at sequence_length p + 1."""

    name: Literal["random"] = "random"
    sequence_length: int = Field(10, ge=3, le=1_000_000, description="symbols in a sequence, both keys counted")
    alphabet_size: int = Field(10, ge=2, le=100_000, description="symbols in the alphabet, the keys counted")
    keys: int = Field(2, ge=2, description="how many different first symbols; the others fill the middle")
    train_sequences: int | Literal["fresh"] = Field(
        "fresh", description='size of a fixed training set; "fresh": every epoch draws new sequences'
    )
    sequences_per_epoch: int = Field(100, ge=1, description="sequences of an epoch, where they are fresh")
    test_sequences: int = Field(100, ge=1, le=100_000, description="held-out sequences, which no training ever shows")
    test_lengths: tuple[Annotated[int, Field(ge=3, le=1_000_000)], ...] = Field(
        (), strict=False, description="other lengths that the trained network is tested at, once"
    )
    max_error: float = Field(
        1.0, gt=0, le=1, description="solved only if no scored output is further from its target; 1: any that is right"
    )
    criterion_sequences: int | None = Field(
        None, ge=1, description="fresh sequences that must meet the criterion; left out: the test sequences do"
    )

    @model_validator(mode="after")
    def _there_are_fillers_and_sequences(self) -> Self:
        if self.alphabet_size <= self.keys:
            raise ValueError(
                f"alphabet_size is {self.alphabet_size}; with keys = {self.keys} it must be at least {self.keys + 1}"
            )
        if self.train_sequences != "fresh":
            if self.train_sequences < 1:
                raise ValueError(f'train_sequences is {self.train_sequences}; it must be at least 1, or "fresh"')
            if "sequences_per_epoch" in self.model_fields_set:
                raise ValueError("sequences_per_epoch is for fresh sequences; a fixed training set is an epoch")
        trained = 1 if self.train_sequences == "fresh" else self.train_sequences
        fillers, places = self.alphabet_size - self.keys, self.sequence_length - 2
        existing = self.keys * fillers ** min(places, 40)  # 2 ** 40 are enough for any sizes
        if existing < trained + self.test_sequences:
            raise ValueError(
                f"test_sequences is {self.test_sequences}; only {existing} different sequences exist, so the test set "
                f"would overlap the training set; at most {max(existing - trained, 0)} can be held out"
            )
        if len(set(self.test_lengths)) < len(self.test_lengths):
            raise ValueError("test_lengths holds a length twice")
        return self


class MarkedTask(Frozen):
    """Experiment 2c of Hochreiter & Schmidhuber (1997): b, key, distractors, e, key, with a random length."""

    name: Literal["marked"] = "marked"
    lag: int = Field(10, ge=1, le=1_000_000, description="q: distractors before the end marker may come")
    distractors: int = Field(10, ge=2, le=100_000, description="p: different distractors in the alphabet of p + 4")
    sequences_per_epoch: int = Field(100, ge=1, description="fresh sequences of an epoch")
    test_sequences: int = Field(100, ge=1, le=100_000, description="held-out sequences, which no training ever shows")
    max_error: float = Field(0.2, gt=0, le=1, description="solved only if no output at the end is further off")
    criterion_sequences: int | None = Field(
        10_000, ge=1, description="fresh sequences that must meet the criterion, as in 1997"
    )


TaskConfig = Annotated[IncreasingTask | ExplicitTask | RandomTask | MarkedTask, Field(discriminator="name")]


class ModelConfig(Frozen):
    """The network: recurrent layers on one-hot symbols, and a dense layer that scores the next symbol."""

    cell: Literal["lstm", "gru", "simple_rnn", "mlp"] = Field(
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


class TrainingConfig(Frozen):
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

        >>> Configuration(task=IncreasingTask()).replace(units=4, batch_size=2).model.units
        4
        """
        data = self.model_dump(exclude_unset=True)
        data["task"]["name"] = self.task.name
        for name, value in parameters.items():
            data.setdefault(self.section_of(name), {})[name] = value
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

    def number_type(self, parameter: str) -> type[int] | type[float] | None:
        """What numbers `parameter` takes, if it takes any: int or float, whatever else it may be beside a number.

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

TASKS: dict[str, type[Frozen]] = {
    "increasing": IncreasingTask,
    "explicit": ExplicitTask,
    "random": RandomTask,
    "marked": MarkedTask,
}
"""Task name -> the parameters that it takes."""
