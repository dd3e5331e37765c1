"""Runs the jobs of one batch, and reports the messages that are not done.

Guarantees. A message that is not reported has been run to its end, or its job's error is in discard_on. All others are
reported, and SQS keeps them. Only declared jobs are run. Whatever a message holds, and whatever a job raises, the other
messages of the batch are run. Only the deadline keeps them from it, and then they are visible again at once. On FIFO
queues a message that is not done stops its group (or, by configuration, the batch), and those behind it become visible
no sooner than it does.

Jobs run on the thread that calls this. With ``concurrency`` they run on other threads, on standard queues only.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs.backends.deliveries import Change
from lambda_punch.jobs.message import Poison
from lambda_punch.jobs.receiving import attempt
from lambda_punch.jobs.receiving.attempt import LEFT, Outcome, thrown_away
from lambda_punch.jobs.receiving.record import SqsRecord, read
from lambda_punch.runtime import threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.backends.deliveries import Deliveries
    from lambda_punch.jobs.receiving.attempt import BatchSettings

RESERVE = 0.3  # seconds, besides the margin, for the calls and the response after the last job


class Batch:
    """The records of one event."""

    def __init__(self, records: Sequence[Any], deliveries: Deliveries, settings: BatchSettings) -> None:
        self._records = [read(record) for record in records]
        self._deliveries = deliveries
        self._settings = settings
        self._began = time.monotonic()
        self._outcomes: list[Outcome | None] = [None] * len(self._records)
        self._lock = threading.Lock()
        self._any_begun = False
        self._open = True

    def run(self) -> dict[str, Any]:
        """Run what there is time for, and return the partial batch response. Never raises."""
        first_of: dict[object, int] = {}
        for number, record in enumerate(self._records):
            first_of.setdefault(record.message_id or number, number)
        todo = list(first_of.values())
        if self._settings.concurrency == 1 or len(todo) == 1 or any(record.fifo for record in self._records):
            self._run_in_order(todo)
        else:
            self._run_concurrently(todo)
        for number, record in enumerate(self._records):  # a message that came twice in this batch has one outcome
            self._outcomes[number] = self._outcomes[first_of[record.message_id or number]]
        self._postpone()
        return self._response()

    def _run_in_order(self, todo: list[int]) -> None:
        whole_batch = self._settings.fifo_stop == "batch"
        stopped: dict[str | None, Outcome] = {}
        for number in todo:
            record = self._records[number]
            group = None if whole_batch else record.group
            if record.fifo and group in stopped:
                self._outcomes[number] = stopped[group]
                thrown_away.add(record)
                continue
            outcome = self._outcomes[number] = self._run_one(record)
            if record.fifo and not outcome.done:
                stopped[group] = outcome

    def _run_concurrently(self, todo: list[int]) -> None:
        """Share the records among threads. A thread whose job does not end in time is left behind."""
        waiting = list(reversed(todo))

        def work() -> None:
            while (number := self._take(waiting)) is not None:
                self._outcomes[number] = self._run_one(self._records[number])

        consumers = _start(min(self._settings.concurrency, len(todo)), work)
        if not consumers:
            work()
        last = self._settings.until + RESERVE / 2
        for thread in consumers:
            thread.join(min(max(0.0, last - time.time()), threading.TIMEOUT_MAX))
        with self._lock:
            self._open = False
        for number in todo:
            if self._outcomes[number] is None:
                self._outcomes[number] = LEFT
                logger().error(
                    "message %s: its job did not end in time, and may still run; it is reported as failed",
                    self._records[number].message_id,
                )

    def _take(self, waiting: list[int]) -> int | None:
        with self._lock:
            return waiting.pop() if waiting and self._open else None

    def _run_one(self, record: SqsRecord) -> Outcome:
        """Run one record's job; never raises."""
        try:
            begun = attempt.begin(record, self._settings)
            if isinstance(begun, Poison):  # the queue's own visibility timeout and redrive policy apply
                where = f"{record.message_id or '-'} of queue {record.queue or '-'}"
                logger().error("poison: message %s is not run: %s", where, begun.reason)
                return LEFT
            early = begun.too_early()
            if early is not None:
                thrown_away.add(record)
                return early
            with self._lock:
                first, self._any_begun = not self._any_begun, True
            return begun.run(self._deliveries, time.monotonic() - self._began, first=first)
        except Exception:  # noqa: BLE001 - a bug of ours must not cost the other records
            logger().exception("message %s was not handled: a bug in lambda-punch; it is kept", record.message_id)
            return LEFT

    def _postpone(self) -> None:
        changes: dict[str, dict[str, Change]] = {}
        for record, outcome in zip(self._records, self._outcomes, strict=True):
            if outcome is not None and outcome.visibility is not None and record.receipt:
                change = Change(record.message_id, record.receipt, outcome.visibility)
                changes.setdefault(record.arn, {})[record.receipt] = change
        for arn, of_queue in changes.items():
            self._deliveries.postpone(arn, list(of_queue.values()))

    def _response(self) -> dict[str, Any]:
        """Report what is not done. A record without an id is reported by an empty one, which keeps the whole batch."""
        failed = [
            record.message_id
            for record, outcome in zip(self._records, self._outcomes, strict=True)
            if outcome is None or not outcome.done
        ]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in dict.fromkeys(failed)]}


def _start(count: int, work: Callable[[], object]) -> list[threading.Thread]:
    """Start so many threads, or as many as the system allows."""
    found: list[threading.Thread] = []
    for _ in range(count):
        try:
            found.append(threads.start(threads.CONSUMER, work))
        except RuntimeError as error:
            logger().error("%d of the %d threads for a batch can be had: %s", len(found), count, error)
            break
    return found
