"""What a handler may be, and what a job may be, on the real runtime client."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_what_a_generator_handler_yields_first_is_the_response(function: Callable[..., Function], kind: str) -> None:
    """The rest of it runs after the response has been received."""
    shop = function(
        f"""
        @punch.handler
        {kind} handler(event, context):
            yield event["name"]
            note("rest of", event["name"])
            yield "unheard"
            note("end of", event["name"])
        """
    )

    first = shop.invoke({"name": "one"})
    assert shop.call({"name": "two"}) == "two"

    assert first.json() == "one"
    assert shop.told == ["rest of one", "end of one", "rest of two", "end of two"]
    assert shop.notes[0].at > first.responded_at


def test_an_error_after_the_response_is_logged_and_changes_nothing(function: Callable[..., Function]) -> None:
    """The response of a generator handler stands, and the next request is served."""
    shop = function(
        """
        @punch.handler
        def handler(event, context):
            yield "answer"
            raise OSError("the mail gateway is away")
        """
    )

    assert [shop.call(), shop.call()] == ["answer", "answer"]
    assert len(shop.said("OSError: the mail gateway is away")) == 2
    assert len(shop.said("job app.handler of request")) == 2


def test_an_error_before_the_first_yield_is_the_function_s_error(function: Callable[..., Function]) -> None:
    """Until it has answered a generator handler is a handler like any other."""
    shop = function(
        """
        @punch.handler
        async def handler(event, context):
            if event == "bad":
                raise ValueError(event)
            yield "answer"
        """
    )

    assert shop.invoke("bad").error_type == "ValueError"
    assert shop.call("good") == "answer"


def test_async_jobs_and_handlers_share_one_loop_across_invokes(function: Callable[..., Function]) -> None:
    """A client made on the loop in one request can be used in the next."""
    shop = function(
        """
        import asyncio
        loops = set()

        async def job():
            loops.add(id(asyncio.get_running_loop()))
            await asyncio.sleep(0)
            note(len(loops))

        @punch.handler
        async def handler(event, context):
            loops.add(id(asyncio.get_running_loop()))
            punch.push(job)
            return "answer"
        """
    )

    assert [shop.call(), shop.call()] == ["answer", "answer"]
    assert shop.told == ["1", "1"]


def test_a_job_sees_the_context_variables_of_its_push(function: Callable[..., Function]) -> None:
    """What the handler sets later, for the next job or the next request, does not reach it."""
    shop = function(
        """
        from contextvars import ContextVar
        trace = ContextVar("trace")

        async def later():
            note("async", trace.get())

        @punch.handler
        def handler(event, context):
            trace.set(event)
            punch.push(lambda: note("plain", trace.get()))
            punch.push(later)
            trace.set("overwritten")
        """
    )

    shop.call("first")
    shop.call("second")

    assert shop.told == ["plain first", "async first", "plain second", "async second"]


def test_jobs_pushed_by_a_job_belong_to_the_same_drain(function: Callable[..., Function]) -> None:
    """They are done before the environment is frozen, without another request."""
    shop = function(
        """
        def outer():
            punch.push(note, "inner")
            note("outer")

        @punch.handler
        def handler(event, context):
            punch.push(outer)
        """
    )

    shop.call()

    assert shop.told == ["outer", "inner"]


def test_workers_run_jobs_side_by_side(function: Callable[..., Function]) -> None:
    """Three jobs that wait for each other get through with three workers, one of them async."""
    shop = function(
        """
        import asyncio
        punch.configure(workers=3)
        meeting = threading.Barrier(3)

        def plain():
            meeting.wait(timeout=10)
            note("met")

        async def other():
            await asyncio.get_running_loop().run_in_executor(None, plain)

        @punch.handler
        def handler(event, context):
            for job in (plain, plain, other):
                punch.push(job)
        """
    )

    shop.call()

    assert shop.told == ["met"] * 3


def test_a_failing_job_does_not_stop_the_rest(function: Callable[..., Function]) -> None:
    """A job that exits does not either, nor an error handler that raises; each is named in the log."""
    shop = function(
        """
        import sys

        @punch.error_handler
        def report(error, job):
            note(job.name, type(error).__name__, job.args)
            if job.args == ("worse",):
                raise RuntimeError("the error handler is broken too")

        def fail(how):
            sys.exit(1) if how == "exit" else int(how)

        @punch.handler
        def handler(event, context):
            for how in ("bad", "exit", "worse"):
                punch.push(fail, how)
            punch.push(note, "last")
        """
    )

    shop.call()

    assert shop.told == [
        "app.fail ValueError ('bad',)",
        "app.fail SystemExit ('exit',)",
        "app.fail ValueError ('worse',)",
        "last",
    ]
    assert shop.said("the error handler is broken too")
