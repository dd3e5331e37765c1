"""Runs inside the processes under test: stops at one named place until the test has done its mischief there.

Imported by the function's module and by a copy of the extension's launcher; the product knows nothing of it. It needs
only what both processes have: a connection to the test, made before the fault, because afterwards there may be no
descriptors and no disk.
"""

from __future__ import annotations

import functools
import importlib
import os
import socket
import threading
from typing import Any

_OPTIONS = dict(part.split("=", 1) for part in os.environ.get("FAULT", "").split(";") if part)
_connection: socket.socket | None = None
_hits = 0
_one_at_a_time = threading.Lock()


def arm(process: str) -> None:
    """Connect to the test, say which process this is, and wrap what the fault needs wrapped."""
    global _connection  # noqa: PLW0603 - one for the process, kept open over forks
    _connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _connection.connect(os.environ["FAULT_SOCKET"])
    _connection.send(f"{process} {os.getpid()}".encode())
    if _OPTIONS.get("process") == process and ":" in _OPTIONS.get("where", ""):
        _wrap(_OPTIONS["where"], _OPTIONS["when"])
    if _OPTIONS.get("process") == process and "message" in _OPTIONS:
        _wrap_message(_OPTIONS["message"], _OPTIONS["how"])


def say(text: str) -> None:
    """Tell the test what has happened."""
    assert _connection is not None
    _connection.send(f"note {text}".encode())


def here(place: str) -> None:
    """A place in the function's own code."""
    if _OPTIONS.get("where") == place:
        _reached()


def _reached() -> None:
    global _hits  # noqa: PLW0603 - counted over the life of the process
    assert _connection is not None
    with _one_at_a_time:
        if not os.path.exists(os.environ["FAULT_SOCKET"] + ".armed"):
            return
        _hits += 1
        if _hits != int(_OPTIONS.get("hit", "1")):
            return
        _connection.send(f"at {os.getpid()}".encode())
        _connection.recv(16)


def _wrap(where: str, when: str) -> None:
    """Stop before or after a function, named as module:qualified.name."""
    owner, name, original = _find(where)

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            _reached()
        result = original(*args, **kwargs)
        if when == "after" or (when == "true" and result):
            _reached()
        return result

    setattr(owner, name, wrapper)


def _wrap_message(where: str, how: str) -> None:
    """Change what a sending function sends, at one of its calls."""
    owner, name, original = _find(where)
    place = int(_OPTIONS["argument"])
    calls = 0

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != int(_OPTIONS["hit"]):
            return original(*args, **kwargs)
        say("message")
        if how == "drop":
            return None
        if how == "delay":
            threading.Event().wait(0.4)
        if how == "duplicate":
            original(*args, **kwargs)
        if how == "corrupt":
            args = (*args[:place], _corrupted(args[place]), *args[place + 1 :])
        return original(*args, **kwargs)

    setattr(owner, name, wrapper)


def _corrupted(message: Any) -> Any:
    if isinstance(message, list):
        return [*message[:1], b"\xff\x00" + message[1][::-1], *message[2:]]
    return b"\xff" * 10 + message[10:]


def _find(where: str) -> tuple[Any, str, Any]:
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    return owner, name, getattr(owner, name)
