"""What the tests of the function's process share."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from lambda_punch import _settings
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def fresh() -> Iterator[None]:
    """Begin and end as a new process would: not started, nothing configured, no hooks."""

    def clear() -> None:
        process.reset()
        process.hooks.clear()
        process.on_error(None)
        _settings.restore()

    clear()
    yield
    clear()


@pytest.fixture
def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages of level ERROR; filled as they come."""
    found: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Kept(logging.ERROR)
    logger = logging.getLogger("lambda_punch")
    logger.addHandler(handler)
    caplog.set_level(logging.ERROR, "lambda_punch")
    yield found
    logger.removeHandler(handler)
