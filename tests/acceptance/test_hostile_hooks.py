"""What users hang round their jobs, and what they push, may raise anything at any place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import Function


@pytest.mark.parametrize("raised", ["SystemExit(1)", "KeyboardInterrupt", "GeneratorExit"])
def test_a_hook_that_raises_anything_is_logged_and_the_job_runs_without_it(
    function: Callable[..., Function], raised: str
) -> None:
    shop = function(
        f"""
        from contextlib import contextmanager

        @punch.around_job
        @contextmanager
        def hook(job):
            if job.args == ("bad",):
                raise {raised}
            yield

        @punch.handler
        def handler(event, context):
            punch.push(note, event)
            return event
        """
    )

    assert [shop.call(event) for event in ("bad", "good", "bad", "better")] == ["bad", "good", "bad", "better"]

    assert shop.told == ["bad", "good", "bad", "better"]
    assert len(shop.said("hook failed; the job itself is not affected")) == 2
    assert shop.said("has died") == []


def test_after_the_death_of_the_drain_s_thread_no_invoke_is_held(function: Callable[..., Function]) -> None:
    """Jobs run without the extension, which must not wait for records that nobody writes any more."""
    shop = function(
        """
        def die(*_):
            raise RuntimeError("died for a test")

        @punch.handler
        def handler(event, context):
            if event == 1:
                punch._process.drain.work = die
            elif event == 2:
                del punch._process.drain.work
            if event < 4:
                punch.push(note, event)
            return event
        """,
        timeout=10,
    )
    shop.call(1)

    began = time.monotonic()
    for event in (2, 3, 4, 5):
        shop.call(event)

    assert time.monotonic() - began < 8
    assert shop.told[-2:] == ["2", "3"]
    assert len(shop.said("the thread lambda-punch-drain has died")) == 1


ODD = """
class Odd:
    def __getattr__(self, name):
        raise RuntimeError("working outside of context")

    def __call__(self):
        note("odd")
"""


def test_leftovers_with_attributes_that_raise_are_done_at_the_shutdown(function: Callable[..., Function]) -> None:
    """A proxy outside its context, say."""
    shop = function(
        ODD
        + """
@punch.handler
def handler(event, context):
    punch.push(time.sleep, 0.95)
    punch.push(Odd())
    for number in range(3):
        punch.push(note, "left", number)
""",
        timeout=1.0,
    )
    shop.call()

    shop.shutdown()

    assert shop.told == ["odd", "left 0", "left 1", "left 2"]
    assert shop.said("lost") == []


def test_such_an_object_has_a_time_limit_and_a_name(function: Callable[..., Function]) -> None:
    shop = function(
        ODD
        + """
punch.configure(job_timeout=5)

@punch.handler
def handler(event, context):
    punch.push(Odd())
    punch.push(note, "next")
"""
    )

    shop.call()

    assert shop.told == ["odd", "next"]


def test_a_log_handler_that_exits_ends_no_thread(function: Callable[..., Function], extension: Path) -> None:
    """With the extension and without it: nobody waits for a thread that is not there any more."""
    for extensions in ([extension], []):
        shop = function(
            """
            import logging, sys

            class Exits(logging.Handler):
                def emit(self, record):
                    sys.exit(4)

            def setup():
                logging.getLogger().handlers[:] = [Exits()]

            def bad():
                raise ValueError

            @punch.handler
            def handler(event, context):
                if event == 1:
                    punch.push(setup)
                    punch.push(bad)
                punch.push(note, event)
            """,
            extensions=extensions,
            timeout=10,
        )
        began = time.monotonic()
        for event in (1, 2, 3):
            shop.call(event)

        assert time.monotonic() - began < 8  # no invoke is held up to its margin
        assert shop.told[-3:] == ["1", "2", "3"]
        assert shop.started.count("runtime") == 1


def test_an_error_handler_that_would_have_to_be_awaited_is_told_and_the_failure_is_logged(
    function: Callable[..., Function],
) -> None:
    shop = function(
        """
        import functools

        async def tell(error, job):
            note("told")

        punch.error_handler(lambda error, job: tell(error, job))

        def bad():
            raise ValueError("as it should")

        @punch.handler
        def handler(event, context):
            punch.push(bad)
        """
    )

    shop.call()

    assert len(shop.said("job app.bad of request")) == 1
    assert len(shop.said("give a plain function")) >= 1
