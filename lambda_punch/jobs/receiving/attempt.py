"""One receive of one message: whether its job is run, and what becomes of the message.

On a standard queue nothing is guessed: a retry is a new message, which carries the number of its attempt, and a dead job's
message is moved to the dead letters with the reason. A FIFO queue's message stays where it is, or its group would lose its
order, so only SQS counts its attempts. What is known of them is said in ``_attempt_number``.
"""

from __future__ import annotations

import math
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from lambda_punch._log import logger
from lambda_punch.jobs import registry, waits
from lambda_punch.jobs.backends.deliveries import Copy
from lambda_punch.jobs.limits import LONGEST_DELAY, LONGEST_VISIBILITY
from lambda_punch.jobs.message import Message, Poison, decode, encode
from lambda_punch.jobs.queues import NO_REDRIVE, UNKNOWN
from lambda_punch.jobs.receiving import dead, decision, failures
from lambda_punch.jobs.receiving.outcome import AT_ONCE, DONE, Outcome
from lambda_punch.jobs.receiving.perform import Execution
from lambda_punch.jobs.receiving.remembered import Remembered
from lambda_punch.jobs.receiving.run import Ended, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.backends.deliveries import Deliveries
    from lambda_punch.jobs.receiving.keeping import Keeper
    from lambda_punch.jobs.receiving.record import SqsRecord
    from lambda_punch.jobs.registry import Called

_OLD = 39_600  # seconds in its queue after which a message that is not due is sent anew; it was hidden for that long
_EARLY = 1.0  # seconds before its time at which a job may begin: delays are in whole seconds


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


thrown_away = Remembered()
"""This environment's receives that were no attempts."""
not_moved = Remembered()
"""Messages of dead jobs that could not be moved to the dead letters; their jobs are not run again."""
not_sent = Remembered()
"""Messages whose retry could not be sent, so that SQS counts their attempts."""


