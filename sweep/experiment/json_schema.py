"""The JSON Schema of an experiment file."""

from typing import Any

from sweep.experiment.experiment import SEARCHABLE, Experiment
from sweep.tasks.registry import TASKS


def json_schema() -> dict[str, Any]:
    """The JSON Schema of an experiment file, for editors that complete and check TOML."""
    schema = Experiment.model_json_schema()
    dimension = schema["properties"]["search"].pop("additionalProperties")
    axes = {name for task in TASKS.values() for name in task.parameters.model_fields} - {"name"}
    schema["properties"]["search"] |= {
        "properties": dict.fromkeys(SEARCHABLE, dimension),
        "additionalProperties": False,
    }
    names = sorted(axes)
    del schema["properties"]["paired"]
    schema["properties"]["conditions"] |= {
        "type": ["object", "array"],
        "properties": {name: {"type": "array", "minItems": 1} for name in names},
        "additionalProperties": False,
        "minItems": 1,
        "items": {
            "type": "object",
            "properties": {name: {} for name in names},
            "additionalProperties": False,
            "minProperties": 1,
        },
    }
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sweep experiment"} | schema
