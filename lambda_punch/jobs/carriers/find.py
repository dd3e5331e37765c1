"""Finds the carrier of an annotation."""

from __future__ import annotations

import collections.abc
import dataclasses
import enum
import sys
import types
import typing
from typing import Any

from lambda_punch.jobs.carriers import carrier as plain
from lambda_punch.jobs.carriers import containers, models, records, unions, values
from lambda_punch.jobs.carriers.carrier import Carrier, Unfit

_PLAIN: dict[Any, Carrier] = {
    Any: plain.ANY, object: plain.ANY, str: plain.TEXT, int: values.WHOLE_KEYS, float: plain.REAL, bool: plain.TRUTH,
    None: plain.NOTHING, type(None): plain.NOTHING,
}  # fmt: skip
_LISTS = (
    list,
    collections.abc.Sequence,
    collections.abc.MutableSequence,
    collections.abc.Collection,
    collections.abc.Iterable,
)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)
_SETS = {
    set: set, frozenset: frozenset, collections.abc.MutableSet: set, collections.abc.Set: frozenset,
}  # fmt: skip


class Finder:
    """Finds carriers; ``around`` are the classes whose fields are being looked at, which may name themselves."""

    def __init__(self) -> None:
        self._around: dict[Any, list[Carrier]] = {}

    def find(self, annotation: Any) -> Carrier:
        """Return the carrier. Raises Unfit if there is none, and NameError for a name that cannot be resolved."""
        try:
            known = _PLAIN.get(annotation) or values.VALUES.get(annotation)
        except TypeError:  # not hashable, such as Annotated[int, [...]]
            known = None
        return known or self._find_form(annotation)

    def _find_form(self, annotation: Any) -> Carrier:  # noqa: PLR0911 - one for each form
        """Find what typing makes: generics, unions, aliases."""
        if isinstance(annotation, typing.TypeVar):
            return plain.ANY
        if hasattr(annotation, "__supertype__"):  # a NewType
            return self.find(annotation.__supertype__)
        if type(annotation).__name__ == "TypeAliasType" and typing.get_origin(annotation) is None:
            return self.find(annotation.__value__)
        origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
        if origin is None:
            return self._find_bare(annotation)
        if _is_form(origin, "Annotated"):
            return self.find(inner[0])
        if _is_form(origin, "Literal"):
            return unions.of_union(_distinct([self.find(type(value)) for value in inner]))
        if origin is typing.Union or origin is getattr(types, "UnionType", None):
            return unions.of_union(_distinct([self.find(member) for member in inner]))
        return self._find_container(origin, inner) or self._none(annotation)

    def _find_container(self, origin: Any, inner: tuple[Any, ...]) -> Carrier | None:
        """Find a list, set, tuple or dictionary; ``inner`` is empty for a bare one."""
        if origin is tuple:
            if not inner or inner[-1] is ...:
                return containers.of_tuple(None, self.find(inner[0]) if inner else plain.ANY)
            return containers.of_tuple([self.find(item) for item in inner if item != ()])
        if origin in _LISTS:
            return containers.of_list(self.find(inner[0]) if inner else plain.ANY)
        if origin in _SETS:
            return containers.of_set(_SETS[origin], self.find(inner[0]) if inner else plain.ANY)
        if origin in _MAPPINGS:
            key, item = inner or (str, Any)
            return containers.of_dict(self.find(key), self.find(item))
        return None

    def _find_bare(self, kind: Any) -> Carrier:
        """Find a class, or a bare container."""
        found = self._find_container(kind, ()) if getattr(kind, "__hash__", None) else None
        if found is None and isinstance(kind, type) and issubclass(kind, enum.Enum):
            found = values.of_enum(kind)
        if found is None:
            found = models.of_model(kind)
        return found or self._find_fields(kind) or self._none(kind)

    def _find_fields(self, kind: Any) -> Carrier | None:
        """Find a dataclass, a NamedTuple or a TypedDict. One that is met again inside itself is found when it is used."""
        is_tuple = isinstance(kind, type) and issubclass(kind, tuple) and hasattr(kind, "_fields")
        is_dict = hasattr(kind, "__required_keys__") and hasattr(kind, "__total__")
        if not (is_tuple or is_dict or (isinstance(kind, type) and dataclasses.is_dataclass(kind))):
            return None
        if kind in self._around:
            return _later(kind.__name__, self._around[kind], () if is_dict else (kind,))
        self._around[kind] = []
        made = self._make(kind, is_tuple=is_tuple, is_dict=is_dict)
        self._around.pop(kind).append(made)
        return made

    def _make(self, kind: Any, *, is_tuple: bool, is_dict: bool) -> Carrier:
        hints = typing.get_type_hints(kind, include_extras=True)
        if is_dict:
            fields = {name: self._key(name, hint, kind) for name, hint in hints.items()}
            return records.of_typed_dict(kind.__name__, fields)
        if is_tuple:
            found = {
                name: records.Field(self._field(name, hints.get(name, Any)), name not in kind._field_defaults)
                for name in kind._fields
            }
            return records.of_named_tuple(kind, found)
        if records.is_init_only(kind):
            raise Unfit(f"is a {kind.__name__}, which has an InitVar, so its values do not say how to make them again")
        missing = dataclasses.MISSING
        taken = {
            field.name: records.Field(
                self._field(field.name, hints[field.name]),
                field.default is missing and field.default_factory is missing,
            )
            for field in dataclasses.fields(kind)
            if field.init
        }
        return records.of_dataclass(kind, taken)

    def _field(self, name: str, hint: Any) -> Carrier:
        try:
            return self.find(hint)
        except Unfit as error:
            error.inside(f".{name}")
            raise

    def _key(self, name: str, hint: Any, kind: Any) -> records.Field:
        """Return a TypedDict's field, whose annotation may say whether it is needed."""
        needed = name in kind.__required_keys__
        while (origin := typing.get_origin(hint)) is not None and any(
            _is_form(origin, form) for form in ("Required", "NotRequired", "ReadOnly")
        ):
            needed = needed if _is_form(origin, "ReadOnly") else _is_form(origin, "Required")
            hint = typing.get_args(hint)[0]
        return records.Field(self._field(name, hint), needed)

    def _none(self, annotation: Any) -> Carrier:
        name = annotation.__qualname__ if isinstance(annotation, type) else str(annotation)
        raise Unfit(
            f"is annotated as {name}, which no message can carry; send a str or a number that stands for it, or one of: "
            "datetime, date, time, timedelta, UUID, Decimal, Enum, bytes, list, set, frozenset, tuple, dict, dataclass, "
            "NamedTuple, TypedDict, a model of pydantic or msgspec, Optional and unions of these"
        )


def _is_form(origin: Any, name: str) -> bool:
    """Tell whether an annotation's origin is this form of typing, or of typing_extensions if that is in use."""
    modules = (typing, sys.modules.get("typing_extensions"))
    return any(origin is getattr(module, name, ()) for module in modules)


def _distinct(carriers: list[Carrier]) -> list[Carrier]:
    return [carrier for place, carrier in enumerate(carriers) if carrier not in carriers[:place]]


def _later(name: str, made: list[Carrier], kinds: tuple[type, ...]) -> Carrier:
    def dump(value: Any) -> Any:
        return made[0].dump(value)

    def load(value: Any) -> Any:
        return made[0].load(value)

    return Carrier(name, dump, load, frozenset({plain.OBJECT}), kinds or (dict,))
