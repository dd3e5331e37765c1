"""API Gateway's payload format 2.0, both ways."""

from __future__ import annotations

import base64
import json

import pytest

from lambda_punch.local import Invocation
from lambda_punch.local.http.gateway import HttpRequest, http_answer, proxy_event


def answer_to(value: object, error_type: str | None = None) -> tuple[int, list[tuple[str, str]], bytes]:
    payload = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = http_answer(Invocation("id", payload, error_type, 0.0, 0.0))
    return answer.status, answer.headers, answer.body


def test_event() -> None:
    """A request becomes the event that AWS documents."""
    request = HttpRequest(
        method="POST",
        path="/my/path%20x",
        query="a=1&a=2&b=%20",
        headers=[
            ("Host", "id.example.com:8080"),
            ("User-Agent", "agent"),
            ("X-Twice", "1"),
            ("x-twice", "2"),
            ("Cookie", "c1=a; c2=b"),
            ("Content-Type", "application/json"),
        ],
        body=b'{"k": "v"}',
        source_ip="192.0.2.1",
    )

    assert proxy_event(request, "request", now=1583348638.39) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/my/path x",
        "rawQueryString": "a=1&a=2&b=%20",
        "cookies": ["c1=a", "c2=b"],
        "headers": {
            "host": "id.example.com:8080",
            "user-agent": "agent",
            "x-twice": "1,2",
            "content-type": "application/json",
        },
        "queryStringParameters": {"a": "1,2", "b": " "},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "id.example.com",
            "domainPrefix": "id",
            "http": {
                "method": "POST",
                "path": "/my/path x",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "agent",
            },
            "requestId": "request",
            "routeKey": "$default",
            "stage": "$default",
            "time": "04/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "body": '{"k": "v"}',
        "isBase64Encoded": False,
    }


def test_bare_event() -> None:
    """Without cookies, query and body their keys are absent."""
    event = proxy_event(HttpRequest("GET", "/"), "request")

    assert not {"cookies", "queryStringParameters", "body"} & event.keys()


@pytest.mark.parametrize(
    ("content_type", "body", "encoded"),
    [
        ("text/html; charset=utf-8", "ä".encode(), False),
        ("application/problem+json", b"{}", False),
        ("application/x-www-form-urlencoded", b"a=b", True),
        ("image/png", b"\x89PNG", True),
        ("text/plain", b"\xff", True),
    ],
)
def test_body(content_type: str, body: bytes, encoded: bool) -> None:
    """Text stays text; everything else is base64."""
    event = proxy_event(HttpRequest("POST", "/", headers=[("Content-Type", content_type)], body=body), "request")

    assert event["isBase64Encoded"] is encoded
    assert (base64.b64decode(event["body"]) if encoded else event["body"].encode()) == body


def test_formatted_answer() -> None:
    """statusCode, headers, cookies and body are taken over."""
    value = {"statusCode": "201", "headers": {"X-A": 1, "X-B": True}, "cookies": ["a=1", "b=2"], "body": "hi"}

    status, headers, body = answer_to(value)
    assert (status, body) == (201, b"hi")
    assert sorted(headers) == [
        ("content-type", "text/plain;charset=UTF-8"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-a", "1"),
        ("x-b", "true"),
    ]


def test_binary_answer() -> None:
    """A base64 body is decoded."""
    value = {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "body": "iVBO", "isBase64Encoded": True}

    assert answer_to(value) == (200, [("content-type", "image/png")], b"\x89PN")


@pytest.mark.parametrize(
    ("value", "body"),
    [({"message": "hi"}, b'{"message": "hi"}'), ("hi", b"hi"), ([1], b"[1]"), (None, b"null")],
)
def test_plain_value(value: object, body: bytes) -> None:
    """Any JSON without a statusCode is a 200 of type application/json."""
    assert answer_to(value) == (200, [("content-type", "application/json")], body)


@pytest.mark.parametrize(
    "value",
    [
        b"not json",
        {"statusCode": "oops"},
        {"statusCode": None},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 200, "body": {"a": 1}},
        {"statusCode": 200, "headers": {"a": []}},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "cookies": 1},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
    ],
)
def test_malformed_answer(value: object) -> None:
    """An answer that breaks the format is API Gateway's own 500."""
    status, headers, body = answer_to(value)

    assert (status, json.loads(body)) == (500, {"message": "Internal Server Error"})
    assert headers == [("content-type", "application/json")]


def test_failed_function() -> None:
    """A function error is a 500 that tells nothing."""
    assert answer_to({"errorMessage": "secret"}, "ValueError")[0] == 500
