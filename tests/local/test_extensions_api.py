"""The Extensions API: the register and its refusals without a socket, then both over the wire."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local.platform.extensions_api import Extensions
from lambda_punch.local.platform.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts

BOTH = b'{"events": ["INVOKE", "SHUTDOWN"]}'
INVOKE = b'{"events": ["INVOKE"]}'
NOT_ALLOWED = "Error: State transition is not allowed"


@pytest.fixture
def extensions() -> Extensions:
    register = Extensions()
    register.launch("outer")
    return register


def refused(call: Callable[[], object]) -> tuple[int, str, str]:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value.status, caught.value.error_type, caught.value.message


def test_register(extensions: Extensions) -> None:
    """An external extension gets the slot of its file name, an internal one a slot of its own."""
    outer, inner = extensions.register("outer", BOTH), extensions.register("inner", INVOKE)

    assert (outer.external, outer.events, inner.external) == (True, {"INVOKE", "SHUTDOWN"}, False)
    assert uuid.UUID(outer.identifier) != uuid.UUID(inner.identifier)


@pytest.mark.parametrize("body", [b"{}", b'{"events": []}', b'{"events": null}', b"null"])
def test_no_events(extensions: Extensions, body: bytes) -> None:
    """Subscribing to nothing is legal."""
    assert extensions.register("outer", body).events == set()


@pytest.mark.parametrize(
    ("name", "body", "error_type", "message"),
    [
        ("", BOTH, "Extension.InvalidExtensionName", "Empty extension name"),
        ("outer", b"{", "InvalidRequestFormat", None),
        ("outer", b"[]", "InvalidRequestFormat", None),
        ("outer", b'{"events": "INVOKE"}', "InvalidRequestFormat", None),
        ("outer", b'{"configurationKeys": ["a"]}', "InvalidRequestFormat", None),
        ("outer", b'{"events": ["FOO"]}', "Extension.InvalidEventType", "FOO: ErrorInvalidEventType"),
        ("inner", b'{"events": ["FOO"]}', "Extension.InvalidEventType", "FOO: ErrorInvalidEventType"),
        (
            "inner",
            BOTH,
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
        ),
    ],
)
def test_refused_registration(
    extensions: Extensions, name: str, body: bytes, error_type: str, message: str | None
) -> None:
    """A registration that is not in order is a 403 with AWS's words."""
    status, actual_type, actual_message = refused(lambda: extensions.register(name, body))

    assert (status, actual_type) == (403, error_type)
    assert message is None or actual_message == message


def test_second_registration(extensions: Extensions) -> None:
    """A name registers once; external and internal extensions are told in different words."""
    extensions.register("outer", BOTH)
    extensions.register("inner", INVOKE)

    assert refused(lambda: extensions.register("outer", BOTH)) == (
        403,
        "Extension.InvalidExtensionState",
        f"State transition from Registered to Registered failed for extension outer. {NOT_ALLOWED}",
    )
    assert refused(lambda: extensions.register("inner", INVOKE)) == (
        403,
        "Extension.InvalidExtensionState",
        "Extension with this name already registered",
    )


def test_registration_closes(extensions: Extensions) -> None:
    """After the runtime's first next no new name is taken."""
    extensions.close_registration()

    assert refused(lambda: extensions.register("inner", INVOKE)) == (
        403,
        "Extension.RegistrationClosed",
        "Extension registration closed already",
    )


def test_limit(extensions: Extensions) -> None:
    """The eleventh extension is refused, external and internal ones counted together."""
    for number in range(9):
        extensions.register(f"inner-{number}", INVOKE)

    assert refused(lambda: extensions.register("eleventh", INVOKE)) == (
        403,
        "Extension.TooManyExtensions",
        "Extension limit (10) reached",
    )


@pytest.mark.parametrize(
    ("identifier", "error_type", "message"),
    [
        ("", "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"),
        ("nonsense", "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"),
        (str(uuid.UUID(int=1)), "Extension.UnknownExtensionIdentifier", f"Unknown extension {uuid.UUID(int=1)}"),
    ],
)
def test_identifier_of_next(extensions: Extensions, identifier: str, error_type: str, message: str) -> None:
    """Polling needs the identifier that register gave out."""
    assert refused(lambda: extensions.poll(identifier)) == (403, error_type, message)


