"""The thread that names jobs which outlast their invoke."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from lambda_punch.runtime.margin import MarginWatch

if TYPE_CHECKING:
    import pytest


class Running:
    """Stands for a drain with one job under way; tells when it is asked."""

    def __init__(self) -> None:
        self.asked = threading.Event()

    @property
    def running(self) -> list[object]:
        self.asked.set()
        return []


def test_a_drain_that_has_ended_is_not_looked_at() -> None:
    """Nor does the thread sleep on until its time has come: that could be at a thaw, beside the next request."""
    drain = Running()
    watch = MarginWatch(drain)  # type: ignore[arg-type]  # all that it uses
    watch.start()

    watch.begin(time.time() + 0.1)
    watch.end()

    assert not drain.asked.wait(0.3)


def test_a_job_that_outlasts_its_invoke_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """One WARNING at the margin."""

    class Late(Running):
        @property
        def running(self) -> list[object]:
            self.asked.set()
            return [type("Job", (), {"name": "shop.mail", "request_id": "r1"})]

    drain = Late()
    watch = MarginWatch(drain)  # type: ignore[arg-type]  # all that it uses
    watch.start()
    with caplog.at_level(logging.WARNING, "lambda_punch"):
        watch.begin(time.time())
        assert drain.asked.wait(5)
        drain.asked.clear()
        assert not drain.asked.wait(0.05)

    (warning,) = caplog.records
    assert "still running when the time of its invoke was over: shop.mail of request r1" in warning.getMessage()
