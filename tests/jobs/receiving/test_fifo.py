"""FIFO queues: order within a group, and delays that the queue itself cannot do."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import lambda_punch as punch

from .consuming import configure


def test_fifo_stops_at_the_first_failure_of_a_group(
    run: Any, builder: Any, note: Any, fail: Any, done: Any, deliveries: Any
) -> None:
    """The rest of its group is not run and comes back with it; other groups go on. Lambdakiq runs them all."""
    records = [
        builder.record(job.prepare(value), queue="jobs.fifo", group=group)
        for job, value, group in [(note, "a1", "a"), (fail, "b1", "b"), (note, "b2", "b"), (note, "a2", "a"), (note, "b3", "b")]
    ]  # fmt: skip

    assert run(*records) == [records[index]["messageId"] for index in (1, 2, 4)]
    assert done == ["a1", "b1", "a2"]
    assert deliveries.changes == {records[index]["messageId"]: 30 for index in (1, 2, 4)}


def test_fifo_stops_the_whole_batch_by_configuration(run: Any, builder: Any, note: Any, fail: Any, done: Any) -> None:
    """As AWS's documentation words it."""
    configure(fifo_stop="batch")
    records = [
        builder.record(job.prepare(value), queue="jobs.fifo", group=group)
        for job, value, group in [(note, "a1", "a"), (fail, "b1", "b"), (note, "a2", "a")]
    ]

    assert run(*records) == [records[index]["messageId"] for index in (1, 2)]
    assert done == ["a1", "b1"]


def test_poison_stops_its_fifo_group_too(run: Any, builder: Any, note: Any, done: Any, deliveries: Any) -> None:
    """Order is kept, whatever the reason; nothing is hastened."""
    records = [
        builder.record(body="broken", queue="jobs.fifo", group="a"),
        builder.record(note.prepare("a2"), queue="jobs.fifo", group="a"),
        builder.record(note.prepare("b1"), queue="jobs.fifo", group="b"),
    ]

    assert run(*records) == [records[0]["messageId"], records[1]["messageId"]]
    assert done == ["b1"]
    assert deliveries.changes == {}


@pytest.mark.parametrize(("delay", "sent", "wait"), [(360, 0, 360), (600, -120, 480), (120, -180, None)])
def test_a_fifo_delay_is_the_messages_visibility(
    run: Any,
    builder: Any,
    note: Any,
    done: Any,
    deliveries: Any,
    events: Any,
    delay: int,
    sent: float,
    wait: int | None,
) -> None:
    """Lambdakiq's three cases: counted from SentTimestamp, and over when that is too far in the past."""
    record = builder.record(note.using(delay=delay).prepare(1), queue="jobs.fifo", group="a", sent=sent)

    if wait is None:
        assert run(record) == []
        assert done == [1]
    else:
        assert run(record) == [record["messageId"]]
        assert done == []
        assert events == []
        assert deliveries.changes[record["messageId"]] == pytest.approx(wait, abs=1)


def test_the_receive_that_a_fifo_delay_takes_is_no_attempt(run: Any, builder: Any, fail: Any, deliveries: Any) -> None:
    """The first receive was before the time; so the second is the first attempt."""
    record = builder.record(
        fail.using(delay=60).prepare(1), queue="jobs.fifo", group="a", sent=-3600, first_received=-3599, receives=2
    )
    run(record)

    assert deliveries.changes == {record["messageId"]: 30}


def test_a_fifo_queues_jobs_never_run_side_by_side(run: Any, builder: Any, done: Any) -> None:
    """Whatever the concurrency."""
    configure(concurrency=8)
    inside = threading.Lock()

    @punch.job(name="alone")
    def alone(number: int) -> None:
        with inside:
            done.append(number)

    assert run(*[builder.record(alone.prepare(n), queue="jobs.fifo", group="a") for n in range(20)]) == []
    assert done == list(range(20))
