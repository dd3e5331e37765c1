"""The two ZeroMQ sockets that library and extension speak by, through ctypes, without pyzmq's Python packages.

`import zmq` takes 24 ms of CPU, for enums, pickle, json and more that nobody needs here; loading the libzmq that pyzmq's
wheel brings takes 9. At 128 MB, a fourteenth of a core, that is what the first job of an environment waits for. Where
anything is not as expected (no ctypes, no libzmq beside pyzmq, another major version), or where the program has imported zmq
already, pyzmq itself is used.

The same file is in the extension, which shares no code with the library; a test compares the two.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# https://libzmq.readthedocs.io/en/latest/zmq_socket.html and zmq_setsockopt.html; the numbers are libzmq's ABI.
_DEALER, _ROUTER = 5, 6
_RCVMORE, _FD, _LINGER, _RECONNECT_IVL, _MAXMSGSIZE = 13, 14, 17, 18, 22
_DONTWAIT, _SNDMORE = 1, 2
_EINTR, _EAGAIN = 4, 11
_MAJOR = 4


def router(endpoint: str, frame_size: int) -> "Socket":
    """Return a socket bound to ``endpoint``, which takes frames of at most ``frame_size`` bytes. Raises OSError."""
    return _open(_ROUTER, endpoint, frame_size, None)


def dealer(endpoint: str, frame_size: int, retry_ms: int) -> "Socket":
    """Return a socket connected to ``endpoint``; it tries again every ``retry_ms`` until somebody is there."""
    return _open(_DEALER, endpoint, frame_size, retry_ms)


def _open(kind: int, endpoint: str, frame_size: int, retry_ms: "int | None") -> "Socket":
    library = None if "zmq" in sys.modules else load()
    make = _Native if library is not None else _Packaged
    return make(library, kind, endpoint, frame_size, retry_ms)


class Socket:
    """A socket for one thread. ``descriptor`` becomes readable when something has happened on it."""

    descriptor: int

    def send(self, frames: "list[bytes]") -> None:
        """Send a message of several frames; where nobody takes it, it is dropped or raises OSError."""

    def receive(self, *, wait: bool) -> "list[bytes] | None":
        """Return the next message; without ``wait`` None if there is none. Raises OSError."""

    def close(self) -> None:
        """Close it at once, whatever was not sent."""


class _Native(Socket):
    """By ctypes, whose calls let other threads run."""

    def __init__(self, library: "Any", kind: int, endpoint: str, frame_size: int, retry_ms: "int | None") -> None:
        import ctypes

        self._ctypes = ctypes
        self._library = library
        self._socket = ctypes.c_void_p(library.zmq_socket(_context("native", library.zmq_ctx_new), kind))
        if not self._socket.value:
            raise _error("zmq_socket", ctypes.get_errno())
        self._buffer = ctypes.create_string_buffer(frame_size + 1)
        self._number = ctypes.c_int(0)
        self._size = ctypes.c_size_t(ctypes.sizeof(self._number))
        self._set(_LINGER, ctypes.c_int(0))
        self._set(_MAXMSGSIZE, ctypes.c_int64(frame_size))
        if retry_ms is not None:
            self._set(_RECONNECT_IVL, ctypes.c_int(retry_ms))
        attach = library.zmq_bind if kind == _ROUTER else library.zmq_connect
        if attach(self._socket, endpoint.encode()) != 0:
            fault = ctypes.get_errno()
            self.close()
            raise _error(f"{'bind' if kind == _ROUTER else 'connect'} {endpoint}", fault)
        self.descriptor = self._get(_FD)

    def send(self, frames: "list[bytes]") -> None:
        last = len(frames) - 1
        for number, frame in enumerate(frames):
            flags = _DONTWAIT | (_SNDMORE if number < last else 0)
            self._call(self._library.zmq_send, frame, len(frame), flags)

    def receive(self, *, wait: bool) -> "list[bytes] | None":
        frames: list[bytes] = []
        flags = 0 if wait else _DONTWAIT
        while True:
            size = self._call(self._library.zmq_recv, self._buffer, len(self._buffer), flags)
            if size < 0:
                return None
            frames.append(self._buffer.raw[: min(size, len(self._buffer))])
            if not self._get(_RCVMORE):
                return frames

    def close(self) -> None:
        if self._socket.value:
            self._library.zmq_close(self._socket)
            self._socket.value = None

    def _call(self, function: "Any", *arguments: "Any") -> int:
        """Return what the call returns, -1 if it would have to wait."""
        while (result := int(function(self._socket, *arguments))) < 0:
            fault = self._ctypes.get_errno()
            if fault == _EAGAIN:
                return -1
            if fault != _EINTR:
                raise _error(function.__name__, fault)
        return result

    def _set(self, option: int, value: "Any") -> None:
        size = self._ctypes.sizeof(value)
        if self._library.zmq_setsockopt(self._socket, option, self._ctypes.byref(value), size) != 0:
            raise _error(f"option {option}", self._ctypes.get_errno())

    def _get(self, option: int) -> int:
        number, size = self._ctypes.byref(self._number), self._ctypes.byref(self._size)
        if self._library.zmq_getsockopt(self._socket, option, number, size) != 0:
            raise _error(f"option {option}", self._ctypes.get_errno())
        return self._number.value


class _Packaged(Socket):
    """By pyzmq."""

    def __init__(self, _library: "Any", kind: int, endpoint: str, frame_size: int, retry_ms: "int | None") -> None:
        import zmq

        self._zmq = zmq
        self._socket = _context("packaged", zmq.Context).socket(kind)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.MAXMSGSIZE, frame_size)
        if retry_ms is not None:
            self._socket.setsockopt(zmq.RECONNECT_IVL, retry_ms)
        try:
            (self._socket.bind if kind == _ROUTER else self._socket.connect)(endpoint)
        except zmq.ZMQError as fault:
            self.close()
            raise _error(endpoint, fault.errno or 0) from fault
        self.descriptor = int(self._socket.FD)

    def send(self, frames: "list[bytes]") -> None:
        try:
            self._socket.send_multipart(frames, self._zmq.NOBLOCK)
        except self._zmq.Again:
            pass  # nobody takes it

    def receive(self, *, wait: bool) -> "list[bytes] | None":
        try:
            found: list[bytes] = self._socket.recv_multipart(0 if wait else self._zmq.NOBLOCK)
        except self._zmq.Again:
            return None
        return found

    def close(self) -> None:
        self._socket.close(0)


def _error(what: str, number: int) -> OSError:
    return OSError(number, f"ZeroMQ: {os.strerror(number)} ({what})")


_loaded: "list[Any]" = []  # libzmq, or None if it cannot be used
_contexts: "dict[tuple[int, str], Any]" = {}  # by process and kind


def load() -> "Any":
    """Return libzmq with the types of what is called, or None."""
    if not _loaded:
        try:
            _loaded.append(_typed(_path()))
        except Exception:  # noqa: BLE001 - whatever it is, pyzmq is there
            _loaded.append(None)
    return _loaded[0]


def _path() -> str:
    """Return where the libzmq is that pyzmq's wheel brings: in a directory beside the package."""
    for place in sys.path:
        directory = f"{place or '.'}/pyzmq.libs"
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        for name in names:
            if name.startswith("libzmq") and os.path.isdir(f"{place or '.'}/zmq"):
                return f"{directory}/{name}"
    raise FileNotFoundError("pyzmq.libs")


