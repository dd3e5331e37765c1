"""Jobs and the function's timeout: none starts in the margin, and one that runs into it goes on later."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

MODES = pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])


@MODES
def test_a_job_that_outlasts_the_timeout_goes_on_at_the_next_invoke(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """The function does not time out; the job runs once; what was pushed behind it waits its turn."""
    shop = function(
        """
        def slow():
            note("begin")
            until = time.monotonic() + 1.5
            while time.monotonic() < until:
                time.sleep(0.01)
            note("end")

        @punch.handler
        def handler(event, context):
            if event == "slow":
                punch.push(slow)
            punch.push(note, event)
            return event
        """,
        timeout=1.0,
        extensions=[extension] if with_extension else [],
    )

    assert [shop.call("slow"), shop.call("second"), shop.call("third")] == ["slow", "second", "third"]

    assert shop.told == ["begin", "end", "slow", "second", "third"]
    assert shop.started.count("runtime") == 1


@MODES
def test_no_job_starts_in_the_margin_nor_before_the_next_response(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """A job that had no time waits for a later response, although its own is long out; the order is kept."""
    shop = function(
        """
        def work(number):
            note(number)
            time.sleep(0.1)

        @punch.handler
        def handler(event, context):
            if event == "first":
                for number in range(16):
                    punch.push(work, number)
            else:
                note("handler begins")
                time.sleep(0.3)
                note("handler ends")
        """,
        timeout=1.0,
        extensions=[extension] if with_extension else [],
    )

    shop.call("first")
    done = len(shop.told)
    for event in ("second", "third"):
        shop.call(event)

    assert 5 <= done <= 8
    margin = next(event for event in shop.events if event.kind == "invoke").detail["deadline"] - 0.2
    assert all(note.at < margin for note in shop.notes[:done])
    told = shop.told
    assert told[done : done + 2] == ["handler begins", "handler ends"]
    assert [text for text in told if text.isdigit()] == [str(number) for number in range(16)]
    for begins in (index for index, text in enumerate(told) if text == "handler begins"):
        assert told[begins + 1] == "handler ends"


@MODES
def test_a_job_of_three_seconds_in_a_function_of_two_is_finished_once_two_invokes_later(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """Frozen while it runs, it goes on at the next invoke; an ERROR line names it once; nothing times out."""
    shop = function(
        """
        def long():
            note("begin")
            for _ in range(300):  # awake time: a freeze does not count
                time.sleep(0.01)
            note("end")

        @punch.handler
        def handler(event, context):
            if event == 1:
                punch.push(long)
            return event
        """,
        timeout=2.0,
        extensions=[extension] if with_extension else [],
        env={"LAMBDA_PUNCH_LOG_LEVEL": "warning"},
    )

    assert [shop.call(1), shop.call(2), shop.call(3)] == [1, 2, 3]

    assert shop.told == ["begin", "end"]
    assert shop.started.count("runtime") == 1
    assert not any(event.kind in ("timeout", "crash", "reset") for event in shop.events)
    assert len(shop.said("outlasted its invoke")) == 1


@MODES
def test_a_job_is_told_the_time_that_its_invoke_has_left(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """Less and less, never below zero; at the next invoke the time that this one has."""
    shop = function(
        """
        def work():
            before = now = punch.remaining_time()
            note(now)
            while now <= before:
                time.sleep(0.005)
                before, now = now, punch.remaining_time()
            note(before)
            note(now)

        @punch.handler
        def handler(event, context):
            if event == 1:
                punch.push(work)
            time.sleep(0.1)
        """,
        timeout=1.0,
        extensions=[extension] if with_extension else [],
    )

    shop.call(1)
    shop.call(2)

    first, last, second = map(float, shop.told)
    assert 0.1 < first <= 0.7
    assert 0.0 <= last < 0.15  # seconds: no time to do more, on a loaded machine as well
    assert 0.1 < second <= 0.8


def test_a_job_without_a_deadline_has_all_the_time_there_is() -> None:
    """Off Lambda nothing freezes."""
    script = "import lambda_punch as punch\npunch.push(lambda: print(punch.remaining_time()))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert float(ran.stdout) > 29  # the exit may have begun, and with it its 30 s


def test_requests_that_end_in_the_margin_do_not_turn_the_extension_off(function: Callable[..., Function]) -> None:
    """Nothing is announced there, so nothing is missed. The jobs run at the first request that leaves them time."""
    shop = function(
        """
        punch.configure(margin=1.0)

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            if event != "quick":
                time.sleep(0.7)
            return event
        """,
        timeout=1.6,
    )

    assert [shop.call(event) for event in ("one", "two", "three", "quick", "quick")][:3] == ["one", "two", "three"]

    assert shop.told == ["one", "two", "three", "quick", "quick"]
    assert shop.said("the extension does not ask") == []
