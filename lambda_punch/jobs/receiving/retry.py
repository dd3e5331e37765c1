"""Whether a failed job is tried again, and when its message becomes visible. Arithmetic only."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lambda_punch.jobs import waits
from lambda_punch.jobs.limits import LONGEST_VISIBILITY
from lambda_punch.jobs.queues import NO_REDRIVE, UNKNOWN

if TYPE_CHECKING:
    from lambda_punch.jobs.waits import Wait

_CLOCKS = 5.0  # seconds by which the clocks of SQS and of this machine may differ


class Decision(NamedTuple):
    """What becomes of a failed job's message. ``visibility``: seconds from now; None: leave it as it is."""

    again: bool
    visibility: int | None
    reason: str = ""


def attempt_number(receives: int, thrown_away: int, retries: int, since_first: float, wait: Wait | None) -> int:
    """Return the number, from 1, of the attempt that a receive stands for; more than retries + 1: they have run out.

    SQS counts receives, and some of them are no attempts: throttled invokes, records that a deadline left undone,
    waits on FIFO queues. ``thrown_away`` are those that are known; and where the time since the first receive is too
    short for the waits of so many attempts, there were fewer. What is left is an upper bound.
    """
    count = max(1, receives - thrown_away)
    while count > 1 and waits.least_total(min(count, retries + 1), wait) > since_first + _CLOCKS:
        count -= 1
    return count


def decide(  # noqa: PLR0913 - each is a fact of its own
    *,
    attempt: int,
    receives: int,
    retries: int,
    max_receives: int,
    wait: Wait | None,
    spent: float,
    retryable: bool = True,
) -> Decision:
    """Decide after attempt number ``attempt`` has failed, ``spent`` seconds after the function was invoked.

    ``max_receives``: of the queue's redrive policy, NO_REDRIVE or UNKNOWN. A message that is not tried again becomes
    visible at once where there is a redrive policy, so that SQS soon moves it to the dead-letter queue; where there
    is none it is put off as long as can be.
    """
    if not retryable:
        return _stop(max_receives, spent, "this error is not in retry_on")
    if attempt > retries:
        return _stop(max_receives, spent, f"it has used up its retries ({retries})")
    if max_receives > 0 and receives >= max_receives:
        return _stop(max_receives, spent, f"its queue allows {max_receives} receives, and this was the last")
    return Decision(True, waits.visibility(waits.seconds_after(attempt, wait), spent))


def exhausted(retries: int, max_receives: int, spent: float) -> Decision:
    """Decide on a message that comes again although its retries have run out: it is not run."""
    return _stop(max_receives, spent, f"it has used up its retries ({retries})")


def _stop(max_receives: int, spent: float, reason: str) -> Decision:
    if max_receives == UNKNOWN:
        return Decision(False, None, f"{reason}; the message is left as it is: its queue's redrive policy is not known")
    if max_receives == NO_REDRIVE:
        kept = f"{reason}; the queue has no redrive policy, so it keeps the message until its retention ends"
        return Decision(False, waits.visibility(LONGEST_VISIBILITY, spent), kept)
    return Decision(False, 0, f"{reason}; the redrive policy moves the message to the dead-letter queue")
