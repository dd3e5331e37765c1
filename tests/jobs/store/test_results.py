"""Results by id, in a table of DynamoDB: what is written when, and who gets to know it."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.errors import JobFailedError, JobOptionError, ResultError, ResultTimeoutError
from lambda_punch.jobs import registry
from lambda_punch.jobs.store import results
from lambda_punch.jobs.store.interface import EXPIRES
from lambda_punch.testing import enqueued

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Table

NOW = 5.0  # seconds by which times may differ


@dataclass
class Receipt:
    day: date
    total: int


def test_the_table_of_the_docs_is_the_one_that_is_tested(table: Table) -> None:
    yaml = pytest.importorskip("yaml")
    text = (
        (Path(__file__).parents[3] / "docs" / "durable-jobs.md")
        .read_text()
        .partition("```yaml\nJobs:")[2]
        .partition("```")[0]
    )
    properties = yaml.safe_load("Jobs:" + text)["Jobs"]["Properties"]
    made = table.client.describe_table(TableName="punch")["Table"]

    assert properties["KeySchema"] == made["KeySchema"]
    assert properties["AttributeDefinitions"] == made["AttributeDefinitions"]
    assert properties["TimeToLiveSpecification"] == {"AttributeName": EXPIRES, "Enabled": True}


def test_the_life_of_a_job(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """Queued, running, done; the value arrives as its annotation says."""
    url = sqs.create("jobs")
    seen = []

    @punch.job(name="sell", queue="jobs", keep_result=timedelta(hours=1))
    def sell(total: int) -> Receipt:
        seen.append(sell.result_of(handle.id))
        return Receipt(date(2026, 3, 1), total)

    handle = sell.enqueue(42)
    queued = sell.result_of(handle.id)
    assert consume(url) == []
    done = sell.result_of(handle.id)

    (running,) = seen
    assert queued is not None
    assert running is not None
    assert done is not None
    assert (queued.job, queued.status, queued.attempts, queued.ended) == ("sell", "queued", 0, False)
    assert (running.status, running.attempts, running.ended) == ("running", 1, False)
    assert (done.status, done.attempts, done.ended) == ("done", 1, True)
    assert done.value == handle.result(0) == Receipt(date(2026, 3, 1), 42)
    now = time.time()
    for moment in (queued.enqueued_at, running.started_at, done.ended_at):
        assert moment is not None
        assert abs(moment - now) < NOW
    (item,) = table.items()
    assert abs(int(item["expires"]["N"]) - now - 3600) < NOW
    assert table.calls.count("PutItem") + table.calls.count("UpdateItem") == 3


def test_a_failure_is_seen_until_the_job_is_dead(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    url = sqs.create("jobs", max_receives=3)

    @punch.job(name="charge", queue="jobs", keep_result=3600, retries=1, wait=lambda _: 0)
    def charge() -> None:
        raise ConnectionError("no answer")

    handle = charge.enqueue()
    assert consume(url) == []
    failed = charge.result_of(handle.id)
    with pytest.raises(
        ResultTimeoutError,
        match=rf"charge {handle.id} has not ended after 0 s; it is failed: ConnectionError: no answer",
    ):
        handle.result(0)
    assert consume(url) == []
    dead = charge.result_of(handle.id)

    assert failed is not None
    assert dead is not None
    assert (failed.status, failed.attempts, failed.error, failed.error_type) == (
        "failed",
        1,
        "no answer",
        "ConnectionError",
    )
    assert failed.traceback is not None
    assert 'raise ConnectionError("no answer")' in failed.traceback
    assert (dead.status, dead.attempts, dead.ended) == ("dead", 2, True)
    with pytest.raises(JobFailedError, match=rf"charge {handle.id} is dead: ConnectionError: no answer"):
        handle.result(0)


def test_an_error_that_drops_the_job(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    url = sqs.create("jobs")

    @punch.job(name="charge", queue="jobs", keep_result=3600, discard_on=LookupError)
    def charge() -> None:
        raise KeyError("no such order")

    handle = charge.enqueue()
    consume(url)

    with pytest.raises(JobFailedError, match=rf"charge {handle.id} is discarded: KeyError: 'no such order'"):
        handle.result(0)


def test_a_message_that_nobody_can_run_has_a_result_too(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """It is dead at its third receive, with the reason."""
    url = sqs.create("jobs", max_receives=5, visibility=0)

    @punch.job(name="gone", queue="jobs", keep_result=3600, unique="arguments")
    def gone() -> None: ...

    handle = gone.enqueue()
    registry._jobs.clear()
    for _ in range(3):
        consume(url)

    with pytest.raises(JobFailedError, match=r"gone .* is dead: poison: no job 'gone' is declared here"):
        handle.result(0)
    assert table.locks() == []


def test_result_waits_for_the_job(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """On a thread, and on an event loop that goes on meanwhile."""
    url = sqs.create("jobs")
    waiting = threading.Event()

    @punch.job(name="add", queue="jobs", keep_result=3600)
    async def add(what: int) -> int:
        await asyncio.sleep(0)
        return what + 1

    first, second = add.enqueue(1), add.enqueue(2)
    found: list[Any] = []

    def wait() -> None:
        waiting.set()
        found.append(first.result(30))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(10)

    async def both() -> Any:
        task = asyncio.create_task(second.aresult(30))
        await asyncio.sleep(0)
        await asyncio.to_thread(consume, url)
        return await task, await add.aresult_of(first.id)

    value, looked = asyncio.run(both())
    thread.join(30)
    assert (value, found) == (3, [2])
    assert looked is not None
    assert looked.value == 2


def test_a_result_expires_although_dynamodb_has_not_removed_it(sqs: Any, table: Table) -> None:
    sqs.create("jobs")

    @punch.job(name="add", queue="jobs", keep_result=3600)
    def add() -> None: ...

    handle = add.enqueue()
    table.expire()

    assert len(table.items()) == 1
    assert add.result_of(handle.id) is None
    with pytest.raises(ResultError, match=rf"nothing is known of add {handle.id}: .*its result has expired"):
        handle.result(0)


def test_a_delayed_job_is_known_until_it_is_due_and_longer(sqs: Any, table: Table) -> None:
    sqs.create("jobs")
    add = punch.job(name="add", queue="jobs", keep_result=60)(lambda: None)

    add.using(delay=timedelta(days=3)).enqueue()

    (item,) = table.items()
    assert abs(int(item["expires"]["N"]) - time.time() - 3 * 86_400 - 60) < NOW


def test_only_those_who_ask_pay_for_it(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """Jobs without keep_result make no call to DynamoDB, and one call can be without it."""
    url = sqs.create("jobs")
    plain = punch.job(name="plain", queue="jobs")(lambda: None)
    kept = punch.job(name="kept", queue="jobs", keep_result=60)(lambda: None)

    plain.enqueue()
    kept.using(keep_result=None).enqueue()
    consume(url)
    assert table.calls == []

    handle = plain.using(keep_result=60).enqueue()
    consume(url)
    assert handle.result(0) is None


def test_many_are_noted_with_few_calls(sqs: Any, table: Table) -> None:
    sqs.create("jobs")
    add = punch.job(name="add", queue="jobs", keep_result=60)(lambda what: None)

    handles = punch.enqueue_many([add.prepare(number) for number in range(30)])

    assert table.calls == ["BatchWriteItem", "BatchWriteItem"]
    assert {results.look(handle.id).status for handle in handles} == {"queued"}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (object(), "is a object, which JSON does not have"),
        ("x" * 300_000, "has 300,002 bytes, and 300,000 can be kept"),
        (float("nan"), "is nan, which JSON does not have"),
    ],
)
def test_a_value_that_cannot_be_kept_does_not_fail_the_job(
    value: Any, reason: str, sqs: Any, table: Table, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is done, and whoever asks is told why there is no value."""
    url = sqs.create("jobs")
    give = punch.job(name="give", queue="jobs", keep_result=60)(lambda: value)

    handle = give.enqueue()
    assert consume(url) == []

    with pytest.raises(ResultError, match=rf"give {handle.id} is done, and its value was not kept: it {reason}"):
        handle.result(0)
    assert f"the value of job give {handle.id} is not kept: it {reason}" in caplog.text


