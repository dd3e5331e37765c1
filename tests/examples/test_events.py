"""The example events, against AWS's description of payload format 2.0.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.http.gateway import HttpRequest, proxy_event

if TYPE_CHECKING:
    from pathlib import Path

ALWAYS = {
    "version": str,
    "routeKey": str,
    "rawPath": str,
    "rawQueryString": str,
    "headers": dict,
    "requestContext": dict,
    "isBase64Encoded": bool,
}
SOMETIMES = {
    "cookies": list,
    "queryStringParameters": dict,
    "body": str,
    "pathParameters": dict,
    "stageVariables": dict,
}
CONTEXT = {
    "accountId": str,
    "apiId": str,
    "domainName": str,
    "domainPrefix": str,
    "http": dict,
    "requestId": str,
    "routeKey": str,
    "stage": str,
    "time": str,
    "timeEpoch": int,
}
HTTP = {"method": str, "path": str, "protocol": str, "sourceIp": str, "userAgent": str}


def types(content: dict[str, Any]) -> dict[str, type]:
    return {name: type(value) for name, value in content.items()}


@pytest.fixture(params=["post-order.json", "get-order.json"])
def event(request: pytest.FixtureRequest, shop_root: Path) -> Any:
    return json.loads((shop_root / "events" / request.param).read_text())


def test_events_have_the_documented_fields(event: dict[str, Any]) -> None:
    """Every field that AWS always sends is there, of its type, and none that AWS does not send."""
    assert ALWAYS.items() <= types(event).items() <= (ALWAYS | SOMETIMES).items()
    assert types(event["requestContext"]) == CONTEXT
    assert types(event["requestContext"]["http"]) == HTTP
    assert event["version"] == "2.0"


def test_events_agree_with_themselves(event: dict[str, Any]) -> None:
    """What an event says twice is the same both times; header names are in lower case."""
    context = event["requestContext"]
    assert event["routeKey"] == context["routeKey"]
    assert event["rawPath"] == context["http"]["path"]
    assert event["headers"]["user-agent"] == context["http"]["userAgent"]
    assert event["headers"]["host"] == context["domainName"]
    assert all(name == name.lower() for name in event["headers"])
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d \+0000", context["time"])


def test_only_an_order_has_a_body(event: dict[str, Any]) -> None:
    """A request without a body has no such field; one with a body states its length."""
    assert ("body" in event) == (event["requestContext"]["http"]["method"] == "POST")
    assert int(event["headers"].get("content-length", 0)) == len(event.get("body", ""))


def test_the_local_gateway_makes_the_same_context(event: dict[str, Any]) -> None:
    """`lambda-punch local --serve` gives the function what these events have."""
    served = proxy_event(HttpRequest("GET", "/orders/1"), "id")
    assert types(served["requestContext"]) == types(event["requestContext"])
    assert ALWAYS.items() <= types(served).items()


def test_the_demo_sends_14_orders_and_6_reads(traffic: Any) -> None:
    """No two orders are the same, and each read is of an order that is there by then."""
    seen: list[str] = []
    reads = 0
    for request in traffic.requests():
        if request["requestContext"]["http"]["method"] == "POST":
            seen.append(request["body"])
        else:
            reads += 1
            assert 1 <= int(request["pathParameters"]["id"]) <= len(seen)
    assert (len(seen), len(set(seen)), reads) == (14, 14, 6)
