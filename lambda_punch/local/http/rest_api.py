"""Plain HTTP as API Gateway's REST APIs show it to a function (payload format 1.0), and its answer. Pure functions.

After "Input format of a Lambda function for proxy integration" in the API Gateway Developer Guide.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

from lambda_punch.local.platform.configuration import ACCOUNT_ID

from .gateway import HttpAnswer, body_of, http_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_punch.local.platform.invocation import Invocation

    from .gateway import HttpRequest

_STAGE = "Prod"


def rest_event(request: HttpRequest, resource: str, parameters: Mapping[str, str], request_id: str) -> dict[str, Any]:
    """Build the event of a request to the ``resource`` (``/orders/{id}``), whose path has these parameters."""
    several = _several(list(request.headers))
    headers = {name: values[-1] for name, values in several.items()}
    query = _several(parse_qsl(request.query, keep_blank_values=True))
    lowered = {name.lower(): value for name, value in headers.items()}
    body, encoded = body_of(request.body, lowered.get("content-type", "")) if request.body else (None, False)
    now = time.time()
    path = unquote(request.path)
    return {
        "version": "1.0",
        "resource": resource,
        "path": path,
        "httpMethod": request.method,
        "headers": headers,
        "multiValueHeaders": several,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "apiId": "local",
            "domainName": lowered.get("host", "localhost").rsplit(":", 1)[0],
            "domainPrefix": "local",
            "extendedRequestId": request_id,
            "httpMethod": request.method,
            "identity": {"sourceIp": request.source_ip, "userAgent": lowered.get("user-agent", "")},
            "path": f"/{_STAGE}{path}",
            "protocol": request.protocol,
            "requestId": request_id,
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "requestTimeEpoch": int(now * 1000),
            "resourceId": "local",
            "resourcePath": resource,
            "stage": _STAGE,
        },
        "body": body,
        "isBase64Encoded": encoded,
    }


def rest_answer(invocation: Invocation) -> HttpAnswer:
    """Turn a function's answer into an HTTP answer. A REST API wants a status code; all else is its 502."""
    try:
        value = invocation.json()
    except ValueError:
        value = None
    if not invocation.ok or not isinstance(value, dict) or "statusCode" not in value:
        return _malformed()
    answer = http_answer(invocation)
    several = value.get("multiValueHeaders")
    if several is None:
        return answer
    if not isinstance(several, dict) or not all(isinstance(each, list) for each in several.values()):
        return _malformed()
    names = {str(name).lower() for name in several}
    kept = [(name, content) for name, content in answer.headers if name not in names]
    more = [(str(name).lower(), str(content)) for name, contents in several.items() for content in contents]
    return HttpAnswer(answer.status, [*kept, *more], answer.body)


def _malformed() -> HttpAnswer:
    body = json.dumps({"message": "Internal server error"}).encode()
    return HttpAnswer(502, [("content-type", "application/json")], body)


def _several(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found
