"""A job's result: what is kept of it, and how one waits for it.

It expires a while (``keep_result``) after it was last written. The value and the call are kept as the JSON of a message.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from lambda_punch.errors import JobFailedError, ResultError, ResultTimeoutError
from lambda_punch.jobs import aws, registry
from lambda_punch.jobs.carriers.carrier import Unfit
from lambda_punch.jobs.store import memory
from lambda_punch.jobs.store.interface import EXPIRES, KEY
from lambda_punch.jobs.store.places import find

if TYPE_CHECKING:
    from lambda_punch.jobs.store.interface import Item

QUEUED, RUNNING, FAILED, DONE, DEAD, DISCARDED = "queued", "running", "failed", "done", "dead", "discarded"
_ENDED = {DONE, DEAD, DISCARDED}
LARGEST_VALUE = 300_000  # bytes of JSON; an item of DynamoDB has 400 KB
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0  # seconds between two looks


class JobResult(NamedTuple):
    """What is known of a job.

    ``status``: queued, running, failed (it will be tried again), done, dead or discarded. ``attempts``: runs so far.
    ``value``: what the function returned, if it is done. ``error``: why it failed last, with its type, and ``traceback``.
    Times are epoch seconds.
    """

    job: str
    id: str
    status: str
    attempts: int = 0
    value: Any = None
    error: str | None = None
    error_type: str | None = None
    traceback: str | None = None
    enqueued_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    call: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it will not be run again."""
        return self.status in _ENDED


def key(identity: str) -> str:
    """Return the key of a job's result."""
    return f"job#{identity}"


def queued(job: str, identity: str, expires: float, call: str | None) -> Item:
    """Return the item of a job that is being sent. ``call``: its arguments, if they are kept, too."""
    more = {} if call is None else {"call": call}
    return {KEY: key(identity), "job": job, "status": QUEUED, "enqueued_at": time.time(), EXPIRES: expires, **more}


def look(identity: str) -> JobResult | None:
    """Return what is known of a job, or None. Raises ResultError if no table is configured, or it cannot be read."""
    item = memory.store.get(key(identity))
    place = find(local=False)
    if item is None and place is not None:
        try:
            item = place.get(key(identity))
        except Exception as error:
            reason = aws.cause(error)
            if reason is None:
                raise
            raise ResultError(f"the result of {identity} cannot be read: {reason}") from error
    if item is None and place is None and not memory.store.used:
        raise ResultError("results need a table; configure table, or LAMBDA_PUNCH_TABLE")
    return None if item is None else _read(identity, item)


def wait(job: str, identity: str, timeout: float) -> Any:
    """Return the value of a job, when it is done. ``timeout`` is in seconds. Raises what Enqueued.result() does."""
    until = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        found = look(identity)
        if found is not None and found.ended:
            return value_of(found)
        left = until - time.monotonic()
        if left <= 0:
            _give_up(job, identity, found, timeout)
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


async def await_(job: str, identity: str, timeout: float) -> Any:
    """Do what wait() does without blocking the event loop."""
    import asyncio

    until = time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        found = await asyncio.to_thread(look, identity)
        if found is not None and found.ended:
            return value_of(found)
        left = until - time.monotonic()
        if left <= 0:
            _give_up(job, identity, found, timeout)
        await asyncio.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE)


def _give_up(job: str, identity: str, found: JobResult | None, timeout: float) -> NoReturn:
    if found is None:
        raise ResultError(
            f"nothing is known of {job} {identity}: it does not declare keep_result, its result has expired, or it is not sent yet"
        )
    said = f": {found.error_type}: {found.error}" if found.error_type else ""
    raise ResultTimeoutError(f"{job} {identity} has not ended after {timeout:g} s; it is {found.status}{said}")


def value_of(found: JobResult) -> Any:
    """Return the value of a job that is done. Raises JobFailedError for another, ResultError for one that was not kept."""
    if found.status != DONE:
        said = f": {found.error_type}: {found.error}" if found.error_type else f": {found.error}" if found.error else ""
        raise JobFailedError(f"{found.job} {found.id} is {found.status}{said}")
    if found.error:
        raise ResultError(f"{found.job} {found.id} is done, and its value was not kept: it {found.error}")
    return found.value


def _read(identity: str, item: Item) -> JobResult:
    job, status = str(item.get("job", "")), str(item.get("status", QUEUED))
    value, unkept = None, item.get("error")
    if "value" in item:
        value, misfit = _value(job, str(item["value"]))
        unkept = misfit or unkept
    return JobResult(
        job, identity, status, int(item.get("attempts", 0)), value, str(unkept) if unkept else None,
        _text(item, "error_type"), _text(item, "traceback"), _time(item, "enqueued_at"), _time(item, "started_at"),
        _time(item, "ended_at"), _text(item, "call"),
    )  # fmt: skip


def _text(item: Item, name: str) -> str | None:
    return str(item[name]) if item.get(name) else None


def _time(item: Item, name: str) -> float | None:
    return float(item[name]) if item.get(name) else None


def _value(job: str, text: str) -> tuple[Any, str | None]:
    """Return a kept value as the function's annotation says, or as JSON has it if the job is not declared here."""
    value = json.loads(text)
    returned = registry.returned(job)
    if returned is None:
        return value, None
    try:
        return returned.load(value), None
    except Unfit as error:
        return None, f"does not fit the function's annotation any more: {error.path} {error.reason}"
