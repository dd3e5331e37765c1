"""Frameworks beside FastAPI, under Mangum and behind the middleware: their own background work, and their failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.http.gateway import HttpRequest, proxy_event

from .conftest import http_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

    Make = Callable[..., Function]

WORK = """
async def mail(name):
    await asyncio.sleep(0.1)
    note("mail", name)
    if name == "broken": raise ValueError("no mail")

"""
STARLETTE = """
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.responses import PlainTextResponse
from starlette.routing import Route

async def show(request):
    name = request.path_params["name"]
    return PlainTextResponse(name, background=BackgroundTask(mail, name))

app = Starlette(routes=[Route("/{name}", show)])
"""
LITESTAR = """
from litestar import Litestar, get
from litestar.background_tasks import BackgroundTask
from litestar.response import Response

@get("/{name:str}", media_type="text/plain")
async def show(name: str) -> Response[str]:
    return Response(name, background=BackgroundTask(mail, name))

app = Litestar([show])
"""
QUART = """
from quart import Quart
app = Quart(__name__)

@app.get("/<name>")
async def show(name):
    app.add_background_task(mail, name)
    return name
"""
FALCON = """
import falcon.asgi

class Show:
    async def on_get(self, request, response, name):
        async def later():
            await mail(name)

        response.schedule(later)
        response.text = name

app = falcon.asgi.App()
app.add_route("/{name}", Show())
"""
FRAMEWORKS = {"starlette": STARLETTE, "litestar": LITESTAR, "quart": QUART, "falcon": FALCON}
SAID = {
    "starlette": "job app.mail of request",
    "litestar": "view app.show of request",
    "quart": "no mail",
    "falcon": "no mail",
}


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_framework_s_own_background_work_comes_after_the_response(fastapi_function: Make, name: str) -> None:
    """Before the environment is frozen, at each request, and a failure is told with its reason."""
    pytest.importorskip(name)
    shop = fastapi_function(WORK + FRAMEWORKS[name])

    answers = []
    for path in ("one", "two", "broken"):
        invocation = shop.invoke(http_event(f"/{path}"))
        shop.wait_idle(timeout=10)
        answers.append(invocation.json()["body"])
        assert shop.notes[-1].text == f"mail {path}"
        assert shop.notes[-1].at > invocation.responded_at

    assert answers == ["one", "two", "broken"]
    assert shop.said(SAID[name])
    assert shop.said("ValueError: no mail")


MCP = """
from mcp.server.mcpserver import MCPServer
server = MCPServer("shop")
TOOL
app = server.streamable_http_app(stateless_http=True, json_response=True, transport_security=None, host="0.0.0.0")
"""
FASTMCP = """
from fastmcp import FastMCP
server = FastMCP("shop")
TOOL
app = server.http_app(stateless_http=True, json_response=True)
"""
TOOL = """
import lambda_punch as punch

async def mail(item):
    await asyncio.sleep(0.05)
    note("mail", item)

@server.tool()
async def order(item: str) -> str:
    "Order something."
    punch.push(mail, item)
    return "ordered " + item
"""
SERVERS = {"mcp": MCP, "fastmcp": FASTMCP}


def asked(method: str, **parameters: Any) -> dict[str, Any]:
    """The event of an MCP client's request."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": parameters}).encode()
    headers = [
        ("host", "example.com"),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-06-18"),
    ]
    return proxy_event(HttpRequest("POST", "/mcp", headers=headers, body=body), "gateway-request")


@pytest.mark.parametrize("name", SERVERS)
def test_an_mcp_server_answers_each_invoke_and_works_after_it(fastapi_function: Make, name: str) -> None:
    """Its session manager lives in the lifespan, which the middleware starts once in an environment."""
    pytest.importorskip(name)
    shop = fastapi_function(SERVERS[name].replace("TOOL", TOOL), init_timeout=30)

    for item in ("tea", "milk", "bread"):
        invocation = shop.invoke(asked("tools/call", name="order", arguments={"item": item}))
        shop.wait_idle(timeout=10)
        answer = json.loads(invocation.json()["body"])
        assert answer["result"]["content"][0]["text"] == f"ordered {item}"
        assert shop.notes[-1].text == f"mail {item}"
        assert shop.notes[-1].at > invocation.responded_at

    assert not shop.said("ERROR")


@pytest.mark.parametrize(("name", "second"), [("mcp", 500), ("fastmcp", 200)])
def test_what_an_mcp_server_answers_under_plain_mangum(fastapi_function: Make, name: str, second: int) -> None:
    """Mangum starts the lifespan anew at each invoke, and a session manager of mcp can be run only once."""
    pytest.importorskip(name)
    shop = fastapi_function(SERVERS[name].replace("TOOL", TOOL), handler="handler = Mangum(app)", init_timeout=30)

    answers = [shop.call(asked("tools/list")) for _ in range(3)]

    assert [answer.get("statusCode", 500) for answer in answers] == [200, second, second]
    assert bool(shop.said(".run() can only be called once per instance")) == (second == 500)
