"""Starlette's and FastAPI's background tasks after the response: one that fails is reported under its own name.

The frameworks do not run the tasks after a failed one. Jobs of lambda-punch do not stop each other, and neither do these
tasks, if PunchMiddleware runs them after the response. Everywhere else they do what the frameworks do. The last error
still goes to the middlewares and dependencies outside, as usual, and is not reported a second time.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from lambda_punch.runtime.punch import Punch
from lambda_punch.runtime.reports import report_failure
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    Call = Callable[[Any], Coroutine[Any, Any, None]]

request_id: ContextVar[str | None] = ContextVar("lambda_punch_request_id", default=None)
"""The request being served behind its response; set in the context of the application's task."""

told: ContextVar[list[BaseException] | None] = ContextVar("lambda_punch_told", default=None)
"""The errors that have been reported of this request's tasks."""

_MARK = "_lambda_punch_isolates"


def isolate() -> None:
    """Have each class of background tasks run all its tasks; does nothing without Starlette, or at a second call."""
    module = sys.modules.get("starlette.background")
    if module is None:
        return
    groups = list(_family(module.BackgroundTasks))
    for kind in _family(module.BackgroundTask):
        call = vars(kind).get("__call__")
        if call is not None and not hasattr(call, _MARK):
            kind.__call__ = (_isolating if kind in groups else _telling)(call)


def _family(kind: Any) -> Iterator[Any]:
    yield kind
    for child in kind.__subclasses__():
        yield from _family(child)


def _isolating(original: Call) -> Call:
    async def run_all(self: Any) -> None:
        if request_id.get() is None:
            await original(self)
            return
        errors: list[Exception] = []
        self.tasks = [_Guarded(task, errors) for task in self.tasks]
        await original(self)
        if errors:
            raise errors[
                -1
            ]  # to the middlewares and dependencies outside; Sentry takes the one it saw last for a repeat

    setattr(run_all, _MARK, True)
    return run_all


def _telling(original: Call) -> Call:
    async def run(self: Any) -> None:
        errors = told.get()
        try:
            await original(self)
        except Exception as error:
            if errors is not None and not any(each is error for each in errors):
                errors.append(error)
                report_failure(process, error, Punch(self.func, self.args, self.kwargs, request_id.get() or ""))
            raise

    setattr(run, _MARK, True)
    return run


class _Guarded:
    """A background task that raises nothing: its error is kept."""

    def __init__(self, task: Any, errors: list[Exception]) -> None:
        self._task = task
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._task, name)

    async def __call__(self) -> None:
        try:
            await self._task()
        except Exception as error:  # noqa: BLE001 - whatever a task raises, the next one runs
            self._errors.append(error)
