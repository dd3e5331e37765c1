"""``DurableJob``: a function that is called as before and can also be sent to a queue."""

from __future__ import annotations

import functools
import json
import time
import uuid
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, ParamSpec, TypeVar

from lambda_punch._settings import MOST_RETRIES
from lambda_punch.errors import EnqueueError, JobArgumentsError, JobOptionError, MessageTooLargeError
from lambda_punch.jobs import backends, checks, options, registry
from lambda_punch.jobs.backends.outgoing import Outgoing
from lambda_punch.jobs.carriers.carrier import Unfit, check_json
from lambda_punch.jobs.limits import LONGEST_DELAY, LONGEST_RUN
from lambda_punch.jobs.message import Message, encode, size_of
from lambda_punch.jobs.options import DEFAULT_QUEUE
from lambda_punch.jobs.sending.handle import Enqueued
from lambda_punch.jobs.sending.sender import send, send_after_response
from lambda_punch.jobs.tracing import INVOKE, SQS, Place, to_send
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from typing_extensions import Unpack

    from lambda_punch.jobs.backends import Backend
    from lambda_punch.jobs.backends.outgoing import Keep, Lock, Overflow
    from lambda_punch.jobs.options import Changes, Options, Text
    from lambda_punch.jobs.registry import Declared
    from lambda_punch.jobs.store.results import JobResult

P = ParamSpec("P")
R = TypeVar("R")
N = TypeVar("N", int, float)


class Prepared(NamedTuple):
    """A call of a job, checked and encoded, for enqueue_many()."""

    backend: Backend
    outgoing: Outgoing
    after_response: bool
    args: tuple[Any, ...]
    kwargs: dict[str, Any]


