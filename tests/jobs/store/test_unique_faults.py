"""Unique jobs when something fails between the lock and the queue: no call is lost, and none is called a duplicate of nothing."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

import lambda_punch as punch
from lambda_punch.errors import EnqueueError
from lambda_punch.jobs.sending import unique
from lambda_punch.jobs.store import locks

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Table


def declare(done: list[int] | None = None) -> Any:
    return punch.job(name="sync", queue="jobs", unique="arguments", unique_for=3600)(
        lambda: None if done is None else done.append(1)
    )


def send_all(job: Any, *calls: Any) -> list[bool]:
    """Enqueue; return which were duplicates."""
    return [job.enqueue(*call).duplicate for call in calls]


def test_a_lock_is_freed_if_its_job_is_certainly_not_sent(sqs: Any, table: Table) -> None:
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda: None)

    with pytest.raises(EnqueueError):
        sync.using(queue="nowhere").enqueue()

    assert table.locks() == []
    assert send_all(sync, ()) == [False]
    assert sqs.states(url) == (1, 0)


@pytest.mark.parametrize("lost", [True, False])
def test_a_job_whose_answer_was_lost_can_be_sent_again(
    sqs: Any, table: Table, lost: bool, consume: Callable[..., Any]
) -> None:
    """Its caller has an EnqueueError and tries again; was it sent after all, it is run twice, and not never."""
    url = sqs.create("jobs")
    done: list[int] = []
    sync = declare(done)

    def fail(**_: Any) -> None:
        sqs.client.meta.events.unregister(moment, fail)
        raise ReadTimeoutError(endpoint_url=url)

    moment = "after-call.sqs.SendMessage" if lost else "before-call.sqs.SendMessage"
    sqs.client.meta.events.register(moment, fail)
    with pytest.raises(EnqueueError):
        sync.enqueue()

    assert table.locks() == []
    assert send_all(sync, ()) == [False]
    consume(url)
    assert len(done) == (2 if lost else 1)


def test_a_process_that_died_before_it_sent_locks_nobody_out_for_long(
    sqs: Any, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its lock has expired, others are told that they were not sent; they are no duplicates of nothing."""
    monkeypatch.setattr(unique, "_PATIENCE", 0.1)
    url = sqs.create("jobs")
    sync = declare()
    died = sync.prepare().outgoing
    assert unique._take(unique.find(local=False), locks.key("sync", died.lock.lock), died.id) == died.id  # type: ignore[arg-type]

    (lock,) = table.locks()
    assert abs(int(lock["expires"]["N"]) - time.time() - 90) < 5
    with pytest.raises(EnqueueError, match="another call has taken its lock, and has not sent its job yet; try again"):
        sync.enqueue()
    table.expire()
    assert send_all(sync, (), ()) == [False, True]
    assert sqs.states(url) == (1, 0)
    (lock,) = table.locks()
    assert abs(int(lock["expires"]["N"]) - time.time() - 3600) < 5


def test_a_call_waits_for_another_that_is_just_sending(sqs: Any, table: Table) -> None:
    """Then it is a duplicate of a job that has been sent."""
    url = sqs.create("jobs")
    sync = declare()
    sending, go = threading.Event(), threading.Event()

    def block(**_: Any) -> None:
        sending.set()
        assert go.wait(20)

    sqs.client.meta.events.register("before-call.sqs.SendMessage", block)
    handles: list[Any] = []
    threads = [threading.Thread(target=lambda: handles.append(sync.enqueue())) for _ in range(2)]
    threads[0].start()
    assert sending.wait(20)
    looked = threading.Event()
    table.client.meta.events.register("after-call.dynamodb.PutItem", lambda **_: looked.set())
    threads[1].start()
    assert looked.wait(20)
    go.set()
    for thread in threads:
        thread.join(20)

    assert [each.duplicate for each in handles] == [False, True]
    assert sqs.states(url) == (1, 0)


def test_a_job_that_is_run_before_its_lock_is_kept_leaves_none(
    sqs: Any, table: Table, consume: Callable[..., Any]
) -> None:
    url = sqs.create("jobs")
    done: list[int] = []
    sync = declare(done)
    sqs.client.meta.events.register("after-call.sqs.SendMessage", lambda **_: consume(url) and None)

    assert send_all(sync, ()) == [False]
    assert (done, table.locks()) == ([1], [])


def fail_once(table: Table, operation: str, code: str) -> None:
    """Have DynamoDB refuse the next call of an operation."""

    def fail(**_: Any) -> None:
        table.client.meta.events.unregister(f"before-call.dynamodb.{operation}", fail)
        raise ClientError({"Error": {"Code": code, "Message": "no"}}, operation)

    table.client.meta.events.register(f"before-call.dynamodb.{operation}", fail)


def test_a_lock_is_freed_although_the_table_has_just_failed(
    sqs: Any, table: Table, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Other writes leave the table alone for ten seconds; a lock that stays would lock others out for as long as it can."""
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments", keep_result=60)(lambda: None)
    sync.enqueue()
    fail_once(table, "UpdateItem", "ThrottlingException")

    assert consume(url) == []
    assert caplog.text.count("was not written") == 1  # running; done is not tried
    assert table.locks() == []


def test_an_item_that_the_table_does_not_take_concerns_only_itself(
    sqs: Any, table: Table, consume: Callable[..., Any]
) -> None:
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", keep_result=60)(lambda: 7)
    handle = sync.enqueue()
    fail_once(table, "UpdateItem", "ValidationException")

    consume(url)
    assert handle.result(0) == 7


def test_without_the_table_a_unique_job_is_not_sent(sqs: Any) -> None:
    """Its caller is told, as if SQS had not taken it: sent without the lock, it might be a duplicate."""
    punch.configure(table="nowhere")
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda: None)
    plain = punch.job(name="plain", queue="jobs")(lambda: None)

    with pytest.raises(
        EnqueueError, match=r"1 of 2 jobs were not sent \(sync\): its lock could not be taken: there is no such table"
    ):
        punch.enqueue_many([sync.prepare(), plain.prepare()])
    assert [body["job"] for body in sqs.bodies(url)] == ["plain"]


def test_a_lock_that_cannot_be_freed_costs_no_job(
    sqs: Any, table: Table, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    url = sqs.create("jobs")
    done = []
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda: done.append(1))
    handle = sync.enqueue()
    table.client.delete_table(TableName="punch")

    assert consume(url) == []
    assert (done, sqs.states(url)) == ([1], (0, 0))
    assert (
        f"the lock of job sync {handle.id} was not freed, and stays until it expires: there is no such table"
        in caplog.text
    )
