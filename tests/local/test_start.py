"""The init phase: order, limits, launch errors, variables."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from lambda_punch.local import EnvironmentClosedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lambda_punch.local import Event, LocalLambda
    from tests.local.conftest import Scripts

SHOW_VARIABLES = "say(json.dumps(dict(os.environ)))\n"


def places(events: list[Event], *wanted: tuple[str, str]) -> list[int]:
    """Where in the conversation the first event of each (source, kind) is."""
    happened = [(event.source, event.kind) for event in events]
    return [happened.index(each) for each in wanted]


def test_order(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """All extensions start at once, in order; the runtime starts when they have registered; init ends when all polled."""
    slow = scripts.extension(name="a-slow", before="time.sleep(0.2)")
    late = scripts.extension('identifier = register("INVOKE")\ntime.sleep(0.3)\nnext_event(identifier)', "b-late")
    with raw(extensions=[slow, late]) as function:
        events = function.events

    order = places(
        events,
        ("extension:a-slow", "started"),
        ("extension:b-late", "started"),
        ("extension:b-late", "registered"),
        ("extension:a-slow", "registered"),
        ("runtime", "started"),
        ("extension:b-late", "next"),
        ("platform", "init-done"),
        ("platform", "frozen"),
    )
    assert order == sorted(order)


def test_unsubscribed_extension_must_poll(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """Init waits for the first next of an extension that subscribed to nothing, but invokes do not wait for it."""
    idle = scripts.extension("identifier = register()\ntime.sleep(0.2)\nnext_event(identifier)", "idle")
    with raw(extensions=[idle]) as function:
        order = places(function.events, ("runtime", "next"), ("extension:idle", "next"), ("platform", "init-done"))
        assert function.invoke().ok
        function.wait_idle(5)

    assert order == sorted(order)


def test_internal_extension(raw: Callable[..., LocalLambda]) -> None:
    """The runtime's process may register internal extensions until its first next; invokes wait for them."""
    runtime = """
    identifier = register("INVOKE", name="inner")
    def follow():
        while True:
            next_event(identifier)
            time.sleep(0.2)
    threading.Thread(target=follow, daemon=True).start()
    while True:
        request_id, event = next_invocation()
        say(call("POST", EXTENSION + "register", "{}", {"Lambda-Extension-Name": "late"})[0])
        respond(request_id, event)
    """
    with raw(runtime) as function:
        answer = function.invoke()
        function.wait_idle(5)
        done = next(event for event in function.events if event.kind == "invoke-done")

    assert done.at - answer.responded_at > 0.1
    assert function.logs == [("runtime", "403")]


def test_not_executable(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A file without the execute bit fails the init, and the first invoke, with Extension.LaunchError."""
    extension = scripts.extension()
    extension.chmod(0o644)
    with raw(extensions=[extension]) as function:
        answer = function.invoke()

    assert answer.error_type == "Extension.LaunchError"
    assert answer.json()["errorMessage"] == (
        f"RequestId: {answer.request_id} Error: fork/exec {extension}: permission denied"
    )


def test_eleventh_extension(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An eleventh executable fails the init with Extension.LaunchError, and the ten are killed."""
    extensions = [scripts.extension("time.sleep(60)", f"e{number:02}") for number in range(11)]
    with raw(extensions=extensions) as function:
        pids = [event.detail["pid"] for event in function.events if event.kind == "started"]
        assert len(pids) == 10
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids)
        assert function.invoke().error_type == "Extension.LaunchError"


def test_same_name(local: Callable[..., LocalLambda], scripts: Scripts, tmp_path: Path) -> None:
    """Two extensions of one file name cannot be in Lambda's directory, and are refused."""
    with pytest.raises(ValueError, match="same file name"):
        local(extensions=[scripts.extension(), tmp_path / "elsewhere" / "watcher"])


