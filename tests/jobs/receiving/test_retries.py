"""Retries on a standard queue: a new message that carries what was decided, and what ends them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import exponential
from lambda_punch.jobs.queues import Redrive
from lambda_punch.jobs.waits import TABLE

from .consuming import Context, configure


def body(copy: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(copy.body)
    return found


@pytest.mark.parametrize("attempt", range(1, 13))
def test_each_retry_waits_as_the_table_says(run: Any, builder: Any, fail: Any, deliveries: Any, attempt: int) -> None:
    """Lambdakiq's twelve steps. SQS delays up to 15 minutes; what is longer is due later, and the consumer sees to it."""
    before = time.time()
    assert run(builder.record(fail.prepare(), attempt=attempt)) == []

    (retry,) = deliveries.sent
    wait = TABLE[attempt - 1]
    assert deliveries.retries == [(attempt + 1, min(wait, 900))]
    due = body(retry).get("due", 0) / 1000
    assert due == 0 if wait <= 900 else -0.01 <= due - wait - before < 5


def test_the_table_ends_half_an_hour_before_twelve_hours() -> None:
    """The last try comes 11 h 29 min after the first."""
    assert TABLE == (30, 46, 76, 156, 346, 730, 1416, 2536, 4246, 6726, 10180, 14836)
    assert sum(TABLE) == 41_324


def test_a_retry_is_the_same_job_with_the_next_attempt(run: Any, builder: Any, fail: Any, deliveries: Any) -> None:
    record = builder.record(fail.prepare("x"))
    run(record)

    first, retry = json.loads(record["body"]), body(deliveries.sent[0])
    assert retry == {**first, "attempt": 2, "error": "RuntimeError"}


@pytest.mark.parametrize("receives", [1, 2, 13, 40])
def test_receives_mean_nothing(run: Any, builder: Any, fail: Any, deliveries: Any, done: Any, receives: int) -> None:
    """SQS also counts throttled invokes and messages that others gave back; the message knows its attempt."""
    run(builder.record(fail.prepare(), receives=receives))

    assert done == [None]
    assert deliveries.retries == [(2, 30)]


def test_a_job_is_run_once_and_as_often_again_as_it_asks_for(
    run: Any, builder: Any, deliveries: Any, events: Any
) -> None:
    """Then its message is a dead letter, and counts as done."""
    runs = []

    @punch.job(name="twice", retries=2)
    def twice() -> None:
        runs.append(1)
        raise RuntimeError

    waiting = [builder.record(twice.prepare())]
    while waiting:
        assert run(waiting.pop()) == []
        waiting = [builder.record(body=copy.body) for copy in deliveries.sent]
        deliveries.sent.clear()

    assert len(runs) == 3
    assert len(deliveries.dead) == 1
    assert [event.event for event in events][2::3] == ["enqueue_retry", "enqueue_retry", "retry_stopped"]


def test_no_retries_out_of_twelve_when_the_configuration_allows_two(
    run: Any, builder: Any, fail: Any, deliveries: Any
) -> None:
    """The global number is the most that any job has."""
    configure(retries=2)
    run(builder.record(fail.prepare(), attempt=2), builder.record(fail.prepare(), attempt=3))

    assert deliveries.retries == [(3, 46)]
    assert len(deliveries.dead) == 1


def test_retries_that_were_lowered_meanwhile_are_not_run(
    run: Any, builder: Any, fail: Any, deliveries: Any, done: Any
) -> None:
    configure(retries=1)
    assert run(builder.record(fail.prepare(), attempt=5)) == []

    assert done == []
    assert deliveries.dead[0].attributes["Reason"] == "it has used up its retries (1)"


