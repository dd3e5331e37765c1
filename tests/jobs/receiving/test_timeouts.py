"""The time of the function and of each job: what is stopped, and what is not begun."""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import JobTimeoutError

from .consuming import Context, configure

if TYPE_CHECKING:
    from collections.abc import Iterator


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
    retried = len(deliveries.sent)  # the one that the deadline stopped
    assert reported == [record["messageId"] for record in records[len(done) + retried :]]
    unbegun = records[len(done) + 1 :]
    assert {deliveries.changes[record["messageId"]] for record in unbegun} == {0}


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

    assert run(record, builder.record(note.prepare(1))) == []
    assert time.monotonic() - began < 3
    assert done == [1]
    assert deliveries.retries == [(2, 30)]
    assert events[1].error == "JobTimeoutError"


@contextmanager
def deadline(seconds: int) -> Iterator[None]:
    """What a timeout decorator does: an alarm of its own, and back to the handler that was there."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def used_before() -> None:
    with deadline(9):
        pass
    time.sleep(9)


def sleeps_inside() -> None:
    with deadline(9):
        time.sleep(9)


def takes_the_alarm_away() -> None:
    signal.alarm(0)
    time.sleep(9)


def takes_the_timer_away() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    time.sleep(9)


def ignores_the_signal() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    work()


def gives_the_signal_back() -> None:
    signal.alarm(0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    work()


def work() -> None:
    for _ in range(900):
        time.sleep(0.01)


@pytest.mark.parametrize(
    "act",
    [used_before, sleeps_inside, takes_the_alarm_away, takes_the_timer_away, ignores_the_signal, gives_the_signal_back],
)
def test_a_time_limit_holds_whatever_a_job_does_with_alarms(run: Any, builder: Any, events: Any, act: Any) -> None:
    """A second net is there, which breaks off a call that blocks, too."""
    job = punch.job(name="job", timeout=0.2)(act)
    began = time.monotonic()
    run(builder.record(job.prepare()))

    assert events[1].error == "JobTimeoutError"
    assert time.monotonic() - began < 3
    signal.signal(signal.SIGALRM, signal.SIG_DFL)


def test_one_thread_watches_all_limits() -> None:
    for _ in range(20):
        punch.time_limit(30)(time.sleep)(0)
    with pytest.raises(JobTimeoutError):
        punch.time_limit(0.1)(work)()

    assert [each.name for each in threading.enumerate()].count("lambda-punch-time-limit") == 1


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

    assert run(good, late) == []
    assert deliveries.retries == [(2, 30)]
    assert done == ["done", "cleaned", "cleaned"]


def test_side_by_side_jobs_are_stopped_at_their_timeout_too(
    run: Any, builder: Any, note: Any, done: Any, deliveries: Any
) -> None:
    """Between two steps of Python code, as there is no signal for a thread."""
    configure(concurrency=2)

    @punch.job(name="spin", timeout=0.2)
    def spin() -> None:
        while True:
            time.sleep(0.01)

    record = builder.record(spin.prepare())

    assert run(record, builder.record(note.prepare(1))) == []
    assert deliveries.retries == [(2, 30)]
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
