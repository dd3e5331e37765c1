"""``@job`` declares a job. Only this file knows sending and receiving; it ties them together at the first declaration."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, overload

from lambda_punch.errors import JobOptionError
from lambda_punch.jobs import backends, checks, registry
from lambda_punch.jobs.carriers.arguments import Arguments
from lambda_punch.jobs.options import Options
from lambda_punch.jobs.receiving import memory_worker
from lambda_punch.jobs.receiving.routing import route
from lambda_punch.jobs.sending.durable import DurableJob
from lambda_punch.jobs.sending.queue_spill import QueueSpill
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from lambda_punch.jobs.backends import Backend
    from lambda_punch.jobs.options import Exceptions, Text, Unique
    from lambda_punch.jobs.waits import Wait

P = ParamSpec("P")
R = TypeVar("R")


@overload
def job(function: Callable[P, R], /) -> DurableJob[P, R]: ...
@overload
def job(
    *,
    name: str | None = ...,
    queue: str | None = ...,
    backend: str | Backend = ...,
    retries: int | None = ...,
    delay: int | timedelta | None = ...,
    timeout: float | None = ...,
    wait: Wait | None = ...,
    group: Text | None = ...,
    deduplication_id: Text | None = ...,
    retry_on: Exceptions | None = ...,
    discard_on: Exceptions | None = ...,
    after_response: bool = ...,
    spill: bool = ...,
    unique: Unique | None = ...,
    unique_for: int | timedelta | None = ...,
    unique_until: str | None = ...,
    keep_result: int | timedelta | None = ...,
    cron: str | None = ...,
    every: float | timedelta | None = ...,
    timezone: str | None = ...,
) -> Callable[[Callable[P, R]], DurableJob[P, R]]: ...
def job(  # noqa: PLR0913 - a job has that many options
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    queue: str | None = None,
    backend: str | Backend = "sqs",
    retries: int | None = None,
    delay: int | timedelta | None = None,
    timeout: float | None = None,
    wait: Wait | None = None,
    group: Text | None = None,
    deduplication_id: Text | None = None,
    retry_on: Exceptions | None = None,
    discard_on: Exceptions | None = None,
    after_response: bool = False,
    spill: bool = True,
    unique: Unique | None = None,
    unique_for: int | timedelta | None = None,
    unique_until: str | None = None,
    keep_result: int | timedelta | None = None,
    cron: str | None = None,
    every: float | timedelta | None = None,
    timezone: str | None = None,
) -> Any:
    """Declare a durable job; a decorator, with or without options.

    ``queue``: the queue's name, ending in .fifo for a FIFO queue ("default"); with the backend lambda_event the
    function to invoke (this one). ``backend``: "sqs" (the default), "lambda_event" (an asynchronous invoke), "memory"
    (tests and off Lambda), or an object. ``retries``: tries after the first, at most 12 (12), and no more than the
    queue's redrive policy leaves. ``wait``: seconds before a retry, a function of the attempt; exponential() makes
    one; by default 30, 46, 76, 156 ... 14,836 s. ``delay``: seconds before it is run, or a timedelta. ``timeout``: seconds
    that one run may take. ``group``, ``deduplication_id``: of SQS; texts, or functions of the job's arguments; on a FIFO
    queue each is the job's id by default. ``retry_on``: exceptions after which the job is tried again (all).
    ``discard_on``: exceptions after which the job is dropped (none). ``after_response``: send it after the response.
    ``spill``: whether a call given to push() may be sent to the queue when there is no time to run it (True).
    ``name``: its name in messages, by default module and qualified name; give one to keep it when the function moves.
    ``unique``: which calls are the same: "arguments", a function of them, or a text for all calls. While one is locked, another
    is not sent. ``unique_until``: when the lock is freed: when the job has "ended" (the default), "started", or only when it has
    "expired", ``unique_for`` seconds (a day) after the job was due. ``keep_result``: seconds for which status and return value
    are kept after their last change. Both need the setting ``table``.
    ``cron``: when it recurs, in the six fields of EventBridge Scheduler or the five of Unix, in ``timezone`` (UTC).
    ``every``: how often it recurs instead, in seconds or as a timedelta. Either is a declaration only: `lambda-punch jobs
    schedules` makes the template of it, and `lambda-punch local --queue` obeys it.

    Raises JobOptionError for a wrong option, for one that the backend cannot do, and for a parameter whose annotation
    names a type that no message can carry.
    """
    _take_up_jobs()
    if name is not None:
        checks.require("name", name, checks.text)
    checked = Options(
        queue=queue, retries=retries, delay=delay, timeout=timeout, wait=wait, group=group,
        deduplication_id=deduplication_id, retry_on=retry_on, discard_on=discard_on, after_response=after_response, spill=spill,
        unique=unique, unique_for=unique_for, unique_until=unique_until, keep_result=keep_result,
    )  # fmt: skip
    backends.check(name or "@job", backend, checked)
    found = backends.find(backend)
    if unique is None and (unique_for is not None or unique_until is not None):
        raise JobOptionError(
            f"{name or '@job'}: unique_for and unique_until go with unique; say which calls are the same"
        )
    recurs = cron is not None or every is not None
    if timezone is not None and not recurs:
        raise JobOptionError(f"{name or '@job'}: timezone says where a cron expression applies; give cron, too")
    if recurs and found.name == "memory":
        raise JobOptionError(
            f"{name or '@job'}: the backend memory cannot do cron or every: nothing runs it there; use sqs"
        )

    def declare(function: Callable[P, R]) -> DurableJob[P, R]:
        _refuse_what_no_message_can_call(function)
        try:
            signature = _signature(function)
        except ValueError as error:
            raise JobOptionError(f"{error}; declare a function that calls it") from error
        own_name = registry.job_name(function) if name is None else name
        schedule = None
        if recurs:  # imported only for it
            from lambda_punch.jobs.schedules import schedule as schedules

            schedule = schedules.declare(own_name, cron, every, timezone, signature)
        if keep_result is not None:
            from lambda_punch.jobs.carriers.returned import Returned

            Returned(own_name, function, signature)  # refuses an annotation that nothing can carry
        declared = registry.Declared(
            own_name, function, Arguments(own_name, function, signature), checked, found.name, schedule
        )
        registry.add(declared)
        return DurableJob(function, declared, backend)

    return declare if function is None else declare(function)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the signature. From Python 3.14 on, annotations may name what is not defined yet, or not at run time."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return inspect.signature(function, annotation_format=annotationlib.Format.FORWARDREF)
    return inspect.signature(function)


def _refuse_what_no_message_can_call(function: Any) -> None:
    """Raise JobOptionError for something that is not a function, or is one whose call a message cannot carry."""
    if not callable(function) or inspect.isclass(function):
        raise JobOptionError(f"@job stands above a function, not above {function!r}")
    inner = inspect.unwrap(function)
    if inspect.isgeneratorfunction(inner) or inspect.isasyncgenfunction(inner):
        raise JobOptionError(
            f"{inner.__qualname__} is a generator function, and nothing would run it; use a plain function"
        )
    owner, _, name = getattr(function, "__qualname__", "").rpartition(".")
    first = next(iter(getattr(getattr(inner, "__code__", None), "co_varnames", ())), "")
    bound = getattr(function, "__self__", None)
    if (bound is not None and not inspect.ismodule(bound)) or (owner and first in {"self", "cls"}):
        raise JobOptionError(
            f"{owner}.{name} is a method, and a message cannot carry the object that it is called on; declare a function that "
            "makes or finds the object"
        )


_spill = QueueSpill()


def _take_up_jobs() -> None:
    """Have this process run the jobs that events bring, and send those that it has no time to run. Idempotent."""
    process.take_up_jobs(route, _spill)
    backends.when_made("memory", memory_worker.serve)
