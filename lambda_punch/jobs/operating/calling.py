"""A call of a job that somebody writes by hand: its arguments are JSON, as a message has them."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import EnqueueError, JobArgumentsError, MessageTooLargeError
from lambda_punch.jobs import backends, registry
from lambda_punch.jobs.backends.outgoing import Outgoing
from lambda_punch.jobs.limits import LONGEST_DELAY
from lambda_punch.jobs.message import Message, Poison, encode, size_of
from lambda_punch.jobs.options import DEFAULT_QUEUE, Options

if TYPE_CHECKING:
    from datetime import datetime

    from lambda_punch.jobs.registry import Called


class Call(NamedTuple):
    """A job's name and arguments. ``queue``, ``group``: the declaration's by default; ``delay`` is in seconds."""

    job: str
    args: list[Any]
    kwargs: dict[str, Any]
    queue: str | None = None
    group: str | None = None
    delay: int | None = None
    at: datetime | None = None


def send(call: Call, *, declared: bool) -> tuple[str, str]:
    """Send it to SQS; return the job's id and the queue's name.

    ``declared``: the job is declared in this process. Then the arguments are checked as the consumer would do it, and its
    options apply. Raises JobArgumentsError, JobOptionError, MessageTooLargeError and EnqueueError.
    """
    identity = str(uuid.uuid4())
    options, group, deduplication_id = Options(), call.group, identity
    now = int(time.time() * 1000)
    message = Message(call.job, identity, call.args, call.kwargs, now)
    if declared:
        found = registry.called_by(encode(message), identity, now)
        if isinstance(found, Poison):
            raise JobArgumentsError(f"{call.job} is not sent: {found.reason}")
        options = found.declared.options
        group = group or _text(options.group, found)
        deduplication_id = _text(options.deduplication_id, found) or identity
    queue = call.queue or options.queue or DEFAULT_QUEUE
    chosen = Options(
        queue=queue, at=call.at, delay=call.delay if call.delay is not None or call.at else options.delay, group=group
    )
    backend = backends.find("sqs")
    backend.check(chosen)
    delay = chosen.seconds_until(now / 1000)
    if delay is not None and delay > LONGEST_DELAY:  # the consumer puts it off until it is due
        message = message._replace(due=now + delay * 1000)
        delay = LONGEST_DELAY
    else:
        message = message._replace(delay=delay or 0)
    body = encode(message)
    if size_of(body) > backend.largest:
        raise MessageTooLargeError(
            f"{call.job}: the message has {size_of(body):,} bytes, and SQS takes {backend.largest:,}"
        )
    grouped = (group or identity, deduplication_id) if chosen.fifo else (group, None)
    failed = backend.send(queue, [Outgoing(body, identity, call.job, queue, delay, *grouped)]).failed
    if failed:
        raise EnqueueError(f"{call.job} was not sent: {failed[0].reason}", failed) from failed[0].error
    return identity, queue


def _text(option: Any, called: Called) -> str | None:
    text: str | None = option(*called.args, **called.kwargs) if callable(option) else option
    return text
