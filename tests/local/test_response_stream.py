"""A streamed response is handed on part by part, to AWS's SDK and to a browser."""

from __future__ import annotations

import http.client
import json
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local.http.function_server import FunctionServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lambda_punch.local import LocalLambda

# Sends one part, and the second only when the test has seen the first.
RUNTIME = """
def answer(request_id, go_on, content_type, first, second, breaks):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.putrequest("POST", RUNTIME + "invocation/" + request_id + "/response")
    connection.putheader("Lambda-Runtime-Function-Response-Mode", "streaming")
    connection.putheader("Content-Type", content_type)
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    for part in first:
        connection.send(b"%x\\r\\n%s\\r\\n" % (len(part), part))
    while not os.path.exists(go_on):
        time.sleep(0.002)
    if breaks:
        connection.sock.close()
        return
    connection.send(b"%x\\r\\n%s\\r\\n0\\r\\n\\r\\n" % (len(second), second))
    connection.getresponse().read()

number = 0
while True:
    request_id, event = next_invocation()
    number += 1
    if event == "whole":
        respond(request_id, "all of it")
    elif event == "fails":
        call("POST", RUNTIME + "invocation/" + request_id + "/error", json.dumps({"errorType": "ValueError"}))
    else:
        first = [each.encode() for each in FIRST]
        answer(request_id, GO_ON + str(number), TYPE, first, b"second", BREAKS)
"""


@pytest.fixture
def served(raw: Callable[..., LocalLambda], tmp_path: Path) -> Callable[..., Any]:
    """Serve a function that streams; ``first`` are the parts that it sends at once."""

    @contextmanager
    def serve(
        *first: str, content_type: str = "text/plain", breaks: bool = False
    ) -> Iterator[tuple[str, Callable[[int], None]]]:
        before = f"FIRST, TYPE, BREAKS, GO_ON = {first!r}, {content_type!r}, {breaks!r}, {str(tmp_path / 'go')!r}"
        with raw(RUNTIME, before=before, timeout=10) as function, FunctionServer(function) as server:
            yield server.url, lambda number: (tmp_path / f"go{number}").touch()

    return serve


@pytest.fixture
def client() -> Iterator[Callable[[str], Any]]:
    boto3 = pytest.importorskip("boto3")
    made = []

    def make(url: str) -> Any:
        made.append(boto3.client("lambda", endpoint_url=url, region_name="eu-west-1", aws_access_key_id="local",
                                 aws_secret_access_key="local"))  # fmt: skip
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def browser() -> Iterator[Callable[[str], http.client.HTTPResponse]]:
    with ExitStack() as stack:

        def get(url: str) -> http.client.HTTPResponse:
            connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)
            stack.callback(connection.close)
            connection.request("GET", "/")
            return stack.enter_context(connection.getresponse())

        yield get


def test_the_sdk_gets_each_part_as_soon_as_it_is_sent(served: Callable[..., Any], client: Callable[..., Any]) -> None:
    with served("first") as (url, go_on):
        events = iter(client(url).invoke_with_response_stream(FunctionName="shop", Payload=b"{}")["EventStream"])
        assert next(events) == {"PayloadChunk": {"Payload": b"first"}}
        go_on(1)
        assert list(events) == [{"PayloadChunk": {"Payload": b"second"}}, {"InvokeComplete": {}}]


def test_the_sdk_gets_a_response_in_one_piece_as_one_part(
    served: Callable[..., Any], client: Callable[..., Any]
) -> None:
    with served() as (url, _):
        events = client(url).invoke_with_response_stream(FunctionName="shop", Payload=b'"whole"')["EventStream"]
        assert list(events) == [{"PayloadChunk": {"Payload": b'"all of it"'}}, {"InvokeComplete": {}}]


def test_the_sdk_gets_the_error_of_a_function_that_fails(
    served: Callable[..., Any], client: Callable[..., Any]
) -> None:
    with served() as (url, _):
        events = client(url).invoke_with_response_stream(FunctionName="shop", Payload=b'"fails"')["EventStream"]
        complete = list(events)[-1]["InvokeComplete"]
    assert (complete["ErrorCode"], json.loads(complete["ErrorDetails"])) == ("ValueError", {"errorType": "ValueError"})


def test_the_sdk_gets_an_error_for_a_response_that_breaks_off(
    served: Callable[..., Any], client: Callable[..., Any]
) -> None:
    with served("first", breaks=True) as (url, go_on):
        go_on(1)
        events = list(client(url).invoke_with_response_stream(FunctionName="shop", Payload=b"{}")["EventStream"])
    assert events[0] == {"PayloadChunk": {"Payload": b"first"}}
    assert events[-1]["InvokeComplete"]["ErrorCode"] == "Runtime.TruncatedResponse"


def test_a_browser_gets_each_part_as_soon_as_it_is_sent(
    served: Callable[..., Any], browser: Callable[..., Any]
) -> None:
    with served("first") as (url, go_on):
        answer = browser(url)
        assert (answer.status, answer.headers["content-type"], answer.read(5)) == (200, "text/plain", b"first")
        go_on(1)
        assert answer.read() == b"second"


def test_a_browser_gets_the_status_and_headers_of_the_prelude(
    served: Callable[..., Any], browser: Callable[..., Any]
) -> None:
    """The prelude may come in several parts."""
    prelude = json.dumps({"statusCode": 201, "headers": {"Content-Type": "text/event-stream", "X-A": "b"},
                          "cookies": ["c=d", "e=f"]})  # fmt: skip
    kind = "application/vnd.awslambda.http-integration-response"
    with served(prelude[:7], prelude[7:] + "\0" * 3, "\0" * 5 + "first", content_type=kind) as (url, go_on):
        answer = browser(url)
        assert (answer.status, answer.headers["x-a"]) == (201, "b")
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.headers.get_all("set-cookie") == ["c=d", "e=f"]
        assert answer.read(5) == b"first"
        go_on(1)
        assert answer.read() == b"second"


@pytest.mark.parametrize("prelude", ["no json", "[]", '{"statusCode": "x"}', '{"headers": 1}', "{}"])
def test_a_prelude_that_cannot_be_read_is_a_500(
    served: Callable[..., Any], browser: Callable[..., Any], prelude: str
) -> None:
    ends = "" if prelude == "{}" else "\0" * 8  # that one never ends
    kind = "application/vnd.awslambda.http-integration-response"
    with served(prelude + ends, content_type=kind) as (url, go_on):
        go_on(1)
        assert browser(url).status == 500


def test_a_browser_sees_that_a_response_breaks_off(served: Callable[..., Any], browser: Callable[..., Any]) -> None:
    with served("first", breaks=True) as (url, go_on):
        answer = browser(url)
        assert answer.read(5) == b"first"
        go_on(1)
        with pytest.raises(http.client.IncompleteRead):
            answer.read()
