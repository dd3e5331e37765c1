"""What becomes of one received message."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from lambda_punch.jobs.backends.deliveries import Copy


class Outcome(NamedTuple):
    """What becomes of one message, and what its group has to wait for.

    ``done``: SQS may delete it. ``visibility``: seconds until it is visible again; None: the queue's own timeout.
    ``copy`` takes its place, in its own queue or, if it is ``dead``, among the dead letters. The message is done only when
    the copy has been sent. If it cannot be sent, ``visibility`` applies, and ``last`` tells that the job does not run again.
    """

    done: bool
    visibility: int | None = None
    copy: Copy | None = None
    dead: bool = False
    last: bool = False


DONE = Outcome(True)
AT_ONCE = Outcome(False, 0)
LEFT = Outcome(False)
