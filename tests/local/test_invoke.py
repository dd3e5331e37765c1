"""Invokes: who gets what, and when."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local import KINDS, EnvironmentClosedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts

BUSY = """
identifier = register("INVOKE")
while True:
    next_event(identifier)
    time.sleep(0.3)
"""


def test_the_real_runtime(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """Awslambdaric runs the handler with a full context."""
    scripts.function(
        """
        def handler(event, context):
            return [event, context.aws_request_id, context.memory_limit_in_mb, context.function_name,
                    context.get_remaining_time_in_millis()]
        """
    )
    with local(timeout=9, memory_size=256, function_name="shop") as function:
        answer = function.invoke({"a": 1})

    event, request_id, memory, name, left = answer.json()
    assert (event, request_id, memory, name) == ({"a": 1}, answer.request_id, "256", "shop")
    assert 8000 < left <= 9000


def test_handler_error(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A handler's exception is an answer with its type, also when its report is long; the environment lives on."""
    scripts.function("def handler(event, context):\n    raise KeyError('x' * event)")
    with local() as function:
        pid = function.runtime_pid
        answers = [function.invoke(size) for size in (1, 100_000)]
        assert function.runtime_pid == pid

    assert [answer.error_type for answer in answers] == ["KeyError", "KeyError"]
    assert not answers[0].ok


def test_response_before_the_extension_is_done(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """The caller has the response while an extension still works; the invoke is over when it has polled again."""
    with raw(extensions=[scripts.extension(BUSY)]) as function:
        answer = function.invoke()
        kinds_then = [event.kind for event in function.events]
        function.wait_idle(5)
        done = next(event for event in function.events if event.kind == "invoke-done")

    assert answer.responded_at - answer.sent_at < 0.25
    assert "invoke-done" not in kinds_then
    assert done.at - answer.sent_at >= 0.3


def test_the_runtime_is_answered_at_once(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """Posting a response takes no longer because an extension works: awslambdaric holds the GIL until it is answered."""
    runtime = """
    took = 0
    while True:
        request_id, event = next_invocation()
        begun = time.monotonic()
        respond(request_id, took)
        took = time.monotonic() - begun
    """
    with raw(runtime, extensions=[scripts.extension(BUSY)]) as function:
        function.invoke()

        assert function.invoke().json() < 0.2


def test_idle_means_all_that_was_submitted(raw: Callable[..., LocalLambda]) -> None:
    """Waiting for idleness includes everything that was handed in before, even just before."""
    with raw() as function:
        for _ in range(20):
            future = function.submit()
            function.wait_idle(5)
            assert future.done()


def test_next_invoke_waits_for_the_extension(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """The next invoke of an environment starts when the one before is done on all sides."""
    with raw(extensions=[scripts.extension(BUSY)]) as function:
        function.invoke()
        second = function.invoke()

    assert second.responded_at - second.sent_at > 0.2


def test_overlapping_invokes_queue(raw: Callable[..., LocalLambda]) -> None:
    """Calls from many threads are served one after another, each with its own answer."""
    with raw() as function:
        answers: dict[int, object] = {}
        threads = [
            threading.Thread(target=lambda n=n: answers.__setitem__(n, function.invoke(n).json())) for n in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        function.wait_idle(5)
        events = function.events

    turns = [event.kind for event in events if event.kind in ("invoke", "invoke-done")]
    assert answers == {n: n for n in range(8)}
    assert turns == ["invoke", "invoke-done"] * 8


def test_conversation(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An invoke is recorded in order, with the request's id, from a fixed vocabulary and on one clock."""
    with raw(extensions=[scripts.extension()]) as function:
        answer = function.invoke()
        function.wait_idle(5)
        events = function.events

    mine = [(event.source, event.kind) for event in events if event.request_id == answer.request_id]
    assert mine[:2] == [("platform", "queued"), ("platform", "invoke")]
    assert set(mine[2:4]) == {("extension:watcher", "event-delivered"), ("runtime", "event-delivered")}
    assert mine[4:] == [
        ("runtime", "response"),
        ("platform", "answered"),
        ("runtime", "runtime-done"),
        ("platform", "invoke-done"),
    ]
    assert {event.kind for event in events} <= set(KINDS)
    assert next(event.at for event in events if event.kind == "response") == answer.responded_at


def test_every_line_is_logged(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """What a process writes is read line by line however much it is, and a broken listener does not stop that."""
    scripts.function("def handler(event, context):\n    print(('x' * 1000 + '\\n') * 500 + 'end', end='')")
    lines: list[str] = []

    def listen(_source: str, line: str) -> None:
        lines.append(line)
        assert line != "end"

    with local(on_log=listen) as function:
        assert function.invoke().ok

    assert (len(lines), lines[-1], function.logs) == (501, "end", [])


def test_shutdown_waits_for_the_invoke(raw: Callable[..., LocalLambda]) -> None:
    """Lambda does not end an environment in the middle of an invoke; what is still queued is refused."""
    with raw(
        "request_id, event = next_invocation()\ntime.sleep(0.3)\nrespond(request_id)\nnext_invocation()"
    ) as function:
        first, second = function.submit(), function.submit()
        function.wait_for(lambda event: event.kind == "event-delivered")
        function.shutdown()

    assert first.result().ok
    with pytest.raises(EnvironmentClosedError):
        second.result()


def test_abandoned_invoke(raw: Callable[..., LocalLambda]) -> None:
    """Leaving the context by an exception breaks the invoke off."""
    function = raw("next_invocation()\ntime.sleep(60)", timeout=60)
    with pytest.raises(RuntimeError, match="mine"), function:  # noqa: PT012 - what happens inside is the point
        pending = function.submit()
        function.wait_for(lambda event: event.kind == "event-delivered")
        raise RuntimeError("mine")

    with pytest.raises(EnvironmentClosedError):
        pending.result()


def test_overhead(raw: Callable[..., LocalLambda]) -> None:
    """An invoke of a raw runtime costs well under ten milliseconds, so that thousands can be measured."""
    with raw() as function:
        answers = [function.invoke() for _ in range(200)]

    lengths = sorted(answer.responded_at - answer.sent_at for answer in answers)
    assert lengths[100] < 0.01
