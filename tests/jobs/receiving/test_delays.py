"""Jobs that are run later: after any delay, at any moment; and what using() changes for one call."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import JobOptionError
from lambda_punch.testing import enqueued
from tests.jobs.conftest import Context

DAY = 86_400


def message(prepared: Any) -> dict[str, Any]:
    return dict(json.loads(prepared.outgoing.body))


@pytest.mark.parametrize("delay", [901, 3 * DAY, timedelta(minutes=15, microseconds=1), timedelta(days=30)])
def test_a_delay_may_be_of_any_length(note: Any, delay: Any) -> None:
    """SQS delays by its 15 minutes, and the message says when the job is due."""
    seconds = delay if isinstance(delay, int) else delay.total_seconds()

    prepared = note.using(delay=delay).prepare(1)

    assert prepared.outgoing.delay == 900
    assert (
        0 <= message(prepared)["due"] / 1000 - time.time() - seconds < 5
        or seconds - (message(prepared)["due"] / 1000 - time.time()) < 5
    )


def test_a_timedelta_is_rounded_up_to_seconds(note: Any) -> None:
    assert note.using(delay=timedelta(milliseconds=1500)).prepare(1).outgoing.delay == 2


@pytest.mark.parametrize("hours", [0, 5.5, -8])
def test_a_job_is_sent_for_a_moment_in_any_time_zone(note: Any, hours: float) -> None:
    at = datetime.now(timezone(timedelta(hours=hours))) + timedelta(days=2)

    assert abs(message(note.using(at=at).prepare(1))["due"] / 1000 - at.timestamp()) < 1.1
    assert note.using(at=at - timedelta(days=3)).prepare(1).outgoing.delay == 0  # it is over


def test_a_moment_that_cannot_be_is_refused(note: Any) -> None:
    now = datetime.now(timezone.utc)

    for at in (datetime(2030, 1, 1), 1_900_000_000, "2030-01-01T00:00:00Z"):  # noqa: DTZ001 - that is the mistake
        with pytest.raises(JobOptionError, match="at must be a datetime with a time zone"):
            note.using(at=at)
    with pytest.raises(JobOptionError, match="give one of them"):
        note.using(at=now, delay=1)
    with pytest.raises(JobOptionError, match="at must be at most"):
        note.using(at=now + timedelta(days=5000)).prepare(1)
    with pytest.raises(JobOptionError, match="at: an asynchronous invoke begins at once"):
        note.using(at=now, backend="lambda_event")


@pytest.mark.parametrize("queue", ["jobs", "jobs.fifo"])
def test_a_job_is_run_when_it_is_due_and_not_before(queue: str) -> None:
    """Through the real consumer, its clock moved on; sent again, so that no retention ends it."""
    ran: list[float] = []

    @punch.job(name="later", queue=queue, retries=0)
    def later() -> None:
        ran.append(jobs.backend.clock())

    with enqueued() as jobs:
        began = jobs.backend.clock()
        later.using(delay=timedelta(days=20)).enqueue()
        jobs.run()

    assert len(ran) == 1
    assert -2 < ran[0] - began - 20 * DAY < 60
    assert jobs.dead == []


@pytest.mark.parametrize("queue", ["jobs", "jobs.fifo"])
def test_a_message_that_is_not_due_is_hidden_and_sent_anew_when_it_is_old(
    run: Any, builder: Any, note: Any, deliveries: Any, done: list[Any], queue: str
) -> None:
    """SQS deletes a message at the end of its retention, which begins when it is sent."""
    prepared = note.using(delay=4 * DAY, queue=queue).prepare(1)
    young = builder.record(prepared, queue=queue, group="a", sent=-900)
    old = builder.record(prepared, queue=queue, group="b", sent=-43_000, receives=2)

    assert run(young) == [young["messageId"]]
    assert deliveries.changes[young["messageId"]] > 42_000
    assert run(old) == []
    (copy,) = deliveries.sent
    assert json.loads(copy.body)["due"] == message(prepared)["due"]
    assert done == []


def test_the_receive_that_found_it_too_early_is_no_attempt_in_any_environment(
    run: Any, builder: Any, fail: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Another environment put it off, so this one knows only the times."""
    prepared = fail.using(retries=0).prepare(1)

    run(builder.record(prepared, receives=2, sent=-7000, first_received=-6000, due=time.time() - 5))

    assert "more often than declared" not in caplog.text


def test_retries_and_timeout_for_one_call_travel_with_it(
    run: Any, builder: Any, done: list[Any], deliveries: Any
) -> None:
    """The consumer knows only the declaration."""

    @punch.job(name="slow", queue="jobs", retries=5)
    def slow() -> None:
        done.append(1)
        time.sleep(5)

    began = time.monotonic()
    run(builder.record(slow.using(retries=0, timeout=0.05).prepare()), context=Context(60))

    assert time.monotonic() - began < 4
    assert (done, len(deliveries.dead), len(deliveries.sent)) == ([1], 1, 0)
    assert "retries" not in message(slow.using(retries=5).prepare())


@pytest.mark.parametrize("field", [{"retries": 99}, {"timeout": -1}, {"timeout": "1"}])
def test_a_message_that_asks_for_what_cannot_be_is_poison(
    run: Any, builder: Any, note: Any, done: list[Any], field: dict[str, Any]
) -> None:
    record = builder.record(body=json.dumps({**message(note.prepare(1)), **field}))

    assert run(record) == [record["messageId"]]
    assert done == []


def test_an_asynchronous_invoke_carries_any_text(sqs: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As UTF-8, as SQS does."""
    from lambda_punch.jobs import aws

    payloads: list[bytes] = []

    class Client:
        def invoke(self, **parameters: Any) -> dict[str, Any]:
            payloads.append(parameters["Payload"])
            return {"ResponseMetadata": {"RequestId": "r"}}

    monkeypatch.setattr(aws, "client", lambda _: Client())

    @punch.job(name="say", backend="lambda_event", queue="function")
    def say(text: str) -> None: ...

    say.enqueue("grüße 🚀")

    assert json.loads(payloads[0])["args"] == ["grüße 🚀"]
