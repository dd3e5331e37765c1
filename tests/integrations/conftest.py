"""Requests as API Gateway hands them to a function, and what functions with a web framework begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.http.gateway import HttpRequest, proxy_event

from .services import Postgres, Redis

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Function

FASTAPI = """\
import asyncio, contextvars, os, threading, time
from fastapi import BackgroundTasks, Depends, FastAPI
from mangum import Mangum
from lambda_punch.integrations.asgi import PunchMiddleware

def note(*words):
    line = " ".join(str(word) for word in (time.monotonic(), *words))
    with open(os.environ["NOTES"], "a") as notes:
        notes.write(line + "\\n")

app = FastAPI()

"""


def http_event(path: str = "/", method: str = "GET") -> dict[str, Any]:
    """The event of API Gateway's HTTP API, payload format 2.0."""
    return proxy_event(HttpRequest(method, path, headers=[("host", "example.com")]), "gateway-request")


def rest_event(path: str = "/", method: str = "GET") -> dict[str, Any]:
    """The event of API Gateway's REST API, payload format 1.0, which every adapter knows."""
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "example.com", "X-Forwarded-Proto": "https"},
        "multiValueHeaders": {"Host": ["example.com"], "X-Forwarded-Proto": ["https"]},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": "prod", "identity": {"sourceIp": "127.0.0.1"}},
        "body": None,
        "isBase64Encoded": False,
    }


FLASK_ADAPTERS = {
    "apig-wsgi": """
        from apig_wsgi import make_lambda_handler
        handler = make_lambda_handler(WRAPPED)
        """,
    "serverless-wsgi": """
        import serverless_wsgi
        wrapped = WRAPPED
        def handler(event, context): return serverless_wsgi.handle_request(wrapped, event, context)
        """,
    "aws-wsgi": """
        import awsgi
        wrapped = WRAPPED
        def handler(event, context): return awsgi.response(wrapped, event, context)
        """,
}


@pytest.fixture
def fastapi_function(function: Callable[..., Function]) -> Callable[..., Function]:
    """A maker of functions with a FastAPI ``app`` behind Mangum and the middleware."""

    def make(source: str, *, handler: str = "handler = Mangum(PunchMiddleware(app))", **options: Any) -> Function:
        import textwrap

        options.setdefault("timeout", 10)
        return function(textwrap.dedent(source) + "\n" + handler + "\n", prelude=FASTAPI, **options)

    return make


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server."""
    pytest.importorskip("psycopg")
    with Postgres() as server:
        yield server


@pytest.fixture(scope="module")
def redis_server() -> Iterator[Redis]:
    """A Redis server."""
    with Redis() as server:
        yield server
