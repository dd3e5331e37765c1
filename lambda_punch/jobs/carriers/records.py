"""Carriers of what has named fields: dataclasses, named tuples and TypedDicts travel as JSON objects.

A field that is missing, and one that the class does not have, do not fit: nothing is dropped in silence.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.jobs.carriers.carrier import OBJECT, Carrier, Unfit, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OBJECT = frozenset({OBJECT})


class Field(NamedTuple):
    """One field. ``needed``: whether each value has it, or a message must have it."""

    carrier: Carrier
    needed: bool


def of_dataclass(kind: type, fields: Mapping[str, Field]) -> Carrier:
    """Return the carrier of a dataclass, by the parameters of its constructor."""
    return _by_name(kind, fields, lambda value: {name: getattr(value, name) for name in fields})


def of_named_tuple(kind: Any, fields: Mapping[str, Field]) -> Carrier:
    """Return the carrier of a NamedTuple."""
    return _by_name(kind, fields, lambda value: value._asdict())


def of_typed_dict(name: str, fields: Mapping[str, Field]) -> Carrier:
    """Return the carrier of a TypedDict."""

    def dump(value: Any) -> Any:
        return _carried(name, fields, value, "dump")

    def load(value: Any) -> Any:
        return _carried(name, fields, value, "load")

    return Carrier(name, dump, load, _OBJECT, (dict,))


def is_init_only(kind: type) -> bool:
    """Tell whether a dataclass has parameters that are not kept, so that a value cannot say how to make it again."""
    return any(
        field._field_type is dataclasses._FIELD_INITVAR  # type: ignore[attr-defined]  # noqa: SLF001 - fields() leaves them out
        for field in kind.__dataclass_fields__.values()  # type: ignore[attr-defined]  # it is a dataclass
    )


def _by_name(kind: type, fields: Mapping[str, Field], read: Callable[[Any], dict[str, Any]]) -> Carrier:
    name = kind.__name__

    def dump(value: Any) -> Any:
        if type(value) is not kind:  # of a subclass, fields would be lost
            raise Unfit(f"is a {type_name(value)}, not a {name}")
        return _carried(name, fields, read(value), "dump")

    def load(value: Any) -> Any:
        found = _carried(name, fields, value, "load")
        try:
            return kind(**found)
        except Exception as error:  # of its __post_init__
            raise Unfit(f"cannot be a {name}: its constructor raised {type(error).__name__}") from error

    return Carrier(name, dump, load, _OBJECT, (kind,))


def _carried(name: str, fields: Mapping[str, Field], value: Any, way: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Unfit(f"is a {type_name(value)}, not a {name}")
    unknown = [key for key in value if key not in fields]
    if unknown:
        raise Unfit(f"has {str(unknown[0])[:100]!r}, which {name} does not have")
    found = {}
    for key, field in fields.items():
        if key in value:
            try:
                found[key] = getattr(field.carrier, way)(value[key])
            except Unfit as error:
                error.inside(f".{key}")
                raise
        elif field.needed:
            raise Unfit(f"lacks {key!r}, which {name} needs")
    return found
