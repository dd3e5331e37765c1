"""Carriers of single values of the standard library. The wire has what people would write by hand."""

from __future__ import annotations

import base64
import enum
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from lambda_punch.jobs.carriers.carrier import (
    BOOLEAN,
    INTEGER,
    NUMBER,
    STRING,
    Carrier,
    Unfit,
    check_json,
    type_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_MICROSECOND = timedelta(microseconds=1)


def of_class(kind: type, dump: Callable[[Any], Any], load: Callable[[Any], Any], text: str) -> Carrier:
    """Return the carrier of exactly this class as a JSON string; ``text`` says what the string must be."""
    name = kind.__name__

    def dumped(value: Any) -> Any:
        if type(value) is not kind:  # a subclass would come back as something else
            raise Unfit(f"is a {type_name(value)}, not a {name}")
        return dump(value)

    def loaded(value: Any) -> Any:
        if not isinstance(value, str):
            raise Unfit(f"is a {type_name(value)}, not {text}")
        try:
            return load(value)
        except Exception:  # noqa: BLE001 - what it says holds the value, which may be a secret
            raise Unfit(f"is not {text}") from None

    return Carrier(name, dumped, loaded, frozenset({STRING}), (kind,), as_key=(dumped, loaded))


def _iso(text: str) -> str:
    """Return a time as Python before 3.11 reads it, too."""
    return f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text


def _dump_time(value: time) -> str:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Unfit("is a time in a zone whose offset depends on the day; send a datetime")
    return value.isoformat()


def _dump_seconds(value: timedelta) -> str:
    seconds, rest = divmod(abs(value) // _MICROSECOND, 1_000_000)
    text = f"{seconds}.{rest:06d}".rstrip("0").rstrip(".")
    return f"-{text}" if value < timedelta(0) else text


def _load_seconds(value: Any) -> timedelta:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Unfit(f"is a {type_name(value)}, not a number of seconds")
    try:
        return (
            int(Decimal(value if isinstance(value, str) else str(value)).scaleb(6).to_integral_exact()) * _MICROSECOND
        )
    except (ArithmeticError, ValueError):
        raise Unfit("is not a number of seconds") from None


_SECONDS = of_class(timedelta, _dump_seconds, _load_seconds, "a number of seconds")

VALUES: dict[type, Carrier] = {
    datetime: of_class(
        datetime, datetime.isoformat, lambda text: datetime.fromisoformat(_iso(text)), "a date and time in ISO 8601"
    ),
    date: of_class(date, date.isoformat, date.fromisoformat, "a date in ISO 8601"),
    time: of_class(time, _dump_time, lambda text: time.fromisoformat(_iso(text)), "a time in ISO 8601"),
    timedelta: _SECONDS._replace(load=_load_seconds, kinds=frozenset({STRING, NUMBER})),
    UUID: of_class(UUID, str, UUID, "a UUID"),
    Decimal: of_class(Decimal, str, Decimal, "a decimal number"),
    bytes: of_class(
        bytes, lambda value: base64.b64encode(value).decode(), lambda text: base64.b64decode(text, validate=True), "base64"
    ),
    bytearray: of_class(
        bytearray, lambda value: base64.b64encode(value).decode(),
        lambda text: bytearray(base64.b64decode(text, validate=True)), "base64",
    ),
}  # fmt: skip


def _load_whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise Unfit("has a key that is not a whole number") from None


WHOLE_KEYS = INTEGER._replace(as_key=(lambda value: str(INTEGER.dump(value)), _load_whole))


def of_enum(kind: type[enum.Enum]) -> Carrier:
    """Return the carrier of an enumeration: by its values if JSON has them all, else by its names."""
    by_value = all(_is_scalar(member.value) for member in kind)
    allowed = " or ".join(sorted({type_name(member.value) for member in kind})) if by_value else "name"

    def dump(value: Any) -> Any:
        if not isinstance(value, kind):
            raise Unfit(f"is a {type_name(value)}, not a {kind.__name__}")
        if not by_value and value.name is None:
            raise Unfit(f"is a {kind.__name__} without a name")
        return check_json(value.value) if by_value else value.name

    def load(value: Any) -> Any:
        try:
            found = kind(value) if by_value else kind[value]
        except Exception:  # noqa: BLE001 - a ValueError or a KeyError, or what the class's own _missing_ raises
            raise Unfit(f"is not the {allowed} of a {kind.__name__}") from None
        if by_value and type(found.value) is not type(value):  # True is equal to 1
            raise Unfit(f"is a {type_name(value)}, not the {allowed} of a {kind.__name__}")
        return found

    texts = not by_value or all(isinstance(member.value, str) for member in kind)
    kinds = {_kind_of(member.value) for member in kind} if by_value else {STRING}
    if issubclass(kind, enum.Flag):
        kinds = {NUMBER}
    return Carrier(
        kind.__name__, dump, load, frozenset(kinds or {STRING}), (kind,), as_key=(dump, load) if texts else None
    )


def _is_scalar(value: object) -> bool:
    return type(value) in (str, int, bool) or (type(value) is float and math.isfinite(value))


def _kind_of(value: object) -> str:
    if isinstance(value, bool):
        return BOOLEAN
    return STRING if isinstance(value, str) else NUMBER
