"""Process 1 of a function's container: starts, signals and reaps processes there, and passes on what they write.

The text of this file is handed to the image's own Python (3.8 or later, nothing but the standard library); on this side
it is only read. It has one connection, to the address in LAMBDA_PUNCH_LINK, and when that ends, the container ends.

Both sides send JSON lines. A request is ``{"id", "do", ...}``, its answer ``{"id", ...}``. The id of a ``start`` names
its process from then on, in ``{"process", "line"}`` and, after its last line, ``{"process", "status"}``.

One thread, which serves whatever is ready in turn; so nothing is reaped before it is known.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from typing import Any

_CHUNK = 65536
# at most this many chunks of one process are read in a row, because it may never stop writing
_MOST_CHUNKS = 32
_CONNECT_SECONDS = 10.0
_SWEEP_SECONDS = 2.0
_EXTENSIONS = "/opt/extensions"
_DISABLED = "/opt/disable-extensions-jwigqn8j"


class Guest:
    """Does what the host asks for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._requests = b""
        self._selector = selectors.DefaultSelector()
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._numbers: dict[int, int] = {}
        self._outputs: list[ChildOutput] = []

    def serve(self) -> None:
        """Serve until the connection ends, with EOFError or OSError."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        os.set_blocking(reader, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        self._selector.register(self._connection, selectors.EVENT_READ, self._receive)
        self._selector.register(reader, selectors.EVENT_READ, lambda: self._woken(reader))
        while True:
            for key, _ in self._selector.select():
                key.data()

    def tell(self, **message: Any) -> None:
        """Send a message to the host."""
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def _receive(self) -> None:
        data = self._connection.recv(_CHUNK)
        if not data:
            raise EOFError
        *lines, self._requests = (self._requests + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            answer = getattr(self, "do_" + request["do"])(request)
            self.tell(id=request["id"], **answer)

    # -- what can be asked for ----------------------------------------------------------------------------------------

    def do_list(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Return the extensions in the order in which Lambda starts them."""
        if os.path.exists(_DISABLED) or not os.path.isdir(_EXTENSIONS):
            return {"paths": []}
        paths = [os.path.join(_EXTENSIONS, name) for name in sorted(os.listdir(_EXTENSIONS))]
        return {"paths": [path for path in paths if not os.path.isdir(path)]}

    def do_start(self, request: dict[str, Any]) -> dict[str, Any]:
        """Start a process that leads a session of its own; return its pid, or why it cannot be executed."""
        argv = request["argv"]
        try:
            child = subprocess.Popen(
                argv,
                env=request["variables"],
                cwd=request["directory"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number).lower() if number else str(error)
            return {"error": f"fork/exec {argv[0]}: {reason}"}
        self._children[child.pid] = child
        self._numbers[request["id"]] = child.pid
        self._outputs.append(ChildOutput(self, self._selector, child, request["id"]))
        return {"pid": child.pid}

    def do_signal(self, request: dict[str, Any]) -> dict[str, Any]:
        """Send a signal to the group of a process that still runs."""
        pid = self._numbers.get(request["process"])
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, request["signal"])
        return {}

    def do_flush(self, _request: dict[str, Any]) -> dict[str, Any]:
        """Answer once everything written so far has been passed on."""
        for output in self._outputs:
            output.flush()
        return {}

    def do_sweep(self, _request: dict[str, Any]) -> dict[str, Any]:
        """End everything else in the container; return the pids that had to be killed."""
        found: set[int] = set()
        deadline = time.monotonic() + _SWEEP_SECONDS
        while time.monotonic() < deadline:
            left = living()
            found |= left
            if not left:
                break
            kill_all()
            time.sleep(0.001)
        self._reap()
        for output in self._outputs:
            output.close()
        self._outputs.clear()
        return {"pids": sorted(found)}

    # -- processes that end -------------------------------------------------------------------------------------------

    def _woken(self, reader: int) -> None:
        os.read(reader, _CHUNK)
        self._reap()

    def _reap(self) -> None:
        """Reap the processes that have ended, adopted orphans too, and report those that the host knows."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            child = self._children.pop(pid, None)
            if child is not None:
                # Popen must not wait for it once more
                child.returncode = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                self._ended(pid, child.returncode)

    def _ended(self, pid: int, status: int) -> None:
        number = next(number for number, known in self._numbers.items() if known == pid)
        del self._numbers[number]
        for output in self._outputs:
            if output.number == number:
                # only lines: what is unfinished may be a descendant's, which is about to finish it
                output.drain()
        self.tell(process=number, status=status)


class ChildOutput:
    """What a process and its descendants write. It may go on after the process itself has ended."""

    def __init__(
        self, guest: Guest, selector: selectors.BaseSelector, child: subprocess.Popen[bytes], number: int
    ) -> None:
        assert child.stdout is not None
        self.number = number
        self._guest = guest
        self._selector = selector
        self._pipe = child.stdout
        self._partial = b""
        os.set_blocking(self._pipe.fileno(), False)
        selector.register(self._pipe, selectors.EVENT_READ, self._read_some)

    def drain(self) -> None:
        """Pass on every line that is there."""
        for _ in range(_MOST_CHUNKS):
            if self._pipe.closed or not self._read_some():
                break

    def flush(self) -> None:
        """Pass on all that is there, also a line without an end: awslambdaric ends a traceback that way."""
        self.drain()
        self._tell_partial()

    def close(self) -> None:
        """Pass on what is left and let go of the pipe."""
        self.drain()
        self._finish()

    def _read_some(self) -> bool:
        try:
            data = os.read(self._pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._finish()
            return False
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._tell(line)
        return True

    def _finish(self) -> None:
        if not self._pipe.closed:
            self._selector.unregister(self._pipe)
            self._pipe.close()
            self._tell_partial()

    def _tell_partial(self) -> None:
        partial, self._partial = self._partial, b""
        if partial:
            self._tell(partial)

    def _tell(self, line: bytes) -> None:
        self._guest.tell(process=self.number, line=line.decode("utf-8", "replace"))


def living() -> set[int]:
    """Return every process of the container but this one."""
    pids = {int(name) for name in os.listdir("/proc") if name.isdigit()} - {os.getpid()}
    return {pid for pid in pids if _lives(pid)}


def _lives(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            stat = file.read()
    except OSError:
        return False
    # the state stands behind the command name, which is in parentheses and may itself contain any byte
    return stat[stat.rindex(b")") + 2 :][:1] not in (b"Z", b"X")


def kill_all() -> None:
    """Kill every process of the container but this one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(-1, signal.SIGKILL)


def main() -> None:
    """Connect to the host, and end the container when that is over."""
    if os.getpid() != 1:
        # kill_all() outside of a container would be the end of everything
        sys.exit("this program is for process 1 of a container")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    host, port, token = os.environ["LAMBDA_PUNCH_LINK"].split(" ")
    try:
        connection = socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS)
    except OSError as error:
        sys.exit(f"no way from the container to the local Lambda at {host}:{port}: {error}")
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(token.encode() + b"\n")
    try:
        with contextlib.suppress(EOFError, ConnectionError):
            Guest(connection).serve()
    finally:
        kill_all()


if __name__ == "__main__":
    main()
