"""Whole responses through the ASGI middleware: streams, files, errors, middlewares and context variables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]


@pytest.mark.parametrize("place", ["handler = Mangum(PunchMiddleware(app))", "handler = Mangum(app)"])
def test_a_view_that_raises_is_a_500_and_a_traceback(fastapi_function: Make, place: str) -> None:
    """As without the middleware, wherever it raises; the traceback is in the log, with the request's id."""
    shop = fastapi_function(
        """
        if not PLACE.count("Punch"):
            import lambda_punch
            lambda_punch.start()
            app.add_middleware(PunchMiddleware)

        @app.get("/")
        async def broken():
            raise LookupError("no such order")
        """.replace("PLACE", repr(place)),
        handler=place,
    )

    invocation = shop.invoke(http_event())
    shop.wait_idle(timeout=10)

    assert invocation.json()["statusCode"] == 500
    assert len(shop.said("LookupError: no such order")) == 1
    if "Punch" in place:
        assert shop.said(f"view app.broken of request {invocation.request_id} failed")


def test_streams_files_redirects_and_head_are_whole(fastapi_function: Make) -> None:
    """Each kind of response arrives as it does without the middleware, and what follows it comes after it."""
    shop = fastapi_function(
        """
        from fastapi.responses import FileResponse, RedirectResponse, StreamingResponse
        from starlette.background import BackgroundTask

        async def chunks():
            try:
                for number in range(3):
                    await asyncio.sleep(0.01)
                    yield f"chunk {number};"
            finally:
                note("stream closed")

        @app.get("/stream")
        async def stream(tasks: BackgroundTasks):
            return StreamingResponse(chunks(), background=BackgroundTask(note, "after stream"))

        @app.get("/sync-stream")
        def sync_stream():
            return StreamingResponse((f"{n};" for n in range(3)), background=BackgroundTask(note, "after sync"))

        @app.api_route("/file", methods=["GET", "HEAD"])
        async def file():
            return FileResponse(__file__, media_type="text/plain", background=BackgroundTask(note, "after file"))

        @app.get("/redirect")
        async def redirect():
            return RedirectResponse("/file", background=BackgroundTask(note, "after redirect"))
        """
    )

    def get(path: str, method: str = "GET") -> dict[str, object]:
        invocation = shop.invoke(http_event(path, method))
        shop.wait_idle(timeout=10)
        assert [note for note in shop.notes if note.text.startswith("after")][-1].at > invocation.responded_at
        answer: dict[str, object] = invocation.json()
        return answer

    assert get("/stream")["body"] == "chunk 0;chunk 1;chunk 2;"
    assert get("/sync-stream")["body"] == "0;1;2;"
    assert "FileResponse" in str(get("/file")["body"])
    assert get("/file", "HEAD")["body"] == ""
    assert get("/redirect")["statusCode"] == 307
    assert shop.told == [
        "stream closed", "after stream", "after sync", "after file", "after file", "after redirect",
    ]  # fmt: skip
    assert shop.said("rror") == []


def test_a_stream_that_fails_half_way_is_a_500(fastapi_function: Make) -> None:
    """The caller has nothing of it yet, so it can still be taken back, as Mangum does."""
    shop = fastapi_function(
        """
        from fastapi.responses import StreamingResponse

        async def chunks():
            yield "half"
            raise OSError("the other half is gone")

        @app.get("/")
        async def stream():
            return StreamingResponse(chunks())
        """
    )

    assert shop.call(http_event())["statusCode"] == 500
    assert shop.said("the other half is gone")


def test_base_http_middleware_and_context_variables(fastapi_function: Make) -> None:
    """What a middleware sets is seen by the endpoint and by its tasks, of both kinds; its end comes after too."""
    shop = fastapi_function(
        """
        from starlette.middleware.base import BaseHTTPMiddleware
        user = contextvars.ContextVar("user", default="nobody")

        class Pure:
            def __init__(self, app): self.app = app
            async def __call__(self, scope, receive, send):
                if scope["type"] == "http":
                    user.set("ada")
                await self.app(scope, receive, send)
                if scope["type"] == "http":
                    note("end of pure")

        @app.middleware("http")
        async def timed(request, call_next):
            response = await call_next(request)
            response.headers["x-user"] = user.get()
            return response

        app.add_middleware(Pure)

        def plain(): note("plain", user.get())
        async def other(): note("async", user.get())

        @app.get("/")
        async def create(tasks: BackgroundTasks):
            tasks.add_task(plain)
            tasks.add_task(other)
            return user.get()
        """
    )

    invocation = shop.invoke(http_event())
    shop.wait_idle(timeout=10)

    answer = invocation.json()
    assert (answer["body"], answer["headers"]["x-user"]) == ('"ada"', "ada")
    assert shop.told == ["plain ada", "async ada", "end of pure"]
    assert shop.notes[0].at > invocation.responded_at