def test_an_annotation_that_nothing_can_carry_is_refused_where_it_is_declared(sqs: Any) -> None:
    def give() -> threading.Thread: ...

    with pytest.raises(JobOptionError, match="give: the return value"):
        punch.job(name="give", keep_result=60)(give)
    punch.job(name="give")(give)


def test_a_value_that_no_longer_fits_is_told(sqs: Any, table: Table, consume: Callable[..., Any]) -> None:
    """The function returns something else since."""
    url = sqs.create("jobs")
    punch.job(name="give", queue="jobs", keep_result=60)(lambda: "soon")
    handle = punch.jobs.DurableJob.enqueue(punch.job(name="give", queue="jobs", keep_result=60)(lambda: "soon"))
    consume(url)
    registry._jobs.clear()

    def give() -> date: ...

    punch.job(name="give", queue="jobs", keep_result=60)(give)
    with pytest.raises(
        ResultError, match=r"its value was not kept: it does not fit the function's annotation any more"
    ):
        handle.result(0)


def test_a_job_that_is_not_sent_is_not_queued(sqs: Any, table: Table, caplog: pytest.LogCaptureFixture) -> None:
    add = punch.job(name="add", queue="nowhere", keep_result=60)(lambda: None)

    with pytest.raises(punch.EnqueueError):
        add.enqueue()

    assert table.items() == []


