"""The demo's requests, made from the two events beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Event = dict[str, Any]

_EVENTS = Path(__file__).resolve().parent / "events"
_ITEMS = ("tea", "coffee", "sugar", "milk", "biscuits")
_DAY = "oorooroorooroorooroo"  # one letter a request: an order, or a read of the one before


def requests() -> list[Event]:
    """Return 14 orders and 6 reads, as they come in during a short day; the first order gets the number 1."""
    events = []
    orders = 0
    for letter in _DAY:
        orders += letter == "o"
        events.append(order(orders) if letter == "o" else read(orders))
    return events


def order(number: int) -> Event:
    """Return the request for one order; they differ by their number."""
    event = _load("post-order.json")
    content = {
        "item": _ITEMS[number % len(_ITEMS)],
        "quantity": 1 + number % 3,
        "email": f"customer-{number}@example.com",
    }
    event["body"] = json.dumps(content)
    event["headers"]["content-length"] = str(len(event["body"]))
    return event


def read(order_id: int) -> Event:
    """Return the request to see an order."""
    event = _load("get-order.json")
    path = f"/orders/{order_id}"
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["pathParameters"] = {"id": str(order_id)}
    return event


def _load(name: str) -> Event:
    event: Event = json.loads((_EVENTS / name).read_text(encoding="utf-8"))
    return event
