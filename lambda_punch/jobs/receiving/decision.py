"""Whether a failed job is tried again, and when. Arithmetic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lambda_punch.jobs import waits
from lambda_punch.jobs.limits import LONGEST_VISIBILITY
from lambda_punch.jobs.queues import NO_REDRIVE, UNKNOWN

if TYPE_CHECKING:
    from lambda_punch.jobs.waits import Wait

_CLOCKS = 5.0  # seconds by which the clocks of SQS and of this machine may differ


class Decision(NamedTuple):
    """What becomes of a failed job: ``wait`` is in seconds until it is tried again; None: it is dead, for ``reason``."""

    wait: float | None
    reason: str = ""


def decide(
    *,
    attempt: int,
    retries: int,
    wait: Wait | None,
    retryable: bool,
    receives_left: float = float("inf"),
) -> Decision:
    """Decide after attempt number ``attempt`` has failed.

    ``receives_left``: how often the queue still gives out the message, if the retry needs that.
    """
    if not retryable:
        return Decision(None, "this error is not in retry_on")
    if attempt > retries:
        return Decision(None, f"it has used up its retries ({retries})")
    if receives_left <= 0:
        return Decision(None, "its queue does not give it out again (maxReceiveCount)")
    return Decision(min(waits.seconds_after(attempt, wait), LONGEST_VISIBILITY))


def attempt_number(receives: int, thrown_away: int, retries: int, since_first: float, wait: Wait | None) -> int:
    """Return which attempt a receive stands for, from 1, if only SQS has counted: an upper bound.

    SQS counts receives, and some of them are not attempts: throttled invokes, records that a deadline left undone,
    waits on FIFO queues. ``thrown_away`` are those that are known. If the time since the first receive is too
    short for the waits of so many attempts, there were fewer.
    """
    count = max(1, receives - thrown_away)
    while count > 1 and waits.least_total(min(count, retries + 1), wait) > since_first + _CLOCKS:
        count -= 1
    return count


def visibility_of_dead(max_receives: int, spent: float) -> int | None:
    """Return when a dead message that cannot be moved becomes visible, in seconds; None leaves it as it is.

    With a redrive policy it is at once, so that SQS soon moves the message; without one it is as late as possible.
    """
    if max_receives == UNKNOWN:
        return None
    return waits.visibility(LONGEST_VISIBILITY, spent) if max_receives == NO_REDRIVE else 0
