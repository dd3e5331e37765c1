"""``log_filter``: the job in the lines of the user's own loggers."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN = logging.getLogger("shop.payments")


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    names = ("job", "job_id", "attempt", "queue")
    text = " ".join(f"%({name})s" for name in names)
    handler.setFormatter(logging.Formatter(f"%(message)s | {text}", defaults=dict.fromkeys(names, "-")))
    handler.addFilter(punch.jobs.log_filter)
    OWN.addHandler(handler)
    yield stream
    OWN.removeHandler(handler)


def test_each_line_of_a_job_has_its_name_id_and_attempt(builder: Any, run: Any, written: io.StringIO) -> None:
    """Plain and async ones; a line that is written outside of a job has none."""

    @punch.job(name="charge", queue="orders")
    def charge() -> None:
        OWN.error("no answer")

    @punch.job(name="acharge", queue="orders")
    async def acharge() -> None:
        await asyncio.sleep(0)
        OWN.error("no answer")

    first, second = charge.prepare(), acharge.prepare()
    OWN.error("before")
    run(builder.record(first, attempt=3), builder.record(second))

    assert written.getvalue().splitlines() == [
        "before | - - - -",
        f"no answer | charge {first.outgoing.id} 3 jobs",
        f"no answer | acharge {second.outgoing.id} 1 jobs",
    ]


def test_lambda_s_json_format_shows_them(builder: Any, run: Any) -> None:
    """With AWS's own formatter, which is used if the function's log format is JSON. What a record has is not changed."""
    formatter = pytest.importorskip("awslambdaric.lambda_runtime_log_utils").JsonFormatter()
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    handler.addFilter(punch.jobs.log_filter)
    OWN.addHandler(handler)

    @punch.job(name="charge", queue="orders")
    def charge() -> None:
        OWN.error("no answer", extra={"queue": "at the counter"})

    prepared = charge.prepare()
    try:
        run(builder.record(prepared))
    finally:
        OWN.removeHandler(handler)

    line = json.loads(stream.getvalue())
    assert (line["message"], line["job"], line["job_id"], line["attempt"], line["queue"]) == (
        "no answer", "charge", prepared.outgoing.id, 1, "at the counter",
    )  # fmt: skip
