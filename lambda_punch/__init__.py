"""Background work for Python on AWS Lambda: answer first, work after.

    import lambda_punch as punch

    punch.start()

    def handler(event, context):
        try:
            punch.push(send_mail, order)
            return {"statusCode": 202}
        finally:
            punch.handled(context)

A pushed callable runs at most once, after the response of the request that pushed it, in the order pushed (one
worker) unless you ask for more workers. It is lost only if the environment is killed under it, and then the log says
what was lost.
"""

from __future__ import annotations

from _contextvars import copy_context as _copy_context  # its wrapper in Python, contextvars, adds nothing but a file

from lambda_punch._wiring import configure, start
from lambda_punch._wiring import process as _process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
    from typing import Any, ParamSpec, TypeVar, overload

    from lambda_punch.errors import (
        ConfigurationError,
        InstallError,
        LambdaPunchError,
        MissingExtraError,
        NotCallableError,
        ShutDownError,
    )
    from lambda_punch.jobs import DurableJob as DurableJob
    from lambda_punch.jobs import enqueue_many as enqueue_many
    from lambda_punch.jobs import is_jobs_event as is_jobs_event
    from lambda_punch.jobs import job as job
    from lambda_punch.jobs import jobs_handler as jobs_handler
    from lambda_punch.runtime.job import Job

    P = ParamSpec("P")
    R = TypeVar("R")
    H = TypeVar("H", bound=Callable[[BaseException, Job], Any])
    L = TypeVar("L", bound=Callable[[list[Job], str], Any])

__all__ = [
    "ConfigurationError",
    "DurableJob",
    "InstallError",
    "Job",
    "LambdaPunchError",
    "MissingExtraError",
    "NotCallableError",
    "ShutDownError",
    "configure",
    "enqueue_many",
    "error_handler",
    "handled",
    "handler",
    "is_jobs_event",
    "job",
    "jobs_handler",
    "on_lost",
    "push",
    "remaining_time",
    "start",
]

_OF_JOBS = ("DurableJob", "enqueue_many", "is_jobs_event", "job", "jobs_handler")


def push(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Callable[P, R]:
    """Have ``function(*args, **kwargs)`` called after the response of the request now being handled.

    Returns the function, so that ``@punch.push`` can stand above a ``def`` without arguments. An ``async def``
    function is awaited on one asyncio loop that lives as long as the process. The job sees the context variables as
    they are at this moment. May be called from any thread; takes well under a microsecond and never blocks. Off
    Lambda a background thread runs the job at once. In a forked child the queue begins empty.

    Raises NotCallableError for anything that cannot be called (a coroutine object, say: push the function, not its
    result), and ShutDownError when the environment is shutting down and the job would not be run.
    """
    if not callable(function):
        from lambda_punch.errors import NotCallableError

        raise NotCallableError(f"push() takes a function and its arguments, as in push(send, order); got {function!r}")
    number = _process.enter(function)
    _process.submit((_process.sequence, _process.request_id, function, args, kwargs or None, _copy_context(), number))
    return function


def handled(context: object) -> None:
    """Say that the handler is done; call it in a ``finally`` block with Lambda's context.

    Where the runtime client is AWS's own, the response is known to be out when the client asks for its next event;
    then this call only checks its argument, and forgetting it costs nothing. With any other runtime it is what tells
    the extension. Never raises: a context without ``aws_request_id`` is a WARNING.
    """
    _process.handled(context)


def error_handler(function: H) -> H:
    """Call ``function(error, job)`` for each job that raises, instead of writing an ERROR line; a decorator.

    It runs on the thread of the drain. What it raises is logged; the next job runs in any case. The last one set is
    the one used.
    """
    _process.error_handler = function
    return function


def on_lost(function: L) -> L:
    """Call ``function(jobs, reason)`` when jobs are given up, after the ERROR line that names them; a decorator.

    ``jobs`` is a list of Job: those that were not started, and those that were in their middle, when the environment
    or the process ended. It is called in the process that gives them up, at its very end: at a shutdown that is often
    a forked child, with some 100 ms left. Nobody can call it when the process was killed; the line is the extension's
    then. What it raises is logged. The last one set is the one used.
    """
    _process.lost_handler = function
    return function


def remaining_time() -> float:
    """Return the seconds that a job has left: until the margin before the timeout of the invoke now under way.

    From then on the environment may freeze, with the job in its middle; 0.0 is returned. At the shutdown it is the
    time until the process is ended. Infinite where nothing freezes: on Managed Instances and off Lambda. A job that
    went on at a later invoke is told what is left of that one. May be called from any thread, also in the handler.
    """
    return _process.remaining_time()


if TYPE_CHECKING:

    @overload
    def handler(function: Callable[P, Generator[R, Any, Any]]) -> Callable[P, R]: ...
    @overload
    def handler(function: Callable[P, AsyncGenerator[R, Any]]) -> Callable[P, R]: ...
    @overload
    def handler(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]: ...
    @overload
    def handler(function: Callable[P, R]) -> Callable[P, R]: ...


def handler(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a Lambda handler that calls handled() by itself; a decorator, which also calls start().

    A generator handler answers with what it yields first; the rest of it runs after the response. An error in that
    rest goes to the error handler and never changes the response. ``async def`` handlers, plain and generators, run on
    the same loop as ``async def`` jobs.
    """
    from lambda_punch.runtime.handler import make_handler

    start()
    return make_handler(function, _process)


def __getattr__(name: str) -> object:
    """Import what is asked for: errors, durable jobs, and ``Job`` bring in modules that not every cold start needs."""
    if name == "Job":
        from lambda_punch.runtime.job import Job

        return Job
    if name.endswith("Error") and name in __all__:
        from lambda_punch import errors

        return getattr(errors, name)
    if name in _OF_JOBS:
        from lambda_punch import jobs

        return globals().setdefault(name, getattr(jobs, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
