"""Two jobs to send: one on a standard queue, one on a FIFO queue."""

from __future__ import annotations

from typing import Any

import pytest

import lambda_punch as punch


@pytest.fixture
def work() -> Any:
    @punch.job(name="work", queue="jobs")
    def work(what: Any, *, where: Any = None) -> None: ...

    return work


@pytest.fixture
def work_fifo() -> Any:
    @punch.job(name="work-fifo", queue="jobs.fifo")
    def work(what: Any) -> None: ...

    return work
