"""A proxy before the local Lambda's Runtime and Extensions APIs, which spoils one of the calls."""

from __future__ import annotations

import contextlib
import socket
import threading

REFUSE, CLOSE_BEFORE, CLOSE_AFTER, DELAY = "status 500", "closed before", "closed after", "delayed 0.4 s"
PLATFORM_FAULTS = [REFUSE, CLOSE_BEFORE, CLOSE_AFTER, DELAY]
_ERROR = b'{"errorMessage":"internal error","errorType":"InternalServerError"}'


class Proxy:
    """Forwards every call but one: the first ``call`` after ``allow``."""

    def __init__(self, call: str, how: str) -> None:
        self.upstream: tuple[str, int] | None = None
        self.struck = threading.Event()
        self._call, self._how = call.encode(), how
        self._armed = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.getsockname()[1]}"

    def allow(self) -> None:
        self._armed = True

    def close(self) -> None:
        """Close every connection; the threads then end."""
        for each in (self._server, *self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        assert self.upstream is not None
        try:
            with client, socket.create_connection(self.upstream) as platform:
                self._open |= {client, platform}
                while request := _message(client):
                    if not self._forward(request, client, platform):
                        return
        except OSError:
            pass
        finally:
            self._open.discard(client)

    def _forward(self, request: bytes, client: socket.socket, platform: socket.socket) -> bool:
        mine = self._armed and not self.struck.is_set() and self._call in request.partition(b"\r\n")[0]
        if mine:
            self.struck.set()
            if self._how == REFUSE:
                head = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                client.sendall(head % len(_ERROR) + _ERROR)
                return True
            if self._how == CLOSE_BEFORE:
                return False
            if self._how == DELAY:
                threading.Event().wait(0.4)
        platform.sendall(request)
        answer = _message(platform)
        if not answer or (mine and self._how == CLOSE_AFTER):
            return False
        client.sendall(answer)
        return True


def _message(connection: socket.socket) -> bytes:
    """Read one request or answer, head and body; return nothing if the connection has ended."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line.partition(b":")[2]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        if not (more := connection.recv(65536)):
            return b""
        body += more
    return head + b"\r\n\r\n" + body
