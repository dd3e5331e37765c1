"""Tells whether an application can do anything more when the last part of its response has been sent.

Most requests leave nothing behind their response, but an ASGI application ends only after it: in the endings of its
middlewares, in background tasks and in the exits of dependencies. To wait with that until the response is out costs a drain,
about 1 ms of billed time. The call stack of the application at its last ``send`` shows what can come. If there is nothing on
it but code of Starlette and FastAPI that does nothing after a response, and if no background task and no exit of a dependency
waits, then the application may end at once, in some microseconds. Anything else on the stack (a middleware of the user's, or
of another library) may do work behind the response.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType, FrameType

    from lambda_punch.integrations.asgi.types import Scope

_RESPONSES = "starlette.responses"  # they run background tasks
_HANDLES = "starlette._exception_handler"  # makes a response of an HTTPException, say
_RE_RAISES = "starlette.middleware.errors"  # makes a response of any other error, and raises that

_BASE = "starlette.middleware.base"  # calls the user's function before the response, and has the application in a task

# Modules, or classes in them, that do nothing behind a response beside that. Whatever ends a span is not here.
_IDLE = {
    "asgi_correlation_id.middleware.CorrelationIdMiddleware",
    "fastapi._body_limit",
    "fastapi.applications",
    "fastapi.middleware.asyncexitstack",
    "fastapi.routing",
    "fastapi.telemetry._asgi.ExceptionTelemetryMiddleware",
    "starlette.applications",
    "starlette.endpoints",
    "starlette.middleware.authentication",
    "starlette.middleware.base._StreamingResponse",
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
        if not _is_idle(frame):
            return False
        if error is not None and _module_of(frame) == _HANDLES and frame.f_locals.get("exc") is error:
            error = None
        frame = frame.f_back
    return frame is not None and error is None


def _is_idle(frame: FrameType) -> bool:
    """Tell whether the function does nothing more but return, as far as is known of it."""
    module = _module_of(frame)
    if module == _BASE and frame.f_code is sys.modules[_BASE].BaseHTTPMiddleware.__call__.__code__:
        return _has_idle_application(frame)
    owner = frame.f_locals.get("self") if module not in _IDLE or module == _RESPONSES else None
    if module not in _IDLE and f"{module}.{type(owner).__name__}" not in _IDLE:
        return False
    if module == _RE_RAISES and "exc" in frame.f_locals:  # only while it handles one
        return False
    return owner is None or not _has_task(owner)


def _has_idle_application(middleware: FrameType) -> bool:
    """Tell whether the task in which BaseHTTPMiddleware has the application has ended, or waits in its own last ``send``."""
    stream = middleware.f_locals.get("send_stream")
    for task in asyncio.all_tasks():
        frames = list(_frames_of(task.get_coro()))
        for number, frame in enumerate(frames):
            if _is_of_base(frame, "coro") and frame.f_locals.get("send_stream") is stream:
                for inner in frames[number + 1 :]:
                    if _is_of_base(inner, "send_no_error"):
                        return True
                    if not _is_idle(inner):
                        return False
                return False
    return True


def _frames_of(coroutine: Any) -> Iterator[FrameType]:
    """Yield the frames of a coroutine that waits and of those that it awaits, the outermost first."""
    while (frame := getattr(coroutine, "cr_frame", None)) is not None:
        yield frame
        coroutine = coroutine.cr_await


def _is_of_base(frame: FrameType, name: str) -> bool:
    return frame.f_code.co_name == name and _module_of(frame) == _BASE


def _module_of(frame: FrameType) -> Any:
    return frame.f_globals.get("__name__")


def _has_exits(stack: Any) -> bool:
    return bool(getattr(stack, "_exit_callbacks", True))


def _has_task(response: Any) -> bool:
    background = getattr(response, "background", None)
    return background is not None and getattr(background, "tasks", None) != []
