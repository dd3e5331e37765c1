"""Names and kinds of what an application has begun on an event loop: tasks, and calls in the loop's executor.

Two tasks are of one kind if they run the same function. Libraries wrap what they run: each task of AnyIO runs one and the same
coroutine function of AnyIO's, each background task of Quart another of Quart's. So the functions and coroutines that a
coroutine was given (its parameters and free variables) belong to its kind as well, and such a task has the name of what it
was given.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from lambda_punch.runtime.punch import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import CodeType

    Begun = asyncio.Future[Any]

CALL_NAME = "_lambda_punch_name"
"""The attribute of a future of an executor's that names what is called: a future has no name."""

_WRAPPERS = ("anyio", "asyncio", "quart", "starlette")
_DEEPEST = 5


def name_of_begun(begun: Begun) -> str:
    """Return the name of the function that it runs."""
    if not isinstance(begun, asyncio.Task):
        return str(getattr(begun, CALL_NAME, "a call in an executor"))
    coroutine: Any = begun.get_coro()
    for _ in range(_DEEPEST):
        inner = next(_given_to(coroutine), None) if _is_wrapper(coroutine) else None
        if inner is None:
            break
        coroutine = inner
    return _name_of_runnable(coroutine)


def kind_of(begun: Begun) -> object:
    """Return what tasks of one kind have in common. It can be compared and hashed."""
    coroutine = begun.get_coro() if isinstance(begun, asyncio.Task) else None
    return tuple(_codes(coroutine)) or name_of_begun(begun)


def is_ours(begun: Begun) -> bool:
    """Tell whether it runs a job or a tail, which is waited for anyway."""
    return name_of_begun(begun).startswith(("lambda_punch.runtime.", "lambda_punch.integrations."))


def _codes(runnable: object, deep: int = 0) -> Iterator[CodeType]:
    code = _code_of(runnable)
    if code is not None and deep < _DEEPEST:
        yield code
        for inner in _given_to(runnable):
            yield from _codes(inner, deep + 1)


def _code_of(runnable: Any) -> CodeType | None:
    code: CodeType | None = getattr(runnable, "cr_code", None) or getattr(runnable, "__code__", None)
    return code


def _given_to(coroutine: Any) -> Iterator[Any]:
    """Yield the functions and coroutines among its parameters and free variables, and the one that AnyIO keeps in self."""
    frame, code = getattr(coroutine, "cr_frame", None), getattr(coroutine, "cr_code", None)
    if frame is None or code is None:
        return
    variables = frame.f_locals
    parameters = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    for name in (*parameters, *code.co_freevars):
        value = variables.get(name)
        value = getattr(value, "_coro", value)
        value = getattr(value, "func", value)  # a partial's
        if _code_of(value) is not None:
            yield value


def _is_wrapper(coroutine: Any) -> bool:
    frame = getattr(coroutine, "cr_frame", None)
    return frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in _WRAPPERS


def _name_of_runnable(runnable: Any) -> str:
    frame = getattr(runnable, "cr_frame", None)
    if frame is None:
        return name_of(runnable) if hasattr(runnable, "__module__") else _qualified(runnable)
    module = frame.f_globals.get("__name__", "")
    return f"{module}.{_qualified(runnable)}" if module else _qualified(runnable)


def _qualified(runnable: Any) -> str:
    return str(getattr(runnable, "__qualname__", None) or type(runnable).__name__)