def _typed(path: str) -> "Any":
    import ctypes
    from ctypes import POINTER, c_char_p, c_int, c_size_t, c_void_p

    library = ctypes.CDLL(path, use_errno=True)
    major = c_int(0)
    library.zmq_version(ctypes.byref(major), ctypes.byref(c_int(0)), ctypes.byref(c_int(0)))
    if major.value != _MAJOR:
        raise ValueError(f"libzmq {major.value}")
    for name, result, arguments in (
        ("zmq_ctx_new", c_void_p, []),
        ("zmq_socket", c_void_p, [c_void_p, c_int]),
        ("zmq_close", c_int, [c_void_p]),
        ("zmq_bind", c_int, [c_void_p, c_char_p]),
        ("zmq_connect", c_int, [c_void_p, c_char_p]),
        ("zmq_setsockopt", c_int, [c_void_p, c_int, c_void_p, c_size_t]),
        ("zmq_getsockopt", c_int, [c_void_p, c_int, c_void_p, POINTER(c_size_t)]),
        ("zmq_send", c_int, [c_void_p, c_char_p, c_size_t, c_int]),
        ("zmq_recv", c_int, [c_void_p, c_void_p, c_size_t, c_int]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _context(kind: str, make: "Any") -> "Any":
    key = os.getpid(), kind
    if key not in _contexts:
        _contexts[key] = make()
    return _contexts[key]
