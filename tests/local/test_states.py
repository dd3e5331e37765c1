"""The state machines, without a socket."""

from __future__ import annotations

import pytest

from lambda_punch.local.platform.states import ExtensionState, RuntimeState, after_extension_call, after_runtime_call

ALLOWED_TO_EXTENSIONS = {
    ("Started", "register"): "Registered",
    ("Registered", "next"): "Ready",
    ("Registered", "init/error"): "InitError",
    ("Registered", "exit/error"): "ExitError",
    ("Ready", "exit/error"): "ExitError",
    ("Running", "next"): "Ready",
    ("Running", "exit/error"): "ExitError",
    ("InitError", "init/error"): "InitError",
    ("ExitError", "exit/error"): "ExitError",
}

ALLOWED_TO_THE_RUNTIME = {
    ("Started", "next"): "Ready",
    ("Started", "init/error"): "InitError",
    ("Ready", "next"): "Ready",
    ("Running", "next"): "Running",
    ("Running", "response"): "InvocationResponse",
    ("Running", "error"): "InvocationErrorResponse",
    ("InvocationResponse", "sent"): "RuntimeResponseSentState",
    ("InvocationErrorResponse", "sent"): "RuntimeResponseSentState",
    ("RuntimeResponseSentState", "next"): "Ready",
}


@pytest.mark.parametrize("call", ["register", "next", "init/error", "exit/error"])
@pytest.mark.parametrize("state", list(ExtensionState))
def test_extension(state: ExtensionState, call: str) -> None:
    """An extension may do what the table of AWS's implementation allows in its state, and nothing else."""
    after = after_extension_call(state, call)

    assert (after and after.value) == ALLOWED_TO_EXTENSIONS.get((state.value, call))


@pytest.mark.parametrize("call", ["next", "response", "error", "sent", "init/error"])
@pytest.mark.parametrize("state", list(RuntimeState))
def test_runtime(state: RuntimeState, call: str) -> None:
    """The runtime may do what the table of AWS's implementation allows in its state, and nothing else."""
    after = after_runtime_call(state, call)

    assert (after and after.value) == ALLOWED_TO_THE_RUNTIME.get((state.value, call))
