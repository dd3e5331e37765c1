"""Whether a call's arguments fit the function, and whether JSON can carry them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import JobArgumentsError

if TYPE_CHECKING:
    import inspect

_DEEPEST = 100  # levels; json itself gives up at the interpreter's recursion limit, wherever the caller is


def check(signature: inspect.Signature, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Raise JobArgumentsError if the call would fail, or an argument would not arrive as it was sent.

    JSON has None, bool, int, float (finite), str, list, and dict with string keys. A tuple is accepted and arrives as
    a list.
    """
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        raise JobArgumentsError(f"{name}: {error}") from error
    for position, value in enumerate(args):
        _check(value, name, f"argument {position + 1}", 0)
    for key, value in kwargs.items():
        _check(value, name, f"argument {key}", 0)


def _check(value: Any, name: str, where: str, depth: int) -> None:
    if value is None or isinstance(value, (str, bool, int)):
        return
    if isinstance(value, float):
        if not math.isfinite(value):
            raise JobArgumentsError(f"{name}: {where} is {value!r}, which JSON does not have")
    elif depth >= _DEEPEST:
        raise JobArgumentsError(f"{name}: {where} is nested deeper than {_DEEPEST} levels; send flatter data")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            _check(item, name, f"{where}[{index}]", depth + 1)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise JobArgumentsError(f"{name}: {where} has the key {key!r}; JSON has only strings as keys")
            _check(item, name, f"{where}[{key!r}]", depth + 1)
    else:
        kind = f"{type(value).__module__}.{type(value).__qualname__}".removeprefix("builtins.")
        raise JobArgumentsError(
            f"{name}: {where} is a {kind}, which JSON does not have; send a str or a number that stands for it"
        )