class Attempt:
    """One receive of one message. ``behind``: others of its FIFO group stand before it in this batch."""

    def __init__(self, record: SqsRecord, called: Called, settings: BatchSettings, *, behind: bool) -> None:
        self._record = record
        self._called = called
        self._message = called.message
        self._declared = declared = called.declared
        self._settings = settings
        self._keeper: Keeper | None = None
        message = self._message
        if message.lock or message.keep or message.s3 or declared.options.keep_result is not None:
            # imported only for these
            from lambda_punch.jobs.receiving.keeping import keeper

            self._keeper = keeper(message, declared, record.arn, settings.until)
        own = declared.options.retries
        self._retries = settings.retries if own is None else min(own, settings.retries)
        self._number = self._attempt_number(behind=behind)

    def not_now(self, deliveries: Deliveries, spent: float) -> Outcome | None:
        """Return what becomes of a message whose job is not run at this receive, or None."""
        message, record, now = self._message, self._record, self._settings.clock()
        if message.dead:  # the queue has no dead letters, so it stays
            return Outcome(False, waits.visibility(LONGEST_VISIBILITY, spent))
        if not_moved.count(record):
            return Outcome(False, decision.visibility_of_dead(deliveries.redrive(record.arn).max_receives, spent))
        due = self._due
        if due - now < _EARLY and (due <= now or not record.fifo):
            return None
        thrown_away.add(record)
        later = Outcome(False, waits.visibility(math.ceil(due - now), spent))  # rounded down, it would come too early
        if not self._is_sent_anew(deliveries, now):
            return later
        copy = self._copy(message._replace(due=int(due * 1000), delay=0), min(due - now, LONGEST_DELAY))
        return later._replace(copy=copy)

    def _is_sent_anew(self, deliveries: Deliveries, now: float) -> bool:
        """Tell whether a message that is not due has to be another one: SQS would delete it, or move it away unrun."""
        record = self._record
        if record.sent_ms and now - record.sent_ms / 1000 > _OLD:
            return True
        most = NO_REDRIVE if record.fifo else deliveries.redrive(record.arn).max_receives
        return most != NO_REDRIVE and record.receives + 1 >= most

    @property
    def _due(self) -> float:
        """The epoch seconds before which the job is not run; 0 if SQS itself has delayed it."""
        message, record = self._message, self._record
        return message.due / 1000 or (record.sent_ms / 1000 + message.delay if record.fifo and message.delay else 0)

    @property
    def _no_attempts(self) -> int:
        """How many receives of the message were no attempts, as far as is known here.

        The first receive of a message that was not due put it off, also if that was in another environment.
        """
        known = thrown_away.count(self._record)
        early = 0 < self._record.first_received_ms < self._due * 1000 - _EARLY * 1000
        return max(known, int(early))

    def run(self, deliveries: Deliveries, spent: float, *, first: bool) -> Outcome:
        """Run the job if there is time. ``first``: whether it is this invocation's first."""
        record = self._record
        if self._number > self._retries + 1 and not record.fifo:
            return self._dead(f"it has used up its retries ({self._retries})", None, deliveries, spent)
        if not record.fifo and self._message.attempt + record.receives - 1 - self._no_attempts > self._retries + 1:
            logger().error(
                "job %s %s of queue %s may be run more often than declared: this is receive %d of its message, and an earlier "
                "one may have been cut off in the middle of the job",
                self._message.job, self._message.id, record.queue, record.receives,
            )  # fmt: skip
        limit = self._limit(first=first)
        if limit is None:
            thrown_away.add(record)
            return AT_ONCE
        if self._keeper is not None:
            self._keeper.begun(self._number)
            limit = self._limit(first=True) or 0.001
        run = self._run()

        def decide(ended: Ended) -> Outcome:
            if ended.discarded is not None:
                self._tell(self._failure("discarded", ended.discarded, "its error is in discard_on"))
            elif ended.error is None and self._keeper is not None:
                self._keeper.done(ended.value)
            return DONE if ended.error is None else self._failed(run, ended.error, deliveries, spent + ended.seconds)

        return run.to_end(limit, decide)

    # -- after a failure ----------------------------------------------------------------------------------------------

    def _failed(self, run: Run, error: BaseException, deliveries: Deliveries, spent: float) -> Outcome:
        record, options = self._record, self._declared.options
        counted = record.fifo or not_sent.count(record) > 0  # the retry is another receive of this message
        most = deliveries.redrive(record.arn).max_receives if counted else NO_REDRIVE
        decided = decision.decide(
            attempt=self._number,
            retries=self._retries,
            wait=options.wait,
            retryable=options.retries_on(error),
            receives_left=most - record.receives if most > 0 else float("inf"),
        )
        run.tell("retry_stopped" if decided.wait is None else "enqueue_retry", error=error, wait=decided.wait)
        if decided.wait is None:
            return self._dead(decided.reason, error, deliveries, spent)
        at = self._settings.clock() + decided.wait
        self._tell(self._failure("retry", error, f"next run in {decided.wait:.0f} s, at {_clock_time(at)}", at))
        if counted:
            return Outcome(False, waits.visibility(decided.wait, spent))
        message = self._message._replace(
            attempt=self._number + 1, error=type(error).__name__, delay=0,
            due=int(at * 1000) if decided.wait > LONGEST_DELAY else 0,
        )  # fmt: skip
        copy = self._copy(message, min(decided.wait, LONGEST_DELAY))
        if self._counted_by_sqs() > self._retries:  # if the copy cannot be sent, this was the last
            most = deliveries.redrive(record.arn).max_receives
            return Outcome(False, decision.visibility_of_dead(most, spent), copy, last=True)
        return Outcome(False, waits.visibility(decided.wait, spent), copy)

    def _dead(self, reason: str, error: BaseException | None, deliveries: Deliveries, spent: float) -> Outcome:
        """Return where the message of a dead job goes, and tell of it. Sent back from there it begins anew."""
        record = self._record
        redrive = deliveries.redrive(record.arn)
        visibility = decision.visibility_of_dead(redrive.max_receives, spent)
        fresh = self._message._replace(attempt=1, due=0, delay=0, error=None)
        if redrive.dead_letters is not None:
            goes, copy = f"its message goes to {redrive.dead_letters}", self._copy(fresh, 0)
            facts = dead.facts(fresh, reason, error, attempts=self._number, queue=record.queue)
            outcome = Outcome(False, visibility, copy._replace(attributes=facts), dead=True, last=True)
        elif redrive.max_receives == UNKNOWN:
            goes = "its message stays in its queue, whose redrive policy is not known"
            outcome = Outcome(False, visibility)
        else:
            goes = f"its message stays in {record.queue}, which has no dead-letter queue; give it a redrive policy"
            kept = self._copy(fresh._replace(dead=reason), LONGEST_DELAY)
            if record.fifo:  # hidden in its own group it would hold up those behind it
                kept = kept._replace(group=f"dead-{fresh.id}"[:128])
            outcome = Outcome(False, visibility, kept, last=True)
        self._tell(self._failure("dead", error, f"not run again: {reason}; {goes}"))
        return outcome

    def _tell(self, failure: failures.Failure) -> None:
        failures.tell(failure)
        if self._keeper is not None:
            self._keeper.failed(failure)

    def _failure(
        self, outcome: failures.Became, error: BaseException | None, reason: str, next_at: float | None = None
    ) -> failures.Failure:
        message = self._message
        seen = message.error is not None and error is not None and message.error == type(error).__name__
        return failures.Failure(
            message.job, message.id, self._record.queue, self._number, self._retries + 1, error, outcome, reason,
            next_at, seen,
        )  # fmt: skip

    def _copy(self, message: Message, delay: float) -> Copy:
        """Return the message as one to be sent. Its arguments are those of the body, whatever the job has made of its own."""
        received = decode(self._record.body)
        if isinstance(received, Message):
            message = message._replace(args=received.args, kwargs=received.kwargs)
        return Copy(encode(message), max(0, round(delay)), self._record.group, message.trace or self._record.trace)

    # -- before the run -----------------------------------------------------------------------------------------------

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

    def _attempt_number(self, *, behind: bool) -> int:
        """Return which attempt this is: on a standard queue exactly, on a FIFO queue at least as many as there were.

        A FIFO message behind others of its group has never been run: SQS gives out a group from its beginning, so at
        each earlier receive it stood behind the same ones, and a group stops at the first that is not done. With a batch
        size of one each receive is an attempt.
        """
        if behind or not (self._record.fifo or not_sent.count(self._record)):
            return self._message.attempt
        return self._counted_by_sqs()

    def _counted_by_sqs(self) -> int:
        record, message = self._record, self._message
        no_attempts = self._no_attempts
        since_first = (
            self._settings.clock() - record.first_received_ms / 1000 if record.first_received_ms else float("inf")
        )
        before = message.attempt - 1  # by another message, of which this one is the continuation
        number = decision.attempt_number(
            record.receives, no_attempts, self._retries - before, since_first, self._declared.options.wait
        )
        return before + number

    def _run(self) -> Run:
        message, record = self._message, self._record
        trace = message.trace or record.trace
        execution = Execution(
            message.job, message.id, self._number, record.queue, record.message_id, trace, message.traceparent
        )
        due = message.due / 1000 or record.sent_ms / 1000 + message.delay
        latency = max(0.0, self._settings.clock() - due) if record.sent_ms else None
        return Run(self._called, execution, latency)


def begin(record: SqsRecord, settings: BatchSettings, *, behind: bool = False) -> Attempt | Poison | None:
    """Read a record's message. A Poison is one that cannot be run, and None one that cannot be read now."""
    if not record.message_id:
        return Poison("it has no messageId")
    body = record.body
    if isinstance(body, str) and '"s3":' in body:  # imported only for these
        from lambda_punch.jobs.store.overflow import fetched

        body = fetched(body)
        if body is None or isinstance(body, Poison):
            return body
    called = registry.called_by(body, record.message_id, record.sent_ms)
    if isinstance(called, Poison):
        return called
    return Attempt(record, called, settings, behind=behind)


def _clock_time(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).strftime("%H:%M:%S UTC")
