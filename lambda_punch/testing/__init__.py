"""For tests of code that pushes jobs: run the jobs at once, or record them. Needs neither Lambda nor the extension.

    def test_order_sends_mail():
        with recorded() as punches:
            handler(order, None)

        assert [punch.name for punch in punches] == ["shop.mail.send"]

Both replace what push() does for the whole process, all its threads, until the ``with`` block ends; they nest. The
pytest fixtures ``punch_inline`` and ``punch_recorded`` do the same for one test.

Durable jobs go to queues in memory within ``enqueued()``, whatever their backend; from there the test can run them:

    def test_order_is_shipped():
        with enqueued() as jobs:
            handler(order, None)
            assert [message.job for message in jobs] == ["shop.ship"]
            jobs.run()
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lambda_punch.runtime.punch import Punch
from lambda_punch.runtime.start import process, start
from lambda_punch.testing.modes import Inline, Recording, run_now

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_punch.jobs.message import Message
    from lambda_punch.runtime.process import Mode

__all__ = ["EnqueuedJobs", "Punch", "Recorded", "enqueued", "inline", "recorded"]


class Recorded(list[Punch]):
    """The punches pushed so far, oldest first."""

    def run(self) -> None:
        """Run and forget them in order, also those pushed meanwhile. The first error ends this, and is raised."""
        while self:
            run_now(self.pop(0))


@contextmanager
def inline() -> Iterator[None]:
    """Have push() run each job before it returns, and raise what the job raises."""
    with _instead(Inline(process)):
        yield


@contextmanager
def recorded() -> Iterator[Recorded]:
    """Have push() keep each punch in the list that this yields, and run none."""
    punches = Recorded()
    with _instead(Recording(process, punches)):
        yield punches


class EnqueuedJobs:
    """Queues in memory: iterating gives the messages that wait, oldest first; len() counts them."""

    def __init__(self) -> None:
        from lambda_punch.jobs.backends.memory import Memory

        self._now = time.time()
        self.backend = Memory(clock=lambda: self._now)

    def __iter__(self) -> Iterator[Message]:
        from lambda_punch.jobs.message import Message, decode

        messages = (decode(entry.outgoing.body) for entry in self.backend.entries())
        return (message for message in messages if isinstance(message, Message))

    def __len__(self) -> int:
        return len(self.backend.entries())

    @property
    def dead(self) -> list[Message]:
        """The messages that were moved to the dead-letter queue."""
        from lambda_punch.jobs.message import Message, decode

        messages = (decode(entry.outgoing.body) for entry in self.backend.dead)
        return [message for message in messages if isinstance(message, Message)]

    def run(self, *, rounds: int = 1000) -> None:
        """Run everything to its end as a consumer on Lambda would: delays and retries too, without their waits.

        Real batches through the real consumer; a job that fails is tried again as its options say, and then is in
        ``dead``. Ends after so many batches even if jobs keep sending others.
        """
        from lambda_punch.jobs.receiving.memory_worker import run_some

        for _ in range(rounds):
            if not run_some(self.backend):
                due = self.backend.next_at()
                if due is None:
                    return
                self._now = max(self._now, due)


@contextmanager
def enqueued() -> Iterator[EnqueuedJobs]:
    """Have every durable job sent to queues in memory, whatever its backend, and yield them."""
    from lambda_punch.jobs import backends

    jobs = EnqueuedJobs()
    before, backends.instead = backends.instead, jobs.backend
    try:
        yield jobs
    finally:
        backends.instead = before


@contextmanager
def _instead(mode: Mode) -> Iterator[None]:
    start()
    before = process.mode
    process.become(mode)
    try:
        yield
    finally:
        process.become(before)
