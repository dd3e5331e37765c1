"""FIFO queues: order within a group, and delays that the queue itself cannot do."""

from __future__ import annotations

import threading
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs.queues import Redrive

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


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_dead_message_lets_those_behind_it_run(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any, attempt: int
) -> None:
    """It is moved before they are run."""

    @punch.job(name="bad", queue="jobs.fifo", retries=attempt - 1)
    def bad() -> None:
        done.append([len(deliveries.dead)])
        raise ValueError

    @punch.job(name="good", queue="jobs.fifo", retries=0)
    def good(number: int) -> None:
        done.append((number, len(deliveries.dead)))

    records = [builder.record(bad.prepare(), queue="jobs.fifo", group="a", receives=attempt)]
    records += [
        builder.record(good.prepare(number), queue="jobs.fifo", group="a", receives=attempt) for number in range(3)
    ]

    assert run(*records) == []
    assert done == [[0], (0, 1), (1, 1), (2, 1)]


def test_a_message_behind_others_has_never_been_run_whatever_its_receives(
    run: Any, builder: Any, done: Any, deliveries: Any
) -> None:
    """Its receives were those of the one before it: that one's third attempt is its first."""

    @punch.job(name="bad", queue="jobs.fifo", retries=2)
    def bad() -> None:
        raise ValueError

    @punch.job(name="good", queue="jobs.fifo", retries=1)
    def good() -> None:
        done.append(1)
        raise ValueError

    records = [builder.record(job.prepare(), queue="jobs.fifo", group="a", receives=3) for job in (bad, good)]

    assert run(*records) == [records[1]["messageId"]]
    assert done == [1]
    assert deliveries.changes == {records[1]["messageId"]: 30}
    assert [copy.attributes["Job"] for copy in deliveries.dead] == ["bad"]


@pytest.mark.parametrize("receives", [2, 5, 30])
def test_no_message_is_called_exhausted_before_it_is_run(run: Any, builder: Any, done: Any, receives: int) -> None:
    """Another environment may have had it behind others, so receives alone prove nothing."""

    @punch.job(name="good", queue="jobs.fifo", retries=0)
    def good() -> None:
        done.append(1)

    assert run(builder.record(good.prepare(), queue="jobs.fifo", group="a", receives=receives)) == []
    assert done == [1]


def test_poison_lets_those_behind_it_run(run: Any, builder: Any, note: Any, done: Any, deliveries: Any) -> None:
    records = [
        builder.record(body="broken", queue="jobs.fifo", group="a"),
        builder.record(note.prepare("a2"), queue="jobs.fifo", group="a"),
    ]

    assert run(*records) == []
    assert done == ["a2"]
    assert deliveries.dead[0].body == "broken"
    assert deliveries.dead[0].attributes["Reason"].startswith("poison: its body is not JSON")


def test_without_dead_letters_a_dead_message_leaves_its_group(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any
) -> None:
    """If it were hidden in its group, it would hold up those behind it."""
    deliveries.policy = Redrive(0)

    @punch.job(name="bad", queue="jobs.fifo", retries=0)
    def bad() -> None:
        raise ValueError

    records = [builder.record(job, queue="jobs.fifo", group="a") for job in (bad.prepare(), note.prepare(1))]

    assert run(*records) == []
    assert done == [1]
    assert deliveries.sent[0].group != "a"


def test_poison_that_cannot_be_moved_stops_its_fifo_group(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any
) -> None:
    """Order is kept, whatever the reason; nothing is hastened."""
    deliveries.refuses = True
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
    """The first receive came before the time, so the second is the first attempt."""
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
