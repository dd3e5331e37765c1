"""The consumer: what is run, what is reported, and when a message comes back.

Among them Lambdakiq's own cases, as behaviours; where ours differs on purpose the test says why.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch import _job_settings
from lambda_punch.jobs import current, exponential
from lambda_punch.jobs.waits import TABLE


class Context:
    def __init__(self, remaining: float) -> None:
        self.ends = time.monotonic() + remaining

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self.ends - time.monotonic()) * 1000))


def configure(**options: Any) -> None:
    """As configure() would before start(), which this process may have behind it."""
    _job_settings.options.update(options)


def test_a_batch_of_good_jobs_reports_nothing(run: Any, builder: Any, note: Any, done: Any, deliveries: Any) -> None:
    """The mapping deletes them. Lambdakiq deletes each by a call of its own; no call is made here at all."""
    assert run(*[builder.record(note.prepare(n)) for n in range(5)]) == []
    assert done == [0, 1, 2, 3, 4]
    assert (deliveries.changes, deliveries.asked) == ({}, 0)


def test_a_partial_failure_reports_the_failed_one_alone(
    run: Any, builder: Any, note: Any, fail: Any, done: Any
) -> None:
    """The others are done, those behind it as well."""
    records = [builder.record(note.prepare(1)), builder.record(fail.prepare(2)), builder.record(note.prepare(3))]

    assert run(*records) == [records[1]["messageId"]]
    assert done == [1, 2, 3]


@pytest.mark.parametrize("receives", range(1, 13))
def test_each_retry_waits_as_the_table_says(run: Any, builder: Any, fail: Any, deliveries: Any, receives: int) -> None:
    """Lambdakiq's twelve steps, by ChangeMessageVisibility; at the seventh receive 1416 s, say."""
    record = builder.record(fail.prepare(), receives=receives)

    assert run(record) == [record["messageId"]]
    assert deliveries.changes == {record["messageId"]: TABLE[receives - 1]}


def test_the_table_ends_half_an_hour_before_twelve_hours() -> None:
    """The last try comes 11 h 29 min after the first."""
    assert TABLE == (30, 46, 76, 156, 346, 730, 1416, 2536, 4246, 6726, 10180, 14836)
    assert sum(TABLE) == 41_324


def test_a_job_has_the_retries_it_asks_for(run: Any, builder: Any, fail: Any, deliveries: Any, events: Any) -> None:
    """With one, the first failure is tried again, the second is not."""
    once = fail.using(retries=1)
    _redeclare(once)

    first, second = builder.record(once.prepare()), builder.record(once.prepare(), receives=2)
    run(first)
    run(second)

    assert deliveries.changes == {first["messageId"]: 30, second["messageId"]: 0}
    assert [event.event for event in events] == [
        "perform_start", "perform", "enqueue_retry", "perform_start", "perform", "retry_stopped",
    ]  # fmt: skip


def _redeclare(job: Any) -> None:
    punch.job(name=job.name, **{
        name: getattr(job.options, name) for name in job.options.__dataclass_fields__
    })(job.function)  # fmt: skip


def test_no_retries_out_of_twelve_when_the_configuration_allows_two(
    run: Any, builder: Any, fail: Any, deliveries: Any
) -> None:
    """The global number is the most that any job has."""
    configure(retries=2)
    second, third = builder.record(fail.prepare(), receives=2), builder.record(fail.prepare(), receives=3)
    run(second, third)

    assert deliveries.changes == {second["messageId"]: 46, third["messageId"]: 0}


def test_the_last_receive_that_the_redrive_policy_leaves_is_the_last_try(
    run: Any, builder: Any, fail: Any, deliveries: Any, events: Any
) -> None:
    """It is reported, and visible at once, so that SQS moves it soon. Lambdakiq leaves it the queue's own timeout."""
    deliveries.redrive = 8
    record = builder.record(fail.prepare(), receives=8)

    assert run(record) == [record["messageId"]]
    assert deliveries.changes == {record["messageId"]: 0}
    assert events[-1].event == "retry_stopped"
    assert (events[-1].executions, events[-1].error) == (8, "RuntimeError")


def test_retries_that_ran_out_before_the_receives_did_are_not_run_again(
    run: Any, builder: Any, fail: Any, done: Any, deliveries: Any, caplog: Any
) -> None:
    """On its way to the dead-letter queue the message is received again. Lambdakiq deletes it: then it is gone."""
    once = fail.using(retries=1)
    _redeclare(once)
    records = [builder.record(once.prepare(), receives=receives) for receives in range(3, 9)]

    assert run(*records) == [record["messageId"] for record in records]
    assert done == []
    assert set(deliveries.changes.values()) == {0}
    assert "is not run again: it has had its 1 retries; the redrive policy moves it" in caplog.text


