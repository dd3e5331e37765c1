"""Queues in this process's memory that behave like SQS, to sender and consumer: for tests and off Lambda.

They have visibility timeouts, receive counts, a list of dead letters, delays, and FIFO groups with one batch in flight.
Nothing outlives the process. All methods may be called from any thread. A forked child has a copy of its own.
"""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from lambda_punch._settings import MOST_RETRIES
from lambda_punch.jobs.backends.outgoing import Outgoing, Sent
from lambda_punch.jobs.limits import DEDUPLICATION_WINDOW, LARGEST_MESSAGE
from lambda_punch.jobs.message import Poison, decode
from lambda_punch.jobs.options import DEFAULT_QUEUE
from lambda_punch.jobs.queues import Redrive

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.backends.deliveries import Change, Copy
    from lambda_punch.jobs.options import Options

ARN = "arn:aws:sqs:local:000000000000:"  # AWS has no such region, so a record from here can be told


class Entry:
    """One message in a queue."""

    __slots__ = (
        "attributes", "facts", "group", "message_id", "outgoing", "receipt", "receives", "sent_at", "visible_at",
    )  # fmt: skip

    def __init__(self, outgoing: Outgoing, now: float, number: int, facts: dict[str, str] | None = None) -> None:
        """``facts`` are the message's attributes; a dead letter says by them why it died."""
        self.outgoing = outgoing
        self.facts = facts or {}
        self.message_id = str(uuid.uuid4())
        self.receipt = ""
        self.receives = 0
        self.sent_at = now
        fifo = outgoing.queue.endswith(".fifo")
        self.visible_at = now + (0 if fifo else outgoing.delay or 0)
        self.group = (outgoing.group or outgoing.id) if fifo else None
        self.attributes = {"SentTimestamp": str(int(now * 1000)), "SenderId": "local"}
        if fifo:
            self.attributes["SequenceNumber"] = f"{number:020d}"
            self.attributes["MessageGroupId"] = str(self.group)
            self.attributes["MessageDeduplicationId"] = outgoing.deduplication_id or outgoing.id

    def record(self) -> dict[str, Any]:
        """Return the message as Lambda's event source mapping gives it to a function."""
        return {
            "messageId": self.message_id,
            "receiptHandle": self.receipt,
            "body": self.outgoing.body,
            "attributes": {**self.attributes, "ApproximateReceiveCount": str(self.receives)},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": ARN + (self.outgoing.queue or DEFAULT_QUEUE),
            "awsRegion": "local",
        }


class Memory:
    """The queues, and the backend that sends to them."""

    name = "memory"
    largest = LARGEST_MESSAGE
    durable = False
    refuses: dict[str, str] = {}  # noqa: RUF012 - never changed

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        max_receive_count: int = MOST_RETRIES + 1,  # as in the templates: the first try and all retries
    ) -> None:
        """Without run_with() nothing runs what is sent."""
        self.clock = clock
        self.max_receive_count = max_receive_count
        self.dead: list[Entry] = []
        self.arrived = threading.Condition()
        self._start_worker: Callable[[Memory], object] | None = None
        self._queues: dict[str, list[Entry]] = {}
        self._seen: dict[tuple[str, str], float] = {}
        self._numbers = itertools.count(1)

    def run_with(self, start_worker: Callable[[Memory], object]) -> None:
        """Have ``start_worker`` called at the next message; it must run what is sent."""
        self._start_worker = start_worker

    def check(self, options: Options) -> None:
        """Nothing to refuse."""

    def send(self, queue: str | None, messages: Sequence[Outgoing]) -> Sent:
        """Put the messages into their queue."""
        with self.arrived:
            now = self.clock()
            ids = {}
            for each in messages:
                entry = Entry(each, now, next(self._numbers))
                ids[each.id] = entry.message_id
                if not self._is_duplicate(each, now):
                    self._queues.setdefault(queue or DEFAULT_QUEUE, []).append(entry)
            self.arrived.notify_all()
            start_worker, self._start_worker = self._start_worker, None
        if start_worker is not None:
            start_worker(self)
        return Sent(ids, [])

    def entries(self) -> list[Entry]:
        """Return the messages that wait or are in flight, oldest first."""
        with self.arrived:
            return sorted(itertools.chain(*self._queues.values()), key=lambda entry: entry.sent_at)

    def next_at(self) -> float | None:
        """Return when the next message becomes visible, or None if there is none."""
        return min((entry.visible_at for entry in self.entries()), default=None)

    def receive(self, limit: int, visibility: float) -> list[dict[str, Any]]:
        """Return the records of up to ``limit`` visible messages of one queue, which are then in flight."""
        with self.arrived:
            now = self.clock()
            for queue in self._queues.values():
                batch = self._take(queue, limit, now)
                for entry in batch:
                    entry.receives += 1
                    entry.receipt = str(uuid.uuid4())
                    entry.visible_at = now + visibility
                    entry.attributes.setdefault("ApproximateFirstReceiveTimestamp", str(int(now * 1000)))
                if batch:
                    return [entry.record() for entry in batch]
            return []

    def delete(self, message_id: str) -> None:
        """Remove a message that is done."""
        with self.arrived:
            for queue in self._queues.values():
                queue[:] = [entry for entry in queue if entry.message_id != message_id]

    def redrive(self, arn: str) -> Redrive:
        """Return the redrive policy, the same for each queue; with a max_receive_count of 0 there is none."""
        queue = arn.rpartition(":")[2]
        return Redrive(self.max_receive_count, f"{queue}-dead" if self.max_receive_count else None)

    def send_copies(self, arn: str, copies: Sequence[Copy], *, dead: bool) -> dict[int, str]:
        """Put the copies into their queue, or among the dead letters."""
        queue = arn.rpartition(":")[2]
        with self.arrived:
            now = self.clock()
            for copy in copies:
                message = decode(copy.body)
                job, identity = ("", "") if isinstance(message, Poison) else (message.job, message.id)
                outgoing = Outgoing(
                    copy.body, identity, job, queue, copy.delay, copy.group, str(uuid.uuid4()), copy.trace
                )
                entry = Entry(outgoing, now, next(self._numbers), copy.attributes)
                (self.dead if dead else self._queues.setdefault(queue, [])).append(entry)
            self.arrived.notify_all()
        return {}

    def postpone(self, arn: str, changes: Sequence[Change]) -> None:  # noqa: ARG002 - receipts are unique
        """Make each message visible so many seconds from now."""
        with self.arrived:
            now = self.clock()
            seconds = {change.receipt: change.seconds for change in changes}
            for entry in itertools.chain(*self._queues.values()):
                if entry.receipt in seconds:
                    entry.visible_at = now + seconds[entry.receipt]
            self.arrived.notify_all()

    def _take(self, queue: list[Entry], limit: int, now: float) -> list[Entry]:
        busy = {entry.group for entry in queue if entry.visible_at > now and entry.receives}
        batch: list[Entry] = []
        for entry in list(queue):
            if entry.visible_at > now or (entry.group is not None and entry.group in busy):
                continue
            if self.max_receive_count and entry.receives >= self.max_receive_count:
                queue.remove(entry)
                self.dead.append(entry)
            elif len(batch) < limit:
                batch.append(entry)
        return batch

    def _is_duplicate(self, message: Outgoing, now: float) -> bool:
        if not message.queue.endswith(".fifo"):
            return False
        key = message.queue, message.deduplication_id or message.id
        since = self._seen.get(key)
        if since is not None and now - since < DEDUPLICATION_WINDOW:
            return True
        self._seen[key] = now
        return False


def make() -> Memory:
    """Return the backend with this file's name."""
    return Memory()
