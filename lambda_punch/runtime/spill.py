"""Sends durable jobs that were pushed and would not be run in time to their queues.

A punch is taken out of this process's queue before it is sent, so none is both run and sent. A punch that could not be
sent is put back at the front, and is then a punch like any other. ``Process.take_up_jobs`` sets what sends them. When a
punch has been sent, its entry in the ledger is settled.
"""

from __future__ import annotations

import threading

from lambda_punch._log import logger
from lambda_punch.runtime import threads
from lambda_punch.runtime.clock import now

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from lambda_punch.runtime.punch import Punch
    from lambda_punch.runtime.queue import PunchQueue
else:
    Protocol = object

_AFTER = 0.15  # seconds into the margin that a drain waits for what is being sent
_SHARE = 0.25  # of what is left of an invocation, at most, goes to sending before the margin


class Spill(Protocol):
    """Knows which punches can be sent elsewhere, and sends them."""

    @property
    def lead(self) -> float:
        """Seconds before the end of the time for jobs at which it wants to begin."""

    def wants(self, punch: Punch) -> bool:
        """Tell whether it can send this punch; quick, and never raises."""

    def send(self, punches: list[Punch]) -> list[Punch]:
        """Send the punches; return those that were not sent."""


class Source(Protocol):
    """Where the punches are: the process."""

    @property
    def queue(self) -> PunchQueue:
        """What waits."""

    @property
    def spill(self) -> Spill | None:
        """Who sends; None where nobody does."""

    def settle(self, number: int) -> None:
        """Settle an entry of the ledger."""


class Sending:
    """Punches that have left the queue and are being sent."""

    def __init__(self, source: Source) -> None:
        """Take from the queue what can be sent, and send nothing yet."""
        self._source = source
        self._spill = source.spill
        self._punches = [] if self._spill is None else source.queue.remove(self._spill.wants)
        self._unsent: list[Punch] | None = None
        self._ended = threading.Event()

    @classmethod
    def begin(cls, source: Source) -> Sending:
        """Take what can be sent and begin to send it, on a thread; on this one where the system refuses a thread."""
        sending = cls(source)
        if sending._punches:
            try:
                threads.start(threads.SPILL, sending.send)
            except RuntimeError:
                sending.send()
        return sending

    def send(self) -> None:
        """Send. If it is not known whether they were sent, they count as sent, so that none is both sent and run."""
        try:
            unsent = [] if self._spill is None or not self._punches else self._spill.send(self._punches)
        except Exception:  # noqa: BLE001 - botocore's, or ours
            logger().exception(
                "not all of %d durable jobs could be sent to their queues; none of them runs here", len(self._punches)
            )
            unsent = []
        kept = {punch.number for punch in unsent}
        for punch in self._punches:
            if punch.number not in kept:
                self._source.settle(punch.number)
        self._unsent = unsent
        self._ended.set()

    def finish(self, until: float) -> list[Punch]:
        """Wait up to ``until`` (epoch seconds); put back what was not sent; return what may have been sent or not."""
        if not self._punches:
            return []
        self._ended.wait(min(max(0.0, until - now()), threading.TIMEOUT_MAX))
        unsent, self._unsent = self._unsent, []
        if unsent is None:
            return self._punches
        self._source.queue.put_back(unsent)
        return []


class Leftovers:
    """Sends waiting punches some time before a drain's end, also while a job runs, and the rest at that end."""

    def __init__(self, source: Source, spill: Spill, until: float) -> None:
        self._source = source
        left = until - now()
        self._delay = max(0.0, left - min(spill.lead, left * _SHARE))
        self._drained = threading.Event()
        self._time_is_over = False
        self._thread = threads.start(threads.SPILL, self._work)

    def _work(self) -> None:
        if not self._drained.wait(self._delay):
            self._send()
            self._drained.wait()
        if self._time_is_over:
            self._send()

    def _send(self) -> None:
        sending = Sending(self._source)
        sending.send()
        sending.finish(0.0)

    def end(self, until: float) -> None:
        """End when the drain does. If the drain's time is over, wait for the sending, but not for long."""
        self._time_is_over = now() >= until
        self._drained.set()
        self._thread.join(max(0.0, until + _AFTER - now()))


def watch(source: Source, until: float) -> Leftovers | None:
    """Have waiting punches sent before ``until`` (epoch seconds). None if nothing can be sent, or there is no end."""
    if source.spill is None or until == float("inf"):
        return None
    try:
        return Leftovers(source, source.spill, until)
    except RuntimeError as error:  # the system refuses a thread
        logger().error(
            "durable jobs that are not run in time are not sent to their queues, because the system refuses a thread: %s",
            error,
        )
        return None
