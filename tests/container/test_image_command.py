"""``lambda-punch local --image`` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT, containers_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.container, pytest.mark.timeout(300)]
COMMAND = [sys.executable, "-m", "lambda_punch", "local"]


def local(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], check=False, capture_output=True, text=True, cwd=ROOT)


def test_the_example(example_image: str) -> None:
    """Response, log line and timeline; status 0."""
    ran = local("--image", example_image, "--count", "2", "--plain")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert '#2 response {"message": "Hello, world!"}' in ran.stdout
    assert ran.stdout.count("runtime | world has been greeted; this line was written after the response") == 2
    assert "i init # response = background . frozen" in ran.stdout


def test_a_function_that_fails(work_image: str, tmp_path: Path) -> None:
    """Status 1, and the rows of the timeline as JSON on stdout."""
    (tmp_path / "fail.json").write_text('{"raise": "no such order"}')

    ran = local("app.handler", "--image", work_image, "--event", str(tmp_path / "fail.json"), "--json")

    assert ran.returncode == 1
    assert [json.loads(line)["error_type"] for line in ran.stdout.splitlines()] == ["LookupError"]


def test_no_such_image(engine: Any) -> None:
    """Status 1 and one line that names it."""
    ran = local("--image", "lambda-punch-test-nowhere")

    assert ran.returncode == 1
    assert ran.stderr.startswith("lambda-punch local: no image lambda-punch-test-nowhere here")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_however_the_command_ends_its_container_goes(engine: Any, work_image: str, number: signal.Signals) -> None:
    """The container is paused when the signal arrives, and gone soon after."""
    with subprocess.Popen(
        [*COMMAND, "--image", work_image, "--serve", "0", "--plain"],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("serving http://127.0.0.1:")
            [container] = containers_of(engine, work_image)
            assert container.status == "paused"
            process.send_signal(number)
            process.communicate(timeout=15)
        finally:
            process.kill()

    assert process.returncode == (-9 if number == signal.SIGKILL else 0)
    gone(container)


def gone(container: Any) -> None:
    """Wait until the container is removed."""
    from docker.errors import NotFound

    try:
        container.wait(condition="removed", timeout=15)
    except NotFound:
        return
