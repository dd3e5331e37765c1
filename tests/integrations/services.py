"""A PostgreSQL and a Redis of this machine, for as long as a test needs them; skipped where they are not installed."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str) -> str:
    """Return where a program is; skips the test where it is not. Debian keeps PostgreSQL's beside the path."""
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    found = shutil.which(name, path=os.pathsep.join([*map(str, places), os.environ.get("PATH", "")]))
    if found is None:
        pytest.skip(f"there is no {name} here: apt-get install postgresql redis-server")
    return found


class Service:
    """A server in a directory of its own, that of a user who is not root: PostgreSQL refuses to run as root."""

    def __init__(self) -> None:
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix="lambda-punch-service-")
        self._as: dict[str, Any] = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
            self._as = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._server: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def run(self, *command: str) -> None:
        done = subprocess.run(command, cwd=self.directory, capture_output=True, text=True, check=False, **self._as)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        self._server = subprocess.Popen(
            self.command(), cwd=self.directory, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self._as
        )
        wait_for(self.answers)

    def stop(self) -> None:
        if self._server is not None:
            self._server.send_signal(2)  # a fast shutdown of PostgreSQL: connections are cut
            self._server.wait(20)
            self._server = None

    def restart(self) -> None:
        self.stop()
        self.start()

    def answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


class Postgres(Service):
    """A PostgreSQL that trusts everyone on the loopback."""

    def __init__(self) -> None:
        super().__init__()
        self._postgres = program("postgres")
        self.run(program("initdb"), "-D", f"{self.directory}/data", "-U", "shop", "-A", "trust", "-N")

    def command(self) -> list[str]:
        settings = [
            "-c",
            "fsync=off",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={self.directory}",
        ]
        return [self._postgres, "-D", f"{self.directory}/data", "-p", str(self.port), *settings]

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    @property
    def url(self) -> str:
        return f"postgresql://shop@127.0.0.1:{self.port}/postgres"


class Redis(Service):
    """A Redis that keeps nothing."""

    def command(self) -> list[str]:
        return [program("redis-server"), "--port", str(self.port), "--save", "", "--bind", "127.0.0.1"]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "the server did not come up"
        time.sleep(0.02)
