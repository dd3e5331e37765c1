"""Failures behind a response are told once, under a name that a person recognises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import http_event, rest_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]


def failures(function: Function) -> list[str]:
    return [line.partition("\t")[2].rpartition("\t")[2] or line for line in function.said(" failed")]


def test_a_failed_background_task_is_told_once_under_its_own_name(fastapi_function: Make) -> None:
    """Alone or in a group; the endpoint has not failed."""
    shop = fastapi_function(
        """
        from starlette.background import BackgroundTask
        from starlette.responses import JSONResponse

        def send_mail(): raise ValueError("no mail")
        async def export(): raise KeyError("no span")

        @app.get("/many")
        async def many(tasks: BackgroundTasks):
            tasks.add_task(send_mail)
            tasks.add_task(export)
            tasks.add_task(note, "the third")

        @app.get("/one")
        async def one():
            return JSONResponse("one", background=BackgroundTask(export))
        """
    )
    for path in ("/many", "/one"):
        shop.call(http_event(path))

    told = failures(shop)
    assert [line.partition(" of request")[0] for line in told] == [
        "job app.send_mail",
        "job app.export",
        "job app.export",
    ]
    assert shop.told == ["the third"]


def test_a_view_that_fails_is_not_called_a_job(fastapi_function: Make) -> None:
    shop = fastapi_function("""
        @app.get("/")
        async def crash(): raise ValueError("no")
        """)
    assert shop.call(http_event())["statusCode"] == 500

    (told,) = failures(shop)
    assert told.startswith("view app.crash of request")


LITESTAR = """
from litestar import Litestar, get
from litestar.background_tasks import BackgroundTask
from litestar.response import Response

async def broken(): raise ValueError("no")

@get("/orders/{number:int}")
async def show_order(number: int) -> Response[str]:
    return Response("ok", background=BackgroundTask(broken))

app = Litestar([show_order])
"""
FLASK = """
import os, time
from apig_wsgi import make_lambda_handler
from flask import Flask, Response
from lambda_punch.integrations.wsgi import PunchMiddleware
app = Flask("shop")

@app.get("/orders/<int:number>")
def show_order(number):
    response = Response("ok")
    @response.call_on_close
    def broken(): raise ValueError("no")
    return response

handler = make_lambda_handler(PunchMiddleware(app))
"""


def test_a_view_of_litestar_has_its_name(fastapi_function: Make) -> None:
    pytest.importorskip("litestar")
    shop = fastapi_function(LITESTAR)
    shop.call(http_event("/orders/7"))

    assert any("app.show_order of request" in line for line in failures(shop))


def test_a_view_of_flask_has_its_name(function: Make) -> None:
    shop = function(FLASK, prelude="", timeout=5)
    shop.call(rest_event("/orders/7"))

    assert any(line.startswith("view app.show_order of request") for line in failures(shop))


def test_where_no_framework_tells_its_view_the_request_is_named(fastapi_function: Make) -> None:
    shop = fastapi_function(
        """
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"ok"})
            raise ValueError("no")
        """,
        handler='handler = Mangum(PunchMiddleware(app), lifespan="off")',
    )
    shop.call(http_event("/orders/7"))

    assert any("GET /orders/7 of request" in line for line in failures(shop))


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_middleware_that_is_the_handler_itself_is_told_in_one_sentence(function: Make, kind: str) -> None:
    """Before the first event; Python's own error says only that an argument is missing."""
    application = {"asgi": "async def app(scope, receive, send): ...", "wsgi": "def app(environ, start_response): ..."}
    shop = function(
        f"from lambda_punch.integrations.{kind} import PunchMiddleware\n{application[kind]}\nhandler = PunchMiddleware(app)\n",
        timeout=3,
    )
    for _ in range(2):
        shop.invoke({})

    assert (
        len(shop.said("the handler app.handler is a PunchMiddleware, which Lambda cannot call; put an adapter round"))
        == 1
    )


@pytest.mark.parametrize("how", ["def", "async def"])
def test_what_a_generator_handler_yields_after_its_response_is_told_as_dropped(function: Make, how: str) -> None:
    shop = function(
        f"""
        import lambda_punch as punch
        @punch.handler
        {how} handler(event, context):
            yield "the response"
            yield "more"
            yield "and more"
        """
    )
    assert [shop.call() for _ in range(2)] == ["the response"] * 2

    assert len(shop.said("the handler handler yielded again after its response, and that value is dropped")) == 1


SENTRY = """
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

def transport(event):
    if event.get("exception"):
        tags = event.get("tags", {})
        note("event", event["exception"]["values"][-1]["type"], tags.get("order", "-"), str(event.get("transaction")).replace(" ", ""))

class Kept(sentry_sdk.Transport):
    def capture_envelope(self, envelope):
        for item in envelope.items:
            if item.get_event(): transport(item.get_event())

sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Kept, integrations=[AwsLambdaIntegration()])
import lambda_punch as punch
from lambda_punch.integrations import telemetry
telemetry.flush_after(telemetry.sentry())

def in_background(): raise ValueError("task")
async def in_background_too(): raise KeyError("task")
def pushed(): raise OSError("pushed")

@app.get("/{kind}")
async def view(kind: str, tasks: BackgroundTasks):
    sentry_sdk.set_tag("order", kind)
    if kind == "task": tasks.add_task(in_background)
    if kind == "tasks": tasks.add_task(in_background); tasks.add_task(in_background_too)
    if kind == "push": punch.push(pushed)
    if kind == "view": raise LookupError("view")
"""


@pytest.mark.parametrize(
    ("kind", "types"),
    [("task", ["ValueError"]), ("tasks", ["ValueError", "KeyError"]), ("push", ["OSError"]), ("view", ["LookupError"])],
)
def test_sentry_gets_each_error_once_with_the_tags_of_its_request(
    fastapi_function: Make, kind: str, types: list[str]
) -> None:
    pytest.importorskip("sentry_sdk")
    shop = fastapi_function(SENTRY)
    for _ in range(2):
        shop.call(http_event(f"/{kind}"))

    events = [note.words for note in shop.notes]
    assert [words[1] for words in events] == types * 2
    assert {words[2] for words in events} == {kind}
    # A job's transaction is its own; a background task is a part of its endpoint's, as without the middleware.
    assert {words[3] for words in events} == {"app.pushed" if kind == "push" else "/{kind}"}
