"""What the tests of the consumer share."""

from __future__ import annotations

import time
from typing import Any

from lambda_punch import _settings


class Context:
    def __init__(self, remaining: float) -> None:
        self.ends = time.monotonic() + remaining

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends - time.monotonic()) * 1000))


def configure(**options: Any) -> None:
    """As configure() would before start(), although this process may have started already."""
    _settings.restore(options)
