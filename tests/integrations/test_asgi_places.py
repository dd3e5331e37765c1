"""The ASGI middleware with other adapters and event loops, and where there is no extension, no freeze or no Lambda."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]


def test_uvloop_runs_the_rest_too(fastapi_function: Make) -> None:
    """A uvloop loop is handed from thread to thread as asyncio's own."""
    pytest.importorskip("uvloop")
    shop = fastapi_function(
        """
        import uvloop
        asyncio.set_event_loop(uvloop.new_event_loop())

        def plain(): note("plain")
        async def other(): await asyncio.sleep(0.05); note(type(asyncio.get_running_loop()).__module__)

        @app.get("/")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(plain)
            tasks.add_task(other)
        """
    )

    first = shop.invoke(http_event())
    shop.call(http_event())

    assert shop.told == ["plain", "uvloop"] * 2
    assert shop.notes[0].at > first.responded_at


ONE_LOOP_EACH = """
def handler(event, context):
    async def receive(): return {"type": "http.request", "body": b""}
    async def send(message): pass
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [], "asgi": {}}
    RUN
    note("answer")
    return {}
"""


def test_an_adapter_that_ends_its_loop_is_warned_of_and_nothing_is_lost(fastapi_function: Make) -> None:
    """With asyncio.run the tail would be cancelled, so it is done before the response, as without the middleware."""
    shop = fastapi_function(
        """
        async def slow(): await asyncio.sleep(0.01); note("task")

        @app.get("/")
        async def create(tasks: BackgroundTasks): tasks.add_task(slow)
        """,
        handler="wrapped = PunchMiddleware(app)\n"
        + ONE_LOOP_EACH.replace("RUN", "asyncio.run(wrapped(scope, receive, send))"),
    )

    shop.call()
    shop.call()

    assert shop.told == ["task", "answer"] * 2
    assert len(shop.said("PunchMiddleware has no effect")) == 1


def test_an_adapter_that_closes_its_loop_itself_finishes_first(fastapi_function: Make) -> None:
    """Closing the loop would lose what is left on it."""
    run = (
        "loop = asyncio.new_event_loop(); loop.run_until_complete(wrapped(scope, receive, send)); "
        "note('closing'); loop.close()"
    )
    shop = fastapi_function(
        """
        async def slow(): await asyncio.sleep(0.01); note("task")

        @app.get("/")
        async def create(tasks: BackgroundTasks): tasks.add_task(slow)
        """,
        handler="wrapped = PunchMiddleware(app)\n" + ONE_LOOP_EACH.replace("RUN", run),
    )

    shop.call()
    shop.call()

    assert shop.told == ["closing", "task", "answer"] * 2
    assert len(shop.said("the adapter closes its event loop")) == 1
    assert shop.said("failed") == []


def test_without_the_extension_the_tasks_run_after_the_response_too(fastapi_function: Make) -> None:
    """Then the function itself stays awake for them."""
    shop = fastapi_function(
        """
        async def slow(): await asyncio.sleep(0.05); note("task")

        @app.get("/")
        async def create(tasks: BackgroundTasks): tasks.add_task(slow)
        """,
        extensions=[],
    )

    invocation = shop.invoke(http_event())
    shop.wait_idle(timeout=10)

    assert shop.told == ["task"]
    assert shop.notes[0].at > invocation.responded_at


@pytest.mark.parametrize("workers", ["1", "3"])
def test_managed_instances_and_workers_share_the_loop(fastapi_function: Make, workers: str) -> None:
    """Nothing is frozen there: a request comes while what is left of another still runs, and goes first."""
    shop = fastapi_function(
        """
        async def slow(name):
            await asyncio.sleep(0.3)
            note("done", name)

        @app.get("/{name}")
        async def create(name: str, tasks: BackgroundTasks):
            await asyncio.sleep(0.01)
            note("handled", name)
            tasks.add_task(slow, name)
        """,
        extensions=[],
        freeze=False,
        env={"AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances", "LAMBDA_PUNCH_WORKERS": workers},
    )

    answers = [shop.invoke(http_event(f"/{name}")) for name in range(3)]
    assert [answer.json()["statusCode"] for answer in answers] == [200] * 3
    shop.call(http_event("/last"))

    assert [text for text in shop.told if text.startswith("handled")] == [
        "handled 0", "handled 1", "handled 2", "handled last",
    ]  # fmt: skip
    assert shop.told.index("handled 2") < shop.told.index("done 0") if "done 0" in shop.told else True


def test_off_lambda_the_application_is_called_as_it_is() -> None:
    """The background task is done when the server's call returns, and nothing is pushed or started."""
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    from lambda_punch.integrations.asgi import PunchMiddleware
    from lambda_punch.runtime.start import process

    done: list[Any] = []
    mode = process.mode

    async def home(request: object) -> PlainTextResponse:
        return PlainTextResponse("hello", background=BackgroundTask(done.append, "task"))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    async def send(message: object) -> None:
        done.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""}
    asyncio.run(PunchMiddleware(Starlette(routes=[Route("/", home)]))(scope, receive, send))

    assert [each if isinstance(each, str) else each["type"] for each in done] == [
        "http.response.start", "http.response.body", "task",
    ]  # fmt: skip
    assert process.mode is mode


def test_what_was_not_begun_at_the_shutdown_is_told(fastapi_function: Make) -> None:
    """Its loop cannot go on in the process that takes over other jobs, so it is lost, with a line and the hook for that."""
    shop = fastapi_function(
        """
        import lambda_punch as punch

        @punch.on_lost
        def lost(punches, reason):
            print("the hook:", *(each.name for each in punches), flush=True)

        @app.get("/")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(note, "task")
            punch.push(time.sleep, 1.5)
            punch.push(note, "plain job")
        """,
        timeout=1,
    )

    shop.invoke(http_event())
    shop.wait_idle(timeout=10)
    shop.shutdown()

    assert "task" not in shop.told
    assert shop.said("1 job lost (app.create): the environment was shut down before they were done, and an event loop")
    assert shop.said("the hook: app.create")
    assert "plain job" in shop.told
