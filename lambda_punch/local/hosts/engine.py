"""The container engine, through the ``docker`` package: the one file that knows it. Every call blocks.

DOCKER_HOST and the other variables of the Docker client choose the engine. It has to be on this machine, and its
containers need the network of this machine (``network_mode="host"``), because the local Lambda listens on 127.0.0.1.
Docker on Linux works. Docker Desktop works once its host networking is turned on.
"""

from __future__ import annotations

import secrets
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError
from lambda_punch.local.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

LABEL = "lambda-punch.local"
"""Every container of a local Lambda has this label."""

# the image's own Python, the way AWS's images have it first; the program is the argument behind
_FIND_PYTHON = """
for python in /var/lang/bin/python3 python3 python; do
  if command -v "$python" >/dev/null; then exec "$python" -ISu -c "$0"; fi
done
echo "there is no Python in this image" >&2
exit 1
"""
# Removes the container when its standard input ends, for whatever reason, and checks that it is gone. An engine may
# refuse to remove a frozen container, and may report one as removed that is still ending by itself.
_KEEPER = """
import sys, time, docker
containers = docker.from_env().containers
sys.stdin.read()
for _ in range(100):
    try:
        container = containers.get(sys.argv[1])
        container.remove(force=True)
    except docker.errors.NotFound:
        sys.exit()
    except docker.errors.APIError:
        try:
            container.unpause()
        except docker.errors.APIError:
            pass
    time.sleep(0.05)
sys.exit("it is still there")
"""
_GUEST = Path(__file__).with_name("guest.py")
_MOST_LOG_BYTES = 2000


@dataclass(frozen=True)
class ImageConfig:
    """What an image says about how it is run."""

    entrypoint: list[str]
    command: list[str]
    variables: dict[str, str]
    directory: str


class Engine:
    """A connection to the engine; raise MissingExtraError or EngineError."""

    def __init__(self) -> None:
        try:
            import docker
        except ImportError as error:
            raise MissingExtraError("docker", extra="image", part="running an image") from error
        with _translated("there is no container engine to talk to; is DOCKER_HOST right?"):
            self._client: Any = docker.from_env()

    def inspect(self, image: str) -> ImageConfig:
        """Return the configuration of an image of this machine."""
        with _translated(f"no image {image} here; build it or pull it first"):
            config = self._client.images.get(image).attrs["Config"]
        pairs = [pair.partition("=") for pair in config.get("Env") or []]
        return ImageConfig(
            entrypoint=list(config.get("Entrypoint") or []),
            command=list(config.get("Cmd") or []),
            variables={name: value for name, _, value in pairs},
            directory=config.get("WorkingDir") or "/",
        )

    def start(self, image: str, variables: Mapping[str, str]) -> Container:
        """Start a container in which nothing but the guest runs."""
        name = f"lambda-punch-{secrets.token_hex(6)}"
        keeper = _start_keeper(name)
        try:
            with _translated(f"the image {image} cannot be started"):
                container = self._client.containers.run(
                    image,
                    name=name,
                    entrypoint=["/bin/sh", "-c", _FIND_PYTHON, _GUEST.read_text("utf-8")],
                    command=[],
                    environment=dict(variables),
                    network_mode="host",
                    labels={LABEL: image},
                    init=False,  # the guest has to be process 1
                    detach=True,
                )
        except BaseException:
            _end(keeper)
            raise
        return Container(container, keeper)


class Container:
    """One running container. Whatever becomes of this process, its keeper removes it."""

    def __init__(self, container: Any, keeper: subprocess.Popen[bytes]) -> None:
        self._container = container
        self._keeper = keeper

    def pause(self) -> None:
        """Freeze everything in it."""
        with _translated("the container cannot be paused"):
            self._container.pause()

    def unpause(self) -> None:
        """Let everything in it run on."""
        with _translated("the container cannot be thawed"):
            self._container.unpause()

    def last_words(self) -> str | None:
        """Return what it wrote, or None if it still runs."""
        with _translated("the container is gone"):
            self._container.reload()
            if self._container.status in ("created", "running"):
                return None
            written: bytes = self._container.logs()
        return written[-_MOST_LOG_BYTES:].decode("utf-8", "replace").strip()

    def remove(self) -> None:
        """Remove it; raise EngineError if it may still be there."""
        if _end(self._keeper):
            raise EngineError(f"the container {self._container.name} could not be removed; remove it by hand")


def _start_keeper(name: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", _KEEPER, name],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _end(keeper: subprocess.Popen[bytes]) -> int:
    assert keeper.stdin is not None
    keeper.stdin.close()
    return keeper.wait()


@contextmanager
def _translated(message: str) -> Iterator[None]:
    """Turn the engine's errors into EngineError."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        raise EngineError(f"{message}: {error}") from error
