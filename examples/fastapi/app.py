"""An ordinary FastAPI application; the last line is what makes its background tasks run after the response."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Annotated

from fastapi import BackgroundTasks, Depends, FastAPI
from lambda_punch.integrations.asgi import PunchMiddleware
from mangum import Mangum
from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

OUTBOX = os.environ.get("OUTBOX", "/tmp/outbox")  # noqa: S108 - what a Lambda function has to write to
app = FastAPI(title="Shop")


class Order(BaseModel):
    item: str
    email: str


async def audit() -> AsyncIterator[list[str]]:
    """Write down what the request did, when all is done."""
    lines: list[str] = []
    yield lines
    write({"audit": lines})


@app.post("/orders", status_code=201)
async def create(order: Order, tasks: BackgroundTasks, lines: Annotated[list[str], Depends(audit)]) -> Order:
    tasks.add_task(confirm, order)
    lines.append(f"{order.item} ordered")
    return order


async def confirm(order: Order) -> None:
    await asyncio.sleep(1)  # a slow mail gateway
    write({"mail to": order.email, "item": order.item})


def write(line: dict[str, object]) -> None:
    with open(OUTBOX, "a") as outbox:
        outbox.write(json.dumps(line) + "\n")


handler = Mangum(PunchMiddleware(app))