def test_identifier_of_errors(extensions: Extensions) -> None:
    """The error calls need the identifier and the header with the type, and say which is missing."""
    known = extensions.register("outer", BOTH).identifier
    unknown = str(uuid.UUID(int=1))

    assert refused(lambda: extensions.fail(known, "init/error", ""))[1:] == (
        "Extension.MissingHeader",
        "Lambda-Extension-Function-Error-Type not found",
    )
    assert refused(lambda: extensions.fail(unknown, "exit/error", "My.Error"))[1:] == (
        "Extension.UnknownExtensionIdentifier",
        "Unknown Lambda-Extension-Identifier",
    )


def test_error_after_error(extensions: Extensions) -> None:
    """After one kind of error the other is refused; AWS then says Exited, not ExitError."""
    extension = extensions.register("outer", BOTH)
    extensions.fail(extension.identifier, "init/error", "My.Error")

    assert refused(lambda: extensions.fail(extension.identifier, "exit/error", "My.Error")) == (
        403,
        "Extension.InvalidExtensionState",
        f"State transition from InitError to Exited failed for extension {extension.identifier}. {NOT_ALLOWED}",
    )


def test_second_poller(extensions: Extensions) -> None:
    """While one next is blocked a second one is refused, by UUID."""
    extension = extensions.register("outer", BOTH)
    extensions.poll(extension.identifier)

    assert refused(lambda: extensions.poll(extension.identifier)) == (
        403,
        "Extension.InvalidExtensionState",
        f"State transition from Ready to Ready failed for extension {extension.identifier}. {NOT_ALLOWED}",
    )


def test_wire(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """Over HTTP: what register answers, the refusals' JSON, wrong methods and unknown paths."""
    extension = scripts.extension(
        """
        def show(method, path, body=None, **headers):
            status, _, data = call(method, path, body, {k.replace("_", "-"): v for k, v in headers.items()})
            say(json.dumps([status, json.loads(data) if data.startswith(b"{") else data.decode()]))

        show("POST", EXTENSION + "register", "{}")
        named = {"Lambda_Extension_Name": NAME, "Lambda_Extension_Accept_Feature": "x, accountId"}
        show("POST", EXTENSION + "register", "{}", **named)
        show("GET", EXTENSION + "event/next")
        show("GET", EXTENSION + "register")
        show("GET", EXTENSION + "nothing")
        show("PUT", "/2022-07-01/telemetry", "{}")
        show("PUT", "/2020-08-15/logs", "{}")
        show("GET", RUNTIME + "restore/next")
        show("GET", "/2018-06-01/ping")
        os._exit(0)
        """
    )
    with raw(extensions=[extension], function_name="shop") as function:
        pass

    missing = "Missing Lambda-Extension-Identifier header"
    refused = [403, {"errorMessage": missing, "errorType": "Extension.MissingExtensionIdentifier"}]
    answers = [json.loads(line) for _, line in function.logs]
    assert answers == [
        [403, {"errorMessage": "Empty extension name", "errorType": "Extension.InvalidExtensionName"}],
        [
            200,
            {
                "functionName": "shop",
                "functionVersion": "$LATEST",
                "handler": "app.handler",
                "accountId": "123456789012",
            },
        ],
        refused,
        [405, ""],
        [404, "404 page not found\n"],
        refused,
        refused,
        [404, "404 page not found\n"],
        [200, "pong"],
    ]
    assert [event.source for event in function.events if event.kind == "refused"] == [
        "extension:unknown",
    ] * 4


def test_events_over_the_wire(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """INVOKE carries id, deadline, ARN and tracing but not the payload; SHUTDOWN its reason and deadline."""
    extension = scripts.extension(
        """
        identifier = register("INVOKE", "SHUTDOWN")
        event = {}
        while event.get("eventType") != "SHUTDOWN":
            status, headers, body = call(
                "GET", EXTENSION + "event/next", headers={"Lambda-Extension-Identifier": identifier})
            event = json.loads(body)
            say(json.dumps({**event, "identified": "Lambda-Extension-Event-Identifier" in headers}))
        """
    )
    with raw(extensions=[extension], timeout=7) as function:
        invocation = function.invoke({"secret": 1}, trace_id="Root=1-2-3")
        begun = next(event for event in function.events if event.kind == "invoke")

    invoke, shutdown = (json.loads(line) for _, line in function.logs)
    assert begun.detail["deadline"] - begun.at == pytest.approx(7)
    assert isinstance(invoke.pop("deadlineMs"), int)
    assert isinstance(shutdown.pop("deadlineMs"), int)
    assert invoke == {
        "eventType": "INVOKE",
        "requestId": invocation.request_id,
        "invokedFunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:function",
        "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1-2-3"},
        "identified": True,
    }
    assert shutdown == {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "identified": True}
