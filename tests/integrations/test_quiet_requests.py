"""A request that leaves nothing behind its response has no drain; whatever may still do work is left for one.

A hook round each job tells what was left for a drain.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from .conftest import http_event, rest_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

SEEN = """
import lambda_punch as punch

@punch.around_job
def seen(job): note("drained", job.name)

"""
APPLICATION = """
from fastapi import HTTPException, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, StreamingResponse
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from starlette.background import BackgroundTask
from starlette.routing import Route
from starlette.endpoints import HTTPEndpoint

app.add_middleware(GZipMiddleware, minimum_size=10)
app.add_middleware(CORSMiddleware, allow_origins=["*"])
inner = FastAPI()
app.mount("/inner", inner)

@app.exception_handler(KeyError)
async def missing(request, error): return HTMLResponse("missing", status_code=404)

class Teapot(Response): pass
async def one(): return 1
async def session(): yield "session"; note("left")
async def later(): note("later")
class Endpoint(HTTPEndpoint):
    async def get(self, request): return HTMLResponse("endpoint")
app.router.routes.append(Route("/endpoint", Endpoint))

@app.get("/json")
async def json(one: int = Depends(one)): return {"one": one}
@app.get("/plain")
def plain(): return HTMLResponse("plain")
@app.get("/redirect")
async def redirect(): return RedirectResponse("/json")
@app.get("/teapot")
async def teapot(): return Teapot(status_code=418)
@app.get("/forbidden")
async def forbidden(): raise HTTPException(403)
@app.get("/missing")
async def raises(): raise KeyError
@app.get("/number/{n}")
async def number(n: int): return n
@app.get("/no-task")
async def no_task(tasks: BackgroundTasks): return "none"
@inner.get("/json")
async def inside(): return {}

@app.get("/task")
async def task(tasks: BackgroundTasks): tasks.add_task(later)
@app.get("/own-task")
async def own_task(): return HTMLResponse("task", background=BackgroundTask(later))
@inner.get("/task")
async def inner_task(tasks: BackgroundTasks): tasks.add_task(later)
@app.get("/session")
async def with_session(session: str = Depends(session)): return session
@app.get("/forbidden-session")
async def forbidden_session(session: str = Depends(session)): raise HTTPException(403)
@app.get("/stream")
async def stream(): return StreamingResponse(iter(["a", "b"]))
@app.get("/crash")
async def crash(): raise ValueError("crashed")
"""
QUIET = {
    "/json": 200, "/plain": 200, "/redirect": 307, "/teapot": 418, "/forbidden": 403, "/missing": 404, "/number/x": 422,
    "/nowhere": 404, "/no-task": 200, "/inner/json": 200, "/inner/nowhere": 404, "/json/": 307, "/endpoint": 200, "/openapi.json": 200,
}  # fmt: skip
OPEN = {
    "/task": "later", "/own-task": "later", "/inner/task": "later", "/session": "left", "/stream": None, "/crash": None,
}  # fmt: skip


@pytest.mark.parametrize("lifespan", ["auto", "off"])
def test_a_request_with_nothing_behind_it_has_no_drain(fastapi_function: Make, lifespan: str) -> None:
    """Answers, errors that become answers, redirects, and applications within the application."""
    shop = fastapi_function(
        SEEN + APPLICATION, handler=f"handler = Mangum(PunchMiddleware(app), lifespan='{lifespan}')", init_timeout=30
    )

    for path, status in QUIET.items():
        assert shop.call(http_event(path))["statusCode"] == status, path
        assert shop.told == [], path

    assert not shop.said("ERROR")


def test_what_may_follow_a_response_waits_for_it(fastapi_function: Make) -> None:
    """Also in the same environment in which other requests have nothing behind them."""
    shop = fastapi_function(SEEN + APPLICATION, init_timeout=30)

    for path, note in OPEN.items():
        before = len(shop.notes)
        shop.call(http_event("/json"))
        invocation = shop.invoke(http_event(path))
        shop.wait_idle(timeout=10)
        new = shop.notes[before:]
        drained = [each for each in new if each.text.startswith("drained")]
        assert [each.at > invocation.responded_at for each in drained] == [True], path
        assert [each.text for each in new if each not in drained] == ([note] if note else []), path
        assert all(each.at > invocation.responded_at for each in new), path
    assert shop.said("ValueError: crashed")
    assert shop.call(http_event("/forbidden-session"))["statusCode"] == 403


MIDDLEWARES = """
from asgi_correlation_id import CorrelationIdMiddleware
from starlette.middleware.base import BaseHTTPMiddleware

@app.middleware("http")
async def timed(request, call_next):
    answer = await call_next(request)
    answer.headers["x-time"] = "1"
    return answer

class Through(BaseHTTPMiddleware):
    async def dispatch(self, request, call_next):
        if request.url.path == "/closed": return HTMLResponse("closed", background=BackgroundTask(later))
        return await call_next(request)

