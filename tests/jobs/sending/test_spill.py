"""Durable jobs that were pushed: run here if there is time, else sent to their queue, and never both."""

from __future__ import annotations

import json
import shutil
import threading
import time
from contextvars import copy_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lambda_punch as punch
from lambda_punch.jobs.sending.queue_spill import QueueSpill
from lambda_punch.runtime.background_loop import BackgroundLoop
from lambda_punch.runtime.drain import Drain
from lambda_punch.runtime.queue import ALL, PunchQueue
from lambda_punch.runtime.spill import Sending

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

ROOT = Path(__file__).parents[3]
AWS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_EC2_METADATA_DISABLED": "true", "LAMBDA_PUNCH_METRICS": "off",
}  # fmt: skip
SHOP = """
from lambda_punch.jobs import aws
aws.client("sqs")  # else the shutdown's window goes into the import, where the disk is slow

@punch.job(name="work", queue="jobs")
def work(number, seconds=0.0):
    note("begin", number)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.01)
    note("end", number)

def plain(text):
    note(text)

@punch.handler
def handler(event, context):
    for number, seconds in enumerate(event):
        punch.push(work, number, seconds)
    punch.push(plain, "plain")
"""


class Bench:
    """A queue with a drain that spills, in this process."""

    error_handler = lost_handler = None

    def __init__(self) -> None:
        self.hooks: list[Any] = []
        self.queue = PunchQueue()
        self.queue.released = ALL
        self.loop = BackgroundLoop()
        self.spill = QueueSpill()
        self.entered = 0
        self.settled: list[int] = []  # what is not settled in the ledger counts as lost when the process is killed
        self.settle = self.settled.append
        self.drain = Drain(self)

    def push(self, function: Any, *args: Any, number: int = 0) -> None:
        self.entered += 1
        self.queue.add((function, args, None, "request-1", number, copy_context(), self.entered, None))


@pytest.fixture
def gate() -> Any:
    """A job that runs until it is let go."""
    opened = threading.Event()

    @punch.job(name="gate", queue="jobs")
    def gate() -> None:
        opened.wait(10)

    gate.opened = opened  # type: ignore[attr-defined]
    return gate


def test_what_waits_behind_a_long_job_is_sent_before_the_margin(sqs: Any, note: Any, done: Any, gate: Any) -> None:
    """While that job still runs; the job itself, being begun, is not. What is not durable waits."""
    url = sqs.create("jobs")
    bench = Bench()
    for function, *args in [(gate,), (note, 1), (done.append, "plain"), (note, 2)]:
        bench.push(function, *args)
    thread = threading.Thread(target=bench.drain.run, args=(time.time() + 1,))
    thread.start()
    deadline = time.monotonic() + 5
    while sqs.states(url) != (2, 0) and time.monotonic() < deadline:
        thread.join(0.01)

    assert len(bench.queue) == 1
    assert [body["args"] for body in sqs.bodies(url)] == [[1], [2]]
    gate.opened.set()
    thread.join()
    bench.drain.run(float("inf"))
    assert done == ["plain"]


def test_what_is_pushed_when_there_is_no_time_any_more_is_sent(sqs: Any, note: Any, done: Any) -> None:
    """In one call."""
    url = sqs.create("jobs")
    bench = Bench()
    for number in range(3):
        bench.push(note, number)

    bench.drain.run(time.time())

    assert len(bench.queue) == 0
    assert len(sqs.bodies(url)) == 3
    assert [name for name, _ in sqs.calls if name.startswith("SendMessage")] == ["SendMessageBatch"]
    assert done == []
    assert bench.settled == [1, 2, 3]


def test_jobs_of_the_request_being_handled_are_not_sent_before_its_response(sqs: Any, note: Any) -> None:
    """They are its own, and it may still fail; they wait."""
    sqs.create("jobs")
    bench = Bench()
    bench.queue.released = 1
    bench.push(note, 1, number=2)

    bench.drain.run(time.time())

    assert len(bench.queue) == 1
    assert sqs.called("SendMessage") == []


@pytest.mark.parametrize("reason", ["arguments", "no queue", "not to be spilled", "memory"])
def test_what_cannot_be_sent_stays_a_job_like_any_other(sqs: Any, note: Any, done: Any, reason: str) -> None:
    """It goes to the front, and is run when there is time."""
    if reason != "no queue":
        sqs.create("jobs")
    job = {"not to be spilled": note.using(spill=False), "memory": note.using(backend="memory")}.get(reason, note)
    value = {1} if reason == "arguments" else 1
    bench = Bench()
    bench.push(done.append, "before")
    bench.push(job, value)
    bench.push(done.append, "after")

    bench.drain.run(time.time())
    deadline = time.monotonic() + 5
    while len(bench.queue) < 3 and time.monotonic() < deadline:  # the drain does not wait long for the sending
        time.sleep(0.01)
    assert bench.settled == []
    bench.drain.run(float("inf"))

    assert sorted(bench.settled) == [1, 2, 3]
    assert sorted(done, key=str) == sorted(["before", value, "after"], key=str)


