"""One message of a batch: whether to run its job, running it, and what becomes of the message."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch import _events
from lambda_punch._log import logger
from lambda_punch.jobs import registry
from lambda_punch.jobs.message import Message, Poison, decode
from lambda_punch.jobs.receiving import retry
from lambda_punch.jobs.receiving.perform import Execution, perform

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.receiving.deliveries import Deliveries
    from lambda_punch.jobs.receiving.record import Record
    from lambda_punch.jobs.sending.durable import DurableJob


class Settings(NamedTuple):
    """What a batch is run with.

    ``until``: epoch seconds at which the response has to be on its way. ``clock``: the queue's, in epoch seconds; the
    same as ours but where a test turns it.
    """

    until: float
    retries: int = 12
    concurrency: int = 1
    fifo_stop: str = "group"
    clock: Callable[[], float] = time.time


class Outcome(NamedTuple):
    """What became of one message. ``visibility``: seconds until it is to be visible; None: the queue's own time."""

    done: bool
    visibility: int | None = None


DONE = Outcome(True)
AT_ONCE = Outcome(False, 0)
LEFT = Outcome(False)


class ThrownAway:
    """Receives of this environment that were no attempts, by message id; the oldest are forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def add(self, record: Record) -> None:
        """Count one."""
        with self._lock:
            self._counts[record.message_id] = self._counts.pop(record.message_id, 0) + 1
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)

    def count(self, record: Record) -> int:
        """Return how many there were."""
        return self._counts.get(record.message_id, 0)


thrown_away = ThrownAway()


class Attempt:
    """One receive of one message."""

    def __init__(self, record: Record, message: Message, declared: DurableJob[..., Any], settings: Settings) -> None:
        self._record = record
        self._message = message
        self._options = declared.options
        self._function = declared.function
        self._settings = settings
        own = declared.options.retries
        self._retries = settings.retries if own is None else min(own, settings.retries)
        self._number = self._attempt_number()

    def too_early(self) -> Outcome | None:
        """Return until when a FIFO queue's message is to be put off; None if it is due."""
        message, record, now = self._message, self._record, self._settings.clock()
        due = record.sent_ms / 1000 + message.delay
        return Outcome(False, int(due - now) + 1) if record.fifo and message.delay and now < due else None

    def run(self, deliveries: Deliveries, spent: float, *, first: bool) -> Outcome:
        """Run the job if it may be run and there is time; never raises. ``first``: of this invocation."""
        record = self._record
        if self._number > self._retries + 1:
            stop = retry.exhausted(self._retries, deliveries.max_receives(record.arn), spent)
            logger().error("job %s %s is not run again: %s", self._message.job, self._message.id, stop.reason)
            return Outcome(False, stop.visibility)
        limit = self._limit(first=first)
        if limit is None:
            thrown_away.add(record)
            return AT_ONCE
        latency = (
            max(0.0, self._settings.clock() - record.sent_ms / 1000 - self._message.delay) if record.sent_ms else None
        )
        self._tell("perform_start", latency=latency)
        began = time.monotonic()
        error: BaseException | None = None
        try:
            perform(self._function, self._message.args, self._message.kwargs, self._execution(), limit)
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything, SystemExit included
            error = raised
        lasted = time.monotonic() - began
        self._tell("perform", duration=lasted, latency=latency, error=error)
        return DONE if error is None else self._failed(error, deliveries, spent + lasted)

    def _failed(self, error: BaseException, deliveries: Deliveries, spent: float) -> Outcome:
        name = f"{self._message.job} {self._message.id}"
        if self._options.discards_on(error):
            self._tell("discard", error=error)
            logger().warning("job %s is discarded", name, exc_info=error)
            return DONE
        decision = retry.decide(
            attempt=self._number,
            receives=self._record.receives,
            retries=self._retries,
            max_receives=deliveries.max_receives(self._record.arn),
            wait=self._options.wait,
            spent=spent,
            retryable=self._options.retries_on(error),
        )
        self._tell("enqueue_retry" if decision.again else "retry_stopped", error=error, wait=decision.visibility)
        if decision.again:
            after = decision.visibility or 0
            logger().warning("job %s failed, attempt %d; again in %d s", name, self._number, after, exc_info=error)
        else:
            reason = decision.reason
            logger().error("job %s failed, attempt %d, and stops: %s", name, self._number, reason, exc_info=error)
        return Outcome(False, decision.visibility)

    def _limit(self, *, first: bool) -> float | None:
        """Return how long the job may run, or None if it is not to begin any more.

        A job whose timeout does not fit into what is left waits for another invocation, unless it is the first here:
        then no other would have more.
        """
        left = self._settings.until - time.time()
        timeout = self._options.timeout
        if left <= 0 or (timeout is not None and timeout > left and not first):
            return None
        return left if timeout is None else min(timeout, left)

    def _attempt_number(self) -> int:
        record, delay = self._record, self._message.delay
        no_attempts = thrown_away.count(record)
        if record.fifo and 0 < record.first_received_ms < record.sent_ms + delay * 1000 and not no_attempts:
            no_attempts += 1  # the receive that found it too early, and put it off, in another environment
        since_first = (
            self._settings.clock() - record.first_received_ms / 1000 if record.first_received_ms else float("inf")
        )
        before = self._message.attempt - 1  # by another message, of which this one is the continuation
        number = retry.attempt_number(
            record.receives, no_attempts, self._retries - before, since_first, self._options.wait
        )
        return before + number

    def _execution(self) -> Execution:
        message, record = self._message, self._record
        trace = message.trace or record.trace
        return Execution(message.job, message.id, self._number, record.queue, record.message_id, trace)

    def _tell(self, event: str, *, error: BaseException | None = None, **facts: Any) -> None:
        message, record = self._message, self._record
        _events.tell(
            _events.JobEvent(
                event, message.job, message.id, record.queue, tuple(message.args), message.kwargs, record.message_id,
                message.enqueued_at, self._number, error=None if error is None else type(error).__name__, **facts,
            )
        )  # fmt: skip


def begin(record: Record, settings: Settings) -> Attempt | Poison:
    """Read a record's message; a Poison is one that must not be run."""
    if not record.message_id:
        return Poison("it has no messageId")
    message = decode(record.body)
    declared = registry.declared_by(message)
    if isinstance(declared, Poison):
        return declared
    assert isinstance(message, Message)
    return Attempt(record, message, declared, settings)