def test_without_a_redrive_policy_a_failed_job_is_kept_and_told(
    run: Any, builder: Any, fail: Any, deliveries: Any, caplog: Any
) -> None:
    """Lambdakiq deletes it after the first failure; we try it again, and then keep it as far away as can be."""
    deliveries.redrive = 0
    first, last = builder.record(fail.prepare()), builder.record(fail.prepare(), receives=13)

    assert run(first, last) == [first["messageId"], last["messageId"]]
    assert deliveries.changes[first["messageId"]] == 30
    assert 42_000 < deliveries.changes[last["messageId"]] <= 43_200
    assert "no redrive policy, so it is kept" in caplog.text


def test_where_the_redrive_policy_is_not_known_the_message_keeps_its_time(
    run: Any, builder: Any, fail: Any, deliveries: Any
) -> None:
    """Visible at once it might go round for ever."""
    deliveries.redrive = -1
    record = builder.record(fail.prepare(), receives=13)

    assert run(record) == [record["messageId"]]
    assert deliveries.changes == {}


def test_retry_on_and_discard_on(run: Any, builder: Any, deliveries: Any, events: Any, caplog: Any) -> None:
    """Other errors than those of retry_on are not tried again; those of discard_on count as done, and are told."""

    @punch.job(name="picky", retry_on=OSError, discard_on=(LookupError,))
    def picky(error: str) -> None:
        raise {"os": OSError, "value": ValueError, "key": KeyError}[error]

    caplog.set_level("WARNING", logger="lambda_punch")
    again, never, dropped = [builder.record(picky.prepare(error)) for error in ("os", "value", "key")]

    assert run(again, never, dropped) == [again["messageId"], never["messageId"]]
    assert deliveries.changes == {again["messageId"]: 30, never["messageId"]: 0}
    assert [event.event for event in events][2::3] == ["enqueue_retry", "retry_stopped", "discard"]
    assert "is discarded" in caplog.text


@pytest.mark.parametrize(
    ("wait", "receives", "least", "most"),
    [
        (lambda attempt: attempt * 10, 3, 30, 30),
        (exponential(base=10, jitter=0), 4, 80, 80),
        (exponential(base=10, cap=60, jitter=1), 9, 0, 60),
        (lambda _: 1e9, 1, 42_000, 42_900),  # twelve hours from the receive is the most
        (lambda _: -1, 2, 46, 46),  # no time to wait: the table's
        (lambda _: 1 / 0, 2, 46, 46),
    ],
)
def test_a_jobs_own_wait(
    run: Any, builder: Any, fail: Any, deliveries: Any, wait: Any, receives: int, least: int, most: int
) -> None:
    """A function of the attempt; where it fails the message is not lost because of it."""
    _redeclare(fail.using(wait=wait))
    record = builder.record(fail.prepare(), receives=receives)
    run(record)

    assert least <= deliveries.changes[record["messageId"]] <= most


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
    """The queue's own visibility timeout and redrive policy have it: a newer release may come to know it."""
    poison = builder.record(body=body)
    records = [builder.record(note.prepare(1)), poison, builder.record(note.prepare(2))]

    assert run(*records) == [poison["messageId"]]
    assert done == [1, 2]
    assert deliveries.changes == {}
    assert f"poison: message {poison['messageId']}" in caplog.text


def test_records_not_begun_at_the_deadline_are_visible_again_at_once(
    run: Any, builder: Any, done: Any, deliveries: Any
) -> None:
    """They are reported and have not been run; what was run is not reported."""

    @punch.job(name="slow")
    def slow(number: int) -> None:
        time.sleep(0.4)
        done.append(number)

    records = [builder.record(slow.prepare(number)) for number in range(5)]
    reported = run(*records, context=Context(1.3))

    assert done in ([0, 1], [0])
    assert reported == [record["messageId"] for record in records[len(done) :]]
    unbegun = records[len(done) + 1 :]
    assert {deliveries.changes[record["messageId"]] for record in unbegun} == {0}


def test_a_receive_that_ran_nothing_is_not_counted_as_an_attempt(
    run: Any, builder: Any, fail: Any, deliveries: Any
) -> None:
    """This environment knows of it, so the wait is that of the first attempt."""
    record = builder.record(fail.prepare())
    run(record, context=Context(0.0))
    assert deliveries.changes.pop(record["messageId"]) == 0

    record["attributes"]["ApproximateReceiveCount"] = "2"
    run(record)

    assert deliveries.changes == {record["messageId"]: 30}


def test_receives_in_too_short_a_time_were_not_all_attempts(run: Any, builder: Any, fail: Any, deliveries: Any) -> None:
    """Five receives within a minute: the waits before a third attempt alone take longer, so throttling had the rest."""
    record = builder.record(fail.prepare(), receives=5, first_received=-60)
    run(record)

    assert deliveries.changes == {record["messageId"]: 46}


