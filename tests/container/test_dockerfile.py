"""Images as the Dockerfiles make them, run as they stand: with AWS's emulator, which their base brings along."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.container, pytest.mark.timeout(300)]
# Waits for the emulator's port, as it has no other way to say that it is there.
INVOKE = """
import sys, time, urllib.request
deadline = time.monotonic() + 20
while True:
    try:
        with urllib.request.urlopen(sys.argv[1], sys.argv[2].encode(), timeout=20) as response:
            print(response.read().decode())
            break
    except urllib.error.URLError:
        if time.monotonic() > deadline:
            raise
        time.sleep(0.02)
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


class Emulated:
    """A container that was given nothing but, where its emulator takes them, free ports."""

    def __init__(self, engine: Any, image: str) -> None:
        self._port = free_port()
        arguments = (
            f"--runtime-interface-emulator-address 127.0.0.1:{self._port} --runtime-api-address 127.0.0.1:{free_port()}"
        )
        self.container = engine.containers.run(
            image, detach=True, network_mode="host", environment={"RIE_ARGS": arguments}
        )

    def invoke(self, event: object) -> Any:
        """Invoke the function from within the container."""
        # an image with AWS's own entry point always has it on 8080
        port = self._port if "RIE_ARGS" in self._exec("cat", "/lambda-entrypoint.sh") else 8080
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        return json.loads(self._exec("python3", "-c", INVOKE, url, json.dumps(event)))

    @property
    def log(self) -> str:
        written: bytes = self.container.logs()
        return written.decode()

    def _exec(self, *command: str) -> str:
        ran = self.container.exec_run(list(command))
        assert ran.exit_code == 0, f"{ran.output.decode()}\n{self.log}"
        output: str = ran.output.decode()
        return output


@pytest.fixture
def emulated(engine: Any) -> Iterator[Callable[[str], Emulated]]:
    """Yield what runs an image."""
    made: list[Emulated] = []

    def emulated(image: str) -> Emulated:
        made.append(Emulated(engine, image))
        return made[-1]

    yield emulated
    for each in made:
        each.container.remove(force=True)


def test_dockerfile_example(emulated: Callable[[str], Emulated], example_image: str) -> None:
    """The function answers, its work is done and the extension held the environment for it, at every invoke."""
    hello = emulated(example_image)

    for number, name in enumerate(("Ada", "Grace", "Edith"), 1):
        assert hello.invoke({"name": name}) == {"message": f"Hello, {name}!"}
        # the emulator answers when the extension, too, has asked for its next event
        assert f"{name} has been greeted; this line was written after the response" in hello.log
        assert hello.log.count("has been greeted") == number


def test_install_sh_in_a_dockerfile(emulated: Callable[[str], Emulated], build: Callable[..., str]) -> None:
    """install.sh without arguments finds AWS's interpreter and the root."""
    hello = emulated(build("install", ROOT, "tests/container/install.Dockerfile"))

    assert hello.invoke({}) == {"message": "Hello, world!"}
    assert "world has been greeted; this line was written after the response" in hello.log


def test_the_extension_is_where_lambda_looks(emulated: Callable[[str], Emulated], example_image: str) -> None:
    """One executable in /opt/extensions, its packages beside it, and nothing of the build."""
    hello = emulated(example_image)

    assert hello._exec("ls", "/opt").split() == ["extensions", "lambda-punch"]
    assert hello._exec("ls", "/opt/extensions").split() == ["lambda-punch"]
    assert hello._exec("head", "-n", "1", "/opt/extensions/lambda-punch").startswith("#!")
    assert "source" not in hello._exec("ls", "/").split()
