"""Carries dead letters to other queues, or drops them: each is sent first and deleted after.

So nothing is lost, wherever this is stopped. If the process is killed between the two, the letter is in both queues. A FIFO
queue drops such a second copy for five minutes; on a standard queue the job is run once more than it would have been.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import QueueError
from lambda_punch.jobs import aws
from lambda_punch.jobs.limits import LARGEST_MESSAGE
from lambda_punch.jobs.operating.letters import copy_of
from lambda_punch.jobs.operating.places import sources_of
from lambda_punch.jobs.operating.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambda_punch.jobs.operating.letters import Copy, Letter
    from lambda_punch.jobs.operating.places import Dead, Queue
    from lambda_punch.jobs.operating.selection import Selection


class Carried(NamedTuple):
    """What became of a letter. ``to``: the queue it went to. ``problem``: why it is still here; None if it is not."""

    letter: Letter
    to: str | None = None
    problem: str | None = None


class Order(NamedTuple):
    """What is to be done. ``most``: with how many letters. ``stop`` is asked after each ten. ``dry``: nothing is changed."""

    selection: Selection
    most: float = float("inf")
    stop: Callable[[], bool] = lambda: False
    dry: bool = False


def run(dead: Dead, order: Order) -> Iterator[Carried]:
    """Send the jobs afresh to the queues that they came from. Raises QueueError.

    A job that dies again meanwhile is not sent a second time.
    """
    return _carry(dead, order, _Home(dead).of, whole=False)


def move(dead: Dead, to: Queue, order: Order) -> Iterator[Carried]:
    """Send the letters as they are to another queue. Raises QueueError."""
    if to.url == dead.queue.url:
        raise QueueError(f"the dead letters are in queue {to.name} already; name another one")
    return _carry(dead, order, lambda _: to.url, whole=True)


def drop(dead: Dead, order: Order) -> Iterator[Carried]:
    """Delete the letters. Raises QueueError."""
    return _carry(dead, order, None, whole=True)


class _Home:
    """Finds the queue that a letter came from. What a letter says counts only if its dead letters do go to this queue."""

    def __init__(self, dead: Dead) -> None:
        self._dead = dead
        try:
            self._urls = sources_of(dead.queue)
        except QueueError:  # not allowed, or not known to another server; the queue that was named is one of them
            if dead.of is None:
                raise
            self._urls = {}
        if dead.of is not None:
            self._urls.setdefault(dead.of.name, dead.of.url)

    def of(self, letter: Letter) -> str:
        """Return the queue's URL. Raises QueueError if nothing says for certain which it is."""
        if letter.source:
            if letter.source not in self._urls:
                raise QueueError(
                    f"it came from queue {letter.source}, whose dead letters do not go to {self._dead.queue.name}; "
                    "move it with: move --to"
                )
            return self._urls[letter.source]
        if self._dead.of is not None:
            return self._dead.of.url
        if len(self._urls) == 1:
            return next(iter(self._urls.values()))
        raise QueueError("it does not say which queue it came from; move it with: move --to")


def _carry(dead: Dead, order: Order, target: Callable[[Letter], str] | None, *, whole: bool) -> Iterator[Carried]:
    count = 0
    sent: set[str] = set()
    with Walk(dead.queue) as walk:
        for received in walk.batches():
            chosen: list[Letter] = []
            for letter in received:
                if count + len(chosen) < order.most and order.selection.means(letter) and letter.id not in sent:
                    chosen.append(letter)
                    if not whole:
                        sent.add(letter.id)
            count += len(chosen)
            yield from _carry_some(walk, chosen, target, whole=whole, dry=order.dry)
            if count >= order.most or order.stop():
                return


def _carry_some(
    walk: Walk, chosen: Sequence[Letter], target: Callable[[Letter], str] | None, *, whole: bool, dry: bool
) -> list[Carried]:
    """Carry ten letters or fewer; tell what became of each."""
    told: dict[str, Carried] = {}
    lots: dict[str, list[Letter]] = {}
    for letter in chosen:
        try:
            lots.setdefault("" if target is None else target(letter), []).append(letter)
        except QueueError as error:
            told[letter.message_id] = Carried(letter, None, str(error))
    for url, lot in lots.items():
        name = url.rpartition("/")[2] or None
        told.update((each.message_id, Carried(each, name)) for each in lot)
        if dry:
            continue
        for letters in _batches(lot, whole=whole):
            problems = _send(url, letters, whole=whole) if url else {}
            gone = [each for each in letters if each.message_id not in problems]
            for identity, why in (walk.delete(gone) if gone else {}).items():
                both = f"it was sent to {name}, but is still here, too: " if url else ""
                problems[identity] = f"{both}it could not be deleted: {why}"
            told.update((each, told[each]._replace(problem=why)) for each, why in problems.items())
    return [told[letter.message_id] for letter in chosen]


def _batches(letters: Sequence[Letter], *, whole: bool) -> Iterator[list[Letter]]:
    batch: list[Letter] = []
    size = 0
    for letter in letters:
        its_size = copy_of(letter, whole=whole).size
        if batch and size + its_size > LARGEST_MESSAGE:
            yield batch
            batch, size = [], 0
        batch.append(letter)
        size += its_size
    yield batch


def _send(url: str, letters: Sequence[Letter], *, whole: bool) -> dict[str, str]:
    """Send the copies; return why some were not sent, by the ids of their letters."""
    fifo = url.endswith(".fifo")
    entries = [_entry(number, copy_of(each, whole=whole), fifo=fifo) for number, each in enumerate(letters)]
    try:
        with aws.explained(f"queue {url.rpartition('/')[2]}"):
            answer = aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    except QueueError as error:
        return {each.message_id: str(error) for each in letters}
    return {
        letters[int(entry["Id"])].message_id: f"{entry.get('Code')}: {entry.get('Message', '')}"
        for entry in answer.get("Failed", [])
    }


def _entry(number: int, copy: Copy, *, fifo: bool) -> dict[str, Any]:
    entry: dict[str, Any] = {"Id": str(number), "MessageBody": copy.body}
    if copy.group or fifo:
        entry["MessageGroupId"] = copy.group or copy.deduplication_id
    if fifo:
        entry["MessageDeduplicationId"] = copy.deduplication_id
    if copy.attributes:
        entry["MessageAttributes"] = copy.attributes
    if copy.trace:
        entry["MessageSystemAttributes"] = {"AWSTraceHeader": {"StringValue": copy.trace, "DataType": "String"}}
    return entry
