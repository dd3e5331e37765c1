"""The Extensions API over a raw socket: register, next, and the errors they can answer with.

Hand-rolled because Lambda starts the runtime only when every extension has registered: http.client alone would
add some 35 ms to each cold start. Nothing outside the interpreter's core and ``_socket`` is imported here.

Source of the protocol: AWS Lambda Developer Guide, "Using the Lambda Extensions API".
"""

from _socket import AF_INET, AF_INET6, IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket

_PATH = "/2020-01-01/extension"
_MAX_RESPONSE = 1 << 20  # bytes; events are well under 8 KiB


class ApiError(Exception):
    """The platform answered with another status than 200, or not in HTTP at all."""


class Response:
    """Status, header lines (lower-cased names) and body of one answer."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: "dict[str, str]", body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


class ExtensionsApi:
    """One kept-alive connection to ``AWS_LAMBDA_RUNTIME_API``; not for use by two threads.

    ``ask_next`` and ``receive_event`` are two calls so that the process can import what it needs while the
    platform already counts it as ready. There is no read timeout, and never a second poll beside a first:
    Lambda loses the event of a poll that was given up (so Lambda's own emulator, observed).
    """

    def __init__(self, runtime_api: str) -> None:
        self._host = runtime_api
        self._socket: socket | None = None
        self._buffer = b""
        self._identifier = ""

    def register(self, name: str, events: "list[str]") -> None:
        """Register as the extension ``name``; raise ApiError if refused, OSError if there is no platform."""
        body = '{"events":[' + ",".join(f'"{event}"' for event in events) + "]}"
        self._send("POST", "/register", f"Lambda-Extension-Name: {name}", body)
        self._identifier = self._receive().headers.get("lambda-extension-identifier", "")

    def ask_next(self) -> None:
        """Tell the platform that this extension is done; it may freeze the environment from here on."""
        self._send("GET", "/event/next", f"Lambda-Extension-Identifier: {self._identifier}", "")

    def receive_event(self) -> bytes:
        """Block until the event of the last ``ask_next`` is there and return its JSON."""
        return self._receive().body

    def disconnect(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _send(self, method: str, path: str, header: str, body: str) -> None:
        request = (
            f"{method} {_PATH}{path} HTTP/1.1\r\nHost: {self._host}\r\n{header}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        if self._socket is None:
            host, _, port = self._host.rpartition(":")
            self._socket = socket(AF_INET6 if host.startswith("[") else AF_INET, SOCK_STREAM)
            self._socket.connect((host.strip("[]"), int(port)))
            self._socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._socket.sendall((request + body).encode("latin-1"))

    def _receive(self) -> Response:
        status, headers = parse_head(self._until(b"\r\n\r\n"))
        if "chunked" in headers.get("transfer-encoding", "").lower():
            body = self._chunks()
        else:
            body = self._exactly(_length(headers.get("content-length", "0"), 10))
        if headers.get("connection", "").lower() == "close":
            self.disconnect()
        if status != 200:
            raise ApiError(f"status {status}: {body[:300].decode('utf-8', 'replace')}")
        return Response(status, headers, body)

    def _chunks(self) -> bytes:
        body = b""
        while size := _length(self._until(b"\r\n").decode("latin-1").partition(";")[0].strip(), 16):
            body += self._exactly(size)
            self._until(b"\r\n")
        while self._until(b"\r\n"):
            pass  # trailers
        return body

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            self._more()
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        found, self._buffer = self._buffer[:count], self._buffer[count:]
        return found

    def _more(self) -> None:
        if self._socket is None:
            raise ApiError("not connected")
        data = self._socket.recv(65536)
        if not data or len(self._buffer) > _MAX_RESPONSE:
            raise ApiError("the platform closed the connection" if not data else "an answer of over 1 MiB")
        self._buffer += data


def parse_head(head: bytes) -> "tuple[int, dict[str, str]]":
    """Return status and headers (names in lower case) of an HTTP answer's head; raise ApiError if it is none."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ", 2)
    if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdecimal():
        raise ApiError(f"not an HTTP answer: {first[:80]!r}")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(words[1]), headers


def _length(text: str, base: int) -> int:
    try:
        length = int(text, base)
    except ValueError:
        length = -1
    if not 0 <= length <= _MAX_RESPONSE:
        raise ApiError(f"not a length: {text[:20]!r}")
    return length
