"""Plain HTTP as API Gateway shows it to a function, and a function's answer as API Gateway shows it to a browser.

Payload format version 2.0 of HTTP APIs, after "Create AWS Lambda proxy integrations for HTTP APIs" in the API Gateway
Developer Guide. HTTP APIs hand out the path decoded and the query as it was sent. Pure functions.
"""

from __future__ import annotations

import base64
import binascii
import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from lambda_punch.local.platform.configuration import ACCOUNT_ID

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from lambda_punch.local.platform.invocation import Invocation

_TEXT_TYPES = ("application/json", "application/javascript", "application/xml")
_API_ID = "local"


@dataclass(frozen=True)
class HttpRequest:
    """What the browser sent. ``path`` and ``query`` are as in the request line."""

    method: str
    path: str
    query: str = ""
    headers: Iterable[tuple[str, str]] = ()
    body: bytes = b""
    source_ip: str = "127.0.0.1"
    protocol: str = "HTTP/1.1"


@dataclass(frozen=True)
class HttpAnswer:
    """What the browser gets. A name may occur more than once among the headers."""

    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""


def proxy_event(request: HttpRequest, request_id: str, now: float | None = None) -> dict[str, Any]:
    """Build the event of a request; ``now`` is in seconds of the epoch."""
    headers, cookies = _headers(request.headers)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(request.path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _context(request, headers, request_id, time.time() if now is None else now),
        "isBase64Encoded": False,
    }
    if cookies:
        event["cookies"] = cookies
    if request.query:
        event["queryStringParameters"] = _joined(parse_qsl(request.query, keep_blank_values=True))
    if request.body:
        event["body"], event["isBase64Encoded"] = body_of(request.body, headers.get("content-type", ""))
    return event


def http_answer(invocation: Invocation) -> HttpAnswer:
    """Turn a function's answer into an HTTP answer; a failed function or a malformed answer becomes a 500."""
    if not invocation.ok:
        return _server_error()
    try:
        value = invocation.json()
    except ValueError:
        return _server_error()
    if not isinstance(value, dict) or "statusCode" not in value:
        body = value.encode() if isinstance(value, str) else invocation.payload
        return HttpAnswer(200, [("content-type", "application/json")], body)
    try:
        return _formatted(value)
    except (TypeError, ValueError, binascii.Error):
        return _server_error()


def _formatted(value: dict[str, Any]) -> HttpAnswer:
    status = int(value["statusCode"])
    if isinstance(value["statusCode"], bool) or not 200 <= status <= 599:
        raise ValueError(status)
    given = value.get("headers")
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise TypeError(given)
    headers = [(str(name).lower(), _header_value(content)) for name, content in given.items()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", "text/plain;charset=UTF-8"))
    headers += [("set-cookie", _text(cookie)) for cookie in value.get("cookies") or []]
    text = _text(value.get("body") or "")
    body = base64.b64decode(text, validate=True) if value.get("isBase64Encoded") else text.encode()
    return HttpAnswer(status, headers, body)


def _header_value(content: object) -> str:
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, (str, int, float)):
        return str(content)
    raise TypeError(content)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _server_error() -> HttpAnswer:
    body = json.dumps({"message": "Internal Server Error"}).encode()
    return HttpAnswer(500, [("content-type", "application/json")], body)


def _headers(headers: Iterable[tuple[str, str]]) -> tuple[dict[str, str], list[str]]:
    """Lower the names, join repeated ones with a comma, and set the cookies apart."""
    lowered = [(name.lower(), content) for name, content in headers]
    cookies = [crumb.strip() for name, content in lowered if name == "cookie" for crumb in content.split(";")]
    return _joined((name, content) for name, content in lowered if name != "cookie"), [each for each in cookies if each]


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for name, value in pairs:
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _context(request: HttpRequest, headers: Mapping[str, str], request_id: str, now: float) -> dict[str, Any]:
    domain = headers.get("host", "localhost").rsplit(":", 1)[0]
    return {
        "accountId": ACCOUNT_ID,
        "apiId": _API_ID,
        "domainName": domain,
        "domainPrefix": domain.split(".", 1)[0],
        "http": {
            "method": request.method,
            "path": unquote(request.path),
            "protocol": request.protocol,
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "timeEpoch": int(now * 1000),
    }


def body_of(body: bytes, content_type: str) -> tuple[str, bool]:
    """Return the body as text, or in base64 if its type is not text."""
    kind = content_type.split(";", 1)[0].strip().lower()
    if not kind or kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml")):
        try:
            return body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(body).decode(), True
