"""Retries: when a message comes back, how often, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import exponential
from lambda_punch.jobs.waits import TABLE

from .consuming import Context, configure


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
    assert "is not run again: it has used up its retries (1); the redrive policy moves the message" in caplog.text


def test_without_a_redrive_policy_a_failed_job_is_kept_and_told(
    run: Any, builder: Any, fail: Any, deliveries: Any, caplog: Any
) -> None:
    """Lambdakiq deletes it after the first failure; we try it again, and then keep it as far away as can be."""
    deliveries.redrive = 0
    first, last = builder.record(fail.prepare()), builder.record(fail.prepare(), receives=13)

    assert run(first, last) == [first["messageId"], last["messageId"]]
    assert deliveries.changes[first["messageId"]] == 30
    assert 42_000 < deliveries.changes[last["messageId"]] <= 43_200
    assert "no redrive policy, so it keeps the message" in caplog.text


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
