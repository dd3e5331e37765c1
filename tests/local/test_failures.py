"""Timeouts and crashes: what the caller gets, what the extensions are told, and the next invoke."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lambda_punch.local import LocalLambda
    from tests.local.conftest import Scripts

# does what the event says: sleep, exit with a code, answer first or not
OBEDIENT = """
while True:
    request_id, event = next_invocation()
    event = event or {}
    if event.get("answer", True):
        respond(request_id, os.getpid())
    time.sleep(event.get("sleep", 0))
    if "exit" in event:
        os._exit(event["exit"])
    if "signal" in event:
        os.kill(os.getpid(), event["signal"])
"""
REPORTING = """
identifier = register("INVOKE", "SHUTDOWN")
event = {}
while event.get("eventType") != "SHUTDOWN":
    event = next_event(identifier)
say(event["shutdownReason"], round(event["deadlineMs"] / 1000 - time.time(), 1))
"""


def reasons(function: LocalLambda) -> list[str]:
    return [line.split()[0] for source, line in function.logs if source == "extension:watcher"]


def test_timeout_before_the_response(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A function that is late fails with Sandbox.Timedout at its deadline; extensions are told timeout."""
    with raw(OBEDIENT, extensions=[scripts.extension(REPORTING)], timeout=0.5) as function:
        late = function.invoke({"answer": False, "sleep": 60})
        function.wait_idle(5)
        told = reasons(function)
        again = function.invoke({})

    assert late.error_type == "Sandbox.Timedout"
    assert late.json()["errorMessage"] == f"{late.request_id} Task timed out after 0.50 seconds"
    assert 0.49 <= late.responded_at - late.sent_at < 3.0
    assert told == ["timeout"]
    assert again.ok


def test_timeout_after_the_response(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A runtime that is late only after its response leaves the caller the response; the environment is reset."""
    with raw(OBEDIENT, extensions=[scripts.extension(REPORTING)], timeout=0.5) as function:
        first = function.invoke({"sleep": 60})
        second = function.invoke({})
        kinds = [event.kind for event in function.events]

    assert first.ok
    assert second.json() != first.json()
    assert kinds.count("timeout") == 1
    assert reasons(function) == ["timeout", "spindown"]


def test_late_extension(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An extension's time counts against the function's timeout; the caller keeps its response."""
    slow = scripts.extension('identifier = register("INVOKE")\nnext_event(identifier)\ntime.sleep(60)')
    with raw(OBEDIENT, extensions=[slow], timeout=0.4) as function:
        answer = function.invoke({})
        function.wait_for(lambda event: event.kind == "down", timeout=5)
        kinds = [event.kind for event in function.events]

    assert answer.ok
    assert "timeout" in kinds


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"exit": 42}, "Runtime exited with error: exit status 42"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
        ({"signal": int(signal.SIGKILL)}, "Runtime exited with error: signal: killed"),
    ],
)
def test_runtime_exits_before_the_response(
    raw: Callable[..., LocalLambda], scripts: Scripts, event: dict[str, int], message: str
) -> None:
    """A runtime that dies before it answered is Runtime.ExitError at once; extensions are told failure."""
    with raw(OBEDIENT, extensions=[scripts.extension(REPORTING)]) as function:
        answer = function.invoke({"answer": False, **event})
        function.wait_idle(5)
        told = reasons(function)
        again = function.invoke({})

    assert answer.json() == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {answer.request_id} Error: {message}",
    }
    assert told == ["failure"]
    assert again.ok


def test_runtime_exits_after_the_response(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A runtime that dies after it answered leaves the caller the response; the environment is reset."""
    with raw(OBEDIENT, extensions=[scripts.extension(REPORTING)]) as function:
        first = function.invoke({"exit": 1})
        second = function.invoke({})

    assert first.ok
    assert second.json() != first.json()
    assert reasons(function) == ["failure", "spindown"]


@pytest.mark.parametrize(("code", "message"), [(9, "exit status 9"), (0, "exit code 0")])
def test_extension_exits_before_the_response(
    raw: Callable[..., LocalLambda], scripts: Scripts, code: int, message: str
) -> None:
    """An extension that exits during an invoke is Extension.Crash, code 0 too; the others are told failure."""
    crashing = scripts.extension(
        f'identifier = register("INVOKE")\nnext_event(identifier)\nos._exit({code})', "crashing"
    )
    with raw(OBEDIENT, extensions=[crashing, scripts.extension(REPORTING)]) as function:
        answer = function.invoke({"answer": False, "sleep": 60})
        function.wait_idle(5)

    assert answer.json() == {
        "errorType": "Extension.Crash",
        "errorMessage": f"RequestId: {answer.request_id} Error: {message}",
    }
    assert reasons(function) == ["failure"]


def test_extension_reports_exit_error(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An extension that calls exit/error first is Extension.ExitError."""
    leaving = scripts.extension(
        """
        identifier = register("INVOKE")
        next_event(identifier)
        headers = {"Lambda-Extension-Identifier": identifier, "Lambda-Extension-Function-Error-Type": "My.Error"}
        call("POST", EXTENSION + "exit/error", "{}", headers)
        os._exit(1)
        """
    )
    with raw(OBEDIENT, extensions=[leaving]) as function:
        assert function.invoke({"answer": False, "sleep": 60}).error_type == "Extension.ExitError"


def test_extension_dies_while_idle(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """The next invoke fails at once, before the runtime sees it; the one after that starts everything anew."""
    with raw(OBEDIENT, extensions=[scripts.extension(REPORTING)]) as function:
        first = function.invoke({})
        function.wait_idle(5)
        os.kill(function.extension_pids["watcher"], signal.SIGKILL)
        function.wait_for(lambda event: event.kind == "exited")
        second, third = function.invoke({}), function.invoke({})
        delivered = [event.request_id for event in function.events if event.kind == "event-delivered"]

    assert (first.ok, second.error_type, third.ok) == (True, "Extension.Crash", True)
    assert second.json()["errorMessage"].endswith("Error: signal: killed")
    assert second.request_id not in delivered
    assert third.json() != first.json()


def test_reinit_is_part_of_the_invoke(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """After a reset extensions and runtime start anew inside the invoke, in the order of an init."""
    extension = scripts.extension(REPORTING, before="time.sleep(0.2)")
    with raw(OBEDIENT, extensions=[extension]) as function:
        function.invoke({"answer": False, "exit": 1})
        again = function.invoke({})
        mark = [event.request_id for event in function.events].index(again.request_id)
        kinds = [(event.source, event.kind) for event in function.events[mark:]]

    begun = kinds.index(("platform", "invoke"))
    started = [source for source, kind in kinds[begun:] if kind == "started"]
    assert started == ["extension:watcher", "runtime"]
    assert again.responded_at - again.sent_at > 0.2


def test_init_that_never_works(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An extension that never registers hangs the init; the invoke then times out, and the one after it as well."""
    hanging = scripts.extension("time.sleep(60)")
    with raw(OBEDIENT, extensions=[hanging], init_timeout=0.3, timeout=0.3) as function:
        answers = [function.invoke({}), function.invoke({})]

    assert [answer.error_type for answer in answers] == ["Sandbox.Timedout", "Sandbox.Timedout"]


def test_files_in_tmp_survive(raw: Callable[..., LocalLambda], tmp_path: Path) -> None:
    """A reset does not clear what the processes left in the file system."""
    keep = tmp_path / "kept"
    with raw(OBEDIENT, before=f"open({str(keep)!r}, 'a').write('x')") as function:
        function.invoke({"exit": 1})
        function.invoke({})

    assert keep.read_text() == "xx"
