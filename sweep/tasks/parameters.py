"""The parameters of each task, as an experiment file names them."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sweep.frozen import Frozen

Symbol = Annotated[str | int, Field(union_mode="left_to_right")]


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


TASKS: dict[str, type[Frozen]] = {
    "increasing": IncreasingTask,
    "explicit": ExplicitTask,
    "random": RandomTask,
    "marked": MarkedTask,
}
"""Task name -> the parameters that it takes."""
