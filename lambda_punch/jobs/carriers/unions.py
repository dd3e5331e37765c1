"""The carrier of a union: the kind of JSON tells the member, or, if two have the same kind, a tag does.

``datetime | int`` travels as a string or a number. ``datetime | str`` travels as ``{"datetime": "..."}`` or ``{"str": "..."}``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.jobs.carriers.carrier import (
    ANY,
    ANYTHING,
    ARRAY,
    BOOLEAN,
    NULL,
    NUMBER,
    OBJECT,
    STRING,
    Carrier,
    Unfit,
    check_json,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def of_union(members: Sequence[Carrier]) -> Carrier:
    """Return the carrier of a union. Raises Unfit if members cannot be told apart."""
    if len(members) == 1:
        return members[0]
    name = " | ".join(member.name for member in members)
    if all(member.plain for member in members):
        kinds = frozenset().union(*(member.kinds for member in members))
        types = tuple(kind for member in members for kind in member.types)
        load = check_json if kinds == ANYTHING else _plain_load(name, kinds)
        return Carrier(name, lambda value: check_json(load(value)), load, kinds, types, plain=True)
    if ANY in members:
        raise Unfit("is a union with Any, and a message could not say which of the types it is")
    nothing = [member for member in members if member.kinds == {NULL}]
    others = [member for member in members if member.kinds != {NULL}]
    inner = others[0] if len(others) == 1 else _by_kind(name, others) or _by_tag(name, others)
    return _or_nothing(name, inner) if nothing else inner


def kind_of(value: Any) -> str:
    """Return what a value is called in JSON."""
    if value is None:
        return NULL
    for kind, types in ((BOOLEAN, bool), (STRING, str), (NUMBER, (int, float)), (ARRAY, (list, tuple))):
        if isinstance(value, types):
            return kind
    return OBJECT


def _plain_load(name: str, kinds: frozenset[str]) -> Any:
    def load(value: Any) -> Any:
        if kind_of(value) not in kinds or (kind_of(value) == OBJECT and not isinstance(value, dict)):
            raise Unfit(f"is a {type_name(value)}, not a {name}")
        return value

    return load


def _or_nothing(name: str, inner: Carrier) -> Carrier:
    def dump(value: Any) -> Any:
        return None if value is None else inner.dump(value)

    def load(value: Any) -> Any:
        return None if value is None else inner.load(value)

    return Carrier(name, dump, load, inner.kinds | {NULL}, (*inner.types, type(None)))


def _member_of(name: str, members: Sequence[Carrier], value: Any) -> Carrier:
    """Return the member that a value belongs to: one of just its class, before one of a class above."""
    for member in members:
        if type(value) in member.types:
            return member
    for member in members:
        if isinstance(value, member.types):
            return member
    raise Unfit(f"is a {type_name(value)}, not a {name}")


def _by_kind(name: str, members: Sequence[Carrier]) -> Carrier | None:
    """Return the carrier if no two members have a kind of JSON in common."""
    by_kind: dict[str, Carrier] = {}
    for member in members:
        for kind in member.kinds:
            if kind in by_kind:
                return None
            by_kind[kind] = member

    def load(value: Any) -> Any:
        member = by_kind.get(kind_of(value))
        if member is None:
            raise Unfit(f"is a {type_name(value)}, not a {name}")
        return member.load(value)

    return _carrier(name, members, load, frozenset(by_kind), tagged=False)


def _by_tag(name: str, members: Sequence[Carrier]) -> Carrier:
    by_name = {member.name: member for member in members}
    if len(by_name) < len(members) or _share_a_class(members):
        raise Unfit(f"is the union {name}, and a message could not say which of the types it is")

    def load(value: Any) -> Any:
        tag = next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None
        if tag not in by_name:
            raise Unfit(f"is not an object with one of the keys {', '.join(by_name)}, which tells the type")
        return by_name[tag].load(value[tag])

    return _carrier(name, members, load, frozenset({OBJECT}), tagged=True)


def _share_a_class(members: Sequence[Carrier]) -> bool:
    types = [kind for member in members for kind in member.types]
    return len(set(types)) < len(types)


def _carrier(name: str, members: Sequence[Carrier], load: Any, kinds: frozenset[str], *, tagged: bool) -> Carrier:
    def dump(value: Any) -> Any:
        member = _member_of(name, members, value)
        dumped = member.dump(value)
        return {member.name: dumped} if tagged else dumped

    return Carrier(name, dump, load, kinds, tuple(kind for member in members for kind in member.types))
