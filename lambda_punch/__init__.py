"""Background work for Python on AWS Lambda: answer first, work after.

    import lambda_punch as punch

    punch.start()

    def handler(event, context):
        try:
            punch.push(send_mail, order)
            return {"statusCode": 202}
        finally:
            punch.handled(context)

A pushed callable runs at most once, after the response of the request that pushed it, and in the order pushed unless you
ask for more than one worker. It is lost only if the environment ends before it, and then the log names it.
"""

from __future__ import annotations

from lambda_punch.runtime.start import process as _process
from lambda_punch.runtime.start import start as _start

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
    from typing import Any, ParamSpec, TypeVar, overload

    from lambda_punch._settings import Settings
    from lambda_punch.errors import (
        ConfigurationError,
        EnqueueError,
        EventLoopError,
        InstallError,
        JobArgumentsError,
        JobError,
        JobFailedError,
        JobOptionError,
        JobTimeoutError,
        LambdaPunchError,
        MessageTooLargeError,
        MissingExtraError,
        NotCallableError,
        PoisonMessageError,
        QueueError,
        ResultError,
        ResultTimeoutError,
        ShutDownError,
    )
    from lambda_punch.jobs import DurableJob as DurableJob
    from lambda_punch.jobs import enqueue_many as enqueue_many
    from lambda_punch.jobs import is_jobs_event as is_jobs_event
    from lambda_punch.jobs import job as job
    from lambda_punch.jobs import jobs_handler as jobs_handler
    from lambda_punch.runtime.around import Manager
    from lambda_punch.runtime.punch import Punch

    P = ParamSpec("P")
    R = TypeVar("R")
    H = TypeVar("H", bound=Callable[[BaseException, Punch], Any])
    L = TypeVar("L", bound=Callable[[list[Punch], str], Any])
    A = TypeVar("A", bound=Callable[[Any], Manager])

    def _with_options(made: Callable[P, object]) -> Callable[P, None]: ...

    configure = _with_options(Settings)
else:
    from lambda_punch._settings import configure

__all__ = [
    "ConfigurationError",
    "DurableJob",
    "EnqueueError",
    "EventLoopError",
    "InstallError",
    "JobArgumentsError",
    "JobError",
    "JobFailedError",
    "JobOptionError",
    "JobTimeoutError",
    "LambdaPunchError",
    "MessageTooLargeError",
    "MissingExtraError",
    "NotCallableError",
    "PoisonMessageError",
    "Punch",
    "QueueError",
    "ResultError",
    "ResultTimeoutError",
    "ShutDownError",
    "around_job",
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
    "time_limit",
]

_OF_JOBS = ("DurableJob", "enqueue_many", "is_jobs_event", "job", "jobs_handler")


push = _process.push


def handled(context: object) -> None:
    """Say that the handler is done; call it in a ``finally`` block with Lambda's context.

    With AWS's own runtime client the response is known to be out when the client asks for its next event. Then this
    call only checks its argument, and forgetting it costs nothing. With any other runtime client this call tells the
    extension. Never raises: a context without ``aws_request_id`` is a WARNING.
    """
    _process.mode.handled(context)


def start() -> None:
    """Get ready, once per process; call it outside the handler, in module code. Further calls do nothing.

    The first push() or handled() calls it if nobody has. It works inside the handler, too, but
    the extension cannot wait for that one request, so the function itself does; an ERROR line says so. Takes about a
    millisecond. On Lambda it opens the handled-file, wraps the runtime client and watches for SIGTERM. Never raises:
    anything missing is logged once at ERROR, and the library falls back to the next best way. May be called from any
    thread, but it can watch for SIGTERM only from the main thread. A forked child of a started process starts anew, as
    outside Lambda.
    """
    _start()


def error_handler(function: H) -> H:
    """Call ``function(error, punch)`` for each job that raises, instead of writing an ERROR line; a decorator.

    It runs on the thread of the drain, with the context variables of the job. What it raises is logged; the next job
    runs in any case. The last one set is the one used. Raises NotCallableError unless it is a plain function.
    """
    from lambda_punch.runtime.misuse import checked

    _process.on_error(checked("error_handler()", function))
    return function


