"""FastAPI and Starlette under Mangum, unmodified: what they do after the response no longer keeps the caller waiting."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

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
    """The loop is the request's for as long as it takes; what was left goes on, and ends, behind it."""
    shop = fastapi_function(
        f"""
        async def slow():
            for _ in range(30):
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
    """Each failure is told once, with the request's id; the response stands, and the next request is served."""
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
    assert shop.said(f"job app.create of request {first.request_id} failed")
    assert shop.said(f"app.afail of request {first.request_id} failed")


def test_errors_behind_the_response_go_to_the_error_handler(fastapi_function: Make) -> None:
    """Under the name of the endpoint, or of the background task."""
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

    assert shop.told == ["OSError app.fail (2,)", "OSError app.create ()"]


@pytest.mark.parametrize("place", ["handler = Mangum(PunchMiddleware(app))", "handler = Mangum(app)"])
def test_a_view_that_raises_is_a_500_and_a_traceback(fastapi_function: Make, place: str) -> None:
    """As without the middleware, wherever it stands; the traceback is in the log, with the request's id."""
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
        assert shop.said(f"job app.broken of request {invocation.request_id} failed")


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
    """What the caller has not got can still be taken back, as Mangum does."""
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
    """With asyncio.run what is left would be cancelled: it is done before the response, as without the middleware."""
    shop = fastapi_function(
        """
        async def slow(): await asyncio.sleep(0.01); note("task")

        @app.get("/")
        async def create(tasks: BackgroundTasks): tasks.add_task(slow)
        """,
        handler="wrapped = PunchMiddleware(app)\n"
        + ONE_LOOP_EACH.replace("RUN", "asyncio.run(wrapped(scope, receive, send))"),
        env={"LAMBDA_PUNCH_LOG_LEVEL": "warning"},
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
        env={"LAMBDA_PUNCH_LOG_LEVEL": "warning"},
    )

    shop.call()

    assert shop.told == ["closing", "task", "answer"]
    assert shop.said("the adapter closes its event loop")
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

    from lambda_punch._wiring import process
    from lambda_punch.integrations.asgi import PunchMiddleware

    done: list[Any] = []
    started = process.config

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
    assert process.config is started


def test_what_was_not_begun_at_the_shutdown_is_told(fastapi_function: Make) -> None:
    """Its loop cannot go on in the process that takes over other jobs: an ERROR line, and the function's name."""
    shop = fastapi_function(
        """
        import lambda_punch as punch

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
    assert shop.said("job app.create of request")
    assert shop.said("was not started before the shutdown")