def test_an_error_that_must_not_be_retried_is_run_once(
    run: Any, builder: Any, deliveries: Any, events: Any, caplog: Any
) -> None:
    """Other errors than those of retry_on are dead at once; those of discard_on count as done, and are told."""

    @punch.job(name="picky", retry_on=OSError, discard_on=(LookupError,))
    def picky(error: str) -> None:
        raise {"os": OSError, "value": ValueError, "key": KeyError}[error]

    caplog.set_level("WARNING", logger="lambda_punch")
    assert run(*[builder.record(picky.prepare(error)) for error in ("os", "value", "key")]) == []

    assert [body(copy)["args"] for copy in deliveries.sent] == [["os"]]
    assert [body(copy)["args"] for copy in deliveries.dead] == [["value"]]
    assert [event.event for event in events][2::3] == ["enqueue_retry", "retry_stopped", "discard"]
    assert "its error is in discard_on: KeyError" in caplog.text


def test_a_dead_letter_says_why_and_begins_anew_when_it_is_sent_back(
    run: Any, builder: Any, deliveries: Any, done: Any
) -> None:
    """As attributes, which a console shows; in the body nothing is left of its attempts."""

    @punch.job(name="pay", retries=1)
    def pay(amount: int) -> None:
        done.append(amount)
        raise ValueError("no funds\x00 \uffff")

    record = builder.record(pay.prepare(5), attempt=2)
    run(record)
    (dead,) = deliveries.dead

    assert body(dead) == {**json.loads(record["body"]), "attempt": 1}
    facts = dead.attributes
    assert (facts["Reason"], facts["Attempts"], facts["SourceQueue"]) == ("it has used up its retries (1)", "2", "jobs")
    assert (facts["ErrorType"], facts["Job"]) == ("ValueError", "pay")
    assert facts["ErrorMessage"] == "no funds\\x00 \\uffff"  # SQS refuses these characters

    deliveries.sent.clear()
    run(builder.record(body=dead.body, receives=14))
    assert done == [5, 5]
    assert deliveries.retries == [(2, 30)]


def test_without_dead_letters_a_dead_message_stays_and_is_not_run_again(
    run: Any, builder: Any, deliveries: Any, done: Any, caplog: Any
) -> None:
    """It carries why, so no environment runs it; SQS keeps it until its retention ends."""
    deliveries.policy = Redrive(0)

    @punch.job(name="once", retries=0)
    def once() -> None:
        done.append(1)
        raise ValueError

    assert run(builder.record(once.prepare())) == []
    (kept,) = deliveries.sent
    assert (body(kept)["dead"], kept.delay) == ("it has used up its retries (0)", 900)
    assert "its message stays in jobs, which has no dead-letter queue; give it a redrive policy" in caplog.text

    again = builder.record(body=kept.body, receives=2)
    assert run(again) == [again["messageId"]]
    assert done == [1]
    assert 42_000 < deliveries.changes[again["messageId"]] <= 43_200


def test_a_message_that_comes_before_its_time_is_put_off(
    run: Any, builder: Any, fail: Any, deliveries: Any, done: Any
) -> None:
    """SQS has delayed it for as long as it can; it is hidden for the rest."""
    record = builder.record(fail.prepare(), due=time.time() + 500)

    assert run(record) == [record["messageId"]]
    assert done == []
    assert deliveries.changes[record["messageId"]] == pytest.approx(500, abs=2)


def test_it_is_sent_once_more_where_the_queue_gives_out_a_message_only_twice(
    run: Any, builder: Any, fail: Any, deliveries: Any, done: Any
) -> None:
    """Hiding it would use up a receive, so it would be nearer to the dead letters without having run."""
    deliveries.policy = Redrive(2, "dead-letters")

    assert run(builder.record(fail.prepare(), attempt=2, due=time.time() + 5000)) == []
    assert done == []
    assert deliveries.retries == [(2, 900)]


def test_where_the_retry_cannot_be_sent_the_message_itself_comes_back(
    run: Any, builder: Any, fail: Any, deliveries: Any, caplog: Any
) -> None:
    """One line says what to allow, however often it happens."""
    deliveries.refuses = True
    records = [builder.record(fail.prepare()) for _ in range(3)]

    assert run(*records) == [record["messageId"] for record in records]
    assert set(deliveries.changes.values()) == {30}
    assert (
        caplog.text.count("retries cannot be sent to jobs: AccessDenied; allow the function sqs:SendMessage on it") == 1
    )


