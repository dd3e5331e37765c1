"""The queues on the page: what they hold, what died and why, and dead letters that are run again or dropped.

SQS shows a message only to those who receive it. So on a server that is not ours only dead letters are looked at, when
somebody asks for them; that counts as a receive. In the server of this process (``seen``) everything is looked at, and nobody
notices.
"""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import QueueError
from lambda_punch.jobs.message import Message
from lambda_punch.jobs.operating import carrying, letters
from lambda_punch.jobs.operating.counting import count
from lambda_punch.jobs.operating.places import dead_letters_of, every, find
from lambda_punch.jobs.operating.selection import Selection
from lambda_punch.jobs.operating.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lambda_punch.jobs.operating.carrying import Carried, Order
    from lambda_punch.jobs.operating.letters import Letter
    from lambda_punch.jobs.operating.places import Dead, Queue
    from lambda_punch.local.queues.contents import Kept

MOST_SHOWN = 200  # messages of a queue, and dead letters
_CLOCK = 0.001  # seconds


class Seen(NamedTuple):
    """How to look at messages without receiving them, and which ones the function has now."""

    contents: Callable[[str], list[Kept]]
    running: Callable[[], set[str]]


class Queues:
    """What the page knows of queues and does with them. Its methods block; they may be called from any thread.

    ``names`` and ``prefix`` say which queues are meant (default: all). Without ``changes`` nothing is run again or dropped.
    Everything raises QueueError.
    """

    def __init__(
        self,
        names: Sequence[str] = (),
        *,
        prefix: str = "",
        changes: bool = True,
        ages: bool = False,
        seen: Seen | None = None,
    ) -> None:
        self.changes = changes
        self.receives = seen is None
        """Whether a look at dead letters counts as a receive."""
        self._names = names
        self._prefix = prefix
        self._ages = ages
        self._seen = seen
        self._known: dict[str, Queue] = {}
        self._lock = threading.Lock()  # a pass over the dead letters hides them from another one

    def counts(self) -> dict[str, Any]:
        """Return the numbers of every queue, and why their ages are not known."""
        found = [find(name) for name in self._names] if self._names else every(self._prefix)
        self._known = {queue.name: queue for queue in found}
        rows, problem = count(found, ages=self._ages)
        return {"queues": [row._asdict() for row in rows], "problem": problem}

    def contents(self, name: str) -> dict[str, Any]:
        """Return what a queue holds, as far as it can be seen, and its dead letters with their reasons."""
        queue = self._queue(name)
        dead = self._dead(queue)
        found = self._letters(dead)
        found.sort(key=lambda letter: letter.died_at or letter.sent_at, reverse=True)
        return {
            "queue": queue.name,
            "messages": None if self._seen is None else self._messages(self._seen, queue),
            "dead_letters": None if dead is None else dead.queue.name,
            "letters": [_letter(each) for each in found[:MOST_SHOWN]],
            "more": max(0, self._total(dead, found) - MOST_SHOWN),
        }

    def run(self, name: str, message_ids: Sequence[str]) -> dict[str, Any]:
        """Send the jobs of these dead letters afresh to the queue that they came from; say what became of each."""
        return self._carry(carrying.run, name, message_ids)

    def drop(self, name: str, message_ids: Sequence[str]) -> dict[str, Any]:
        """Delete these dead letters; say what became of each."""
        return self._carry(carrying.drop, name, message_ids)

    def _carry(
        self, work: Callable[[Dead, Order], Iterator[Carried]], name: str, message_ids: Sequence[str]
    ) -> dict[str, Any]:
        if not self.changes:
            raise QueueError("this page only shows; start it with --allow-changes to run jobs again or drop them")
        dead = self._dead(self._queue(name))
        if dead is None:
            raise QueueError(f"queue {name} has no dead-letter queue")
        meant = frozenset(message_ids)
        with self._lock:
            done = list(work(dead, carrying.Order(Selection(messages=meant), len(meant))))
        problems = {each.letter.message_id: each.problem for each in done if each.problem is not None}
        gone = meant - {each.letter.message_id for each in done}
        problems |= dict.fromkeys(gone, "it is not there any more, or somebody else looks at it; try again in a minute")
        return {"done": len(meant) - len(problems), "problems": problems}

    def _queue(self, name: str) -> Queue:
        known = self._known.get(name)
        if known is None:
            raise QueueError(f"queue {name} is not one of those on this page")
        return find(known.url)

    def _dead(self, queue: Queue) -> Dead | None:
        """Return where a queue's dead letters are; None if it has none, and is not a place for them."""
        if queue.dead_letters is None and self._seen is not None:
            return None
        try:
            return dead_letters_of(queue.url)
        except QueueError:
            if queue.dead_letters is not None:  # it has one, which cannot be looked at
                raise
            return None

    def _letters(self, dead: Dead | None) -> list[Letter]:
        if dead is None:
            return []
        meant = Selection(source=None if dead.of is None else dead.of.name)
        if self._seen is not None:
            found = (letters.read(kept.message) for kept in self._seen.contents(dead.queue.name))
            return [letter for letter in found if meant.means(letter)]
        with self._lock, Walk(dead.queue) as walk:
            there = (letter for batch in walk.batches() for letter in batch if meant.means(letter))
            return list(itertools.islice(there, MOST_SHOWN))

    def _total(self, dead: Dead | None, found: list[Letter]) -> int:
        return len(found) if dead is None or self._seen is not None else sum(dead.queue.counts)

    def _messages(self, seen: Seen, queue: Queue) -> list[dict[str, Any]]:
        running, now = seen.running(), time.time()
        return [_message(kept, running, now) for kept in seen.contents(queue.name)[:MOST_SHOWN]]


def _message(kept: Kept, running: set[str], now: float) -> dict[str, Any]:
    """Return a message as the page shows it. ``at``: epoch seconds from which it may be run; None: at once."""
    letter = letters.read(kept.message)
    message = letter.message()
    job = message if isinstance(message, Message) else None
    due = max(kept.visible_at, (job.due / 1000) if job else 0.0)
    waits = due > now + _CLOCK
    return {
        "message_id": letter.message_id,
        "job": letter.job,
        "id": letter.id,
        "body": letter.body,
        "group": letter.group,
        "sent_at": letter.sent_at,
        "receives": letter.receives,
        "attempt": job.attempt if job else None,
        "error": (job.error if job else None) or "",
        "state": "runs" if letter.message_id in running else "to come" if waits else "waits",
        "at": due if waits else None,
    }


def _letter(letter: Letter) -> dict[str, Any]:
    named = (
        "message_id",
        "job",
        "id",
        "reason",
        "attempts",
        "source",
        "died_at",
        "sent_at",
        "receives",
        "group",
        "body",
    )
    return {**{name: getattr(letter, name) for name in named}, "error": letter.error}
