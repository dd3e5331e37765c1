"""The timeline: from events to rows to text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local import Event, Row, Timeline
from lambda_punch.local.chart import length, render

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


def test_plain_drawing() -> None:
    """Plain text has a legend, a scale, one line per invoke with its lengths in words, and bars to scale."""
    rows = [Row(1, "a", init=0.2, response=0.1, background=0.4, frozen=2.0), Row(2, "b", response=0.1, frozen=0.1)]
    text = render(rows, width=80, scale=1.0)

    header, first, second = text.splitlines()
    assert re.search(r"i init +# response += background +\. frozen +0 .*500 ms", header)
    assert re.search(r"#1 +200 ms +100 ms +400 ms +2\.00 s +i+#+=+\.+>$", first)
    assert re.search(r"#2 +- +100 ms +- +100 ms +#+\.+$", second)
    assert first.count("=") == pytest.approx(2 * first.count("i"), abs=1)
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80


def test_common_scale() -> None:
    """With one scale the same length takes the same room in two drawings; nothing that happened is invisible."""
    one = render([Row(1, "a", response=0.1)], width=100, scale=1.0)
    other = render([Row(1, "a", response=0.1), Row(2, "b", response=0.9, background=0.001)], width=100, scale=1.0)

    bars = [re.search(r"(#+)$", text.splitlines()[1]) for text in (one, other)]
    assert bars[0].group() == bars[1].group()
    assert other.splitlines()[2].endswith("#=")


def test_colours() -> None:
    """In colour the parts are blocks, and taking the colours out leaves every line within the width."""
    text = render([Row(1, "a", init=0.2, response=0.1, background=0.4, frozen=9)], width=90, scale=1.0, color=True)

    assert "\x1b[35m██" in text
    assert max(len(re.sub(r"\x1b\[\d+m", "", line)) for line in text.splitlines()) <= 90


def test_errors() -> None:
    """An error stands behind its bar, or below it where there is no room."""
    rows = [
        Row(1, "a", response=0.01, error_type="ValueError"),
        Row(2, "b", response=1.0, error_type="Sandbox.Timedout"),
    ]
    lines = render(rows, width=80, scale=1.0).splitlines()

    assert lines[1].endswith("# ! ValueError")
    assert lines[3].strip() == "! Sandbox.Timedout"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.0008, "0.8 ms"), (0.24, "240 ms"), (1.239, "1.24 s"), (61.0, "61.0 s"), (180.0, "3 min")],
)
def test_length(seconds: float, words: str) -> None:
    """Lengths are said as a person would."""
    assert length(seconds) == words


def test_no_rows() -> None:
    """A run without invokes draws only its legend."""
    assert Timeline.from_events([]).render().count("\n") == 1


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
