"""A job that never ends: what it costs is bounded, the jobs behind it run, and the log says which it is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function

WITH_AND_WITHOUT = pytest.mark.parametrize("with_extension", [True, False], ids=["extension", "alone"])


@WITH_AND_WITHOUT
def test_it_holds_the_environment_three_times_and_no_more(
    function: Callable[..., Function], extension: Path, with_extension: bool
) -> None:
    """Later requests cost what they would cost without it, and their own jobs run."""
    shop = function(
        """
        def endless():
            note("begun")
            while True:
                threading.Event().wait(0.05)

        @punch.handler
        def handler(event, context):
            if event == 0:
                punch.push(endless)
            punch.push(note, event)
            return event
        """,
        extensions=[extension] if with_extension else [],
        timeout=1,
    )

    took = []
    for number in range(7):
        began = time.monotonic()
        assert shop.call(number) == number
        took.append(time.monotonic() - began)

    assert [each > 0.5 for each in took] == [True] * 3 + [False] * 4
    assert shop.told == ["begun", *map(str, range(7))]
    assert len(shop.said("is held for it no more, so the jobs behind it run now")) == 1
    assert shop.started.count("runtime") == 1
    shop.shutdown()
    assert not with_extension or shop.said("1 job lost (app.endless)")


@WITH_AND_WITHOUT
@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_time_limit_ends_it(
    function: Callable[..., Function], extension: Path, with_extension: bool, kind: str
) -> None:
    """By the setting, for every pushed job; it counts as failed, and the next one runs."""
    wait = "await asyncio.sleep(0.01)" if kind == "async def" else "time.sleep(0.01)"
    shop = function(
        f"""
        import asyncio

        punch.configure(job_timeout=0.2)

        {kind} endless():
            while True:
                {wait}

        @punch.handler
        def handler(event, context):
            punch.push(endless)
            punch.push(note, event)
            return event
        """,
        extensions=[extension] if with_extension else [],
        timeout=5,
    )

    began = time.monotonic()
    assert shop.call(1) == 1
    assert time.monotonic() - began < 3
    assert shop.told == ["1"]
    assert len(shop.said("job app.endless of request")) == 1
    assert shop.said("was stopped after 0.2 s, its time limit")


def test_a_time_limit_for_one_push(function: Callable[..., Function]) -> None:
    """The others have none; the job keeps its name."""
    shop = function(
        """
        def slow(seconds):
            until = time.monotonic() + seconds
            while time.monotonic() < until:
                time.sleep(0.01)
            note("done", seconds)

        @punch.handler
        def handler(event, context):
            punch.push(punch.time_limit(0.2)(slow), 3)
            punch.push(slow, 0.4)
            return event
        """,
        timeout=5,
    )

    assert shop.call(1) == 1
    assert shop.told == ["done 0.4"]
    assert len(shop.said("job app.slow of request")) == 1
