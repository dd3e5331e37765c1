"""``local --image``: extensions and runtime of an image inside, the Runtime and Extensions API outside."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local import EngineError
from lambda_punch.local.hosts.link import Link

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.container.conftest import ImageFunction

pytestmark = [pytest.mark.container, pytest.mark.timeout(300)]


def test_the_response_comes_before_the_work_and_the_freeze_after_it(
    run: Callable[..., ImageFunction], either_image: str
) -> None:
    """Response, job, freeze, in this order; the engine says that the container is paused."""
    function = run(either_image)

    invocation = function.invoke({"jobs": {"mail": 10}})
    function.wait_idle(timeout=10)

    assert invocation.ok
    assert function.told == ["mail begins", "mail ends"]
    begins, ends = (note.at for note in function.notes[-2:])
    frozen = function.times("platform", "frozen")[-1]
    assert invocation.responded_at < begins < ends < frozen
    assert [container.status for container in function.containers] == ["paused"]


def test_the_extension_of_the_image_is_started_before_its_runtime(
    run: Callable[..., ImageFunction], either_image: str
) -> None:
    """What lies in /opt/extensions registers, then the image's own entry point is run."""
    function = run(either_image)

    order = [
        function.times(*what)[0]
        for what in (
            ("extension:lambda-punch", "started"),
            ("extension:lambda-punch", "registered"),
            ("runtime", "started"),
            ("runtime", "next"),
            ("platform", "init-done"),
            ("platform", "frozen"),
        )
    ]
    assert order == sorted(order)
    assert function.extension_pids.keys() == {"lambda-punch"}


def test_the_image_and_lambda_share_the_variables(run: Callable[..., ImageFunction], slim_work_image: str) -> None:
    """What the image sets is there, below what Lambda and the function set; nothing of this machine's is."""
    function = run(slim_work_image, env={"OWN": "mine"}, memory_size=512)

    answer = function.call()

    variables = answer["variables"]
    assert answer["directory"] == "/function"
    assert variables["PATH"] == "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin:/var/lang/bin"
    assert variables["OWN"] == "mine"
    assert variables["_HANDLER"] == "app.handler"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_Image"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert "LAMBDA_PUNCH_LINK" not in variables


def test_a_handler_stands_in_for_the_images_cmd(run: Callable[..., ImageFunction], work_image: str) -> None:
    """The runtime gets the handler that was named, and reports that it cannot import it."""
    function = run(work_image, "elsewhere.handler")

    assert function.invoke().error_type == "Runtime.ImportModuleError"


def test_a_timeout_kills_and_the_next_invoke_starts_anew_in_the_same_container(
    run: Callable[..., ImageFunction], either_image: str
) -> None:
    """Runtime, extension and detached children end; the container, and so /tmp, stays."""
    function = run(either_image, timeout=1.0)
    before = function.call()
    container = function.containers[0].id

    failed = function.invoke({"sleep": 60, "detach": True})
    after = function.call(jobs={"mail": 1})

    assert failed.error_type == "Sandbox.Timedout"
    assert after["pid"] != before["pid"]
    assert [container.id for container in function.containers] == [container]
    detached, *jobs = function.told
    assert jobs == ["mail begins", "mail ends"]
    swept = [event.detail["pids"] for event in function.events if event.kind == "swept"]
    assert swept == [[int(detached.removeprefix("detached "))]]


def test_leftovers_are_done_within_the_shutdown_window(run: Callable[..., ImageFunction], either_image: str) -> None:
    """Five jobs of 150 ms that had no time before the deadline: all done, once, in order, before the end."""
    function = run(either_image, timeout=1.0, env={"LAMBDA_PUNCH_MARGIN": "0.9"})
    function.call(sleep=0.2, jobs={str(number): 15 for number in range(5)})
    assert function.told == []

    function.shutdown()

    assert function.told == [f"{number} {what}" for number in range(5) for what in ("begins", "ends")]
    [sigterm] = function.times("runtime", "sigterm")
    assert function.notes[-1].at < sigterm + 2.0
    assert function.times("platform", "down")[-1] < sigterm + 2.0
    assert function.times("extension:lambda-punch", "sigkill") == []
    assert function.containers == []


def test_a_crash_of_the_runtime_is_reported_as_lambda_does(run: Callable[..., ImageFunction], work_image: str) -> None:
    """The function's process is killed from outside the platform: the invoke fails, the next one is served."""
    function = run(work_image)
    pid = function.call()["pid"]
    [container] = function.containers
    container.unpause()
    container.exec_run(["/bin/sh", "-c", f"kill -9 {pid}"])
    function.wait_for(lambda event: event.kind == "exited", timeout=5)
    container.pause()

    failed = function.invoke({})

    assert failed.error_type == "Runtime.ExitError"
    assert failed.json()["errorMessage"].endswith("Runtime exited with error: signal: killed")
    assert function.call()["pid"] != pid


def test_a_container_that_is_killed_fails_the_invokes_and_nothing_else(
    run: Callable[..., ImageFunction], work_image: str
) -> None:
    """No invoke is left without an answer, and the end is an orderly one."""
    function = run(work_image)
    function.containers[0].remove(force=True)
    function.wait_for(lambda event: event.kind == "exited", timeout=10)

    assert not function.invoke({}).ok
    assert "the container has ended" in function.invoke({}).json()["errorMessage"]


def test_an_image_without_python_is_refused(
    run: Callable[..., ImageFunction], build: Callable[..., str], tmp_path: Path
) -> None:
    """The error says what is missing."""
    (tmp_path / "Dockerfile").write_text(
        'ARG BASE\nFROM ${BASE}\nRUN rm -rf /var/lang /usr/bin/python* /usr/local/bin/python*\nCMD ["app.handler"]\n'
    )
    image = build("no-python", tmp_path)

    with pytest.raises(EngineError, match="there is no Python in this image"):
        run(image)


def test_an_image_that_says_nothing_needs_a_handler(
    run: Callable[..., ImageFunction], build: Callable[..., str], tmp_path: Path
) -> None:
    """Without an entry point, a command and a handler there is nothing to run; without a shell nothing runs."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    image = build("empty", tmp_path)

    with pytest.raises(EngineError, match="name a handler"):
        run(image)
    with pytest.raises(EngineError, match="cannot be started"):
        run(image, "app.handler")


def test_an_engine_elsewhere_is_told_at_once(
    run: Callable[..., ImageFunction], work_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the local Lambda listens nobody does, for the container: the error names the address."""

    async def listen(link: Link) -> str:
        return "127.0.0.1 9 token"

    monkeypatch.setattr(Link, "listen", listen)

    with pytest.raises(EngineError, match="no way from the container to the local Lambda at 127.0.0.1:9"):
        run(work_image)


def test_a_process_that_cannot_be_executed_is_a_launch_error(
    run: Callable[..., ImageFunction], work_image: str
) -> None:
    """In the platform's words, with the path inside."""
    function = run(work_image, runtime_command=["/nowhere"])

    assert function.invoke().json()["errorMessage"].endswith("fork/exec /nowhere: no such file or directory")


def test_an_image_that_is_not_here_is_named(run: Callable[..., ImageFunction], engine: Any) -> None:
    """Nothing is pulled behind the user's back."""
    with pytest.raises(EngineError, match="no image lambda-punch-test-nowhere here"):
        run("lambda-punch-test-nowhere")
