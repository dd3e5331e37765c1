"""The engine, the images built for the tests, and functions that run in them. What is made here is removed again.

DOCKER_HOST says which engine; LAMBDA_BASE_IMAGE which image stands for AWS's, if not AWS's own.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.local import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
BASE = os.environ.get("LAMBDA_BASE_IMAGE", "public.ecr.aws/lambda/python:3.13")
SLIM_BASE = os.environ.get("LAMBDA_BASE_IMAGE", "python:3.13-slim")
TAG = secrets.token_hex(4)


def containers_of(engine: Any, image: str) -> list[Any]:
    """The local Lambda's containers of an image, whatever their state."""
    return list(engine.containers.list(all=True, filters={"label": f"lambda-punch.local={image}"}))


@dataclass(frozen=True)
class Note:
    """A line that the function wrote with note()."""

    at: float
    text: str


class ImageFunction(LocalLambda):
    """A function image in the local Lambda."""

    engine: Any
    image: str

    @property
    def notes(self) -> list[Note]:
        lines = [line.split(" ", 2) for source, line in self.logs if source == "runtime" and line.startswith("note ")]
        return [Note(float(at), text) for _, at, text in lines]

    @property
    def told(self) -> list[str]:
        """What the jobs wrote, in order."""
        return [note.text for note in self.notes if not note.text.startswith("handler ")]

    @property
    def containers(self) -> list[Any]:
        return containers_of(self.engine, self.image)

    def call(self, **event: Any) -> Any:
        """Invoke, wait until all is done and frozen, and return the parsed response."""
        invocation = self.invoke(event)
        self.wait_idle(timeout=15)
        return invocation.json()

    def times(self, source: str, kind: str) -> list[float]:
        return [event.at for event in self.events if (event.source, event.kind) == (source, kind)]


@pytest.fixture(scope="session")
def engine() -> Iterator[Any]:
    """Yield a client of the container engine, without which there is nothing to test."""
    docker = pytest.importorskip("docker", reason="the package docker is not installed")
    # asked in another process, because docker leaves a socket open when there is no answer
    asked = subprocess.run(
        [sys.executable, "-c", "import docker; docker.from_env()"], check=False, capture_output=True, text=True
    )
    if asked.returncode:
        reason = f"no container engine: start Docker, or set DOCKER_HOST ({asked.stderr.splitlines()[-1]})"
        if os.environ.get("CI") and os.environ.get("DOCKER_HOST"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    client = docker.from_env(timeout=300)
    yield client
    client.close()


@pytest.fixture(scope="session")
def build(engine: Any) -> Iterator[Callable[..., str]]:
    """Yield what builds an image from a Dockerfile; it returns the image's name."""
    from docker.errors import BuildError

    built: list[str] = []

    def build(name: str, directory: Path, dockerfile: str = "Dockerfile", *, base: str = BASE) -> str:
        image = f"lambda-punch-test-{name}:{TAG}"
        try:
            engine.images.build(
                path=str(directory),
                dockerfile=dockerfile,
                tag=image,
                buildargs={"BASE": base},
                network_mode="host",
                rm=True,
                forcerm=True,
            )
        except BuildError as error:
            pytest.fail("".join(part.get("stream", "") for part in error.build_log) + str(error))
        built.append(image)
        return image

    yield build
    for image in reversed(built):
        engine.images.remove(image, force=True)


@pytest.fixture(scope="session")
def example_image(build: Callable[..., str]) -> str:
    """Dockerfile.example as it stands, from the checkout as it stands."""
    return build("example", ROOT, "Dockerfile.example")


@pytest.fixture(scope="session")
def slim_image(build: Callable[..., str]) -> str:
    """The example on a base that is not AWS's."""
    return build("slim", ROOT, "tests/container/slim.Dockerfile", base=SLIM_BASE)


@pytest.fixture(scope="session")
def work_image(build: Callable[..., str], example_image: str) -> str:
    """The tests' function on AWS's base."""
    return build("work", ROOT / "tests/container/function", base=example_image)


@pytest.fixture(scope="session")
def slim_work_image(build: Callable[..., str], slim_image: str) -> str:
    """The tests' function on the other base."""
    return build("slim-work", ROOT / "tests/container/function", base=slim_image)


@pytest.fixture(params=["work_image", "slim_work_image"], ids=["aws base", "other base"])
def either_image(request: pytest.FixtureRequest) -> str:
    """The tests' function, on each base in turn."""
    image: str = request.getfixturevalue(request.param)
    return image


@pytest.fixture
def run(engine: Any) -> Iterator[Callable[..., ImageFunction]]:
    """Yield what starts a function image; afterwards none of its containers may be left."""
    made: list[ImageFunction] = []

    def run(image: str, handler: str | None = None, **options: Any) -> ImageFunction:
        function = ImageFunction(handler, image=image, **options)
        function.engine, function.image = engine, image
        made.append(function)
        function.start()
        return function

    yield run
    for function in made:
        function.shutdown(abandon=True)
    assert [container.name for function in made for container in function.containers] == []
