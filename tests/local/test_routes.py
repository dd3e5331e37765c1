"""Which function of a template an HTTP request is for, and what event it gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambda_punch.local.http.gateway import HttpRequest
from lambda_punch.local.http.rest_api import rest_answer, rest_event
from lambda_punch.local.http.routes import Route, RoutedFunctions
from lambda_punch.local.platform.invocation import Invocation

ROUTES = [
    Route("everything", "httpapi"),
    Route("any", "httpapi", None, "/orders/{id}"),
    Route("get", "httpapi", "GET", "/orders/{id}"),
    Route("new", "httpapi", "GET", "/orders/new"),
    Route("files", "api", "GET", "/files/{path+}"),
    Route("root", "api", "GET", "/"),
]


class Named:
    """Stands for a function; only its name counts here."""

    def __init__(self, name: str) -> None:
        self.name = name

    def submit(self, event: bytes, **_: Any) -> Any:
        raise AssertionError(event)


def functions(routes: list[Route]) -> RoutedFunctions:
    return RoutedFunctions({each.function: Named(each.function) for each in routes}, routes)


@pytest.mark.parametrize(
    ("method", "path", "name", "parameters"),
    [
        ("GET", "/orders/new", "new", None),
        ("GET", "/orders/7", "get", {"id": "7"}),
        ("GET", "/orders/7/", "get", {"id": "7"}),
        ("DELETE", "/orders/7", "any", {"id": "7"}),
        ("GET", "/orders/7/lines", "everything", None),
        ("GET", "/files/a/b.txt", "files", {"path": "a/b.txt"}),
        ("GET", "/", "root", None),
        ("POST", "/", "everything", None),
    ],
)
def test_the_most_specific_route_wins(method: str, path: str, name: str, parameters: dict[str, str] | None) -> None:
    routed = functions(ROUTES).routed(HttpRequest(method, path))
    assert routed is not None
    assert routed.function.name == name  # type: ignore[attr-defined]
    assert routed.event.get("pathParameters") == parameters


def test_the_route_s_key_is_in_the_event() -> None:
    routed = functions(ROUTES).routed(HttpRequest("PUT", "/orders/7"))
    assert routed is not None
    assert routed.event["routeKey"] == routed.event["requestContext"]["routeKey"] == "ANY /orders/{id}"


def test_a_url_is_found_by_its_host_and_the_only_one_without() -> None:
    urls = [Route("Web", "url"), Route("Admin", "url")]
    both = functions(urls)
    found = both.routed(HttpRequest("GET", "/", headers=[("Host", "admin.localhost:8000")]))
    assert found is not None
    assert found.function.name == "Admin"  # type: ignore[attr-defined]
    assert both.routed(HttpRequest("GET", "/", headers=[("Host", "127.0.0.1:8000")])) is None
    assert functions(urls[:1]).routed(HttpRequest("GET", "/any")) is not None


def test_a_rest_api_s_event_has_its_own_shape() -> None:
    request = HttpRequest("GET", "/files/a%20b", "x=1&x=2", [("X-A", "1"), ("X-A", "2")])
    event = rest_event(request, "/files/{path+}", {"path": "a b"}, "id")
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/files/{path+}", "/files/a b", "GET")
    assert (event["headers"], event["multiValueHeaders"]) == ({"X-A": "2"}, {"X-A": ["1", "2"]})
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == ({"x": "2"}, {"x": ["1", "2"]})
    assert event["body"] is None


@pytest.mark.parametrize(
    ("answer", "status", "headers"),
    [
        ({"statusCode": 201, "multiValueHeaders": {"Set-Cookie": ["a", "b"]}}, 201, ["a", "b"]),
        ({"no": "status"}, 502, []),
        ("text", 502, []),
        ({"statusCode": 200, "multiValueHeaders": {"a": "b"}}, 502, []),
    ],
)
def test_a_rest_api_wants_a_status_and_takes_headers_with_several_values(
    answer: Any, status: int, headers: list[str]
) -> None:
    found = rest_answer(Invocation("id", json.dumps(answer).encode(), None, 0, 0))
    assert found.status == status
    assert [value for name, value in found.headers if name == "set-cookie"] == headers
