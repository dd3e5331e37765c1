"""Unique jobs: which calls are the same, how long one locks out the others, and what frees the lock."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import JobArgumentsError, JobOptionError
from lambda_punch.testing import enqueued

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Table


def send_all(job: Any, *calls: Any) -> list[bool]:
    """Enqueue; return which were duplicates."""
    return [job.enqueue(*call).duplicate for call in calls]


def test_a_duplicate_is_not_sent_and_its_handle_is_that_of_the_other(
    sqs: Any, table: Table, consume: Callable[..., Any]
) -> None:
    """Also for its result."""
    url = sqs.create("jobs")

    @punch.job(name="sync", queue="jobs", unique="arguments", keep_result=60)
    def sync(account: int) -> str:
        return f"synced {account}"

    first, second, other = sync.enqueue(1), sync.enqueue(1), sync.enqueue(2)

    assert (first.duplicate, second.duplicate, other.duplicate) == (False, True, False)
    assert (second.id, second.message_id) == (first.id, None)
    assert sqs.states(url) == (2, 0)
    consume(url)
    assert second.result(0) == "synced 1"


def test_it_can_be_sent_again_when_it_has_ended(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    url = sqs.create("jobs")
    done: list[bool] = []

    @punch.job(name="sync", queue="jobs", unique="arguments")
    def sync() -> None:
        done.append(sync.enqueue().duplicate)  # it is still under way

    assert send_all(sync, ()) == [False]
    consume(url)
    assert done == [True]
    assert table.locks() == []
    assert send_all(sync, ()) == [False]


def test_until_started(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """What is enqueued while it runs is sent, because the running one may have missed the change."""
    url = sqs.create("jobs")
    again: list[bool] = []

    @punch.job(name="sync", queue="jobs", unique="arguments", unique_until="started")
    def sync() -> None:
        if not again:
            again.append(sync.enqueue().duplicate)

    assert send_all(sync, (), ()) == [False, True]
    consume(url)
    assert again == [False]


def test_until_it_has_expired(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """At most one in that time, however soon it is done. DynamoDB may remove what has expired days later."""
    url = sqs.create("jobs")
    sync = punch.job(
        name="sync", queue="jobs", unique="arguments", unique_for=timedelta(hours=1), unique_until="expired"
    )(lambda: None)

    assert send_all(sync, ()) == [False]
    consume(url)
    assert send_all(sync, ()) == [True]
    (lock,) = table.locks()
    assert abs(int(lock["expires"]["N"]) - time.time() - 3600) < 5
    table.expire()
    assert send_all(sync, (), ()) == [False, True]


def test_the_time_counts_from_when_the_job_is_due(sqs: Any, table: Table) -> None:
    sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments", unique_for=60)(lambda: None)

    sync.using(delay=timedelta(days=2)).enqueue()

    (lock,) = table.locks()
    assert abs(int(lock["expires"]["N"]) - time.time() - 2 * 86_400 - 60) < 5


@pytest.mark.parametrize("until", ["ended", "started", "expired"])
def test_a_dead_job_frees_its_lock_and_one_that_will_be_tried_again_does_not(
    until: str, sqs: Any, table: Table, consume: Callable[..., Any]
) -> None:
    url = sqs.create("jobs", max_receives=3)

    @punch.job(name="sync", queue="jobs", unique="arguments", unique_until=until, retries=1, wait=lambda _: 0)
    def sync() -> None:
        raise ConnectionError("no answer")

    assert send_all(sync, ()) == [False]
    consume(url)
    assert bool(table.locks()) is (until != "started")
    consume(url)
    assert table.locks() == []
    assert sqs.states(url) == (0, 0)


def test_a_dropped_job_frees_its_lock(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    url = sqs.create("jobs")

    @punch.job(name="sync", queue="jobs", unique="arguments", discard_on=LookupError)
    def sync() -> None:
        raise LookupError

    assert send_all(sync, ()) == [False]
    consume(url)
    assert table.locks() == []


def test_a_job_frees_only_its_own_lock(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """If its lock has expired, another may have it by then."""
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda: None)
    first = sync.enqueue()
    event = sqs.event(url)
    table.expire()
    second = sync.enqueue()

    assert first.id != second.id
    assert punch.jobs_handler(event) == {"batchItemFailures": []}
    assert [lock["holder"]["S"] for lock in table.locks()] == [second.id]


def test_the_same_arguments_are_the_same_however_they_are_given(sqs: Any, table: Table) -> None:
    """By place, by name, or left to the default; sets in any order."""
    sqs.create("jobs")

    @punch.job(name="sync", queue="jobs", unique="arguments")
    def sync(account: int, kinds: set[str] | None = None, *, full: bool = False) -> None: ...

    assert not sync.enqueue(1, {"a", "b", "c"}).duplicate
    assert sync.enqueue(account=1, kinds={"c", "b", "a"}).duplicate
    assert sync.enqueue(1, {"b", "a", "c"}, full=False).duplicate
    assert not sync.enqueue(1, {"a", "b", "c"}, full=True).duplicate
    assert not sync.enqueue(1).duplicate
    assert sync.enqueue(1, None).duplicate


def test_a_function_says_which_calls_are_the_same(sqs: Any, table: Table) -> None:
    sqs.create("jobs")

    @punch.job(name="sync", queue="jobs", unique=lambda account, _reason: [account // 10, "sync"])
    def sync(account: int, reason: str) -> None: ...

    assert send_all(sync, (11, "a"), (12, "b"), (21, "c")) == [False, True, False]
    with pytest.raises(JobArgumentsError, match="sync: what the unique function returns is a set"):
        sync.using(unique=lambda *_: {1}).enqueue(1, "a")


def test_a_text_means_all_calls_of_the_job(sqs: Any, table: Table) -> None:
    """But not those of another job."""
    sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="one at a time")(lambda account: None)
    other = punch.job(name="other", queue="jobs", unique="one at a time")(lambda account: None)

    assert send_all(sync, (1,), (2,)) == [False, True]
    assert send_all(other, (1,)) == [False]
    assert not sync.using(unique=None).enqueue(3).duplicate


def test_of_many_at_once_only_one_is_sent(sqs: Any, table: Table) -> None:
    """From as many threads, and among the calls of one enqueue_many()."""
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda account: None)
    handles: list[Any] = []
    barrier = threading.Barrier(12)

    def send() -> None:
        barrier.wait(10)
        handles.append(sync.enqueue(1))

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)

    assert sorted(each.duplicate for each in handles) == [False] + [True] * 11
    assert len({each.id for each in handles}) == 1
    assert sqs.states(url) == (1, 0)
    many = punch.enqueue_many([sync.prepare(2), sync.prepare(3), sync.prepare(2)])
    assert [each.duplicate for each in many] == [False, False, True]
    assert (many[2].id, sqs.states(url)) == (many[0].id, (3, 0))


def test_after_the_response_a_duplicate_is_not_sent_either(sqs: Any, table: Table) -> None:
    url = sqs.create("jobs")
    sync = punch.job(name="sync", queue="jobs", unique="arguments", after_response=True)(lambda: None)
    from lambda_punch.testing import recorded

    with recorded() as punches:
        sync.enqueue()
        sync.enqueue()
        assert (table.locks(), sqs.states(url)) == ([], (0, 0))
        punches.run()

    assert sqs.states(url) == (1, 0)


def test_it_needs_a_table(sqs: Any) -> None:
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda: None)

    with pytest.raises(JobOptionError, match="sync: unique needs a table; configure table, or LAMBDA_PUNCH_TABLE"):
        sync.enqueue()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"unique": ""}, "unique must be 'arguments', a text, or a function"),
        ({"unique": 3}, "unique must be 'arguments', a text, or a function"),
        ({"unique": "arguments", "unique_for": 0}, "unique_for must be a whole number of seconds from 1"),
        ({"unique": "arguments", "unique_until": "done"}, "unique_until must be one of ended, started, expired, not 'done'"),
        ({"unique_for": 60}, "unique_for and unique_until go with unique; say which calls are the same"),
        ({"unique_until": "started"}, "unique_for and unique_until go with unique"),
        ({"keep_result": 0.5}, "keep_result must be a whole number of seconds from 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_where_it_is_declared(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(JobOptionError, match=reason):
        punch.job(name="sync", **options)


def test_a_dead_letter_that_is_run_again_needs_no_lock(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """It takes none, and does not free that of another."""
    url = sqs.create("jobs", max_receives=3)
    fails = [False, True]

    @punch.job(name="sync", queue="jobs", unique="arguments", retries=0)
    def sync() -> None:
        if fails.pop():
            raise ConnectionError

    first = sync.enqueue()
    consume(url)
    (letter,) = sqs.receive(url.replace("jobs", "dead-jobs"))
    second = sync.using(delay=600).enqueue()
    sqs.client.send_message(QueueUrl=url, MessageBody=letter["Body"])

    assert json.loads(letter["Body"])["id"] == first.id != second.id
    assert consume(url) == []
    assert fails == []
    assert [lock["holder"]["S"] for lock in table.locks()] == [second.id]


def test_jobs_in_memory_need_no_table() -> None:
    sync = punch.job(name="sync", queue="jobs", unique="arguments")(lambda: None)

    with enqueued() as jobs:
        assert send_all(sync, (), ()) == [False, True]
        jobs.run()
        assert send_all(sync, ()) == [False]
