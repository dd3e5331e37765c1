"""Carriers of lists, sets, tuples and dictionaries, made of the carriers of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.jobs.carriers.carrier import ANY, ARRAY, LIST, MAPPING, OBJECT, TEXT, Carrier, Unfit, type_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_ARRAY = frozenset({ARRAY})
_OBJECT = frozenset({OBJECT})


def each(carry: Callable[[Any], Any], values: Iterable[Any]) -> list[Any]:
    """Return what each value becomes; say which one did not."""
    found: list[Any] = []
    try:
        for value in values:
            found.append(carry(value))  # noqa: PERF401 - its length tells which one failed
    except Unfit as error:
        error.inside(f"[{len(found)}]")
        raise
    return found


def of_list(item: Carrier) -> Carrier:
    """Return the carrier of a list, or of any sequence."""
    if item.plain:
        return LIST

    def dump(value: Any) -> Any:
        if not isinstance(value, (list, tuple)):
            raise Unfit(f"is a {type_name(value)}, not a list")
        return each(item.dump, value)

    def load(value: Any) -> Any:
        return each(item.load, _array(value))

    return Carrier("list", dump, load, _ARRAY, (list, tuple))


def of_set(kind: Any, item: Carrier) -> Carrier:
    """Return the carrier of a set or a frozenset, which travels as a list."""

    def dump(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Unfit(f"is a {type_name(value)}, not a {kind.__name__}")
        return sorted(each(item.dump, value), key=repr)  # the same set is the same message, in every process

    def load(value: Any) -> Any:
        found = each(item.load, _array(value))
        try:
            return kind(found)
        except TypeError:
            raise Unfit(f"has something in it that cannot be in a {kind.__name__}") from None

    return Carrier(kind.__name__, dump, load, _ARRAY, (kind,))


def of_tuple(items: list[Carrier] | None, item: Carrier = ANY) -> Carrier:
    """Return the carrier of a tuple: with these items, or of any length with the same ``item``."""

    def dump(value: Any) -> Any:
        if not isinstance(value, tuple):
            raise Unfit(f"is a {type_name(value)}, not a tuple")
        return _fixed(items, value, "dump") if items is not None else each(item.dump, value)

    def load(value: Any) -> Any:
        found = _array(value)
        return tuple(_fixed(items, found, "load") if items is not None else each(item.load, found))

    return Carrier("tuple", dump, load, _ARRAY, (tuple,))


def of_dict(key: Carrier, item: Carrier) -> Carrier:
    """Return the carrier of a dictionary whose keys become strings. Raises Unfit for keys that cannot."""
    if key.as_key is None:
        raise Unfit(f"has keys of type {key.name}, and JSON has only strings as keys")
    if key is TEXT and item.plain:
        return MAPPING
    dump_key, load_key = key.as_key
    if key is TEXT:
        dump_key, load_key = TEXT.dump, TEXT.load

    def dump(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Unfit(f"is a {type_name(value)}, not a dict")
        return {dump_key(one): _inside(item.dump, other, one) for one, other in value.items()}

    def load(value: Any) -> Any:
        if not isinstance(value, dict):
            raise Unfit(f"is a {type_name(value)}, not a dict")
        return {load_key(one): _inside(item.load, other, one) for one, other in value.items()}

    return Carrier("dict", dump, load, _OBJECT, (dict,))


def _inside(carry: Callable[[Any], Any], value: Any, key: Any) -> Any:
    try:
        return carry(value)
    except Unfit as error:
        error.inside(f"[{key!r}]")
        raise


def _array(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit(f"is a {type_name(value)}, not a list")
    return value


def _fixed(items: list[Carrier], values: Any, way: str) -> list[Any]:
    if len(values) != len(items):
        raise Unfit(f"has {len(values)} items, not {len(items)}")
    found: list[Any] = []
    try:
        for carrier, value in zip(items, values, strict=True):
            found.append(getattr(carrier, way)(value))
    except Unfit as error:
        error.inside(f"[{len(found)}]")
        raise
    return found
