"""One pass over the messages of a queue. SQS has no way to look at a message without hiding it for a while.

So each is received, hidden as long as the pass takes, and made visible again at its end, unless it was deleted. If the
process is killed, SQS makes them visible when their time is up. Each pass counts as one receive of a message.

On a FIFO queue SQS gives out at most ten messages of a group until those are deleted, so a pass does not see those behind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.errors import QueueError
from lambda_punch.jobs import aws
from lambda_punch.jobs.limits import LONGEST_VISIBILITY, MOST_IN_BATCH
from lambda_punch.jobs.operating import letters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from lambda_punch.jobs.operating.letters import Letter
    from lambda_punch.jobs.operating.places import Queue

_SHORTEST = 30  # seconds for which a message is hidden
_A_SECOND = 20  # messages that a pass handles in a second, at the least
_WAIT = 1  # seconds; a long poll asks all of SQS's servers, a short one only some
_OFTEN_NOTHING_NEW = 3  # receives without a new message, after which a pass is over
_CLOCK = 1.0  # seconds in which SQS tells the time


class Walk:
    """A context manager, for one thread. ``batches()`` gives the letters, ten or fewer at a time."""

    def __init__(self, queue: Queue) -> None:
        """Hide each message for half a minute, and longer in a queue of many."""
        self.queue = queue
        self._hidden = min(_SHORTEST + sum(queue.counts) // _A_SECOND, LONGEST_VISIBILITY)
        self._receipts: dict[str, str] = {}
        self._seen: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Make visible what was not deleted. Raises QueueError only if nothing else went wrong."""
        try:
            self.release()
        except QueueError:
            if error is None:
                raise

    def batches(self) -> Iterator[list[Letter]]:
        """Yield the letters that were there when the pass began, each once. Raises QueueError."""
        nothing_new = 0
        while nothing_new < _OFTEN_NOTHING_NEW:
            received = self._receive()
            if not received:
                return
            self._receipts.update((each.message_id, each.receipt) for each in received)
            new = [each for each in received if each.message_id not in self._seen]
            self._seen.update(each.message_id for each in new)
            there = [each for each in new if each.sent_at < self.queue.told_at + _CLOCK]  # not what came meanwhile
            nothing_new = 0 if there else nothing_new + 1
            if there:
                yield there

    def delete(self, done: Sequence[Letter]) -> dict[str, str]:
        """Delete them, ten or fewer; return why some were not, by their message ids. Raises nothing of boto3's."""
        why = self._changed("delete_message_batch", done)
        if why:  # SQS may have had a reason of its own for a moment
            why = self._changed("delete_message_batch", [each for each in done if each.message_id in why])
        for each in done:
            if each.message_id not in why:
                self._receipts.pop(each.message_id, None)
        return why

    def hide(self, letter: Letter, seconds: int) -> None:
        """Keep one hidden for so many seconds from now. Raises QueueError."""
        with aws.explained(f"message {letter.message_id} of queue {self.queue.name}"):
            aws.client("sqs").change_message_visibility(
                QueueUrl=self.queue.url, ReceiptHandle=letter.receipt, VisibilityTimeout=seconds
            )

    def release(self) -> None:
        """Make all of them visible that were not deleted. Raises QueueError."""
        held, self._receipts = list(self._receipts.values()), {}
        with aws.explained(f"the messages of queue {self.queue.name} stay hidden for a while"):
            for start in range(0, len(held), MOST_IN_BATCH):
                entries = [
                    {"Id": str(number), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                    for number, receipt in enumerate(held[start : start + MOST_IN_BATCH])
                ]
                aws.client("sqs").change_message_visibility_batch(QueueUrl=self.queue.url, Entries=entries)

    def _receive(self) -> list[Letter]:
        with aws.explained(f"the messages of queue {self.queue.name}"):
            answer = aws.client("sqs").receive_message(
                QueueUrl=self.queue.url,
                MaxNumberOfMessages=MOST_IN_BATCH,
                VisibilityTimeout=self._hidden,
                WaitTimeSeconds=_WAIT,
                AttributeNames=["All"],  # MessageSystemAttributeNames needs a newer boto3
                MessageAttributeNames=["All"],
            )
        return [letters.read(message) for message in answer.get("Messages", [])]

    def _changed(self, operation: str, of: Sequence[Letter]) -> dict[str, str]:
        entries: list[dict[str, Any]] = [
            {"Id": str(number), "ReceiptHandle": self._receipts.get(each.message_id, each.receipt)}
            for number, each in enumerate(of)
        ]
        try:
            with aws.explained(f"queue {self.queue.name}"):
                answer = getattr(aws.client("sqs"), operation)(QueueUrl=self.queue.url, Entries=entries)
        except QueueError as error:
            return {each.message_id: str(error) for each in of}
        return {
            of[int(entry["Id"])].message_id: f"{entry.get('Code')}: {entry.get('Message', '')}"
            for entry in answer.get("Failed", [])
        }
