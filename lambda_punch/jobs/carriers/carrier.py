"""What carries a value: to JSON where a job is sent, and back where it is run; and what JSON carries by itself."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_DEEPEST = 100  # levels; json itself gives up at the interpreter's recursion limit, wherever the caller is

STRING, NUMBER, BOOLEAN, NULL, ARRAY, OBJECT = "string", "number", "boolean", "null", "array", "object"
ANYTHING = frozenset({STRING, NUMBER, BOOLEAN, NULL, ARRAY, OBJECT})


class Unfit(Exception):  # noqa: N818 - it never leaves this package and its callers
    """A value that cannot be carried, or JSON that is not such a value. Its text does not hold the value."""

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path

    def inside(self, step: str) -> None:
        """Note that it was found one level further in."""
        self.path = step + self.path


class Carrier(NamedTuple):
    """Carries the values of one annotation. ``dump`` and ``load`` raise Unfit.

    ``name``: the annotation's, for messages and for tags. ``kinds``: what JSON it may become. ``types``: the classes of its
    values. ``plain``: JSON carries it as it is, so nothing has to be done. ``as_key``: turns a value into the key of a JSON
    object, and back; None if it cannot be one.
    """

    name: str
    dump: Callable[[Any], Any]
    load: Callable[[Any], Any]
    kinds: frozenset[str]
    types: tuple[type, ...]
    plain: bool = False
    as_key: tuple[Callable[[Any], str], Callable[[str], Any]] | None = None


def type_name(value: object) -> str:
    """Return the name of a value's class, for a message."""
    kind = type(value)
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


def check_json(value: Any, depth: int = 0) -> Any:
    """Return the value if JSON can carry it as it is, a tuple as a list; raise Unfit if it cannot."""
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unfit(f"is {value!r}, which JSON does not have")
    elif depth >= _DEEPEST:
        raise Unfit(f"is nested deeper than {_DEEPEST} levels; send flatter data")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check_inside(item, f"[{index}]", depth)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise Unfit(f"has the key {key!r}; JSON has only strings as keys")
            _check_inside(item, f"[{key!r}]", depth)
    else:
        raise Unfit(
            f"is a {type_name(value)}, which JSON does not have; annotate the parameter with its type, or send a str or a "
            "number that stands for it"
        )
    return value


def _check_inside(item: Any, step: str, depth: int) -> None:
    if item is None or item.__class__ is str or item.__class__ is int:  # most are
        return
    try:
        check_json(item, depth + 1)
    except Unfit as error:
        error.inside(step)
        raise


def same(value: Any) -> Any:
    """Return the value."""
    return value


def plain(name: str, kinds: frozenset[str], *types: type, but: type | None = None) -> Carrier:
    """Return the carrier of a type that JSON has. Inside other carriers it checks the type, both ways."""

    def load(value: Any) -> Any:
        if not isinstance(value, types) or (but is not None and isinstance(value, but)):
            raise Unfit(f"is a {type_name(value)}, not a {name}")
        return value

    def dump(value: Any) -> Any:
        return check_json(load(value))

    return Carrier(name, dump, load, kinds, types, plain=True)


ANY = Carrier("Any", check_json, same, ANYTHING, (object,), plain=True)
TEXT = plain("str", frozenset({STRING}), str)._replace(as_key=(same, same))
INTEGER = plain("int", frozenset({NUMBER}), int, but=bool)
REAL = plain("float", frozenset({NUMBER}), float, int, but=bool)
TRUTH = plain("bool", frozenset({BOOLEAN}), bool)
NOTHING = plain("None", frozenset({NULL}), type(None))
LIST = plain("list", frozenset({ARRAY}), list, tuple)
MAPPING = plain("dict", frozenset({OBJECT}), dict)
