"""Checks what a middleware is made for and given to, so that a wrong order is one sentence at the import."""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING

from lambda_punch._log import logger
from lambda_punch.errors import ConfigurationError
from lambda_punch.integrations._place import prepare
from lambda_punch.runtime.punch import name_of
from lambda_punch.runtime.response import watch_runtime_client

if TYPE_CHECKING:
    from collections.abc import Callable

_HANDLER = ("event", "context")
_KINDS = {3: "an ASGI application", 2: "a WSGI application"}


def begin(middleware: object, app: object, *, takes: int, adapters: str) -> None:
    """Get ready for a middleware, after a check of what it wraps: something that is called with ``takes`` arguments.

    An error names ``adapters`` if the middleware is given to Lambda without one. Raises ConfigurationError for something
    that cannot be an application of this kind.
    """
    _check(app, takes, adapters)
    if prepare():
        watch_runtime_client(_once(lambda: _look_at_the_handler(middleware, adapters)), lambda _request: None)


def _check(app: object, takes: int, adapters: str) -> None:
    what = _KINDS[takes]
    if not callable(app):
        raise ConfigurationError(f"PunchMiddleware() wraps {what}, not {type(app).__name__}")
    found = _parameters(app)
    if found is None:
        return
    if type(app).__name__ == "Mangum" or tuple(found[:2]) == _HANDLER:
        raise ConfigurationError(
            f"PunchMiddleware() wraps the application, and the adapter wraps that: {adapters}; not the other way round"
        )
    if _fits(app, takes):
        return
    other = _KINDS[5 - takes] if _fits(app, 5 - takes) else f"something that is called with ({', '.join(found)})"
    cure = (
        "use the one in lambda_punch.integrations." + ("wsgi" if takes == 3 else "asgi")
        if _fits(app, 5 - takes)
        else ""
    )
    raise ConfigurationError(
        f"PunchMiddleware() wraps {what}; {name_of(app)} is {other}" + (f": {cure}" if cure else "")
    )


def _parameters(app: Callable[..., object]) -> list[str] | None:
    try:
        return list(inspect.signature(app).parameters)
    except (ValueError, TypeError):  # written in C, so it cannot be known
        return None


def _fits(app: Callable[..., object], count: int) -> bool:
    try:
        inspect.signature(app).bind(*range(count))
    except TypeError:
        return False
    return True


def _once(look: Callable[[], None]) -> Callable[[], None]:
    waiting = [look]

    def before_next() -> None:
        if waiting:
            waiting.pop()()

    return before_next


def _look_at_the_handler(middleware: object, adapters: str) -> None:
    """Before the first event, log an error if Lambda has been given a middleware as its handler."""
    module, _, name = os.environ.get("_HANDLER", "").rpartition(".")
    if getattr(sys.modules.get(module.replace("/", ".")), name, None) is middleware:
        logger().error(
            "the handler %s.%s is a PunchMiddleware, which Lambda cannot call; put an adapter round it: %s",
            module, name, adapters,
        )  # fmt: skip
