"""An MCP server whose tool answers first and works afterwards; under plain Mangum it would answer one invoke only."""

from __future__ import annotations

import asyncio
import json
import os

import lambda_punch as punch
from lambda_punch.integrations.asgi import PunchMiddleware
from mangum import Mangum
from mcp.server.mcpserver import MCPServer

OUTBOX = os.environ.get("OUTBOX", "/tmp/outbox")  # noqa: S108 - what a Lambda function has to write to
server = MCPServer("shop")


@server.tool()
async def order(item: str, email: str) -> str:
    """Order something; a mail confirms it."""
    punch.push(confirm, item, email)
    return f"{item} is ordered"


async def confirm(item: str, email: str) -> None:
    await asyncio.sleep(1)  # a slow mail gateway
    write({"mail to": email, "item": item})


def write(line: dict[str, str]) -> None:
    with open(OUTBOX, "a") as outbox:
        outbox.write(json.dumps(line) + "\n")


# Stateless: Lambda may give each request to another environment. Any host: AWS has checked it before.
app = server.streamable_http_app(stateless_http=True, json_response=True, host="0.0.0.0")  # noqa: S104 - nothing listens
handler = Mangum(PunchMiddleware(app))
