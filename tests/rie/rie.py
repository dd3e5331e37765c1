"""One run of RIE: started on free ports, with its own /opt, and ended with all that it has started."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from .emulator import emulator
from .private_opt import in_private_opt

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MARK = "LAMBDA_PUNCH_TEST_RUN"
_PATH = "/2015-03-31/functions/function/invocations"
_FROM_THE_HOST = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")


class Rie:
    """RIE around one function. It takes one request at a time: a second one makes it crash.

    ``opt`` becomes /opt, ``command`` is the runtime's, ``directory`` its working directory.
    """

    def __init__(
        self, command: list[str], *, directory: Path, opt: Path, env: Mapping[str, str], timeout: int = 5
    ) -> None:
        self.directory = directory
        self._mark = f"{_MARK}={uuid.uuid4()}"
        self._opt = opt
        self._command = command
        host = {name: os.environ[name] for name in _FROM_THE_HOST if name in os.environ}
        mark, value = self._mark.split("=")
        self._env = {"LANG": "C.UTF-8", **host, "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout), mark: value, **env}
        self._process: subprocess.Popen[bytes] | None = None
        self._address = self._api = ""

    def start(self) -> None:
        """Return when RIE listens; nothing else is started before the first invoke."""
        self._address, self._api = _free_address(), _free_address()
        flags = ["--runtime-interface-emulator-address", self._address, "--runtime-api-address", self._api]
        arguments = [str(emulator()), *flags, "--log-level", "warn", *self._command]
        with (self.directory / "rie.out").open("ab") as out, (self.directory / "rie.err").open("ab") as err:
            self._process = subprocess.Popen(
                in_private_opt(self._opt, arguments),
                cwd=self.directory,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        wait_until(self._listens, 10, lambda: f"RIE does not listen; it said:\n{self._text()}")

    def _listens(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"RIE ended at once; it said:\n{self._text()}"
        return all(_accepts(address) for address in (self._address, self._api))

    def post(self, event: Any = None, *, headers: Mapping[str, str] | None = None) -> requests.Response:
        """Invoke the function; returns when it and all extensions are done."""
        return requests.post(f"http://{self._address}{_PATH}", json.dumps(event), headers=headers, timeout=30)

    def call(self, event: Any = None) -> Any:
        """Invoke the function and return its parsed response."""
        response = self.post(event)
        assert response.status_code == 200, response.text
        return response.json()

    def terminate(self) -> None:
        """Send SIGTERM to RIE, which then shuts the environment down."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def wait(self, timeout: float = 8.0) -> int:
        """Wait for RIE's end and return its exit status."""
        assert self._process is not None
        return self._process.wait(timeout)

    def stop(self) -> int:
        """Shut down as Lambda does and return RIE's exit status."""
        self.terminate()
        return self.wait()

    def clean_up(self) -> None:
        """Kill RIE, if it still runs, and everything that it has started, detached children included."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        deadline = time.monotonic() + 5
        while (left := self.processes()) and time.monotonic() < deadline:
            for pid in left:
                _kill(pid)
            pause()
        assert not left

    @property
    def lines(self) -> list[str]:
        """What runtime and extensions wrote, and what RIE itself reports."""
        return self._text().splitlines()

    def said(self, text: str) -> list[str]:
        """The lines that contain ``text``."""
        return [line for line in self.lines if text in line]

    def _text(self) -> str:
        return "".join(
            path.read_text(errors="replace")
            for path in (self.directory / "rie.out", self.directory / "rie.err")
            if path.exists()
        )

    def processes(self) -> list[int]:
        """The ids of the living processes that RIE's own environment has come down to, RIE's too."""
        return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit() and self._is_ours(entry)]

    def _is_ours(self, process: Path) -> bool:
        try:
            # a process that has ended, and waits for its parent to notice, has an empty environment
            return self._mark.encode() in (process / "environ").read_bytes().split(b"\0")
        except OSError:
            return False


def wait_until(condition: Callable[[], bool], timeout: float, what: Callable[[], str]) -> None:
    """Look again and again, for at most ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, what()
        pause()


def pause() -> None:
    """Let a hundredth of a second go by between two looks at what cannot be waited for."""
    select.select([], [], [], 0.01)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def _accepts(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