app.add_middleware(Through)
app.add_middleware(CorrelationIdMiddleware)
"""


def test_functions_that_are_middlewares_cost_no_drain(fastapi_function: Make) -> None:
    """They have returned before the response; what the application in them has left to do is seen all the same."""
    pytest.importorskip("asgi_correlation_id")
    shop = fastapi_function(SEEN + APPLICATION + MIDDLEWARES, init_timeout=30)

    for path, status in QUIET.items():
        if path != "/endpoint":  # a class that is awaited itself, whose frames cannot be seen from another task
            assert shop.call(http_event(path))["statusCode"] == status, path
            assert shop.told == [], path
    for path in [*OPEN, "/closed"]:
        before = len(shop.notes)
        invocation = shop.invoke(http_event(path))
        shop.wait_idle(timeout=10)
        new = shop.notes[before:]
        assert [note.text.partition(" ")[0] for note in new].count("drained") == 1, path
        assert all(note.at > invocation.responded_at for note in new), path


USERS_OWN = {
    "a function of the user's": """
async def outer(scope, receive, send): await app(scope, receive, send)
""",
    "a function middleware inside a middleware": """
@app.middleware("http")
async def through(request, call_next):
    return await call_next(request)
class Inner:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
        note("ended")
app.user_middleware.append(__import__("starlette.middleware", fromlist=["Middleware"]).Middleware(Inner))
outer = app
""",
    "a middleware of the user's": """
class Outer:
    def __init__(self, app): self.app = app
    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)
        note("ended")
app.add_middleware(Outer)
outer = app
""",
    "an application of the user's": """
class Own(FastAPI):
    async def __call__(self, scope, receive, send):
        await super().__call__(scope, receive, send)
        note("ended")
app = outer = Own()
@app.get("/json")
async def json(): return {}
""",
    "a response of the user's": """
from fastapi.responses import Response
class Own(Response):
    async def __call__(self, scope, receive, send):
        await super().__call__(scope, receive, send)
        note("ended")
@app.get("/own")
async def own(): return Own()
outer = app
""",
}


@pytest.mark.parametrize("name", USERS_OWN)
def test_code_of_the_user_s_behind_the_response_waits_for_it(fastapi_function: Make, name: str) -> None:
    shop = fastapi_function(SEEN + USERS_OWN[name], handler="handler = Mangum(PunchMiddleware(outer))", init_timeout=30)

    invocation = shop.invoke(http_event("/own" if "response" in name else "/json"))
    shop.wait_idle(timeout=10)

    assert [note.text.partition(" ")[0] for note in shop.notes if note.text != "ended"] == ["drained"]
    assert all(note.at > invocation.responded_at for note in shop.notes)
    assert ("ended" in shop.told) == ('note("ended")' in USERS_OWN[name])


def test_starlette_s_own_applications_have_no_drain_either(fastapi_function: Make) -> None:
    shop = fastapi_function(
        SEEN
        + """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def later(): note("later")
async def show(request): return PlainTextResponse("shown")
async def task(request): return PlainTextResponse("task", background=BackgroundTask(later))
app = Starlette(routes=[Route("/", show), Route("/task", task)])
"""
    )

    shop.call(http_event("/"))
    shop.call(http_event("/nowhere"))
    assert shop.told == []
    shop.call(http_event("/task"))
    assert sorted(shop.told) == ["drained app.task", "later"]


FLASK = """
from flask import Flask, Response, make_response, stream_with_context
from lambda_punch.integrations.wsgi import PunchMiddleware
app = Flask("shop")

class Own(Response):
    def close(self):
        super().close()
        note("closed")

@app.get("/text")
def text(): return "text"
@app.get("/json")
def json(): return {"a": 1}
@app.get("/task")
def task():
    answer = make_response("task")
    answer.call_on_close(lambda: note("closed"))
    return answer
@app.get("/stream")
def stream():
    def parts():
        try: yield "part"
        finally: note("closed")
    return Response(stream_with_context(parts()))
@app.get("/own")
def own(): return Own("own")
@app.get("/push")
def push():
    punch.push(note, "pushed")
    return "pushed"
"""


def test_a_flask_request_on_whose_end_nothing_is_called_has_no_drain(function: Make) -> None:
    """Neither has one whose view is missing; call_on_close, a stream and a class of the user's have one."""
    adapter = textwrap.dedent("""
        from apig_wsgi import make_lambda_handler
        handler = make_lambda_handler(PunchMiddleware(app))
    """)
    shop = function(SEEN + FLASK + adapter, timeout=10, init_timeout=30)

    for path in ("/text", "/json", "/nowhere"):
        shop.call(rest_event(path))
        assert shop.told == [], path
    for path in ("/task", "/own"):
        before = len(shop.notes)
        invocation = shop.invoke(rest_event(path))
        shop.wait_idle(timeout=10)
        assert sorted(note.text.partition(" ")[0] for note in shop.notes[before:]) == ["closed", "drained"], path
        assert all(note.at > invocation.responded_at for note in shop.notes[before:]), path
    shop.call(rest_event("/stream"))
    assert shop.told.count("closed") == 3
    shop.call(rest_event("/push"))
    assert shop.told[-2:] == ["drained app.note", "pushed"]
    assert not shop.said("ERROR")
