"""What the Extensions API refuses, in which words, and in which state: the same on RIE and on the local Lambda."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from .protocol import WALKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Pair

pytestmark = pytest.mark.network  # RIE is fetched at the first use
MISSING = ("Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
INVALID = ("Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
UNKNOWN = ("Extension.UnknownExtensionIdentifier", "Unknown Lambda-Extension-Identifier")
NO_TYPE = ("Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
EVENT = "Extension.InvalidEventType"
FOR_EXTERNAL_ONLY = (EVENT, "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension")
CLOSED = ("Extension.RegistrationClosed", "Extension registration closed already")
NOT_ALLOWED = "Error: State transition is not allowed"

# All are refused with 403; None stands for the words of a JSON parser.
REFUSED = {
    "register without a name": ("Extension.InvalidExtensionName", "Empty extension name"),
    "register broken": ("InvalidRequestFormat", None),
    "register an array": ("InvalidRequestFormat", None),
    "register a word": ("InvalidRequestFormat", None),
    "register with keys": (
        "InvalidRequestFormat",
        "configurationKeys are deprecated; use environment variables instead",
    ),
    "register for FOO": (EVENT, "FOO: ErrorInvalidEventType"),
    "register again": (
        "Extension.InvalidExtensionState",
        f"State transition from Registered to Registered failed for extension watcher. {NOT_ALLOWED}",
    ),
    "next before register": MISSING,
    "error before register": MISSING,
    "next by nonsense": INVALID,
    "next by a stranger": ("Extension.UnknownExtensionIdentifier", "Unknown extension <id>"),
    **{f"{call} by nobody": MISSING for call in ("init/error", "exit/error")},
    **{f"{call} by nonsense": INVALID for call in ("init/error", "exit/error")},
    **{f"{call} by a stranger": UNKNOWN for call in ("init/error", "exit/error")},
    **{f"{call} by a stranger without a type": NO_TYPE for call in ("init/error", "exit/error")},
    **{f"{call} without a type": NO_TYPE for call in ("init/error", "exit/error")},
    "inner for SHUTDOWN": FOR_EXTERNAL_ONLY,
    "inner for FOO": (EVENT, "FOO: ErrorInvalidEventType"),
    "inner again": ("Extension.InvalidExtensionState", "Extension with this name already registered"),
    "wrong name for SHUTDOWN": FOR_EXTERNAL_ONLY,
    "number 11": ("Extension.TooManyExtensions", "Extension limit (10) reached"),
    "too late": CLOSED,
    "too late again": CLOSED,
}

# Where a call leads; what is not named is refused and leads nowhere.
ALLOWED = {
    ("Started", "register"): 200,
    ("Registered", "next"): 200,
    ("Registered", "init/error"): 202,
    ("Registered", "exit/error"): 202,
    ("Ready", "exit/error"): 202,
    ("Running", "exit/error"): 202,
    ("InitError", "init/error"): 202,
    ("ExitError", "exit/error"): 202,
}
STATES = ("Registered", "Ready", "Running", "InitError", "ExitError")
CALLS = {"register": "Registered", "next": "Ready", "init/error": "InitError", "exit/error": "Exited"}

PLATFORMS = pytest.mark.parametrize("platform", ["local", "rie"])


def answers(seen: dict[str, Any]) -> dict[str, tuple[int, Any, Any]]:
    """Return status, error type and error message of each call of the programs' first lives, by the call's name."""
    calls = {}
    for path, status in seen.items():
        found = re.fullmatch(r"(?P<call>\w+/1( \w+)? \d+ (?P<name>.+)): status", path)
        if found:
            error = (seen.get(f"{found['call']}: body: {key}") for key in ("errorType", "errorMessage"))
            calls[found["name"]] = (status, *error)
    return calls


@PLATFORMS
@pytest.mark.parametrize("call", REFUSED)
def test_refusal(both: Callable[[str], Pair], platform: str, call: str) -> None:
    """Each wrong use is a 403 with AWS's error type and words."""
    status, error_type, message = answers(getattr(both("wrong calls"), platform))[call]
    expected_type, expected_message = REFUSED[call]

    assert (status, error_type) == (403, expected_type)
    assert message == expected_message or (expected_message is None and message)


@PLATFORMS
def test_wrong_address(both: Callable[[str], Pair], platform: str) -> None:
    """A wrong method is a 405, an unknown path a 404."""
    seen = answers(getattr(both("wrong calls"), platform))

    assert [seen[call][0] for call in ("wrong method", "unknown path")] == [405, 404]


@PLATFORMS
@pytest.mark.parametrize("place", ["external", "internal"])
def test_state_machine(both: Callable[[str], Pair], platform: str, place: str) -> None:
    """Every call in every state: allowed as in AWS's own table, else a 403 that names both states."""
    seen: dict[str, tuple[int, Any, Any]] = {}
    for name in WALKS:
        if name.startswith(place):
            seen |= answers(getattr(both(name), platform))

    # that next is allowed in Running shows in Ready coming after it: its answer would be the next event
    expected = {f"{state}: {call}" for state in STATES for call in CALLS} - {"Running: next"}
    assert expected <= seen.keys()
    for step in expected:
        state, call = step.split(": ")
        status, error_type, message = seen[step]
        assert status == ALLOWED.get((state, call), 403), step
        if status == 403 and (place == "external" or call != "register"):
            who = "walker" if call == "register" else "<id>"
            wanted = f"State transition from {state} to {CALLS[call]} failed for extension {who}. {NOT_ALLOWED}"
            assert (error_type, message) == ("Extension.InvalidExtensionState", wanted), step
