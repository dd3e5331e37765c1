"""A local SQS event source: polls a queue and invokes a function as Lambda's event source mapping does.

It receives up to ten messages a call and gathers them until the batch is full or the window is over. Then it invokes
the function, and deletes the messages that the answer does not name as failed (ReportBatchItemFailures). Those that
failed, which is all of them after a function error, come back after their visibility timeout; the function may change
it. On a FIFO queue SQS itself holds back a group that has a batch in flight. On a standard queue several environments
of a function may poll side by side.

On request it also delivers messages twice, and throttles batches, which costs each message a receive.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from lambda_punch.local.errors import EnvironmentClosedError, LocalLambdaError

from .sqs_records import batches, failed_ids, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.local.platform.invocation import Invocation

    from .sqs_server import SqsServer

    class Invoked(Protocol):
        """What is polled for: an environment, or a pool of them."""

        def invoke(self, event: Any) -> Invocation:
            """Invoke it, and return when its response is here."""


_MOST_AT_ONCE = 10  # messages that one call receives or deletes
_LONGEST_FIFO_BATCH = 10
_LONGEST_BATCH = 10_000
_LONGEST_WINDOW = 300
_POLL = 1  # seconds of long polling


class EventSourceMapping(NamedTuple):
    """How a queue is polled. ``window`` is in seconds; ``duplicates`` and ``throttles`` are shares, from 0 to 1."""

    batch_size: int = 10
    window: float = 0.0
    partial: bool = True
    duplicates: float = 0.0
    throttles: float = 0.0


class Delivered(NamedTuple):
    """One batch that was delivered: its records, and the ids of those that are not done."""

    queue: str
    records: list[dict[str, Any]]
    failed: set[str]
    invocation: Invocation | None  # None: throttled


class EventSource:
    """Polls one queue for one or more environments of a function; a thread for each."""

    def __init__(  # noqa: PLR0913 - what a mapping is made of
        self,
        server: SqsServer,
        queue: str,
        functions: Sequence[Invoked],
        *,
        timeout: float,
        mapping: EventSourceMapping | None = None,
        on_batch: Callable[[Delivered], None] | None = None,
        seed: int | None = None,
    ) -> None:
        """``timeout`` is the function's, in seconds. ``on_batch`` is called on a poller's thread.

        Makes the queue if it is not there. Raises LocalLambdaError for settings that AWS refuses too.
        """
        self.queue = queue
        self._mapping = mapping or EventSourceMapping()
        _check(queue, self._mapping)
        self._server = server
        self._functions = functions
        self._on_batch = on_batch
        self._random = random.Random(seed)  # noqa: S311 - chooses faults
        self._again: list[dict[str, Any]] = []
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._repeating = 0
        self._running: set[str] = set()
        self._url, self._arn = server.queue(queue, visibility=max(30, int(6 * timeout)))
        if server.visibility(self._url) < timeout:
            raise LocalLambdaError(
                f"queue {queue}: its visibility timeout of {server.visibility(self._url)} s is shorter than the "
                f"function's timeout of {timeout:g} s; AWS refuses that"
            )
        self._threads = [
            threading.Thread(target=self._poll, args=(function,), name=f"poll-{queue}", daemon=True)
            for function in functions
        ]

    @property
    def url(self) -> str:
        """The queue's URL."""
        return self._url

    @property
    def running(self) -> set[str]:
        """The ids of the messages that the function has now. From any thread."""
        with self._lock:
            return set(self._running)

    def start(self) -> None:
        """Begin to poll."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End polling; batches under way are finished."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def is_idle(self) -> bool:
        """Tell whether the queue is empty, of invisible messages too, and no message is to be delivered again."""
        with self._lock:
            if self._repeating or self._again:
                return False
        # Twice: the numbers are taken one after the other, and a message that becomes visible in between is in none.
        return all(self._server.counts(self._url) == (0, 0, 0) for _ in range(2))

    def wait_idle(self, timeout: float = float("inf")) -> bool:
        """Wait until every message is done or dead; return False if that takes longer than ``timeout``."""
        until = time.monotonic() + timeout
        while not self.is_idle():
            if time.monotonic() > until or self._stop.wait(0.05):
                return False
        return True

    def _poll(self, function: Invoked) -> None:
        while not self._stop.is_set():
            with self._lock:
                again, self._again = self._again, []
                self._repeating += bool(again)  # deleted already, so the server does not count them
            try:
                for batch in batches(self._gather(again), self._mapping.batch_size):
                    self._deliver(function, batch)
            except EnvironmentClosedError:
                return
            except Exception:  # noqa: BLE001 - the server is being stopped, or was away for a moment
                if self._stop.wait(0.2):
                    return
            finally:
                with self._lock:
                    self._repeating -= bool(again)

    def _gather(self, again: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Receive until the batch is full, the window has passed, or, without one, once."""
        records = list(again)
        until = time.monotonic() + self._mapping.window
        while len(records) < self._mapping.batch_size and not self._stop.is_set():
            wait = 0 if records else _POLL
            found = self._receive(min(_MOST_AT_ONCE, self._mapping.batch_size - len(records)), wait)
            records += found
            if not self._mapping.window or time.monotonic() >= until:
                break
            if not found:
                self._stop.wait(0.05)
        return records

    def _receive(self, count: int, wait: int) -> list[dict[str, Any]]:
        answer = self._server.client.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=count,
            WaitTimeSeconds=wait,
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        return [record(message, self._arn) for message in answer.get("Messages", [])]

    def _deliver(self, function: Invoked, batch: list[dict[str, Any]]) -> None:
        if self._random.random() < self._mapping.throttles:
            self._return(batch)
            self._tell(Delivered(self.queue, batch, {each["messageId"] for each in batch}, None))
            return
        ids = {each["messageId"] for each in batch}
        with self._lock:
            self._running |= ids
        try:
            invocation = function.invoke({"Records": batch})
        finally:
            with self._lock:
                self._running -= ids
        failed = failed_ids(invocation.payload, ids, ok=invocation.ok, partial=self._mapping.partial)
        self._delete([each for each in batch if each["messageId"] not in failed])
        if not self.queue.endswith(".fifo"):
            again = [each for each in batch if self._random.random() < self._mapping.duplicates]
            with self._lock:
                self._again += again
        self._tell(Delivered(self.queue, batch, failed, invocation))

    def _delete(self, records: list[dict[str, Any]]) -> None:
        for entries in _entries(records):
            self._server.client.delete_message_batch(QueueUrl=self._url, Entries=entries)

    def _return(self, records: list[dict[str, Any]]) -> None:
        """Make messages that were not delivered visible again; each has been received once more by then.

        The entry of a repeated message fails, as it should: that message is deleted already.
        """
        for entries in _entries(records):
            visible = [{**entry, "VisibilityTimeout": 0} for entry in entries]
            self._server.client.change_message_visibility_batch(QueueUrl=self._url, Entries=visible)

    def _tell(self, delivered: Delivered) -> None:
        if self._on_batch is not None:
            self._on_batch(delivered)


def _entries(records: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the entries for calls that take ten messages each."""
    return [
        [
            {"Id": str(number), "ReceiptHandle": each["receiptHandle"]}
            for number, each in enumerate(records[start : start + _MOST_AT_ONCE])
        ]
        for start in range(0, len(records), _MOST_AT_ONCE)
    ]


def _check(queue: str, mapping: EventSourceMapping) -> None:
    fifo = queue.endswith(".fifo")
    most = _LONGEST_FIFO_BATCH if fifo else _LONGEST_BATCH
    if not 1 <= mapping.batch_size <= most:
        raise LocalLambdaError(f"queue {queue}: the batch size must be 1 to {most}, not {mapping.batch_size}")
    if mapping.window and (fifo or not 0 <= mapping.window <= _LONGEST_WINDOW):
        raise LocalLambdaError(
            f"queue {queue}: a batch window must be 0 to {_LONGEST_WINDOW} s, and a FIFO queue cannot have one"
        )
    if mapping.batch_size > _LONGEST_FIFO_BATCH and mapping.window < 1:
        raise LocalLambdaError(f"queue {queue}: a batch size above 10 needs a batch window of at least 1 s")
