"""The base of every section of an experiment file: immutable, strict, without unknown keys."""

from collections.abc import Mapping
from functools import cache, reduce
from operator import or_
from types import UnionType
from typing import Annotated, Any, Self, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, create_model


class Frozen(BaseModel):
    """An immutable section of a configuration; unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def recalled(cls, raw: Mapping[str, Any]) -> Self:
        """A section that was checked when it was written: only its keys and their types are checked again.

        What bounds a value, or contradicts another, may have become stricter since.
        """
        known = _without_bounds(cls).model_validate(dict(raw))
        values = {name: getattr(known, name) for name in cls.model_fields}
        fields_set = set(known.model_fields_set)
        # pydantic's plugin takes `cls` for the base
        return cls.model_construct(_fields_set=fields_set, **values)  # type: ignore[return-value]


@cache
def _without_bounds(section: type[Frozen]) -> type[BaseModel]:
    """The section's keys, types and defaults, and no more; a whole number may be 1.0, and a tuple a list."""
    fields: dict[str, Any] = {}
    for name, field in section.model_fields.items():
        default = ... if field.is_required() else field.get_default(call_default_factory=True)
        fields[name] = (_bare(field.annotation), Field(default))
    return create_model(section.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _bare(annotation: Any) -> Any:
    """A type without what is annotated to it or to its parts.

    >>> _bare(tuple[Annotated[int, "at least 3"], ...] | None)
    tuple[int, ...] | None
    """
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _bare(parts[0])
    if origin in (UnionType, Union):
        return reduce(or_, map(_bare, parts))
    return origin[tuple(map(_bare, parts))] if origin in (tuple, list, dict) else annotation