def test_an_asynchronous_invoke_has_results(sqs: Any, table: Table) -> None:
    """The third failure is not ours to see, so until then the job has failed."""

    @punch.job(name="own", backend="lambda_event", keep_result=60)
    def own(fails: bool = False) -> str:
        if fails:
            raise ValueError("no")
        return "done"

    good, bad = own.prepare().outgoing, own.prepare(fails=True).outgoing
    assert punch.jobs_handler(json.loads(good.body)) is None
    with pytest.raises(ValueError, match="no"):
        punch.jobs_handler(json.loads(bad.body))

    done, failed = own.result_of(good.id), own.result_of(bad.id)
    assert done is not None
    assert failed is not None
    assert (done.status, done.value) == ("done", "done")
    assert (failed.status, failed.error_type) == ("failed", "ValueError")


def test_jobs_in_memory_need_no_table() -> None:
    """In tests of code that asks for results, and off Lambda with the backend memory."""

    @punch.job(name="add", queue="jobs", keep_result=60)
    def add(what: int) -> int:
        return what + 1

    with enqueued() as jobs:
        handle = add.enqueue(1)
        assert add.result_of(handle.id).status == "queued"  # type: ignore[union-attr]
        jobs.run()
        assert handle.result(0) == 2
        assert add.result_of("another") is None


def test_logs_hold_no_traceback_of_ours(
    sqs: Any, table: Table, consume: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A run with results writes nothing to the log that a run without them does not."""
    url = sqs.create("jobs")
    punch.job(name="add", queue="jobs", keep_result=60)(lambda: None).enqueue()
    with caplog.at_level(logging.WARNING):
        consume(url)
    assert caplog.text == ""


@pytest.mark.usefixtures("table")
def test_a_value_whose_own_code_raises_is_not_kept_and_the_job_is_done_once() -> None:
    """A computed field of a model, say: any error."""

    class Broken(dict):  # type: ignore[type-arg]
        def __iter__(self) -> Any:
            raise ZeroDivisionError("division by zero")

        def items(self) -> Any:
            raise ZeroDivisionError("division by zero")

    runs = []

    @punch.job(queue="values", name="broken", retries=0, keep_result=60)
    def broken() -> Any:
        runs.append(1)
        return Broken(a=1)

    with enqueued() as jobs:
        broken.enqueue()
        jobs.run()

        assert (len(runs), len(jobs.dead)) == (1, 0)
