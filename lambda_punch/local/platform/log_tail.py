"""The end of one invoke's log, as callers get it who ask for it (``LogType=Tail``).

https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING

from .configuration import FUNCTION_VERSION

if TYPE_CHECKING:
    from .invocation import Call

_MOST_BYTES = 4096


class LogTail:
    """Keeps the last lines since an invoke began. Lines may come from any thread; the rest is for the event loop."""

    def __init__(self, memory_size: int) -> None:
        self._memory_size = memory_size
        self._lines: deque[str] = deque(maxlen=_MOST_BYTES)  # a line has a byte at least, its end
        self._begun = 0.0

    def begin(self, at: float) -> None:
        """Forget what was before the invoke that begins at the monotonic instant ``at``."""
        self._lines.clear()
        self._begun = at

    def hear(self, line: str) -> None:
        """Take a line that a process has written."""
        self._lines.append(line[-_MOST_BYTES:])

    def text(self, call: Call, at: float) -> bytes:
        """Return the last 4 KB of the log, up to the answer, which came at the monotonic instant ``at``."""
        took = max(0.0, at - self._begun) * 1000
        report = (
            f"REPORT RequestId: {call.request_id}\tDuration: {took:.2f} ms\tBilled Duration: {math.ceil(took)} ms"
            f"\tMemory Size: {self._memory_size} MB"
        )
        lines = [
            f"START RequestId: {call.request_id} Version: {FUNCTION_VERSION}",
            *self._lines,
            f"END RequestId: {call.request_id}",
            report,
        ]
        return ("\n".join(lines) + "\n").encode()[-_MOST_BYTES:]