def test_init_limit(raw: Callable[..., LocalLambda]) -> None:
    """An init over its limit is ended and tried again inside the first invoke, under the function's timeout."""
    runtime = """
    marker = os.path.join(os.environ["LAMBDA_TASK_ROOT"], "tried")
    if not os.path.exists(marker):
        open(marker, "w").close()
        time.sleep(60)
    """
    with raw(before=runtime, init_timeout=0.5) as function:
        kinds = [event.kind for event in function.events]
        answer = function.invoke(1)

    assert "init-failed" in kinds
    assert answer.json() == 1


def test_init_error_reaches_the_caller(local: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """A function that cannot be imported answers the first invoke with the runtime's own words."""
    scripts.function("import nothing_of_that_name")
    with local() as function:
        answer = function.invoke()

    assert answer.error_type == "Runtime.ImportModuleError"
    assert "nothing_of_that_name" in answer.json()["errorMessage"]


def test_crash_in_init(raw: Callable[..., LocalLambda]) -> None:
    """A runtime that exits during init fails the first invoke with Runtime.ExitError, whatever its exit code."""
    with raw("os._exit(0)") as function:
        answer = function.invoke()

    assert answer.error_type == "Runtime.ExitError"
    assert answer.json()["errorMessage"].endswith("Error: Runtime exited without providing a reason")


def test_extension_reports_init_error(raw: Callable[..., LocalLambda], scripts: Scripts) -> None:
    """An extension that calls init/error and exits fails with Extension.InitError; without exiting nothing happens."""
    extension = scripts.extension(
        """
        headers = {"Lambda-Extension-Identifier": register(), "Lambda-Extension-Function-Error-Type": "My.Error"}
        call("POST", EXTENSION + "init/error", "{}", headers)
        os._exit(3)
        """
    )
    with raw(extensions=[extension]) as function:
        answer = function.invoke()

    assert answer.error_type == "Extension.InitError"
    assert answer.json()["errorMessage"] == f"RequestId: {answer.request_id} Error: exit status 3"


def test_variables(
    raw: Callable[..., LocalLambda], scripts: Scripts, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Extensions do not get what belongs to the runtime; nobody gets what belongs to the caller."""
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "1")
    extension = scripts.extension(before=SHOW_VARIABLES)
    own = {"OWN": "mine", "_PRIVATE": "hidden", "AWS_REGION": "eu-west-1"}
    with raw(before=SHOW_VARIABLES, extensions=[extension], env=own, memory_size=512) as function:
        pass

    seen = {source: json.loads(line) for source, line in function.logs}
    runtime, outer = seen["runtime"], seen["extension:watcher"]
    assert runtime.keys() - outer.keys() == {
        "_HANDLER",
        "_LAMBDA_TELEMETRY_LOG_FD",
        "_PRIVATE",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    }
    assert outer.keys() <= runtime.keys()
    assert outer["OWN"] == "mine"
    assert (outer["AWS_REGION"], outer["AWS_DEFAULT_REGION"]) == ("eu-west-1", "eu-west-1")
    assert outer["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert outer["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert (runtime["_HANDLER"], runtime["LAMBDA_TASK_ROOT"]) == ("app.handler", str(tmp_path))
    assert runtime["AWS_EXECUTION_ENV"] == f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}"
    assert "SECRET_OF_THE_CALLER" not in runtime


def test_execution_env_unset(raw: Callable[..., LocalLambda]) -> None:
    """Without an execution environment the variable is absent, as in a container image."""
    with raw(before=SHOW_VARIABLES, execution_env=None) as function:
        pass

    assert "AWS_EXECUTION_ENV" not in json.loads(function.logs[0][1])


def test_directories(raw: Callable[..., LocalLambda], scripts: Scripts, tmp_path: Path) -> None:
    """The runtime starts in the task root, an extension in /."""
    extension = scripts.extension(before="say(os.getcwd())")
    with raw(before="say(os.getcwd())", extensions=[extension]) as function:
        pass

    assert sorted(function.logs) == [("extension:watcher", "/"), ("runtime", str(tmp_path))]


def test_before_and_after(raw: Callable[..., LocalLambda]) -> None:
    """An environment that is not running cannot be invoked."""
    function = raw()
    with pytest.raises(EnvironmentClosedError):
        function.invoke()
    with function:
        pass
    with pytest.raises(EnvironmentClosedError):
        function.invoke()
