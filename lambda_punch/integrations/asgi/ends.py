"""Tells whether an application can do anything more when the last part of its response has been sent.

Most requests leave nothing behind their response, but an ASGI application ends only after it: in the endings of its
middlewares, in background tasks and in the exits of dependencies. To wait with that until the response is out costs a drain,
about 1 ms of billed time. The call stack of the application at its last ``send`` shows what can come. If there is nothing on
it but code of Starlette and FastAPI that does nothing after a response, and if no background task and no exit of a dependency
waits, then the application may end at once, in some microseconds. Anything else on the stack (a middleware of the user's, or
of another library) may do work behind the response.
"""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from lambda_punch.integrations.asgi.types import Scope

_RESPONSES = "starlette.responses"  # they run background tasks
_HANDLES = "starlette._exception_handler"  # makes a response of an HTTPException, say
_RE_RAISES = "starlette.middleware.errors"  # makes a response of any other error, and raises that

# Modules, or classes in them, that do nothing behind a response beside that. Not here: starlette.middleware.base, which runs
# the application in a task of its own, and calls the user's function; and whatever ends a span.
_IDLE = {
    "fastapi._body_limit",
    "fastapi.applications",
    "fastapi.middleware.asyncexitstack",
    "fastapi.routing",
    "fastapi.telemetry._asgi.ExceptionTelemetryMiddleware",
    "starlette.applications",
    "starlette.endpoints",
    "starlette.middleware.authentication",
    "starlette.middleware.body_limit.RequestBodyLimitMiddleware",
    "starlette.middleware.cors",
    "starlette.middleware.exceptions",
    "starlette.middleware.gzip",
    "starlette.middleware.httpsredirect",
    "starlette.middleware.sessions",
    "starlette.middleware.trustedhost",
    "starlette.routing",
    "starlette.staticfiles",
    _RESPONSES,
    _HANDLES,
    _RE_RAISES,
}


def nothing_follows(caller: FrameType | None, root: CodeType, scope: Scope) -> bool:
    """Tell whether the application can do nothing more; to be called in its last ``send``.

    ``caller``: the frame that called ``send``. ``root``: the code of the function that calls the application. ``scope``: the
    request's, where FastAPI keeps what dependencies have left to do. Takes about 10 microseconds. It does not see code in
    compiled extensions.
    """
    if any(isinstance(value, AsyncExitStack) and _has_exits(value) for value in scope.values()):
        return False
    error = sys.exc_info()[1]
    frame = caller
    while frame is not None and frame.f_code is not root:
        module = frame.f_globals.get("__name__")
        if module not in _IDLE and f"{module}.{type(frame.f_locals.get('self')).__name__}" not in _IDLE:
            return False
        if module == _RESPONSES and _has_task(frame.f_locals.get("self")):
            return False
        if error is not None and module in (_HANDLES, _RE_RAISES) and frame.f_locals.get("exc") is error:
            if module == _RE_RAISES:
                return False
            error = None
        frame = frame.f_back
    return frame is not None and error is None


def _has_exits(stack: Any) -> bool:
    return bool(getattr(stack, "_exit_callbacks", True))


def _has_task(response: Any) -> bool:
    background = getattr(response, "background", None)
    return background is not None and getattr(background, "tasks", None) != []
