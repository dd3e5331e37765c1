"""The lifespan of an ASGI application on Lambda."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]


def test_the_lifespan_is_started_once_and_outlives_the_request(fastapi_function: Make) -> None:
    """Mangum's default would start and stop it at each invoke, and stop it before the background tasks."""
    shop = fastapi_function(
        """
        from contextlib import asynccontextmanager
        from fastapi import Request

        @asynccontextmanager
        async def lifespan(app):
            note("startup")
            yield {"pool": "open"}
            note("shutdown")

        app = FastAPI(lifespan=lifespan)

        @app.get("/")
        async def create(request: Request, tasks: BackgroundTasks):
            tasks.add_task(note, "task with pool", request.state.pool)
        """
    )

    assert [shop.call(http_event())["statusCode"] for _ in range(2)] == [200, 200]
    assert shop.told == ["startup", "task with pool open", "task with pool open"]


def test_a_startup_that_fails_is_told_each_time(fastapi_function: Make) -> None:
    """As without the middleware: it is tried at each invoke, and the invoke fails."""
    shop = fastapi_function(
        """
        from contextlib import asynccontextmanager

        @asynccontextmanager
        async def lifespan(app):
            note("startup")
            raise OSError("no database")
            yield

        app = FastAPI(lifespan=lifespan)
        """
    )

    assert [shop.invoke(http_event()).error_type for _ in range(2)] == ["LifespanFailure"] * 2
    assert shop.told == ["startup", "startup"]


def test_an_application_without_lifespan_is_served(fastapi_function: Make) -> None:
    """A bare ASGI function that knows requests only."""
    shop = fastapi_function(
        """
        async def bare(scope, receive, send):
            assert scope["type"] == "http"
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            note("after")
        """,
        handler="handler = Mangum(PunchMiddleware(bare))",
    )

    invocation = shop.invoke(http_event())
    shop.wait_idle(timeout=10)

    assert invocation.json()["statusCode"] == 204
    assert shop.told == ["after"]
    assert shop.notes[0].at > invocation.responded_at
