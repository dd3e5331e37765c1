"""The name and the noun under which the log tells of what a request leaves behind its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from lambda_punch.runtime.punch import named

if TYPE_CHECKING:
    from collections.abc import Callable

    F = TypeVar("F", bound=Callable[..., object])


def as_view(rest: F, view: object, app: object, request: str) -> F:
    """Return ``rest`` under the name of the view; under ``request`` (GET /orders) where no framework tells its view."""
    if view is not None:
        rest = named(rest, view)
    else:
        rest.__module__ = type(app).__module__.partition(".")[0]
        rest.__qualname__ = request
    setattr(rest, "noun", "view")  # noqa: B010 - read by runtime/reports.py; mypy knows of no such attribute of a function
    return rest
