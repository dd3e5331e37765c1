"""A small shop behind an API Gateway HTTP API: it answers the order first, and then mails its confirmation.

POST /orders       {"item": "tea", "quantity": 2, "email": "ada@example.com"}   201, or 400
GET  /orders/{id}                                                               200, or 404
"""

from __future__ import annotations

import base64
import json
import os
import time
from typing import TYPE_CHECKING, Any

import lambda_punch as punch

import mail
import orders
import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

punch.start()


def call(function: Callable[..., object], *args: object) -> None:
    """Do it now, while the caller waits."""
    function(*args)


# Your function needs no such switch: write punch.push. The demo compares the two.
do = call if os.environ.get("SHOP_WORK") == "before" else punch.push


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    try:
        return route(event)
    finally:
        punch.handled(context)


def route(event: Mapping[str, Any]) -> dict[str, Any]:
    method, path = event["requestContext"]["http"]["method"], event["rawPath"]
    if method == "POST" and path == "/orders":
        return create_order(event)
    if method == "GET" and path.startswith("/orders/"):
        return show_order(path.removeprefix("/orders/"))
    return answer(404, {"message": "Not Found"})


def create_order(event: Mapping[str, Any]) -> dict[str, Any]:
    began = time.time()
    try:
        order = orders.add(**orders.check(body_of(event)))
    except ValueError as error:
        return answer(400, {"message": str(error)})
    do(mail.send_confirmation, order)
    do(telemetry.export, telemetry.span("POST /orders", began, order_id=order["id"]))
    return answer(201, order)


def show_order(order_id: str) -> dict[str, Any]:
    order = orders.find(order_id)
    return answer(404, {"message": "no such order"}) if order is None else answer(200, order)


def body_of(event: Mapping[str, Any]) -> object:
    """Return the parsed body; raise ValueError if it is not JSON."""
    body = event.get("body", "")
    if event.get("isBase64Encoded"):
        body = base64.b64decode(body)
    return json.loads(body)


def answer(status: int, content: Mapping[str, object]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(content)}
