"""A function behind a port, asked with a real HTTP client."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest
import requests

from lambda_punch.local.http.function_server import INVOKE_PATH, FunctionServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts

HANDLER = """
def handler(event, context):
    if event.get("rawPath") == "/page":
        return {"statusCode": 201, "cookies": ["a=1", "b=2"], "headers": {"Content-Type": "text/html"}, "body": "<p>"}
    if "fail" in event:
        raise ValueError(event["fail"])
    return {"event": event, "custom": context.client_context and context.client_context.custom}
"""


@pytest.fixture
def url(local: Callable[..., LocalLambda], scripts: Scripts) -> Iterator[str]:
    scripts.function(HANDLER)
    with local() as function, FunctionServer(function) as server:
        yield server.url


def test_invoke_url(url: str) -> None:
    """AWS's invoke URL takes the payload and a client context, and answers with the response."""
    context = base64.b64encode(b'{"custom": {"k": "v"}}').decode()
    answer = requests.post(url + INVOKE_PATH, data=b'{"a": 1}', headers={"X-Amz-Client-Context": context}, timeout=5)

    assert answer.status_code == 200
    assert answer.json() == {"event": {"a": 1}, "custom": {"k": "v"}}
    assert answer.headers["X-Amzn-Requestid"]


def test_function_error(url: str) -> None:
    """A failed function is a 200 with a header that says so, as on Lambda."""
    answer = requests.post(url + INVOKE_PATH, data=b'{"fail": "x"}', timeout=5)

    assert (answer.status_code, answer.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert answer.json()["errorType"] == "ValueError"


def test_asynchronous_invoke(url: str) -> None:
    """An invoke of type Event is accepted at once."""
    answer = requests.post(url + INVOKE_PATH, data=b"{}", headers={"X-Amz-Invocation-Type": "Event"}, timeout=5)

    assert answer.status_code == 202


def test_bad_client_context(url: str) -> None:
    """A client context that is not base64 is refused."""
    assert requests.post(url + INVOKE_PATH, headers={"X-Amz-Client-Context": "%"}, timeout=5).status_code == 500


def test_web_page(url: str) -> None:
    """Any other path reaches the function as an API Gateway event, and the answer is mapped back."""
    answer = requests.get(url + "/page", timeout=5)

    assert (answer.status_code, answer.text, answer.headers["Content-Type"]) == (201, "<p>", "text/html")
    assert answer.cookies.get_dict() == {"a": "1", "b": "2"}


def test_event_of_a_form(url: str) -> None:
    """The function sees method, path, query, cookies and body of a form."""
    answer = requests.put(url + "/f%C3%BCr/x?q=1", data={"a": "b"}, cookies={"c": "d"}, timeout=5)

    event = answer.json()["event"]
    assert event["requestContext"]["http"]["method"] == "PUT"
    assert (event["rawPath"], event["rawQueryString"], event["cookies"]) == ("/für/x", "q=1", ["c=d"])
    assert base64.b64decode(event["body"]) == b"a=b"
    assert event["headers"]["x-forwarded-proto"] == "http"


def test_taken_port(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A port that is taken is an error at once."""
    scripts.function(HANDLER)
    with local() as function, FunctionServer(function) as first:
        port = int(first.url.rsplit(":", 1)[1])
        with pytest.raises(OSError, match=str(port)), FunctionServer(function, port):
            pass


def test_after_shutdown(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """When the function is gone the port answers 503."""
    scripts.function(HANDLER)
    with local() as function, FunctionServer(function) as server:
        function.shutdown()
        answer = requests.get(server.url + "/page", timeout=5)

    assert (answer.status_code, json.loads(answer.text)) == (503, {"message": "Service Unavailable"})
