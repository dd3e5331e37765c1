"""The Extensions API over a raw socket: register, next, and their errors.

It is written by hand because Lambda starts the runtime only when every extension has registered: http.client alone
would add some 35 ms to each cold start. Nothing but ``_socket`` is imported here.

The protocol is described in the AWS Lambda Developer Guide, "Using the Lambda Extensions API".
"""

from _socket import AF_INET, AF_INET6, IPPROTO_TCP, MSG_DONTWAIT, SOCK_STREAM, TCP_NODELAY, socket

_PATH = "/2020-01-01/extension"
_MAX_RESPONSE = 1 << 20  # bytes; events are well under 8 KiB
_PIECE = 4096  # bytes read at a time; making room for 64 KiB takes longer than receiving an event


class ApiError(Exception):
    """The platform answered with a status other than 200, or not in HTTP."""


class ExtensionsApi:
    """One kept-alive connection to ``AWS_LAMBDA_RUNTIME_API``; not for use by two threads.

    ``ask_next`` and ``receive_event`` are two calls, so that the process can import its modules when the platform
    already counts it as ready. A read has no timeout, and a second poll is never sent beside a first: Lambda loses the
    event of a poll that was given up (observed with its emulator).
    """

    def __init__(self, runtime_api: str) -> None:
        self._host = runtime_api
        self._socket: socket | None = None
        self._buffer = b""
        self._next = self._request("GET", "/event/next", "Lambda-Extension-Identifier: ", "")

    def register(self, name: str, events: "list[str]") -> None:
        """Register as the extension ``name``; raise ApiError if refused, OSError if there is no platform."""
        body = '{"events":[' + ",".join(f'"{event}"' for event in events) + "]}"
        self._send(self._request("POST", "/register", f"Lambda-Extension-Name: {name}", body))
        identifier = header(self._receive()[0], b"lambda-extension-identifier").decode("latin-1")
        self._next = self._request("GET", "/event/next", f"Lambda-Extension-Identifier: {identifier}", "")

    def ask_next(self) -> None:
        """Tell the platform that this extension is done; from now on it may freeze the environment."""
        self._send(self._next)

    def has_received_event_of(self, request_id: str) -> bool:
        """Tell, without waiting or parsing, whether the event of the last ``ask_next`` has come and is this request's."""
        if not request_id or self._socket is None:
            return False
        if not self._buffer:
            try:
                self._buffer = self._socket.recv(_PIECE, MSG_DONTWAIT)
            except BlockingIOError:
                return False
        return b'"INVOKE"' in self._buffer and b'"%b"' % request_id.encode("ascii") in self._buffer

    def receive_event(self) -> bytes:
        """Wait for the event of the last ``ask_next`` and return its JSON."""
        return self._receive()[1]

    def disconnect(self) -> None:
        """Drop the connection; the next call makes a new one."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._buffer = b""

    def _request(self, method: str, path: str, line: str, body: str) -> bytes:
        head = f"{method} {_PATH}{path} HTTP/1.1\r\nHost: {self._host}\r\n{line}\r\nContent-Length: {len(body)}"
        return f"{head}\r\n\r\n{body}".encode("latin-1")

    def _send(self, request: bytes) -> None:
        if self._socket is None:
            host, _, port = self._host.rpartition(":")
            self._socket = socket(AF_INET6 if host.startswith("[") else AF_INET, SOCK_STREAM)
            self._socket.connect((host.strip("[]"), int(port)))
            self._socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        self._socket.sendall(request)

    def _receive(self) -> "tuple[bytes, bytes]":
        """Return the head and the body of one answer."""
        head = self._until(b"\r\n\r\n")
        status = parse_status(head)
        if b"chunked" in header(head, b"transfer-encoding").lower():
            body = self._chunks()
        else:
            body = self._exactly(_length(header(head, b"content-length") or b"0", 10))
        if header(head, b"connection").lower() == b"close":
            self.disconnect()
        if status != 200:
            raise ApiError(f"status {status}: {body[:300].decode('utf-8', 'replace')}")
        return head, body

    def _chunks(self) -> bytes:
        body = b""
        while size := _length(self._until(b"\r\n").partition(b";")[0].strip(), 16):
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
            raise ApiError("there is no connection to the platform")
        data = self._socket.recv(_PIECE)
        if not data or len(self._buffer) > _MAX_RESPONSE:
            raise ApiError("the platform closed the connection" if not data else "the platform's answer is over 1 MiB")
        self._buffer += data


def parse_status(head: bytes) -> int:
    """Return the status in the head of an HTTP answer; raise ApiError if there is none."""
    first = head.partition(b"\r\n")[0]
    words = first.split(b" ", 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or not words[1].isdigit() or len(words[1]) > 3:
        raise ApiError(f"the platform's answer is not HTTP: {first[:80]!r}")
    return int(words[1])


def header(head: bytes, name: bytes) -> bytes:
    """Return the value of a header, or nothing if it is missing; ``name`` is in lower case."""
    place = head.lower().find(b"\r\n%b:" % name)
    return head[place + len(name) + 3 :].partition(b"\r\n")[0].strip() if place >= 0 else b""


def _length(text: bytes, base: int) -> int:
    try:
        length = int(text, base)
    except ValueError:
        length = -1
    if not 0 <= length <= _MAX_RESPONSE:
        raise ApiError(f"the platform's answer has no valid length: {text[:20]!r}")
    return length
