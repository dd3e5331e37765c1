"""The Runtime API, over the wire, with raw runtimes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local.platform.invocation import function_error, valid_error_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import LocalLambda

SHOW = """
def show(path, body=b"{}", **headers):
    status, _, data = call("POST", RUNTIME + path, body, {k.replace("_", "-"): v for k, v in headers.items()})
    answer = json.loads(data)
    say(json.dumps([status, answer.get("errorType") or answer.get("status")]))
"""


def shown(function: LocalLambda) -> list[list[object]]:
    return [json.loads(line) for _, line in function.logs]


def test_head_of_an_invocation(raw: Callable[..., LocalLambda]) -> None:
    """Next hands out the payload, and in headers the id, deadline, ARN, trace and what the caller sent along."""
    runtime = """
    status, headers, body = call("GET", RUNTIME + "invocation/next")
    respond(headers["Lambda-Runtime-Aws-Request-Id"], {**headers, "body": body.decode(), "now": time.time()})
    next_invocation()
    """
    with raw(runtime, timeout=5) as function:
        answer = function.invoke(
            b"[1]", client_context='{"custom": {}}', cognito_identity='{"cognitoIdentityId": "me"}', trace_id="Root=1"
        )

    got = answer.json()
    assert got["body"] == "[1]"
    assert got["Content-Type"] == "application/json"
    assert got["Lambda-Runtime-Aws-Request-Id"] == answer.request_id
    assert int(got["Lambda-Runtime-Deadline-Ms"]) / 1000 - got["now"] == pytest.approx(5, abs=0.5)
    assert got["Lambda-Runtime-Invoked-Function-Arn"].endswith(":function:function")
    assert got["Lambda-Runtime-Trace-Id"] == "Root=1"
    assert got["Lambda-Runtime-Client-Context"] == '{"custom": {}}'
    assert got["Lambda-Runtime-Cognito-Identity"] == '{"cognitoIdentityId": "me"}'


def test_next_while_running(raw: Callable[..., LocalLambda]) -> None:
    """A runtime that asks again before it has answered gets the same invocation once more."""
    runtime = """
    first, event = next_invocation()
    second, event = next_invocation()
    respond(second, first == second and event)
    next_invocation()
    """
    with raw(runtime) as function:
        assert function.invoke(5).json() == 5


def test_wrong_answers(raw: Callable[..., LocalLambda]) -> None:
    """An answer to another id is a 400, a second answer a 403, an init error after the first next a 403."""
    runtime = """
    request_id, event = next_invocation()
    show("invocation/other/response")
    show("init/error")
    show("invocation/" + request_id + "/response")
    show("invocation/" + request_id + "/response")
    show("invocation/" + request_id + "/error")
    next_invocation()
    """
    with raw(runtime, before=SHOW) as function:
        assert function.invoke().ok
        function.wait_idle(5)

    assert shown(function) == [
        [400, "InvalidRequestID"],
        [403, "InvalidStateTransition"],
        [202, "OK"],
        [403, "InvalidStateTransition"],
        [403, "InvalidStateTransition"],
    ]


def test_response_mode(raw: Callable[..., LocalLambda]) -> None:
    """The response mode is streaming or absent; another one is a 400 and an error for the caller."""
    runtime = """
    for mode in ("streaming", "other"):
        request_id, event = next_invocation()
        show("invocation/" + request_id + "/response", Lambda_Runtime_Function_Response_Mode=mode)
    next_invocation()
    """
    with raw(runtime, before=SHOW) as function:
        answers = [function.invoke(), function.invoke()]
        function.wait_idle(5)

    assert shown(function) == [[202, "OK"], [400, "InvalidFunctionResponseMode"]]
    assert [(answer.error_type, answer.streamed) for answer in answers] == [
        (None, True),
        ("Runtime.InvalidResponseModeHeader", False),
    ]


def test_size_limit(raw: Callable[..., LocalLambda]) -> None:
    """A response of 6,291,556 bytes passes; one byte more is a 413 and Function.ResponseSizeTooLarge for the caller."""
    runtime = """
    for size in (6291556, 6291557):
        request_id, event = next_invocation()
        show("invocation/" + request_id + "/response", b"x" * size)
    next_invocation()
    """
    with raw(runtime, before=SHOW) as function:
        fits, exceeds = function.invoke(), function.invoke()
        function.wait_idle(5)

    assert shown(function) == [[202, "OK"], [413, "RequestEntityTooLarge"]]
    assert (fits.ok, len(fits.payload)) == (True, 6291556)
    assert exceeds.json() == {
        "errorType": "Function.ResponseSizeTooLarge",
        "errorMessage": "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
    }


def test_chunked_response(raw: Callable[..., LocalLambda]) -> None:
    """A response in chunks is read whole, its content type kept."""
    runtime = """
    request_id, event = next_invocation()
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    headers = {"Transfer-Encoding": "chunked", "Content-Type": "text/plain"}
    connection.request("POST", RUNTIME + "invocation/" + request_id + "/response", iter([b"a", b"b"]),
                       headers, encode_chunked=True)
    connection.getresponse().read()
    next_invocation()
    """
    with raw(runtime) as function:
        answer = function.invoke()

    assert (answer.payload, answer.content_type) == (b"ab", "text/plain")


@pytest.mark.parametrize(
    ("body", "header", "error_type"),
    [
        (b'{"errorType": "ValueError"}', "Runtime.Unknown", "ValueError"),
        (b"not json", "Function.Broken", "Function.Broken"),
        (b"[]", "Function.", "Function.Unknown"),
        (b"{}", "", "Runtime.Unknown"),
    ],
)
def test_error_type(body: bytes, header: str, error_type: str) -> None:
    """The body's errorType counts, else the header's in the platform's form."""
    assert function_error(body, {"Lambda-Runtime-Function-Error-Type": header}).error_type == error_type


def test_valid_error_type() -> None:
    """The platform keeps a type that contains Runtime.Name or Function.Name."""
    assert [valid_error_type(word) for word in ("Runtime.ExitError", "Function.oops", "Oops")] == [
        "Runtime.ExitError",
        "Function.Unknown",
        "Runtime.Unknown",
    ]
