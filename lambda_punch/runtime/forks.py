"""Ends a child that was forked in a job, before it goes on with the drain or the event loop of its parent.

A child has one thread, the one that forked, with that thread's whole stack. If a job forks, a running drain is on that
stack: the child would run the parent's other jobs, and answer the extension in the parent's name. So the child ends when
the job's function comes to its end in it, with the status that Python would give. What it does before that is its own
business.
"""

from __future__ import annotations

import os
import sys

from lambda_punch._log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def end_child(error: BaseException | None, name: str = "") -> NoReturn:
    """End a child whose function has come to its end, as Python would end a process; ``name`` is the job's."""
    status = 0
    if isinstance(error, SystemExit):
        status = error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    elif error is not None:
        status = 1
        logger().error("a child that job %s forked has failed: %r", name, error, exc_info=error)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):
            pass
    os._exit(status & 0xFF)
