"""What a job finds, and what it leaves: its thread, its memory, its time, and what the log says at the default level.

In whole functions; the parts have tests of their own in tests/runtime and tests/jobs.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

NO_SQS = {  # nobody is there: what is asked of SQS fails at once
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_MAX_ATTEMPTS": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def batch(job: str, *, start: int = 0, count: int = 6) -> dict[str, Any]:
    """An event of SQS with so many messages for a job."""
    return {"Records": [
        {
            "messageId": f"message-{number}", "receiptHandle": "handle", "eventSource": "aws:sqs", "awsRegion": "eu-west-1",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:jobs", "messageAttributes": {},
            "attributes": {
                "ApproximateReceiveCount": "1", "SentTimestamp": "1700000000000",
                "ApproximateFirstReceiveTimestamp": "1700000000000",
            },
            "body": json.dumps({
                "lambda_punch": 1, "job": job, "id": f"id-{number}", "args": [number], "kwargs": {}, "attempt": 1,
                "enqueued_at": 1700000000000,
            }),
        }
        for number in range(start, start + count)
    ]}  # fmt: skip


CONNECT = """
local = threading.local()

def connect(n):
    if not hasattr(local, "connection"):
        local.connection = object()
        note("made", threading.get_ident())
    time.sleep(0.01)
"""


def test_what_jobs_keep_for_their_thread_is_made_once_for_each_worker(function: Make) -> None:
    """Connections and clients, that is: 10 requests with 6 jobs each make 4 of them."""
    shop = function(
        CONNECT
        + """
punch.configure(workers=4)
punch.start()

def handler(event, context):
    for number in range(6):
        punch.push(connect, number)
"""
    )
    for _ in range(10):
        shop.call()

    assert 1 <= len(shop.told) <= 4


def test_what_jobs_of_batches_keep_for_their_thread_is_bounded_as_well(function: Make) -> None:
    shop = function(
        CONNECT
        + """
punch.configure(concurrency=4)

@punch.job(name="connect")
def connect_job(n): connect(n)

handler = punch.jobs_handler
""",
        env=NO_SQS,
        timeout=20,
    )
    for start in range(0, 30, 6):
        assert shop.call(batch("connect", start=start)) == {"batchItemFailures": []}

    assert 1 <= len(shop.told) <= 4


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_failed_jobs_of_a_batch_leave_nothing_alive(function: Make, kind: str) -> None:
    """Whatever they had is freed at once, without a full collection."""
    shop = function(
        f"""
        import gc, weakref
        class Large: pass
        alive = []
        gc.disable()

        @punch.job(name="bad", retries=1)
        {kind} bad(n):
            large = Large()
            alive.append(weakref.ref(large))
            raise ValueError

        def handler(event, context):
            answer = punch.jobs_handler(event, context)
            note(len(alive), sum(each() is not None for each in alive))
            return answer
        """,
        env=NO_SQS,
        timeout=20,
    )

    shop.call(batch("bad", count=3))

    assert shop.told == ["3 0"]


@pytest.mark.parametrize("kind", ["def", "async def", "async def, on a loop of the handler's"])
def test_failed_pushed_jobs_leave_nothing_alive(function: Make, kind: str) -> None:
    shop = function(
        f"""
        import asyncio, gc, weakref
        class Large: pass
        alive = []
        loop = asyncio.new_event_loop()

        {kind.partition(",")[0]} bad():
            large = Large()
            alive.append(weakref.ref(large))
            raise ValueError

        async def main():
            for _ in range(3): punch.push(bad)

        def handler(event, context):
            gc.disable()
            if event == "look": note(len(alive), sum(each() is not None for each in alive))
            elif {"loop" in kind}: loop.run_until_complete(main())
            else:
                for _ in range(3): punch.push(bad)
        """
    )

    shop.call()
    shop.call("look")

    assert shop.told == ["3 0"]


@pytest.mark.parametrize("where", ["a batch", "an asynchronous invoke"])
def test_a_job_that_sets_an_alarm_of_its_own_still_has_a_time_limit(function: Make, where: str) -> None:
    """As decorators for timeouts do."""
    shop = function(
        """
        import signal

        @punch.job(name="slow", timeout=0.5, retries=0)
        def slow(n):
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.alarm(5)
            signal.alarm(0)
            for _ in range(250): time.sleep(0.01)
            note("done")

        handler = punch.jobs_handler
        """,
        env=NO_SQS,
        timeout=20,
    )

    event = batch("slow", count=1)
    shop.invoke(event if where == "a batch" else json.loads(event["Records"][0]["body"]))
    shop.wait_idle(timeout=20)

    assert shop.told == []
    assert shop.said("JobTimeoutError")


def test_what_costs_time_or_work_is_said_at_the_default_level(function: Make) -> None:
    """A start() that comes late, a job that outlasts its invoke, and each failed run of a durable job with its reason."""
    shop = function(
        """
        def long():
            for _ in range(150): time.sleep(0.01)  # awake time

        @punch.job(name="bad", retries=1)
        def bad(n): raise ValueError("no stock")

        def handler(event, context):
            if event: return punch.jobs_handler(event, context)
            punch.push(long)
        """,
        env=NO_SQS,
        timeout=1.2,
    )

    shop.call()
    shop.call()
    assert len(shop.said("start() was called inside the handler")) == 1
    assert len(shop.said("job app.long of request")) >= 1
    shop.call(batch("bad", count=1))
    lines = [line for line in shop.said("job bad id-0") if "no stock" in line]
    assert len(lines) == 1
    assert "attempt 1 of 2" in lines[0]
