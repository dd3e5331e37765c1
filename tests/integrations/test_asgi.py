"""FastAPI and Starlette under Mangum, unmodified: what they do after the response no longer keeps the caller waiting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]


def test_background_tasks_run_after_the_response_in_their_order(fastapi_function: Make) -> None:
    """Both kinds, async and on AnyIO's threads; none has begun when the caller has the answer."""
    shop = fastapi_function(
        """
        def plain(order): time.sleep(0.1); note("plain", order)
        async def other(order): await asyncio.sleep(0.1); note("async", order)

        @app.get("/orders/{order}")
        async def create(order: int, tasks: BackgroundTasks):
            tasks.add_task(other, order)
            tasks.add_task(plain, order)
            return {"id": order}
        """
    )

    invocation = shop.invoke(http_event("/orders/7"))
    shop.wait_idle(timeout=10)

    assert invocation.json()["body"] == '{"id":7}'
    assert shop.told == ["async 7", "plain 7"]
    assert shop.notes[0].at > invocation.responded_at + 0.1


def test_nothing_of_the_tail_begins_before_the_response(fastapi_function: Make) -> None:
    """Neither dependencies' exits nor tasks that would keep the loop busy; the order among them is FastAPI's own."""
    shop = fastapi_function(
        """
        async def session():
            note("open")
            yield "session"
            note("closed")

        async def busy():
            time.sleep(0.2)
            note("busy")

        @app.get("/")
        async def create(tasks: BackgroundTasks, session: str = Depends(session)):
            tasks.add_task(busy)
        """
    )

    invocation = shop.invoke(http_event())
    shop.wait_idle(timeout=10)

    assert invocation.responded_at - invocation.sent_at < 0.2
    opened, *rest = shop.notes
    assert opened.text == "open"
    assert {note.text for note in rest} == {"busy", "closed"}
    assert all(note.at > invocation.responded_at for note in rest)


def test_two_requests_in_a_row_with_a_slow_task(fastapi_function: Make) -> None:
    """The second is handled when the first one's task is done, on the same loop, and has its own task."""
    shop = fastapi_function(
        """
        async def slow(name):
            await asyncio.sleep(0.5)
            note("done", name, id(asyncio.get_running_loop()))

        @app.get("/{name}")
        async def create(name: str, tasks: BackgroundTasks):
            note("handled", name, id(asyncio.get_running_loop()))
            tasks.add_task(slow, name)
            return name
        """
    )

    answers = [shop.invoke(http_event("/one")), shop.invoke(http_event("/two"))]
    shop.wait_idle(timeout=10)

    assert [answer.json()["body"] for answer in answers] == ['"one"', '"two"']
    assert [note.words[:2] for note in shop.notes] == [
        ["handled", "one"], ["done", "one"], ["handled", "two"], ["done", "two"],
    ]  # fmt: skip
    assert len({note.words[2] for note in shop.notes}) == 1


@pytest.mark.parametrize("kind", ["await asyncio.sleep", "time.sleep"])
def test_a_request_beside_what_was_frozen_of_another_is_served(fastapi_function: Make, kind: str) -> None:
    """The request has the loop for as long as it needs it; the other's tail goes on beside it, and ends after it."""
    shop = fastapi_function(
        f"""
        async def slow():
            for _ in range(24):
                {kind}(0.05)
            note("done")

        @app.get("/slow")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(slow)

        @app.get("/quick")
        async def quick():
            await asyncio.sleep(0.01)
            note("quick")
        """,
        timeout=1,
        env={"LAMBDA_PUNCH_MARGIN": "0.3"},
    )

    answers = [shop.invoke(http_event(path)) for path in ("/slow", "/quick", "/quick")]
    shop.wait_idle(timeout=10)

    assert [answer.json()["statusCode"] for answer in answers] == [200, 200, 200]
    assert shop.told.count("done") == 1
    assert shop.told.count("quick") == 2
    if kind.startswith("await"):
        assert shop.told[0] == "quick"  # a task that blocks the loop is waited for, as in any server
    assert shop.said("failed") == []


def test_the_rest_of_the_background_tasks_run_when_one_raises(fastapi_function: Make) -> None:
    """Each failure is reported once, with the request's id; the response stands, and the next request is served."""
    shop = fastapi_function(
        """
        def fail(how): raise OSError(how)
        async def afail(how): raise ValueError(how)

        @app.get("/")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(fail, "first")
            tasks.add_task(note, "second")
            tasks.add_task(afail, "third")
            tasks.add_task(note, "fourth")
        """
    )

    first = shop.invoke(http_event())
    second = shop.invoke(http_event())
    shop.wait_idle(timeout=10)

    assert [first.json()["statusCode"], second.json()["statusCode"]] == [200, 200]
    assert shop.told == ["second", "fourth"] * 2
    assert len(shop.said("OSError: first")) == 2
    assert len(shop.said("ValueError: third")) == 2
    assert shop.said(f"job app.fail of request {first.request_id} failed")
    assert shop.said(f"app.afail of request {first.request_id} failed")


def test_errors_behind_the_response_go_to_the_error_handler(fastapi_function: Make) -> None:
    """Each once, under the name of the background task."""
    shop = fastapi_function(
        """
        import lambda_punch as punch

        @punch.error_handler
        def report(error, job): note(type(error).__name__, job.name, job.args)

        def fail(how): raise OSError(how)

        @app.get("/")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(fail, 1)
            tasks.add_task(fail, 2)
        """
    )

    shop.call(http_event())

    assert shop.told == ["OSError app.fail (1,)", "OSError app.fail (2,)"]
