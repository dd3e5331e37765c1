"""Names for what is pushed, so that the log and error handlers name the user's function and not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def named(function: F, like: Any) -> F:
    """Return ``function`` under the name of ``like``: of a partial that of what it calls, of an object its type's."""
    inner: Any = getattr(like, "func", like)
    inner = inner if hasattr(inner, "__qualname__") else type(inner)
    function.__module__, function.__name__ = inner.__module__, inner.__name__
    function.__qualname__ = inner.__qualname__
    return function
