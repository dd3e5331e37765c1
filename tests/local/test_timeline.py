"""The timeline: from events to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lambda_punch.local import Event, Timeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts


def conversation(*entries: tuple[float, str] | tuple[float, str, str] | tuple[float, str, str, dict]) -> list[Event]:
    return [Event(at, "platform", kind, *rest) for at, kind, *rest in entries]


FIRST = conversation(
    (0.0, "init-start"),
    (0.2, "init-done"),
    (0.2, "frozen"),
    (5.0, "queued", "a"),
    (5.1, "invoke", "a"),
    (5.1, "thawed"),
    (5.2, "answered", "a", {"error_type": None}),
    (5.6, "invoke-done", "a"),
    (5.6, "frozen"),
)


def test_an_invoke() -> None:
    """A row has the init before it, the response, the background after it, and the stand-still until the next thaw."""
    timeline = Timeline.from_events(
        [*FIRST, *conversation((7.6, "thawed"), (7.6, "shutdown", None, {"reason": "spindown"}), (7.9, "down"))]
    )

    (row,) = timeline.rows
    assert (row.number, row.request_id, row.error_type) == (1, "a", None)
    assert [row.queued, row.init, row.response, row.background, row.reset, row.frozen] == pytest.approx(
        [0.1, 0.2, 0.1, 0.4, 0, 2.0]
    )
    assert timeline.shutdown == pytest.approx(0.3)


def test_a_failed_invoke() -> None:
    """The end of the processes is a part of its own; the re-init belongs to the invoke that needed it."""
    timeline = Timeline.from_events(
        conversation(
            (0.0, "invoke", "a"),
            (1.0, "answered", "a", {"error_type": "Sandbox.Timedout"}),
            (1.0, "reset"),
            (1.3, "down"),
            (1.3, "invoke-done", "a"),
            (2.0, "invoke", "b"),
            (2.0, "init-start"),
            (2.4, "init-done"),
            (2.5, "answered", "b", {"error_type": None}),
            (2.6, "invoke-done", "b"),
        )
    )

    first, second = timeline.rows
    assert [first.response, first.background, first.reset] == pytest.approx([1.0, 0, 0.3])
    assert [second.init, second.response, second.background] == pytest.approx([0.4, 0.1, 0.1])
    assert first.error_type == "Sandbox.Timedout"


def test_an_unfinished_run() -> None:
    """Events that stop anywhere make rows of what is known."""
    for count in range(len(FIRST)):
        assert len(Timeline.from_events(FIRST[:count]).rows) == (count > 4)


def test_a_real_run(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A slow extension shows as background, a slow answer as response."""
    slow = scripts.extension(
        'identifier = register("INVOKE")\nwhile True:\n    next_event(identifier)\n    time.sleep(0.4)'
    )
    runtime = "while True:\n    r, e = next_invocation()\n    time.sleep(0.2)\n    respond(r)"
    with raw(runtime, extensions=[slow]) as function:
        function.invoke()
        function.wait_idle(5)

    timeline = Timeline.from_events(function.events)
    (row,) = timeline.rows
    assert [row.response, row.background] == pytest.approx([0.2, 0.2], abs=0.1)
    assert row.init > 0
    assert timeline.shutdown is not None