def test_retries_that_only_sqs_can_count_end_as_well(
    run: Any, builder: Any, fail: Any, deliveries: Any, done: Any
) -> None:
    """By its receives, also in an environment that has just learned that it cannot send."""
    deliveries.refuses = True
    configure(retries=2)
    record = builder.record(fail.prepare(), receives=3)

    assert run(record) == [record["messageId"]]
    assert deliveries.changes.pop(record["messageId"]) == 0  # the redrive policy may have it

    record["attributes"]["ApproximateReceiveCount"] = "4"
    assert run(record) == [record["messageId"]]
    assert done == [None]


def test_a_dead_message_that_cannot_be_moved_is_not_run_again(
    run: Any, builder: Any, deliveries: Any, done: Any, caplog: Any
) -> None:
    deliveries.refuses = True

    @punch.job(name="once", retries=0)
    def once() -> None:
        done.append(1)
        raise ValueError

    record = builder.record(once.prepare())
    for _ in range(3):
        assert run(record) == [record["messageId"]]
        assert deliveries.changes.pop(record["messageId"]) == 0

    assert done == [1]
    assert "dead jobs cannot be moved to dead-letters: AccessDenied" in caplog.text


def test_where_the_redrive_policy_is_not_known_the_message_keeps_its_time(
    run: Any, builder: Any, fail: Any, deliveries: Any
) -> None:
    """If it became visible at once, it might go round for ever."""
    deliveries.policy = Redrive(-1)
    record = builder.record(fail.prepare(), attempt=13)

    assert run(record) == [record["messageId"]]
    assert deliveries.changes == {}


@pytest.mark.parametrize(
    ("wait", "attempt", "least", "most"),
    [
        (lambda attempt: attempt * 10, 3, 30, 30),
        (exponential(base=10, jitter=0), 4, 80, 80),
        (exponential(base=10, cap=60, jitter=1), 9, 0, 60),
        (lambda _: 1e9, 1, 43_200, 43_200),  # twelve hours are the most
        (lambda _: -1, 2, 46, 46),  # no time to wait: the table's
        (lambda _: 1 / 0, 2, 46, 46),
    ],
)
def test_a_jobs_own_wait(
    run: Any, builder: Any, deliveries: Any, wait: Any, attempt: int, least: int, most: int
) -> None:
    """A function of the attempt; if it fails, the message is still not lost."""

    @punch.job(name="patient", wait=wait)
    def patient() -> None:
        raise RuntimeError

    run(builder.record(patient.prepare(), attempt=attempt))

    (retry,) = deliveries.sent
    found = body(retry)["due"] / 1000 - time.time() if "due" in body(retry) else retry.delay
    assert least - 5 <= found <= most


def test_a_job_that_may_run_too_often_after_a_crash_is_named(
    run: Any, builder: Any, deliveries: Any, done: Any, caplog: Any
) -> None:
    """The message came before, and nobody decided on it: the process that had it may have been killed in the middle."""

    @punch.job(name="once", retries=0)
    def once() -> None:
        done.append(1)

    assert run(builder.record(once.prepare(), receives=2)) == []
    assert done == [1]
    assert "may be run more often than declared: this is receive 2" in caplog.text


def test_a_receive_without_time_for_a_run_is_not_told_as_a_crash(
    run: Any, builder: Any, deliveries: Any, caplog: Any
) -> None:
    @punch.job(name="once", retries=0)
    def once() -> None:
        pass

    record = builder.record(once.prepare())
    run(record, context=Context(0.0))
    assert deliveries.changes == {record["messageId"]: 0}

    record["attributes"]["ApproximateReceiveCount"] = "2"
    assert run(record) == []
    assert caplog.text == ""
