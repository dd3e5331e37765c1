"""What the consumer does for unique jobs and for those whose results are kept. Imported only for them.

A lock that cannot be freed expires by itself. A result that cannot be written is missing. Either is one ERROR line, and
what becomes of the message does not depend on it.
"""

from __future__ import annotations

import json
import time
from functools import partial
from traceback import format_exception
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger, text_of
from lambda_punch.jobs import registry
from lambda_punch.jobs.backends.memory import ARN
from lambda_punch.jobs.carriers.carrier import Unfit
from lambda_punch.jobs.message import Message, decode, size_of
from lambda_punch.jobs.queues import complain_once
from lambda_punch.jobs.store import locks, overflow, results
from lambda_punch.jobs.store.interface import EXPIRES
from lambda_punch.jobs.store.places import find
from lambda_punch.jobs.store.writing import write

if TYPE_CHECKING:
    from lambda_punch.jobs.receiving.failures import Failure
    from lambda_punch.jobs.registry import Declared
    from lambda_punch.jobs.store.interface import Item, Store

_SHARE = 0.25
_LONGEST_ERROR = 2_000  # characters
_LONGEST_TRACEBACK = 20_000
_BECAME = {"retry": results.FAILED, "dead": results.DEAD, "discarded": results.DISCARDED}


class Keeper(NamedTuple):
    """Of one receive of one message. ``keep``: for how many seconds its result is kept. ``until``: when time is up."""

    message: Message
    declared: Declared | None
    place: Store | None
    keep: int | None
    until: float

    def begun(self, attempt: int) -> None:
        """Note that the job is being run. It may take a part of the time that the job has, not more."""
        now = time.time()
        hurried = self._replace(until=now + (self.until - now) * _SHARE)
        if self._frees_at("started"):
            hurried._free()  # noqa: SLF001 - its own
        fields: Item = {
            "job": self.message.job, "status": results.RUNNING, "attempts": attempt, "started_at": now,
            "enqueued_at": self.message.enqueued_at / 1000,
        }  # fmt: skip
        hurried._write(fields)  # noqa: SLF001 - as above

    def done(self, value: Any) -> None:
        """Note what the job has returned."""
        if self.keep:
            self._write({"status": results.DONE, "ended_at": time.time(), **self._value(value)})
        if self._frees_at("ended"):
            self._free()
        overflow.remove(self.message, self.until)

    def failed(self, failure: Failure) -> None:
        """Note that it has failed, and what becomes of it."""
        if self.keep:
            fields: dict[str, str | float] = {
                "job": self.message.job, "status": _BECAME[failure.outcome], "attempts": failure.attempt, "error": failure.reason,
            }  # fmt: skip
            if failure.error is not None:
                fields |= _told(failure.error)
            if failure.outcome == "retry":
                self._write(fields, failure.next_at or 0)
            else:
                self._write({**fields, "ended_at": time.time()})
        if failure.outcome == "dead" or (failure.outcome == "discarded" and self._frees_at("ended")):
            self._free()
        if failure.outcome == "discarded":
            overflow.remove(self.message, self.until)

    def poison(self, reason: str) -> None:
        """Note that it cannot be run, and goes to the dead letters."""
        self._write({"job": self.message.job, "status": results.DEAD, "error": reason, "ended_at": time.time()})
        self._free()

    def _value(self, value: Any) -> Item:
        """Return the fields for a value; if it cannot be kept, why."""
        declared = self.declared
        try:
            returned = None if declared is None else registry.returned(declared.name)
            dumped = value if returned is None else returned.dump(value)
            text = json.dumps(dumped, separators=(",", ":"), allow_nan=False)
        except Exception as error:  # noqa: BLE001 - a value's own code runs here, and the job is done
            reason = f"{error.path} {error.reason}".lstrip() if isinstance(error, Unfit) else text_of(error)
        else:
            if size_of(text) <= results.LARGEST_VALUE:
                return {"value": text, "error": "", "error_type": "", "traceback": ""}
            reason = f"has {size_of(text):,} bytes, and {results.LARGEST_VALUE:,} can be kept"
        logger().error("the value of job %s %s is not kept: it %s", self.message.job, self.message.id, reason)
        return {"error": reason[:_LONGEST_ERROR], "error_type": "", "traceback": ""}

    def _frees_at(self, moment: str) -> bool:
        options = None if self.declared is None else self.declared.options
        return (options.unique_until if options and options.unique_until else "ended") == moment

    def _free(self) -> None:
        lock = self.message.lock
        if lock and self.place is not None:
            about = f"the lock of job {self.message.job} {self.message.id} was not freed, and stays until it expires"
            free = partial(self.place.free, locks.key(self.message.job, lock), self.message.id)
            write(about, free, self.until, insist=True)  # or others would be locked out as long as the lock can last

    def _write(self, fields: Item, expires_after: float = 0) -> None:
        if self.keep and self.place is not None:
            expires = max(time.time(), expires_after) + self.keep
            about = f"the result of job {self.message.job} {self.message.id} was not written ({fields['status']})"
            item = {**fields, EXPIRES: expires}
            write(about, partial(self.place.change, results.key(self.message.id), item), self.until)


def keeper(message: Message, declared: Declared | None, arn: str, until: float) -> Keeper:
    """Return who keeps what is to be kept of a job. If no table is configured, that is one ERROR line, and nothing is kept."""
    keep = message.keep
    if keep is None and declared is not None:
        keep = declared.options.keeps_for
    place = find(local=arn.startswith(ARN)) if message.lock or keep else None
    if place is None and (message.lock or keep):
        complain_once(
            arn,
            f"results and locks of the jobs of {message.job} are not kept: configure table, or LAMBDA_PUNCH_TABLE",
        )
    return Keeper(message, declared, place, keep or None, until)


def note_poison(body: object, arn: str, delivery: str, reason: str, until: float) -> None:
    """Note that a message, if it is a job's, is poison and goes to the dead letters."""
    message = decode(body)
    if isinstance(message, Message) and (message.lock or message.keep):
        keeper(message._replace(id=message.id or delivery), None, arn, until).poison(reason)


def _told(error: BaseException) -> dict[str, str]:
    kind = type(error)
    try:
        trace = "".join(format_exception(error))
    except Exception:  # noqa: BLE001 - a user's error
        trace = "(its traceback cannot be shown)"
    found = {
        "error": text_of(error)[:_LONGEST_ERROR],
        "error_type": f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins."),
        "traceback": trace[-_LONGEST_TRACEBACK:],
    }
    return {name: text.encode("utf-8", "replace").decode() for name, text in found.items()}
