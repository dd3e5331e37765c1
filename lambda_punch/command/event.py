"""``lambda-punch event``: an event as AWS's services send it, to try a function with."""

from __future__ import annotations

import json
import sys
import time
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

_ACCOUNT = "123456789012"
_REGION = "us-east-1"
# The kinds, and the options that each of them takes.
_OPTIONS = {
    "sqs": {"body"},
    "sns": {"body"},
    "apigw": {"body", "method", "path"},
    "apigw-v1": {"body", "method", "path"},
    "alb": {"body", "method", "path"},
    "url": {"body", "method", "path"},
    "s3": {"key"},
    "eventbridge": {"body"},
    "schedule": set(),
}
KINDS = tuple(_OPTIONS)


def declare(parser: argparse.ArgumentParser) -> None:
    """Describe ``event`` and add its arguments."""
    parser.description = (
        "Print an event as a service of AWS sends it. Give it to a function with: "
        "lambda-punch event sqs | lambda-punch local app.handler --event -"
    )
    parser.add_argument("kind", choices=_OPTIONS, metavar="KIND", help=", ".join(_OPTIONS))
    parser.add_argument(
        "--body", metavar="TEXT", help="the message, the request's body, or EventBridge's detail as JSON"
    )
    parser.add_argument("--method", metavar="NAME", help="the request's method (default: GET, with a body POST)")
    parser.add_argument("--path", metavar="PATH", help="the request's path, also with a query (default: /)")
    parser.add_argument("--key", metavar="NAME", help="the name of the S3 object (default: folder/photo.jpg)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the event and return the exit status."""
    given = {name for name in ("body", "method", "path", "key") if getattr(arguments, name) is not None}
    excess = sorted(given - _OPTIONS[arguments.kind])
    if excess:
        print(f"lambda-punch event: {arguments.kind} has no --{excess[0]}", file=sys.stderr)
        return 2
    try:
        made = sample(arguments.kind, **{name: getattr(arguments, name) for name in given})
    except ValueError as error:
        print(f"lambda-punch event: --body is not JSON, as EventBridge's detail is: {error}", file=sys.stderr)
        return 2
    print(json.dumps(made, indent=2))
    return 0


def sample(
    kind: str,
    body: str | None = None,
    method: str | None = None,
    path: str = "/",
    key: str = "folder/photo.jpg",
) -> Any:
    """Return an event of the kind; raise ValueError if the detail of an EventBridge event is not JSON."""
    if kind in {"apigw", "url", "apigw-v1", "alb"}:
        return request(kind, method or ("GET" if body is None else "POST"), path, body or "")
    text = '{"hello": "world"}' if body is None else body
    if kind == "eventbridge":
        return _eventbridge("com.example.shop", "OrderPlaced", json.loads(text), [])
    if kind == "schedule":
        rule = f"arn:aws:events:{_REGION}:{_ACCOUNT}:rule/nightly"
        return _eventbridge("aws.events", "Scheduled Event", {}, [rule])
    return {"Records": [{"sqs": _sqs, "sns": _sns, "s3": _s3}[kind](key if kind == "s3" else text)]}


def request(kind: str, method: str, path: str, body: str) -> dict[str, Any]:
    """Return the event of an HTTP request, as JSON if there is a body."""
    from urllib.parse import parse_qsl

    plain, _, query = path.partition("?")
    domain = {"url": "abcdefgh.lambda-url", "alb": "shop.elb"}.get(kind, "abcdefgh.execute-api")
    headers = {
        "host": f"{domain}.{_REGION}.amazonaws.com",
        "user-agent": "lambda-punch",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "https",
    }
    if body:
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(body.encode()))
    if kind in {"apigw", "url"}:
        from lambda_punch.local.http.gateway import HttpRequest, proxy_event

        encoded = HttpRequest(method, plain, query, list(headers.items()), body.encode(), "203.0.113.7")
        return proxy_event(encoded, str(uuid.uuid4()))
    pairs = parse_qsl(query, keep_blank_values=True)
    event: dict[str, Any] = {
        "path": plain,
        "httpMethod": method,
        "headers": headers,
        "queryStringParameters": dict(pairs) or (None if kind == "apigw-v1" else {}),
        "body": body or (None if kind == "apigw-v1" else ""),
        "isBase64Encoded": False,
    }
    if kind == "alb":
        group = f"arn:aws:elasticloadbalancing:{_REGION}:{_ACCOUNT}:targetgroup/shop/0123456789abcdef"
        return {**event, "requestContext": {"elb": {"targetGroupArn": group}}}
    return {**event, **_rest_api(method, plain, headers, pairs)}


def _rest_api(method: str, path: str, headers: dict[str, str], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what only the REST APIs of API Gateway have."""
    several: dict[str, list[str]] = {}
    for name, value in pairs:
        several.setdefault(name, []).append(value)
    now = time.time()
    context = {
        "accountId": _ACCOUNT,
        "apiId": "abcdefgh",
        "domainName": headers["host"],
        "domainPrefix": "abcdefgh",
        "extendedRequestId": "request-id",
        "httpMethod": method,
        "identity": {"sourceIp": "203.0.113.7", "userAgent": headers["user-agent"]},
        "path": f"/prod{path}",
        "protocol": "HTTP/1.1",
        "requestId": str(uuid.uuid4()),
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": "abc123",
        "resourcePath": "/{proxy+}",
        "stage": "prod",
    }
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "multiValueQueryStringParameters": several or None,
        "pathParameters": {"proxy": path.lstrip("/")},
        "stageVariables": None,
        "requestContext": context,
    }


def _sqs(body: str) -> dict[str, Any]:
    from hashlib import md5

    now = str(int(time.time() * 1000))
    return {
        "messageId": str(uuid.uuid4()),
        "receiptHandle": "receipt",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": now,
            "SenderId": "AIDAEXAMPLE",
            "ApproximateFirstReceiveTimestamp": now,
        },
        "messageAttributes": {},
        "md5OfBody": md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:{_REGION}:{_ACCOUNT}:work",
        "awsRegion": _REGION,
    }


def _sns(body: str) -> dict[str, Any]:
    topic = f"arn:aws:sns:{_REGION}:{_ACCOUNT}:news"
    notification: dict[str, Any] = {
        "Type": "Notification",
        "MessageId": str(uuid.uuid4()),
        "TopicArn": topic,
        "Subject": None,
        "Message": body,
        "Timestamp": _now(),
        "SignatureVersion": "1",
        "Signature": "EXAMPLE",
        "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/certificate.pem",
        "UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
        "MessageAttributes": {},
    }
    return {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": f"{topic}:{uuid.uuid4()}",
        "Sns": notification,
    }


def _s3(key: str) -> dict[str, Any]:
    from urllib.parse import quote_plus

    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": _REGION,
        "eventTime": _now(),
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "203.0.113.7"},
        "responseElements": {"x-amz-request-id": "EXAMPLE123456789", "x-amz-id-2": "EXAMPLE"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "uploads",
            "bucket": {
                "name": "shop-uploads",
                "ownerIdentity": {"principalId": "AIDAEXAMPLE"},
                "arn": "arn:aws:s3:::shop-uploads",
            },
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": 1024,
                "eTag": "0123456789abcdef0123456789abcdef",
                "sequencer": "0A1B2C3D4E5F678901",
            },
        },
    }


def _eventbridge(source: str, kind: str, detail: Any, resources: list[str]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": source,
        "account": _ACCOUNT,
        "time": _now()[:-5] + "Z",
        "region": _REGION,
        "resources": resources,
        "detail": detail,
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
