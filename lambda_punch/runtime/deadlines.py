"""When what has to be over at a shutdown: computed once, at SIGTERM, and handed down.

Lambda's times are counted from SIGTERM: SIGKILL to the runtime after 0.3 seconds, the end of the environment after 2
(Developer Guide, "Lambda runtime environment lifecycle", shutdown phase).
"""

from __future__ import annotations

# Seconds from SIGTERM.
LAST_START = 0.1  # until here leftovers are started in the runtime's process; what comes after is the heir's
FORK = 0.2  # until here the heir's fork waits for the end of the running job
LAST_END = 0.27  # a job that still runs here goes down with the process: SIGKILL is due at 0.3
HEIR_LAST_START = 1.85  # the heir starts nothing after this; the extension is ended at 2.0
HEIR_END = 1.9  # what the heir has not done here it gives up, and says so; the extension leaves at 1.94


class Deadlines:
    """Epoch seconds. In the runtime's process: no job starts, all is over; in the heir: the same."""

    __slots__ = ("fork", "heir_end", "heir_last_start", "last_end", "last_start")

    def __init__(self, sigterm: float, *, heir: bool) -> None:
        """``sigterm``: when it came. ``heir``: whether one can follow; else the runtime's process starts jobs to its end."""
        self.last_end = sigterm + LAST_END
        self.last_start = sigterm + LAST_START if heir else self.last_end
        self.fork = sigterm + FORK
        self.heir_last_start = sigterm + HEIR_LAST_START
        self.heir_end = sigterm + HEIR_END