def test_a_job_whose_timeout_does_not_fit_any_more_waits(run: Any, builder: Any, done: Any, deliveries: Any) -> None:
    """Unless it is the first of the invocation: another one would not have more time."""

    @punch.job(name="long", timeout=100)
    def long(number: int) -> None:
        done.append(number)

    records = [builder.record(long.prepare(number)) for number in range(2)]

    assert run(*records, context=Context(3)) == [records[1]["messageId"]]
    assert done == [0]
    assert deliveries.changes == {records[1]["messageId"]: 0}


def test_a_job_is_stopped_at_its_timeout(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any, events: Any
) -> None:
    """In the middle of a wait; it counts as failed, and the others of the batch are run."""

    @punch.job(name="sleepy", timeout=0.1)
    def sleepy() -> None:
        try:
            time.sleep(5)
        except Exception:  # noqa: BLE001
            done.append("caught")
        done.append("awake")

    record = builder.record(sleepy.prepare())
    began = time.monotonic()

    assert run(record, builder.record(note.prepare(1))) == [record["messageId"]]
    assert time.monotonic() - began < 3
    assert done == [1]
    assert deliveries.changes == {record["messageId"]: 30}
    assert events[1].error == "JobTimeoutError"


def test_an_async_job_is_awaited_and_cancelled_at_its_timeout(
    run: Any, builder: Any, done: Any, deliveries: Any
) -> None:
    """Its clean-up runs."""

    @punch.job(name="async", timeout=0.1)
    async def job(seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            done.append("done")
        finally:
            done.append("cleaned")

    good, late = builder.record(job.prepare(0)), builder.record(job.prepare(30))

    assert run(good, late) == [late["messageId"]]
    assert done == ["done", "cleaned", "cleaned"]


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
@pytest.mark.parametrize("asynchronous", [False, True])
def test_whatever_a_job_raises_the_others_are_run(
    run: Any, builder: Any, note: Any, done: Any, error: type[BaseException], asynchronous: bool
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

    assert run(record, builder.record(note.prepare(1)), builder.record(async_note.prepare())) == [record["messageId"]]
    assert done == [1, "async"]


def test_a_generator_function_is_no_job(run: Any, builder: Any) -> None:
    """Calling one runs nothing of it; that must not count as done."""

    @punch.job(name="generator")
    def generator() -> Any:
        yield 1

    record = builder.record(generator.prepare())
    assert run(record) == [record["messageId"]]


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


def test_a_standard_queue_has_had_its_delay(run: Any, builder: Any, note: Any, done: Any) -> None:
    """SQS did it; clocks that differ must not do it once more."""
    assert run(builder.record(note.using(delay=300).prepare(1))) == []
    assert done == [1]


def test_a_message_delivered_twice_in_one_batch_is_run_once(
    run: Any, builder: Any, note: Any, fail: Any, done: Any
) -> None:
    """Standard queues deliver at least once."""
    good, bad = builder.record(note.prepare(1)), builder.record(fail.prepare(2))

    assert run(good, bad, {**good, "receiptHandle": "other"}, bad) == [bad["messageId"]]
    assert done == [1, 2]


def test_a_record_without_an_id_keeps_the_whole_batch(run: Any, builder: Any, note: Any, done: Any) -> None:
    """It cannot be named, so an empty name is: SQS then keeps all of it, which is better than deleting it."""
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


def test_side_by_side_jobs_are_stopped_at_their_timeout_too(run: Any, builder: Any, note: Any, done: Any) -> None:
    """Between two steps of Python code, as there is no signal for a thread."""
    configure(concurrency=2)

    @punch.job(name="spin", timeout=0.2)
    def spin() -> None:
        while True:
            time.sleep(0.01)

    record = builder.record(spin.prepare())

    assert run(record, builder.record(note.prepare(1))) == [record["messageId"]]
    assert done == [1]


def test_a_thread_that_does_not_come_back_does_not_hold_the_response(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any
) -> None:
    """Its message is reported, and it takes no further one."""
    configure(concurrency=2)
    release = threading.Event()

    @punch.job(name="stuck")
    def stuck() -> None:
        release.wait(20)

    records = [builder.record(stuck.prepare()) for _ in range(2)] + [builder.record(note.prepare(1)) for _ in range(3)]
    began = time.monotonic()

    reported = run(*records, context=Context(1.0))
    release.set()

    assert reported == [record["messageId"] for record in records]
    assert time.monotonic() - began < 3
    assert done == []


def test_a_job_knows_its_execution(run: Any, builder: Any, done: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempt, ids, and the sender's trace header; outside of a job there is none."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-abc")

    @punch.job(name="self")
    def job() -> None:
        done.append(current())

    prepared = job.prepare()
    record = builder.record(prepared, receives=3)
    run(record)

    assert done[0] == ("self", prepared.outgoing.id, 3, "jobs", record["messageId"], "Root=1-abc")
    assert current() is None
