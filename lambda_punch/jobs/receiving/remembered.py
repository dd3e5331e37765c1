"""What this environment remembers of messages."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lambda_punch.jobs.receiving.record import SqsRecord


class Remembered:
    """Numbers by message id, for the messages that this environment has seen last; the oldest are forgotten."""

    def __init__(self, most: int = 10_000) -> None:
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()
        self._most = most

    def add(self, record: SqsRecord) -> None:
        """Count one."""
        with self._lock:
            self._counts[record.message_id] = self._counts.pop(record.message_id, 0) + 1
            if len(self._counts) > self._most:
                self._counts.popitem(last=False)

    def count(self, record: SqsRecord) -> int:
        """Return how many there were."""
        return self._counts.get(record.message_id, 0)
