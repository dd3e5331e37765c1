"""Runs inside the processes under test. At one named place it stops the process until the test has struck there.

The function's module imports it, and so does a copy of the extension's launcher. The product knows nothing of it. The
connection to the test is made before the fault: afterwards there may be no descriptors and no disk.

The variable FAULT says what to do, as name=value pairs:

- process, where, when: stop there, at the first time that it is reached after the test has allowed it;
- process, message, how, hit, argument: do something to a message;
- trace: tell the test of each of these places, but stop at none.
"""

from __future__ import annotations

import functools
import importlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_OPTIONS = dict(part.split("=", 1) for part in os.environ.get("FAULT", "").split(";") if part)
_connection: socket.socket | None = None
_stopped = False
_one_at_a_time = threading.Lock()


def arm(process: str) -> None:
    """Connect to the test, say which process this is, and wrap what the fault needs wrapped."""
    global _connection  # noqa: PLW0603 - one for the process, kept open over forks
    _connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    _connection.connect(os.environ["FAULT_SOCKET"])
    _connection.send(f"{process} {os.getpid()}".encode())
    if _OPTIONS.get("process") == process and ":" in _OPTIONS.get("where", ""):
        _wrap(_OPTIONS["where"], _OPTIONS["when"], _stop)
    if _OPTIONS.get("process") == process and "message" in _OPTIONS:
        _wrap_message(_OPTIONS["message"], _OPTIONS["how"])
    for place in filter(None, _OPTIONS.get("trace", "").split(",")):
        owner, when, where = place.split(" ", 2)
        if owner == process and ":" in where:
            _wrap(where, when, functools.partial(say, f"passed {place}"))


def say(text: str) -> None:
    """Tell the test what has happened."""
    assert _connection is not None
    _connection.send(f"note {text}".encode())


def here(place: str) -> None:
    """Mark a place in the function's own code."""
    if _OPTIONS.get("where") == place:
        _stop()
    elif "trace" in _OPTIONS:
        say(f"passed here {place}")


def find(where: str) -> tuple[Any, str, Any]:
    """Return what holds a function that is named as ``module:qualified.name``, its name there, and the function."""
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    return owner, name, getattr(owner, name)


def _stop() -> None:
    """Wait here, once, until the test has struck."""
    global _stopped  # noqa: PLW0603 - it is one life of one process
    assert _connection is not None
    with _one_at_a_time:
        if _stopped or not os.path.exists(os.environ["FAULT_SOCKET"] + ".armed"):
            return
        _stopped = True
        _connection.send(f"at {os.getpid()}".encode())
        _connection.recv(16)


def _wrap(where: str, when: str, reached: Callable[[], object]) -> None:
    """Call ``reached`` before or after a function, or after it has returned something true."""
    owner, name, original = find(where)

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            reached()
        result = original(*args, **kwargs)
        if when == "after" or (when == "true" and result):
            reached()
        return result

    setattr(owner, name, wrapper)


def _wrap_message(where: str, how: str) -> None:
    """Change what a function sends at one of its calls."""
    owner, name, original = find(where)
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
