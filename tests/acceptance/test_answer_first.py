"""Answer first, work after: the function, awslambdaric and the extension as real processes in the local Lambda."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

ONE_JOB = """
    punch.start()

    def handler(event, context):
        try:
            punch.push(note, "job", context.aws_request_id)
            return {"ok": True}
        finally:
            punch.handled(context)
"""


def test_a_job_runs_after_the_response_and_before_the_freeze(function: Callable[..., Function]) -> None:
    """The caller has its answer first; the environment is frozen only when the job is done."""
    shop = function(ONE_JOB)

    invocation = shop.invoke({})
    shop.wait_idle(timeout=10)

    assert invocation.json() == {"ok": True}
    assert shop.told == [f"job {invocation.request_id}"]
    frozen = [event.at for event in shop.events if event.kind == "frozen"][-1]
    assert invocation.responded_at < shop.notes[0].at < frozen


def test_the_extension_sleeps_while_the_handler_works(function: Callable[..., Function]) -> None:
    """Callers do not wait for a second process to wake, because its event lies unread until the response is out."""
    shop = function(
        """
        punch.start()
        PORT = ":%04X" % int(os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")[2])

        def unread():
            with open("/proc/net/tcp") as connections:
                rows = [line.split() for line in connections][1:]
            return [row for row in rows if row[2].endswith(PORT) and not row[4].endswith(":00000000")]

        @punch.handler
        def handler(event, context):
            until = time.monotonic() + 2
            while not unread() and time.monotonic() < until:
                pass
            time.sleep(event)
            return len(unread())
        """
    )
    shop.call(0)  # of the first one it knows nothing yet

    assert [shop.call(0.05) for _ in range(3)] == [1, 1, 1]


@pytest.mark.timeout(120)
def test_no_job_starts_before_the_response_is_out(function: Callable[..., Function]) -> None:
    """200 invokes with a CPU-bound job and a response of 1 MB: each job starts after its response was received."""
    shop = function(
        """
        punch.start()
        BODY = "x" * 1_000_000

        def work(request_id):
            note(request_id)
            until = time.monotonic() + 0.005
            while time.monotonic() < until:
                pass

        def handler(event, context):
            punch.push(work, context.aws_request_id)
            return BODY
        """
    )
    received = {}
    for _ in range(200):
        invocation = shop.invoke({})
        received[invocation.request_id] = invocation.responded_at
    shop.wait_idle(timeout=10)

    started = {note.text: note.at for note in shop.notes}
    assert started.keys() == received.keys()
    assert [request for request, at in started.items() if at <= received[request]] == []


def test_a_handler_that_raises_has_its_error_out_and_its_jobs_run(function: Callable[..., Function]) -> None:
    """The caller gets the handler's own error; what it had pushed is still done."""
    shop = function(
        """
        punch.start()

        def handler(event, context):
            try:
                punch.push(note, "pushed")
                raise LookupError("no such order")
            finally:
                punch.handled(context)
        """
    )

    invocation = shop.invoke({})
    shop.wait_idle(timeout=10)

    assert invocation.error_type == "LookupError"
    assert shop.told == ["pushed"]


def test_forgetting_handled_costs_nothing(function: Callable[..., Function]) -> None:
    """The runtime client's next call says what handled() would have said."""
    shop = function(
        """
        punch.start()

        def handler(event, context):
            punch.push(note, "pushed")
            return "answer"
        """
    )

    assert shop.call() == "answer"
    assert shop.told == ["pushed"]


def test_a_function_that_does_not_use_the_library_is_not_waited_for(function: Callable[..., Function]) -> None:
    """The extension asks for its next event while such a handler still runs."""
    shop = function(
        """
        import os, time

        def handler(event, context):
            while not os.path.exists(os.environ["NOTES"]):
                time.sleep(0.001)
            return "answer"
        """,
        prelude="",
    )
    # The handler ends when the notes are there, and they are written when the extension has asked: no clock.
    polled = threading.Event()

    def allow() -> None:
        while not polled.wait(0.002):
            kinds = [(event.source, event.kind) for event in shop.events]
            delivered = ("extension:lambda-punch", "event-delivered")
            if delivered in kinds and ("extension:lambda-punch", "next") in kinds[kinds.index(delivered) :]:
                shop.notes_file.touch()
                polled.set()

    watcher = threading.Thread(target=allow)
    watcher.start()
    answer = shop.call()
    polled.set()
    watcher.join()

    assert answer == "answer"


def test_nothing_pushed_needs_no_zeromq(function: Callable[..., Function]) -> None:
    """Without jobs neither process has loaded zmq or started a thread for it."""
    shop = function(
        """
        import sys
        punch.start()

        def handler(event, context):
            punch.handled(context)
            return ["zmq" in sys.modules, len(os.listdir("/proc/self/task"))]
        """
    )

    shop.call()

    assert shop.call() == [False, 2]  # the main thread and the one that waits for SIGTERM
    for name, pid in shop.extension_pids.items():
        with open(f"/proc/{pid}/maps") as maps:
            assert "zmq" not in maps.read(), name


def test_the_same_without_the_extension(function: Callable[..., Function]) -> None:
    """Without the extension the function itself stays awake for its jobs, after the response."""
    shop = function(ONE_JOB, extensions=[])

    invocation = shop.invoke({})
    shop.wait_idle(timeout=10)

    assert shop.told == [f"job {invocation.request_id}"]
    runtime_next = [event.at for event in shop.events if event.source == "runtime" and event.kind == "next"][-1]
    assert invocation.responded_at < shop.notes[0].at < runtime_next


def test_started_inside_the_handler_the_function_itself_waits(function: Callable[..., Function]) -> None:
    """A push without start() works from the first request on; an ERROR line says what is better."""
    shop = function(
        """
        def handler(event, context):
            punch.push(note, event)
            return "answer"
        """,
    )

    shop.call("first")
    assert shop.told == ["first"]

    shop.call("second")
    assert shop.told == ["first", "second"]
    assert len(shop.said("start() was called inside the handler")) == 1


def test_handled_without_a_request_id_is_a_warning(function: Callable[..., Function]) -> None:
    """The runtime client still knows the request; the answer goes out and the jobs run."""
    shop = function(
        """
        punch.start()

        def handler(event, context):
            try:
                punch.push(note, event)
                return event
            finally:
                punch.handled(None)
        """,
        env={"LAMBDA_PUNCH_LOG_LEVEL": "warning"},
    )

    assert [shop.call(1), shop.call(2)] == [1, 2]
    assert shop.told == ["1", "2"]
    assert len(shop.said("handled() got a NoneType; pass the context that Lambda gave to the handler")) == 2
