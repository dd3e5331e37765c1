"""Errors for functions that a user gives the library, and that it could not call. What is not wrong costs no more import."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from lambda_punch.errors import NotCallableError

_COROUTINE, _GENERATORS = 0x80, 0x20 | 0x200  # of a function's code: inspect has names for them, and is slow to import


def not_callable(value: object) -> NotCallableError:
    """Return the error for a value that was pushed and cannot be called."""
    return _error(f"push() takes a function and its arguments, as in push(send, order); got a {type(value).__name__}")


def checked(where: str, function: Any, *, manager: bool = False, any_kind: bool = False) -> Any:
    """Return a function that the library will call for a user, or raise NotCallableError with the cause and the cure.

    ``manager``: it must return a context manager, so a generator function lacks its decorator. Otherwise it must not be
    asynchronous, because nothing would await what it returns. ``any_kind``: it may be any function.
    """
    if not callable(function):
        raise _error(f"{where} takes a function, not {type(function).__name__}")
    if any_kind:
        return function
    flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
    if manager and flags & _GENERATORS:
        raise _error(f"{where} takes a function that returns a context manager; put @contextmanager above it")
    if not manager and flags & (_COROUTINE | _GENERATORS):
        raise _error(f"{where} takes a plain function; an async one, or a generator, would not be run")
    return function


def _error(text: str) -> NotCallableError:
    from lambda_punch.errors import NotCallableError  # it needs typing, which is slow to import

    return NotCallableError(text)
