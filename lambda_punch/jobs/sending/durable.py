"""``@job``: a function that is still called as before, and can also be sent to a queue."""

from __future__ import annotations

import functools
import inspect
import os
import time
import uuid
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, ParamSpec, TypeVar, overload

from lambda_punch.jobs import backends, options, registry
from lambda_punch.jobs.backends.outgoing import Outgoing
from lambda_punch.jobs.errors import EnqueueError, JobOptionError, MessageTooLargeError
from lambda_punch.jobs.message import Message, encode
from lambda_punch.jobs.options import Options
from lambda_punch.jobs.sending import arguments
from lambda_punch.jobs.sending.sender import send, send_after_response
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from lambda_punch.jobs.backends import Backend
    from lambda_punch.jobs.options import Exceptions, Text
    from lambda_punch.jobs.waits import Wait

P = ParamSpec("P")
R = TypeVar("R")


class Enqueued(NamedTuple):
    """What was sent: the job's name, its id, and the backend's id (None if it is sent after the response)."""

    job: str
    id: str
    message_id: str | None


class Prepared(NamedTuple):
    """A call of a job, checked and encoded, for enqueue_many()."""

    backend: Backend
    outgoing: Outgoing
    after_response: bool
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class DurableJob(Generic[P, R]):
    """A declared job: call it as the plain function, or send it. Made by ``@job`` and by using()."""

    def __init__(self, function: Callable[P, R], name: str, chosen: Options) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = name
        self.options = chosen
        self.signature = inspect.signature(function)

    def __repr__(self) -> str:
        return f"<job {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, here and now."""
        return self.function(*args, **kwargs)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Send the job to its queue; at a later time it is run by a consumer, at least once.

        Blocks for one call to AWS, unless the job is to be sent after the response, which costs no time here and may
        fail only later, in the log. From any thread. Raises JobArgumentsError, MessageTooLargeError, EnqueueError,
        and MissingExtraError without boto3. ``after_response=True`` among the arguments of a function that has no
        such parameter is taken as ``using(after_response=True)``; type checkers want the latter.
        """
        if "after_response" in kwargs and "after_response" not in self.signature.parameters:
            later: Any = self.using(after_response=kwargs.pop("after_response"))
            return later.enqueue(*args, **kwargs)  # type: ignore[no-any-return]  # it is this method
        return enqueue_many([self.prepare(*args, **kwargs)])[0]

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Do what enqueue() does without blocking the event loop; the call to AWS is made on another thread."""
        if self.options.after_response or kwargs.get("after_response"):
            return self.enqueue(*args, **kwargs)
        import asyncio

        return await asyncio.to_thread(self.enqueue, *args, **kwargs)

    def using(self, **changes: Any) -> DurableJob[P, R]:
        """Return the job with other options, for this one call: ``send.using(delay=60).enqueue(42)``.

        Takes the options of ``job()``. Raises JobOptionError as the declaration would.
        """
        chosen = options.changed(self.options, changes)
        backends.check(self.name, chosen)
        return DurableJob(self.function, self.name, chosen)

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Prepared:
        """Return the checked call for enqueue_many(); nothing is sent. Raises what enqueue() does for the arguments."""
        job_settings()  # from now on metrics are written
        chosen = self.options
        arguments.check(self.signature, self.name, args, kwargs)
        backend = backends.instead or backends.find(self._backend())
        identity = str(uuid.uuid4())
        body = encode(
            Message(
                self.name, identity, list(args), kwargs, int(time.time() * 1000),
                delay=chosen.delay or 0, trace=os.environ.get("_X_AMZN_TRACE_ID"),
            )
        )  # fmt: skip
        if len(body) > backend.largest:
            raise MessageTooLargeError(
                f"{self.name}: the message has {len(body):,} bytes, {backend.name} takes {backend.largest:,}; "
                "put the data elsewhere (S3, say) and send where it is"
            )
        group = self._text("group", args, kwargs)
        deduplication_id = self._text("deduplication_id", args, kwargs)
        if chosen.fifo:  # as in Lambdakiq: by default each job is a group of its own, and no other job's duplicate
            group, deduplication_id = group or identity, deduplication_id or identity
        outgoing = Outgoing(
            body, identity, self.name, chosen.queue or "", chosen.delay, group, deduplication_id,
            os.environ.get("_X_AMZN_TRACE_ID"),
        )  # fmt: skip
        return Prepared(backend, outgoing, chosen.after_response, args, dict(kwargs))

    def spills(self) -> bool:
        """Tell whether a call given to push() may be sent to the queue instead, and would be safe there."""
        return self.options.spill and backends.find(self._backend()).durable

    def _backend(self) -> str | Backend:
        """Return the backend declared, or the one that the configuration puts in the place of all."""
        chosen = job_settings().backend
        if chosen is None or chosen == self.options.backend:
            return self.options.backend
        if chosen != "memory":  # which can do all that the others can
            backends.check(self.name, options.changed(self.options, {"backend": chosen}))
        return chosen

    def _text(self, option: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        value: Text | None = getattr(self.options, option)
        if value is None or isinstance(value, str):
            return value
        return options.token(f"{self.name}: the {option} function's result", value(*args, **kwargs))


def enqueue_many(calls: Iterable[Prepared]) -> list[Enqueued]:
    """Send many calls, of one job or of several: ``enqueue_many([send.prepare(1), send.prepare(2)])``.

    On SQS ten go with one call. What SQS did not take for a reason of its own is sent once more. Raises EnqueueError
    if some could not be sent: its ``failed`` names them; all others were. Returns what was sent, in the order given.
    """
    given = list(calls)
    now = [call for call in given if not call.after_response]
    sent, failed = send([(call.backend, call.outgoing, call.args, call.kwargs) for call in now])
    later = [(call.backend, call.outgoing, call.args, call.kwargs) for call in given if call.after_response]
    if later:
        send_after_response(later)
    if failed:
        names = ", ".join(sorted({failure.outgoing.job for failure in failed}))
        reason = failed[0].reason
        raise EnqueueError(f"{len(failed)} of {len(given)} jobs were not sent ({names}): {reason}", failed)
    return [Enqueued(call.outgoing.job, call.outgoing.id, sent.get(call.outgoing.id)) for call in given]


@overload
def job(function: Callable[P, R], /) -> DurableJob[P, R]: ...
@overload
def job(
    *,
    name: str | None = ...,
    queue: str | None = ...,
    backend: str | Backend = ...,
    retries: int | None = ...,
    delay: int | None = ...,
    timeout: float | None = ...,
    wait: Wait | None = ...,
    group: Text | None = ...,
    deduplication_id: Text | None = ...,
    retry_on: Exceptions | None = ...,
    discard_on: Exceptions | None = ...,
    after_response: bool = ...,
    spill: bool = ...,
) -> Callable[[Callable[P, R]], DurableJob[P, R]]: ...
def job(function: Callable[..., Any] | None = None, /, *, name: str | None = None, **chosen: Any) -> Any:
    """Declare a durable job; a decorator, with or without options.

    ``queue``: the queue's name, ending in .fifo for a FIFO queue ("default"); with the backend lambda_event the
    function to invoke (this one). ``backend``: "sqs" (the default), "lambda_event" (an asynchronous invoke), "memory"
    (tests and off Lambda), or an object. ``retries``: tries after the first, at most 12 (12), and no more than the
    queue's redrive policy leaves. ``wait``: seconds before a retry, a function of the attempt; exponential() makes
    one; by default 30, 46, 76, 156 ... 14,836 s. ``delay``: seconds from 0 to 900 before it is run. ``timeout``: seconds
    that one run may take. ``group``, ``deduplication_id``: of SQS; texts, or functions of the job's arguments; on a FIFO
    queue each is the job's id if not given. ``retry_on``: exceptions that are tried again (all). ``discard_on``: those
    after which the job is dropped. ``after_response``: send it after the response. ``spill``: whether a call given to
    push() may be sent to the queue when it would not be run in time (True). ``name``: its name in messages, instead of
    module and qualified name; keep it when the function moves.

    Raises JobOptionError for what cannot be, and for what the backend cannot do.
    """
    if function is not None and not callable(function):
        raise JobOptionError(f"@job stands above a function, not above {function!r}")
    if name is not None and not name:
        raise JobOptionError(f"name must be a text, not {name!r}")
    checked = options.changed(Options(), chosen)
    backends.check(name or "@job", checked)

    def declare(function: Callable[P, R]) -> DurableJob[P, R]:
        declared = DurableJob(function, registry.name_of(function) if name is None else name, checked)
        registry.add(declared)
        return declared

    return declare if function is None else declare(function)