def on_lost(function: L) -> L:
    """Call ``function(punches, reason)`` when jobs are given up, after the ERROR line that names them; a decorator.

    ``punches`` is a list of Punch: those that were not started, and those that were running, when the environment or
    the process ended. It is called once for each request, with the context variables of its first job, at the very end
    of the process that gives the jobs up. At a shutdown this is often a forked child, with some 100 ms left. If the
    process was killed, nothing can call it, and the extension writes the line. What it raises is logged. The last one
    set is the one used. Raises NotCallableError unless it is a plain function.
    """
    _process.on_lost(function)
    return function


def around_job(function: A) -> A:
    """Enter ``function(job)``, a context manager, round each job, pushed or durable; a decorator.

        @punch.around_job
        @contextmanager
        def timed(job):
            began = time.monotonic()
            yield
            print(job.name, time.monotonic() - began)

    ``job`` is a Punch, or the Execution of a durable job; both have a ``name``. The manager is entered in the job's
    context, so the job sees what it sets there, and on its thread, round the call and everything awaited of it. A failure
    is reported inside it. ``__aenter__`` is called on the event loop, round what an asynchronous job awaits, and not
    round a plain function; a manager may have both. A hook may return None. What the hook or the manager raises is
    logged, and the job runs without it. What ``__exit__`` returns is ignored. Several hooks are entered in the order
    added. May be called from any thread; a forked child has the hooks, too. Raises NotCallableError for what cannot be
    called, and for a generator function without ``@contextmanager``.
    """
    _process.around(function)
    return function


def time_limit(seconds: float) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that interrupts a function after so many seconds: ``push(time_limit(5)(send), 42)``.

    The function then raises JobTimeoutError. A plain function is interrupted between two steps of Python code, so not
    before a call that blocks has returned. What an ``async def`` awaits is cancelled. Code that catches BaseException,
    and C code that never returns, cannot be interrupted. ``configure(job_timeout=...)`` limits every pushed job.
    Raises ConfigurationError unless ``seconds`` is a number from 0.001 to 900. May be called from any thread.
    """
    from lambda_punch._settings.checks import seconds as check

    check(0.001)("time_limit()", seconds)

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        from lambda_punch.runtime.misuse import checked
        from lambda_punch.runtime.time_limit import limited

        checked("time_limit(...)", function, any_kind=True)

        return limited(function, seconds)

    return decorate


def remaining_time() -> float:
    """Return the seconds that a job has left: until the margin before the timeout of the invoke now under way.

    Returns 0.0 from then on, when the environment may freeze while the job runs. At the shutdown it is the time until
    the process is ended. Infinite where nothing freezes: on Managed Instances and outside Lambda. A job that goes on at a
    later invoke gets what is left of that one. May be called from any thread, also in the handler.
    """
    return _process.remaining_time()


if TYPE_CHECKING:

    @overload
    def handler(function: Callable[P, Iterator[R]]) -> Callable[P, R]: ...
    @overload
    def handler(function: Callable[P, AsyncIterator[R]]) -> Callable[P, R]: ...
    @overload
    def handler(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]: ...
    @overload
    def handler(function: Callable[P, R]) -> Callable[P, R]: ...


def handler(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a Lambda handler that calls handled() by itself; a decorator, which also calls start().

    A generator handler answers with its first ``yield``, and the rest of it runs after the response. An error in the
    rest goes to the error handler and never changes the response. ``async def`` handlers, plain and generators, run on
    the same loop as ``async def`` jobs. Raises NotCallableError for what cannot be called.
    """
    from lambda_punch.runtime.handler import make_handler

    if not callable(function):
        from lambda_punch.runtime.misuse import checked

        checked("handler()", function)
    start()
    return make_handler(function, _process)


def __getattr__(name: str) -> object:
    """Import a public name at its first use: errors, durable jobs and ``Punch``, which not every cold start needs."""
    if name == "Punch":
        from lambda_punch.runtime.punch import Punch

        return globals().setdefault(name, Punch)
    if name.endswith("Error") and name in __all__:
        from lambda_punch import errors

        return getattr(errors, name)
    if name in _OF_JOBS:
        from lambda_punch import jobs

        return globals().setdefault(name, getattr(jobs, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the public names, also those that are imported at their first use."""
    return sorted(__all__)
