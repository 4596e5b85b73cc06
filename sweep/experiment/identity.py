"""What decides an experiment's numbers: where it is equal, a run may go on with the other's results.

Keys that came after the first version stay out of it at their defaults, so that results from before them can still be
gone on with. Nothing has to be done for that when a key is added: the keys of the first version are listed here.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sweep.experiment.experiment import Experiment
from sweep.experiment.space import Choices
from sweep.faults import quoted
from sweep.frozen import Frozen

_FIRST = {
    "model": {"cell", "units", "layers", "output", "gate_bias", "chrono_max", "stateful"},
    "training": {
        "epochs", "batch_size", "shuffle", "timesteps", "lags", "batch_layout", "optimizer", "learning_rate",
        "clip_norm", "loss_on", "last_weight", "evaluate_every", "stop_when_solved", "trainer",
    },
    "study": {"sampler", "seeds", "objective", "pruner", "seed"},
    "choices": {"choices"},
    "range": {"low", "high", "log", "step"},
    "increasing": {"sequence_length", "keys", "alphabet_size", "max_error"},
    "explicit": {"sequences", "max_error"},
    "random": {
        "sequence_length", "alphabet_size", "keys", "train_sequences", "sequences_per_epoch", "test_sequences",
        "test_lengths", "max_error", "criterion_sequences",
    },
    "marked": {
        "lag", "distractors", "sequences_per_epoch", "test_sequences", "max_error", "criterion_sequences",
    },
}  # fmt: skip
"""Section, kind of a search dimension or task -> the keys that count whatever their values. The list is closed."""

_NEUTRAL = {"trials", "trial_timeout", "margin"}
"""Keys of [study] that may change between two runs: no finished trial depends on them.

Neither does one on the question, on [confirm], nor on what else is not asked for in `content`.
"""

_ORDERS = ("order of conditions", "order of search")


def identity_of(experiment: Experiment) -> str:
    """Sixteen hexadecimal digits that two experiments share only if there are no `differences` between them."""
    return hashlib.sha256(json.dumps(content(experiment), sort_keys=True).encode()).hexdigest()[:16]


def differences(one: Experiment, other: Experiment) -> list[str]:
    """What `other` would change in the numbers of `one`: one line a key. The question and more trials do not."""
    old, new = content(one), content(other)
    changed = [key for key in {**old, **new} if json.dumps(old.get(key)) != json.dumps(new.get(key))]
    # Without this, a key that comes or goes would be told twice: by itself, and by the order of all keys.
    told = [key for key in changed if key not in _ORDERS or sorted(old.get(key, [])) == sorted(new.get(key, []))]
    return [f"{key}: was {_said(old, key)}, is {_said(new, key)}" for key in told]


def content(experiment: Experiment) -> dict[str, Any]:
    """Dotted key -> value, of all that decides the numbers; the orders in which trials and draws go among it."""
    task, search = experiment.task, experiment.search
    sections = {
        "task": {"name": task.name} | _counted(task, task.name),
        "model": _counted(experiment.model, "model"),
        "training": _counted(experiment.training, "training"),
        "conditions": experiment.model_dump(mode="json", include={"conditions"})["conditions"],
        "search": {
            name: _counted(dimension, "choices")
            if isinstance(dimension, Choices)
            else _counted(dimension, "range") | {"high": dimension.last}  # whoever is told to lower it may go on
            for name, dimension in search.items()
        },
        "study": {key: value for key, value in _counted(experiment.study, "study").items() if key not in _NEUTRAL},
    }
    orders = zip(_ORDERS, (list(experiment.conditions), list(search)), strict=True)
    return _flat(sections) | {key: names for key, names in orders if len(names) > 1}


def _counted(section: Frozen, kind: str) -> dict[str, Any]:
    """The keys of a section that count: those of the first version, and later ones that are not at their defaults."""
    fields, first = type(section).model_fields, _FIRST.get(kind, set())
    later = {
        name for name, field in fields.items() if getattr(section, name) != field.get_default(call_default_factory=True)
    }
    return {key: value for key, value in section.model_dump(mode="json").items() if key in first or key in later}


def _said(content: Mapping[str, Any], key: str) -> str:
    return quoted(content[key]) if content.get(key) is not None else "not set"


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
            for number, row in enumerate(value, start=1):
                flat |= _flat(row, f"{prefix}{key}.{number}.")
        else:
            flat[prefix + key] = value
    return flat