def test_a_job_whose_queue_may_have_it_is_only_sent_again(sqs: Any, note: Any, done: Any) -> None:
    """The answer was lost, so if it also ran here it might be done twice."""
    from botocore.exceptions import ReadTimeoutError

    url = sqs.create("jobs")
    lost = iter([True])

    def lose(**_: Any) -> None:
        if next(lost, False):
            raise ReadTimeoutError(endpoint_url="http://sqs")

    sqs.client.meta.events.register("after-call.sqs.SendMessage", lose)
    bench = Bench()
    bench.push(note, 1)
    bench.drain.run(time.time())
    bench.drain.run(float("inf"))

    assert done == []
    bodies = sqs.bodies(url)
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]


def test_a_spilled_job_is_its_message(sqs: Any, note: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own id and the pushed arguments, as if it had been enqueued."""
    url = sqs.create("jobs")
    bench = Bench()
    bench.push(note.using(delay=5), {"a": 1})
    bench.drain.run(time.time())

    assert sqs.called("SendMessage")[0]["DelaySeconds"] == 5
    assert json.loads(sqs.called("SendMessage")[0]["MessageBody"])["args"] == [{"a": 1}]
    assert url


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    jobs=st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30),
    chunks=st.lists(st.integers(0, 3), max_size=12),
)
def test_each_job_is_run_or_sent_and_never_both(jobs: list[tuple[bool, bool]], chunks: list[int]) -> None:
    """Spilling and draining at the same time, from two threads, with some that no queue takes."""

    class Picky:
        lead = 0.0

        def __init__(self) -> None:
            self.sent: list[int] = []

        def wants(self, job: Any) -> bool:
            return bool(jobs[job.args[0]][0])

        def send(self, given: list[Any]) -> list[Any]:
            self.sent += [job.args[0] for job in given if jobs[job.args[0]][1]]
            return [job for job in given if not jobs[job.args[0]][1]]

    ran: list[int] = []
    spill = Picky()
    bench = Bench()
    bench.spill = spill
    for number in range(len(jobs)):
        bench.push(ran.append, number)
    spiller = threading.Thread(target=lambda: [Sending.begin(bench).finish(float("inf")) for _ in chunks])
    spiller.start()
    bench.drain.run(float("inf"))
    spiller.join()
    bench.drain.run(float("inf"))

    assert sorted(ran + spill.sent) == list(range(len(jobs)))
    assert all(jobs[number] == (True, True) for number in spill.sent)


def shop(function: Callable[..., Function], server: str, **options: Any) -> Function:
    return function(SHOP, env={**AWS, "AWS_ENDPOINT_URL": server}, **options)


@pytest.mark.slow
@pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])
def test_on_lambda_no_durable_job_waits_for_an_invoke_that_may_never_come(
    function: Callable[..., Function], extension: Any, sqs: Any, sqs_server: str, with_extension: bool
) -> None:
    """At the deadline: the running one goes on at the next invoke, those behind it are in their queue."""
    url = sqs.create("jobs")
    made = shop(function, sqs_server, timeout=3.0, extensions=[extension] if with_extension else [], init_timeout=30)

    made.call([4.0, 0, 0])

    assert made.told == ["begin 0"]
    assert [body["args"][0] for body in sqs.bodies(url)] == [1, 2]
    made.call([])
    made.call([])
    assert made.told == ["begin 0", "end 0", "plain", "plain", "plain"]
    assert made.said("so they were sent to their queues") == []  # a WARNING, and the level is error


OTHER_EXTENSION = ROOT / "benchmarks" / "functions" / "do-nothing"


@pytest.mark.parametrize("sender", ["heir", "runtime"])
def test_at_the_shutdown_what_was_not_begun_is_sent(
    function: Callable[..., Function], extension: Path, sqs: Any, sqs_server: str, tmp_path: Path, sender: str
) -> None:
    """By the heir; or, where another extension alone gives the runtime its 300 ms, in these. Plain jobs are run."""
    url = sqs.create("jobs")
    other = Path(shutil.copy(OTHER_EXTENSION, tmp_path / "do-nothing"))
    other.chmod(0o755)
    extensions = [extension] if sender == "heir" else [other]
    made = shop(function, sqs_server, timeout=30.0, init_timeout=30, extensions=extensions)
    made.call([])
    made.invoke([20.0, 0, 0, 0])
    deadline = time.monotonic() + 10
    while "begin 0" not in made.told and time.monotonic() < deadline:
        time.sleep(0.01)
    made.shutdown(abandon=True)

    assert sqs.states(url) == (3, 0)
    assert sorted(body["args"][0] for body in sqs.bodies(url)) == [1, 2, 3]
    assert [text for text in made.told if text != "plain"] == ["begin 0"]
    assert made.said("app.work): ")  # the one that runs, as lost
    if sender == "heir":
        assert made.told.count("plain") == 2
