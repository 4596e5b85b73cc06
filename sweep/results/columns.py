"""The columns of a record and of the tables made of records: outcomes, and what they are outcomes of.

The first version's columns keep their places, since files and readers know them; what came later follows in the order
of the table of outcomes.
"""

import pyarrow as pa

from sweep.experiment.outcomes import OUTCOMES, Place, measured_at

_FIRST = {
    "trials": (
        "parameters", "seeds", "solve_rate", "solve_rate_low", "solve_rate_high", "recall_accuracy",
        "sequence_accuracy", "accuracy", "loss", "epochs_to_solve", "sequences_to_solve", "updates_to_solve",
        "ert_sequences", "updates", "train_seconds", "compile_seconds", "error",
    ),
    "replicates": (
        "seed", "solved", "diverged", "epochs_to_solve", "sequences_to_solve", "updates_to_solve", "loss", "accuracy",
        "recall_accuracy", "sequence_accuracy", "max_error",
    ),
    "curves": ("seed", "epoch", "sequences", "loss", "accuracy", "recall_accuracy", "sequence_accuracy"),
    "steps": ("seed", "step", "scored", "accuracy"),
    "lengths": ("seed", "length", "recall_accuracy", "sequence_accuracy"),
}  # fmt: skip
_PLACES: dict[str, Place] = {
    "trials": "trial",
    "replicates": "replicate",
    "curves": "test",
    "steps": "step",
    "lengths": "length",
}
_NO_OUTCOMES = {
    "seeds": pa.int64(),
    "error": pa.string(),
    "seed": pa.int64(),
    "epoch": pa.int64(),
    "sequences": pa.int64(),
    "step": pa.int64(),
    "length": pa.int64(),
    "scored": pa.bool_(),
}


def _columns(table: str) -> dict[str, pa.DataType]:
    names = list(_FIRST[table])
    for name in measured_at(_PLACES[table]):
        both_ends = OUTCOMES[name].interval_since and table == "trials"
        names += [name, *((f"{name}_low", f"{name}_high") if both_ends else ())]
    return {name: _NO_OUTCOMES.get(name) or _type_of(name) for name in dict.fromkeys(names)}


def _type_of(name: str) -> pa.DataType:
    measure = OUTCOMES[name.removesuffix("_low").removesuffix("_high")]
    if measure.whole:
        return pa.int64()
    return pa.bool_() if measure.unit == "yes or no" else pa.float64()


TRIALS = _columns("trials")
"""Column -> type, of a trial's own figures."""

NESTED = {name: _columns(name) for name in ("replicates", "curves", "steps", "lengths")}
"""Table -> its columns, each with its type; in a record, every table is one nested column."""