class DurableJob(Generic[P, R]):
    """A declared job: call it like the plain function, or send it. ``@job`` and using() make it."""

    def __init__(
        self, function: Callable[P, R], declared: Declared, backend: str | Backend, chosen: Options | None = None
    ) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = declared.name
        self.options = chosen or declared.options
        self.backend = backend
        self._declared = declared

    def __repr__(self) -> str:
        return f"<job {self.name}>"

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function, here and now."""
        return self.function(*args, **kwargs)

    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Send the job to its queue. A consumer runs it later, at least once.

        This blocks for one call to AWS. A job that is to be sent after the response costs no time here; if it cannot
        be sent then, only the log says so. May be called from any thread. Raises JobArgumentsError,
        MessageTooLargeError, EnqueueError, and MissingExtraError if boto3 is not installed.
        """
        return enqueue_many([self.prepare(*args, **kwargs)])[0]

    async def aenqueue(self, *args: P.args, **kwargs: P.kwargs) -> Enqueued:
        """Do what enqueue() does without blocking the event loop: another thread makes the call to AWS."""
        if self.options.after_response:
            return self.enqueue(*args, **kwargs)
        import asyncio

        return await asyncio.to_thread(self.enqueue, *args, **kwargs)

    def using(self, *, backend: str | Backend | None = None, **changes: Unpack[Changes]) -> DurableJob[P, R]:
        """Return the job with other options, for this one call: ``send.using(delay=60).enqueue(42)``.

        Takes the options of ``job()`` except ``name``, and ``at``, an aware datetime before which it is not run. Of what
        the consumer decides by, ``retries`` and ``timeout`` travel with the message; ``wait``, ``retry_on`` and
        ``discard_on`` are always the declaration's. Raises JobOptionError as the declaration would.
        """
        chosen = options.changed(self.options, changes)
        backend = self.backend if backend is None else backend
        backends.check(self.name, backend, chosen)
        registry.note_queue(chosen.queue)
        return DurableJob(self.function, self._declared, backend, chosen)

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> Prepared:
        """Return the checked call for enqueue_many(); nothing is sent. Raises what enqueue() does for the arguments."""
        return self.prepare_as(str(uuid.uuid4()), args, kwargs)

    def prepare_as(
        self, identity: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, call: str | None = None
    ) -> Prepared:
        """Do what prepare() does for a job with this id. ``call`` is kept with its result."""
        job_settings()  # from now on metrics are written
        dumped, named = self._declared.arguments.dump(args, kwargs)
        backend = backends.instead or backends.find(self._backend())
        chosen = self.options
        queue = chosen.queue or DEFAULT_QUEUE
        system = INVOKE if backend.name == "lambda_event" else SQS
        trace = to_send(Place(self.name, identity, queue, system))
        now = int(time.time() * 1000)
        delay, due = chosen.seconds_until(now / 1000), 0
        if delay is not None and delay > LONGEST_DELAY:  # the consumer puts it off until it is due
            delay, due = LONGEST_DELAY, now + delay * 1000
        message = Message(
            self.name, identity, dumped, named, now, delay=0 if due else delay or 0, trace=trace.xray, due=due,
            retries=_if_changed(chosen.retries, self._declared.options.retries, MOST_RETRIES),
            timeout=_if_changed(chosen.timeout, self._declared.options.timeout, LONGEST_RUN),
            traceparent=trace.traceparent, tracestate=trace.tracestate, baggage=trace.baggage,
        )  # fmt: skip
        lock, keep = None, None
        if chosen.unique is not None or chosen.keep_result is not None:
            begins = (due or now + (delay or 0) * 1000) / 1000
            lock, keep = self._kept(backend, begins, args, kwargs, call)
            message = message._replace(lock=lock and lock.lock)
        keeps, declared = chosen.keeps_for or 0, self._declared.options.keeps_for or 0
        if keeps or declared:
            message = message._replace(keep=keeps)
        body, overflow = encode(message), None
        size = size_of(body)
        if size > backend.largest:
            bucket = job_settings().bucket
            if bucket is None:
                raise MessageTooLargeError(
                    f"{self.name}: the message has {size:,} bytes, and {backend.name} takes {backend.largest:,}; configure bucket, or "
                    "LAMBDA_PUNCH_BUCKET, to have such arguments stored in S3, or store the data yourself and send its address"
                )
            if backend.name != "memory":
                body, overflow = _overflow(message, bucket)
        group = self._text("group", args, kwargs)
        deduplication_id = self._text("deduplication_id", args, kwargs)
        if chosen.fifo:  # as in Lambdakiq: by default each job is its own group, and never a duplicate
            group, deduplication_id = group or identity, deduplication_id or identity
        outgoing = Outgoing(
            body,
            identity,
            self.name,
            chosen.queue or "",
            delay,
            group,
            deduplication_id,
            trace.xray,
            lock,
            keep,
            overflow,
        )
        return Prepared(backend, outgoing, chosen.after_response, args, dict(kwargs))

    def result_of(self, identity: str) -> JobResult | None:
        """Return what is known of a job by its id; None if nothing is. Raises ResultError if there is no table to look into.

        This blocks for one call to DynamoDB. May be called from any thread.
        """
        from lambda_punch.jobs.store import results

        return results.look(identity)

    async def aresult_of(self, identity: str) -> JobResult | None:
        """Do what result_of() does without blocking the event loop."""
        import asyncio

        return await asyncio.to_thread(self.result_of, identity)

    def _kept(
        self, backend: Backend, begins: float, args: tuple[Any, ...], kwargs: dict[str, Any], call: str | None
    ) -> tuple[Lock | None, Keep | None]:
        """Return the lock to take, and what is noted. ``begins``: when the job is due, in epoch seconds."""
        from lambda_punch.jobs.backends.outgoing import Keep, Lock
        from lambda_punch.jobs.store import locks
        from lambda_punch.jobs.store.places import find

        chosen, lock = self.options, None
        if find(local=backend.name == "memory") is None:
            option = "unique" if chosen.unique is not None else "keep_result"
            raise JobOptionError(f"{self.name}: {option} needs a table; configure table, or LAMBDA_PUNCH_TABLE")
        if chosen.unique is not None:
            same: object = chosen.unique
            if callable(same):
                same = self._comparable(same(*args, **kwargs))
            elif same == locks.EVERY_ARGUMENT:
                bound = self._declared.arguments.signature.bind(*args, **kwargs)
                bound.apply_defaults()
                same = self._declared.arguments.dump(bound.args, bound.kwargs)
            lock = Lock(locks.fingerprint(same), begins + chosen.locks_for)
        return lock, None if chosen.keeps_for is None else Keep(begins + chosen.keeps_for, call)

    def spills(self) -> bool:
        """Tell whether a call given to push() may be sent to the queue instead, and would be safe there."""
        return self.options.spill and backends.find(self._backend()).durable

    def _backend(self) -> str | Backend:
        """Return the job's backend, or the configured one, which replaces all."""
        configured = job_settings().backend
        if configured is None or configured == self.backend:
            return self.backend
        if configured != "memory":  # which can do all that the others can
            backends.check(self.name, configured, self.options)
        return configured

    def _comparable(self, value: Any) -> Any:
        try:
            return check_json(value)
        except Unfit as error:
            raise JobArgumentsError(
                f"{self.name}: what the unique function returns{error.path} {error.reason}"
            ) from None

    def _text(self, option: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
        value: Text | None = getattr(self.options, option)
        if value is None or isinstance(value, str):
            return value
        text = value(*args, **kwargs)
        checks.require(f"{self.name}: what the {option} function returns", text, checks.token)
        return text


def _overflow(message: Message, bucket: str) -> tuple[str, Overflow]:
    """Return the body without the arguments, and the arguments."""
    from lambda_punch.jobs.backends.outgoing import Overflow
    from lambda_punch.jobs.store.overflow import address

    arguments = json.dumps({"args": message.args, "kwargs": message.kwargs}, separators=(",", ":"), ensure_ascii=False)
    left = message._replace(args=[], kwargs={}, s3=address(bucket, message.id))
    return encode(left), Overflow(bucket, arguments)


def _if_changed(chosen: N | None, declared: N | None, most: N) -> N | None:
    """Return what the consumer has to be told, because it knows only the declaration; None as a choice is the most."""
    if chosen == declared:
        return None
    return most if chosen is None else chosen


def enqueue_many(calls: Iterable[Prepared]) -> list[Enqueued]:
    """Send many calls, of one job or of several: ``enqueue_many([send.prepare(1), send.prepare(2)])``.

    On SQS one call takes ten. What SQS could not take for a reason of its own is sent once more. Returns what was
    sent, in the order given. Raises EnqueueError if some could not be sent: its ``failed`` lists them, and all others
    were sent.
    """
    given = list(calls)
    now = [call for call in given if not call.after_response]
    sent, failed, duplicates = send([(call.backend, call.outgoing, call.args, call.kwargs) for call in now])
    later = [(call.backend, call.outgoing, call.args, call.kwargs) for call in given if call.after_response]
    if later:
        send_after_response(later)
    if failed:
        names = ", ".join(sorted({each.job for each in failed}))
        message = f"{len(failed)} of {len(given)} jobs were not sent ({names}): {failed[0].reason}"
        raise EnqueueError(message, failed) from failed[0].error
    return [
        Enqueued(each.job, duplicates.get(each.id, each.id), sent.get(each.id), each.id in duplicates)
        for each in (call.outgoing for call in given)
    ]
