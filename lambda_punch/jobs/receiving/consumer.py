"""Runs the jobs of one batch, and reports the messages that are not done.

Guarantees. A message that is not reported has been run to its end, or its job's error is in discard_on, or another message
has taken its place: its retry, or a dead letter. All others are reported, and SQS keeps them. Only declared jobs are run.
Whatever a message holds, and whatever a job raises, the other messages of the batch are run. Only the deadline keeps them
from it, and then they are visible again at once. On FIFO queues a message that is not done stops its group (or, by
configuration, the batch), and those behind it become visible no sooner than it does. A dead one is out of their way.

Jobs run on the thread that calls this. With ``concurrency`` they run on other threads, on standard queues only.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs.backends.deliveries import Copy
from lambda_punch.jobs.message import Poison
from lambda_punch.jobs.receiving import attempt, dead, settle
from lambda_punch.jobs.receiving.attempt import thrown_away
from lambda_punch.jobs.receiving.outcome import LEFT, Outcome
from lambda_punch.jobs.receiving.record import SqsRecord, read
from lambda_punch.runtime import threads
from lambda_punch.runtime.crew import Crew

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.backends.deliveries import Deliveries
    from lambda_punch.jobs.receiving.attempt import BatchSettings
    from lambda_punch.runtime.crew import Shift

_RECEIVES_OF_POISON = 3  # of which the last is moved to the dead letters
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
        self._settle()
        return self._response()

    def _run_in_order(self, todo: list[int]) -> None:
        whole_batch = self._settings.fifo_stop == "batch"
        stopped: dict[str | None, Outcome] = {}
        seen: set[str | None] = set()
        for number in todo:
            record = self._records[number]
            group = None if whole_batch else record.group
            if record.fifo and group in stopped:
                self._outcomes[number] = stopped[group]
                thrown_away.add(record)
                continue
            outcome = self._run_one(record, behind=record.fifo and record.group in seen)
            if record.fifo:
                seen.add(record.group)
                if outcome.copy is not None:  # a dead one: it is out of the way before those behind it are run
                    outcome = settle.send_copies([(record, outcome)], self._deliveries)[0]
                if not outcome.done:
                    stopped[group] = outcome
            self._outcomes[number] = outcome

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

    def _run_one(self, record: SqsRecord, *, behind: bool = False) -> Outcome:
        """Run one record's job; never raises."""
        try:
            begun = attempt.begin(record, self._settings, behind=behind)
            if begun is None:
                return LEFT
            if isinstance(begun, Poison):
                return self._poison(record, begun)
            spent = time.monotonic() - self._began
            other = begun.not_now(self._deliveries, spent)
            if other is not None:
                return other
            with self._lock:
                first, self._any_begun = not self._any_begun, True
            return begun.run(self._deliveries, spent, first=first)
        except Exception:  # noqa: BLE001 - a bug in lambda-punch must not cost the other records
            logger().exception("message %s was not handled: a bug in lambda-punch; it is kept", record.message_id)
            return LEFT

    def _poison(self, record: SqsRecord, poison: Poison) -> Outcome:
        """Move a message that cannot be run to the dead letters.

        On a standard queue it is left in the queue for two receives, because while a release goes out, an older function
        gets messages that only the newer one knows. On a FIFO queue it would hold up its group.
        """
        where = f"{record.message_id or '-'} of queue {record.queue or '-'}"
        logger().error("poison: message %s is not run: %s", where, poison.reason)
        if not record.message_id or not isinstance(record.body, str) or not record.body:
            return LEFT
        if not record.fifo and record.receives < _RECEIVES_OF_POISON:
            return LEFT
        if self._deliveries.redrive(record.arn).dead_letters is None or attempt.not_moved.count(record):
            return LEFT
        facts = dead.facts(None, f"poison: {poison.reason}", None, attempts=0, queue=record.queue)
        if '"keep":' in record.body or '"lock":' in record.body:  # imported only for these
            from lambda_punch.jobs.receiving.keeping import note_poison

            note_poison(record.body, record.arn, record.message_id, f"poison: {poison.reason}", self._settings.until)
        copy = Copy(record.body, 0, record.group, record.trace, facts)
        return Outcome(False, None, copy, dead=True, last=True)

    def _settle(self) -> None:
        """Send the copies, once for each message, and postpone what stays."""
        places = {record.message_id: number for number, record in enumerate(self._records)}
        numbers = [number for number in places.values() if self._outcomes[number] is not None]
        messages = [(self._records[number], outcome) for number in numbers if (outcome := self._outcomes[number])]
        settled = settle.send_copies(messages, self._deliveries)
        by_id = {record.message_id: outcome for (record, _), outcome in zip(messages, settled, strict=True)}
        for number, record in enumerate(self._records):
            self._outcomes[number] = by_id.get(record.message_id, self._outcomes[number])
        outcomes = zip(self._records, self._outcomes, strict=True)
        settle.postpone([(record, outcome) for record, outcome in outcomes if outcome is not None], self._deliveries)

    def _response(self) -> dict[str, Any]:
        """Report what is not done. A record without an id is reported by an empty one, which keeps the whole batch."""
        failed = [
            record.message_id
            for record, outcome in zip(self._records, self._outcomes, strict=True)
            if outcome is None or not outcome.done
        ]
        return {"batchItemFailures": [{"itemIdentifier": each} for each in dict.fromkeys(failed)]}


_crew = Crew(threads.CONSUMER)


def _start(count: int, work: Callable[[], object]) -> list[Shift]:
    """Have it run on so many threads, or on as many as the system allows."""
    found: list[Shift] = []
    for _ in range(count):
        try:
            found.append(_crew.start(work))
        except RuntimeError as error:
            logger().error(
                "a batch runs on %d threads, not %d, because the system refuses more: %s", len(found), count, error
            )
            break
    return found
