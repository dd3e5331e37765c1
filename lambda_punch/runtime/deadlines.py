"""The deadlines of a shutdown: computed once, at SIGTERM, and handed down.

Lambda's times are counted from SIGTERM: SIGKILL to the runtime after 0.3 seconds, the end of the environment after 2
(Developer Guide, "Lambda runtime environment lifecycle", shutdown phase).
"""

from __future__ import annotations

# Seconds from SIGTERM.
LAST_START = 0.1  # until then leftovers are started in the runtime's process; the heir starts the rest
FORK = 0.2  # until then the heir's fork waits for the end of the running job
LAST_END = 0.27  # a job that still runs then ends with the process: SIGKILL is due at 0.3
HEIR_LAST_START = 1.85  # the heir starts nothing after this; the environment ends at 2.0
HEIR_END = 1.9  # the heir gives up what it has not done by then, and says so; the extension leaves at 1.94


class Deadlines:
    """In epoch seconds: when no further job starts, and when all is over, in the runtime's process and in the heir."""

    __slots__ = ("fork", "heir_end", "heir_last_start", "last_end", "last_start")

    def __init__(self, sigterm: float, *, heir: bool) -> None:
        """``sigterm``: when it came. ``heir``: whether one can follow; else the runtime's process starts jobs to its end."""
        self.last_end = sigterm + LAST_END
        self.last_start = sigterm + LAST_START if heir else self.last_end
        self.fork = sigterm + FORK
        self.heir_last_start = sigterm + HEIR_LAST_START
        self.heir_end = sigterm + HEIR_END
