"""The platform's two state machines, one for each extension and one for the runtime, as tables.

Sources: AWS's own implementation, ``core/externalagent_states.go``, ``core/internalagent_states.go`` and
``core/states.go`` in github.com/aws/aws-lambda-runtime-interface-emulator.

Two rules stand above the tables:

- What a table does not name is refused (403), and a refusal changes nothing.
- ``Ready`` means that a ``next`` is blocked; the step from there to ``Running`` is the platform's, when it delivers.
"""

from __future__ import annotations

from enum import Enum
from typing import Literal


class ExtensionState(str, Enum):
    """Where one extension stands."""

    STARTED = "Started"
    REGISTERED = "Registered"
    READY = "Ready"
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


class RuntimeState(str, Enum):
    """Where the runtime stands."""

    STARTED = "Started"
    INIT_ERROR = "InitError"
    READY = "Ready"
    RUNNING = "Running"
    RESPONSE = "InvocationResponse"
    ERROR_RESPONSE = "InvocationErrorResponse"
    RESPONSE_SENT = "RuntimeResponseSentState"


ExtensionCall = Literal["register", "next", "init/error", "exit/error"]
RuntimeCall = Literal["next", "response", "error", "sent", "init/error"]

EXTENSION_TARGETS: dict[ExtensionCall, ExtensionState] = {
    "register": ExtensionState.REGISTERED,
    "next": ExtensionState.READY,
    "init/error": ExtensionState.INIT_ERROR,
    "exit/error": ExtensionState.EXIT_ERROR,
}

EXTENSION_ALLOWED: dict[ExtensionCall, frozenset[ExtensionState]] = {
    "register": frozenset({ExtensionState.STARTED}),
    "next": frozenset({ExtensionState.REGISTERED, ExtensionState.RUNNING}),
    "init/error": frozenset({ExtensionState.REGISTERED, ExtensionState.INIT_ERROR}),
    "exit/error": frozenset(
        {ExtensionState.REGISTERED, ExtensionState.READY, ExtensionState.RUNNING, ExtensionState.EXIT_ERROR}
    ),
}

RUNTIME_TARGETS: dict[RuntimeCall, RuntimeState] = {
    "next": RuntimeState.READY,
    "response": RuntimeState.RESPONSE,
    "error": RuntimeState.ERROR_RESPONSE,
    "sent": RuntimeState.RESPONSE_SENT,
    "init/error": RuntimeState.INIT_ERROR,
}

RUNTIME_ALLOWED: dict[RuntimeCall, frozenset[RuntimeState]] = {
    # next while Running is the one call that is allowed and moves nothing: it hands out the same invocation again
    "next": frozenset({RuntimeState.STARTED, RuntimeState.READY, RuntimeState.RUNNING, RuntimeState.RESPONSE_SENT}),
    "response": frozenset({RuntimeState.RUNNING}),
    "error": frozenset({RuntimeState.RUNNING}),
    "sent": frozenset({RuntimeState.RESPONSE, RuntimeState.ERROR_RESPONSE}),
    "init/error": frozenset({RuntimeState.STARTED}),
}


def after_extension_call(state: ExtensionState, call: ExtensionCall) -> ExtensionState | None:
    """Return the state an extension is in after a call, or None if the call is not allowed."""
    return EXTENSION_TARGETS[call] if state in EXTENSION_ALLOWED[call] else None


def after_runtime_call(state: RuntimeState, call: RuntimeCall) -> RuntimeState | None:
    """Return the state the runtime is in after a call, or None if the call is not allowed."""
    if state not in RUNTIME_ALLOWED[call]:
        return None
    if call == "next" and state is RuntimeState.RUNNING:
        return RuntimeState.RUNNING
    return RUNTIME_TARGETS[call]
