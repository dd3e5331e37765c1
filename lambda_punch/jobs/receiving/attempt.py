"""One message of a batch: whether its job is run, and what becomes of the message."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch._log import logger
from lambda_punch.jobs import registry
from lambda_punch.jobs.message import Poison
from lambda_punch.jobs.receiving import retry
from lambda_punch.jobs.receiving.perform import Execution
from lambda_punch.jobs.receiving.run import Ended, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.backends.deliveries import Deliveries
    from lambda_punch.jobs.message import Message
    from lambda_punch.jobs.receiving.record import SqsRecord
    from lambda_punch.jobs.registry import Declared


class BatchSettings(NamedTuple):
    """How a batch is run.

    ``until``: epoch seconds at which the response has to be on its way. ``clock``: the queue's, in epoch seconds. It is
    the same as ours unless a test sets it.
    """

    until: float
    retries: int
    concurrency: int
    fifo_stop: str
    clock: Callable[[], float]


class Outcome(NamedTuple):
    """What became of one message. ``visibility``: seconds until it is visible again; None: the queue's own timeout."""

    done: bool
    visibility: int | None = None


DONE = Outcome(True)
AT_ONCE = Outcome(False, 0)
LEFT = Outcome(False)


class ThrownAway:
    """Counts this environment's receives that were no attempts, by message id. The oldest are forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def add(self, record: SqsRecord) -> None:
        """Count one."""
        with self._lock:
            self._counts[record.message_id] = self._counts.pop(record.message_id, 0) + 1
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)

    def count(self, record: SqsRecord) -> int:
        """Return how many there were."""
        return self._counts.get(record.message_id, 0)


thrown_away = ThrownAway()


class Attempt:
    """One receive of one message."""

    def __init__(self, record: SqsRecord, message: Message, declared: Declared, settings: BatchSettings) -> None:
        self._record = record
        self._message = message
        self._declared = declared
        self._settings = settings
        own = declared.options.retries
        self._retries = settings.retries if own is None else min(own, settings.retries)
        self._number = self._attempt_number()

    def too_early(self) -> Outcome | None:
        """Return for how long a FIFO queue's message is to be put off; None if it is due."""
        message, record, now = self._message, self._record, self._settings.clock()
        due = record.sent_ms / 1000 + message.delay
        return Outcome(False, int(due - now) + 1) if record.fifo and message.delay and now < due else None

    def run(self, deliveries: Deliveries, spent: float, *, first: bool) -> Outcome:
        """Run the job if it may be run and there is time. ``first``: whether it is this invocation's first."""
        record = self._record
        if self._number > self._retries + 1:
            stop = retry.exhausted(self._retries, deliveries.max_receives(record.arn), spent)
            logger().error("job %s %s is not run again: %s", self._message.job, self._message.id, stop.reason)
            return Outcome(False, stop.visibility)
        limit = self._limit(first=first)
        if limit is None:
            thrown_away.add(record)
            return AT_ONCE
        run = self._run()

        def decide(ended: Ended) -> Outcome:
            return DONE if ended.error is None else self._failed(run, ended.error, deliveries, spent + ended.seconds)

        return run.to_end(limit, decide)

    def _failed(self, run: Run, error: BaseException, deliveries: Deliveries, spent: float) -> Outcome:
        name = f"{self._message.job} {self._message.id}"
        decision = retry.decide(
            attempt=self._number,
            receives=self._record.receives,
            retries=self._retries,
            max_receives=deliveries.max_receives(self._record.arn),
            wait=self._declared.options.wait,
            spent=spent,
            retryable=self._declared.options.retries_on(error),
        )
        run.tell("enqueue_retry" if decision.again else "retry_stopped", error=error, wait=decision.visibility)
        if decision.again:
            after = decision.visibility or 0
            logger().warning("job %s failed, attempt %d; again in %d s", name, self._number, after, exc_info=error)
        else:
            reason = decision.reason
            logger().error("job %s failed, attempt %d, the last: %s", name, self._number, reason, exc_info=error)
        return Outcome(False, decision.visibility)

    def _limit(self, *, first: bool) -> float | None:
        """Return how long the job may run, or None if it is not to begin any more.

        A job whose timeout does not fit into the time left waits for another invocation. The first job here does not
        wait, because no other invocation would have more time.
        """
        left = self._settings.until - time.time()
        timeout = self._declared.options.timeout
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
            record.receives, no_attempts, self._retries - before, since_first, self._declared.options.wait
        )
        return before + number

    def _run(self) -> Run:
        message, record = self._message, self._record
        trace = message.trace or record.trace
        execution = Execution(message.job, message.id, self._number, record.queue, record.message_id, trace)
        due = record.sent_ms / 1000 + message.delay
        latency = max(0.0, self._settings.clock() - due) if record.sent_ms else None
        return Run(self._declared, message, execution, latency)


def begin(record: SqsRecord, settings: BatchSettings) -> Attempt | Poison:
    """Read a record's message. A Poison is one that cannot be run."""
    if not record.message_id:
        return Poison("it has no messageId")
    called = registry.called_by(record.body)
    if isinstance(called, Poison):
        return called
    declared, message = called
    return Attempt(record, message, declared, settings)
