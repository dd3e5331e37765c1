"""The consumer: what is run, what is reported, and when a message comes back.

Among them Lambdakiq's own cases, as behaviours; where ours differs on purpose the test says why.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import current

from .consuming import configure


def test_a_batch_of_good_jobs_reports_nothing(run: Any, builder: Any, note: Any, done: Any, deliveries: Any) -> None:
    """The mapping deletes them. Lambdakiq deletes each by a call of its own; no call is made here at all."""
    assert run(*[builder.record(note.prepare(n)) for n in range(5)]) == []
    assert done == [0, 1, 2, 3, 4]
    assert (deliveries.changes, deliveries.asked) == ({}, 0)


def test_a_partial_failure_reports_the_failed_one_alone(
    run: Any, builder: Any, note: Any, fail: Any, done: Any, deliveries: Any
) -> None:
    """The others are done, those behind it as well. Where its retry is sent, nothing is reported."""
    records = [builder.record(note.prepare(1)), builder.record(fail.prepare(2)), builder.record(note.prepare(3))]

    assert run(*records) == []
    assert deliveries.retries == [(2, 30)]
    deliveries.refuses = True
    assert run(*records) == [records[1]["messageId"]]
    assert done == [1, 2, 3] * 2


@pytest.mark.parametrize(
    "body",
    [
        "", "no json", "[]", "null", "{}", '{"lambda_punch":1}', '{"lambda_punch":2,"job":"note","id":"1"}',
        '{"lambda_punch":1,"job":"os.system","id":"1","args":["true"],"kwargs":{},"enqueued_at":1,"attempt":1}',
        '{"lambda_punch":1,"job":"note","id":"1","args":[1,2,3],"kwargs":{},"enqueued_at":1,"attempt":1}',
        '{"lambda_punch":1,"job":"note","id":"1","args":[NaN],"kwargs":{},"enqueued_at":1,"attempt":1}',
        '{"lambda_punch":true,"job":"note","id":"1","args":[1],"kwargs":{},"enqueued_at":1,"attempt":1}',
        '{"lambda_punch":1,"job":"note","id":"1","args":{},"kwargs":{},"enqueued_at":1,"attempt":1}',
        "[" * 5000, 7, [1], {"lambda_punch": 1},
    ],
)  # fmt: skip
def test_poison_is_reported_and_neither_run_nor_hastened(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any, caplog: Any, body: Any
) -> None:
    """The queue's own visibility timeout applies, because a release that is going out may come to know the message."""
    poison = builder.record(body=body)
    records = [builder.record(note.prepare(1)), poison, builder.record(note.prepare(2))]

    assert run(*records) == [poison["messageId"]]
    assert done == [1, 2]
    assert deliveries.changes == {}
    assert f"poison: message {poison['messageId']}" in caplog.text


def test_poison_that_comes_a_third_time_is_a_dead_letter_with_its_reason(
    run: Any, builder: Any, note: Any, deliveries: Any
) -> None:
    body = '{"lambda_punch":1,"job":"gone","id":"1","args":[],"kwargs":{},"enqueued_at":1,"attempt":1}'

    assert len(run(builder.record(body=body, receives=2))) == 1
    assert run(builder.record(body=body, receives=3)) == []

    (dead,) = deliveries.dead
    assert dead.body == body
    assert dead.attributes["Reason"] == "poison: no job 'gone' is declared here; import the module that declares it"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_whatever_a_job_raises_the_others_are_run(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any, error: type[BaseException], asynchronous: bool
) -> None:
    """An async job's SystemExit does not end the loop that the next one needs."""
    if asynchronous:

        @punch.job(name="bad")
        async def bad() -> None:
            raise error
    else:

        @punch.job(name="bad")
        def bad() -> None:
            raise error

    @punch.job(name="async-note")
    async def async_note() -> None:
        done.append("async")

    record = builder.record(bad.prepare())

    deliveries.refuses = True
    assert run(record, builder.record(note.prepare(1)), builder.record(async_note.prepare())) == [record["messageId"]]
    assert done == [1, "async"]


def test_a_generator_function_cannot_be_a_job(run: Any, builder: Any, deliveries: Any) -> None:
    """Calling one runs nothing of it; that must not count as done."""

    @punch.job(name="generator")
    def generator() -> Any:
        return (number for number in range(3))  # @job refuses a function that says so itself

    run(builder.record(generator.prepare()))
    assert deliveries.retries == [(2, 30)]


def test_a_standard_queue_has_had_its_delay(run: Any, builder: Any, note: Any, done: Any) -> None:
    """SQS has delayed the message already, so clocks that differ must not delay it again."""
    assert run(builder.record(note.using(delay=300).prepare(1))) == []
    assert done == [1]


def test_a_message_delivered_twice_in_one_batch_is_run_once(
    run: Any, builder: Any, note: Any, fail: Any, done: Any, deliveries: Any
) -> None:
    """Standard queues deliver at least once. It has one retry."""
    good, bad = builder.record(note.prepare(1)), builder.record(fail.prepare(2))

    assert run(good, bad, {**good, "receiptHandle": "other"}, {**bad, "receiptHandle": "other"}) == []
    assert done == [1, 2]
    assert deliveries.retries == [(2, 30)]


def test_a_record_without_an_id_keeps_the_whole_batch(run: Any, builder: Any, note: Any, done: Any) -> None:
    """An empty name is reported for it, so SQS keeps the whole batch, which is better than deleting the record."""
    records = [builder.record(note.prepare(1), messageId=None), builder.record(note.prepare(2))]

    assert run(*records) == [""]
    assert done == [2]


def test_jobs_of_a_standard_queue_can_run_side_by_side(run: Any, builder: Any, done: Any) -> None:
    """With concurrency; each sees its own execution."""
    configure(concurrency=3)
    together = threading.Barrier(3, timeout=5)

    @punch.job(name="meet")
    def meet(number: int) -> None:
        together.wait()
        execution = current()
        assert execution is not None
        done.append((number, execution.message_id))

    records = [builder.record(meet.prepare(number)) for number in range(6)]

    assert run(*records) == []
    assert sorted(done) == [(number, record["messageId"]) for number, record in enumerate(records)]


def test_a_job_knows_its_execution(run: Any, builder: Any, done: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempt, ids, and the sender's trace header; outside of a job there is none."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-abc")

    @punch.job(name="self")
    def job() -> None:
        done.append(current())

    prepared = job.prepare()
    record = builder.record(prepared, attempt=3)
    run(record)

    assert done[0][:6] == ("self", prepared.outgoing.id, 3, "jobs", record["messageId"], "Root=1-abc")
    assert current() is None
