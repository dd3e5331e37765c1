"""What a forked child must not go on with: the drain and the event loop that it was forked in.

A child has one thread, the one that forked, with all that stood on it. Forked in a job, that is a drain in its middle: the
child would run the parent's other jobs, and answer the extension in the parent's name. So a child comes back from the
job's function to find that it has ended: with the status that the function gave, as a thread's function does that is the
last of its process. What a child does before that is its own business.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NoReturn

from lambda_punch._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable


def end_child(error: BaseException | None, name: Callable[[], str]) -> NoReturn:
    """End a child whose function has come back to us, as Python would end a process."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    elif error is not None:
        status = 1
        logger().error("a child that job %s forked has failed: %r", name(), error, exc_info=error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    os._exit(status & 0xFF)
