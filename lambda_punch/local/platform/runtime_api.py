"""The Runtime API without its HTTP: the conversation with one runtime process, and what is refused.

See "Using the Lambda runtime API for custom runtimes" in the AWS Lambda Developer Guide. Nothing here does I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import refusals
from .states import RUNTIME_TARGETS, RuntimeCall, RuntimeState, after_runtime_call

if TYPE_CHECKING:
    from .invocation import Answer, Call


class RuntimeConversation:
    """What one runtime process has asked and answered."""

    def __init__(self) -> None:
        self.state = RuntimeState.STARTED
        self.call: Call | None = None
        self.init_error: Answer | None = None

    @property
    def polled(self) -> bool:
        """Whether the runtime has asked for its first event."""
        return self.state not in (RuntimeState.STARTED, RuntimeState.INIT_ERROR)

    @property
    def busy(self) -> bool:
        """Whether an invoke was released for the runtime and it has not asked for the next one yet."""
        return self.call is not None

    def release(self, call: Call) -> None:
        """Begin an invoke."""
        self.call = call

    def poll(self) -> bool:
        """Take ``GET invocation/next``; return True if an invoke is finished by it."""
        finished = self.state is RuntimeState.RESPONSE_SENT
        self._move("next")
        if finished:
            self.call = None
        return finished

    def delivered(self) -> None:
        """Note that the invoke has gone out to the runtime."""
        self.state = RuntimeState.RUNNING

    def begin_answer(self, request_id: str, call: RuntimeCall) -> Call:
        """Take the head of ``POST invocation/ID/response`` or ``error``; return the invoke it answers. Raise Refusal."""
        if self.call is None or self.call.request_id != request_id:
            raise refusals.invalid_request_id()
        self._move(call)
        return self.call

    def end_answer(self) -> None:
        """Note that the whole answer has arrived."""
        self._move("sent")

    def fail_init(self, answer: Answer) -> None:
        """Take ``POST init/error``: keep the error for the caller. The init ends only when the runtime exits."""
        self._move("init/error")
        self.init_error = answer

    def _move(self, call: RuntimeCall) -> None:
        after = after_runtime_call(self.state, call)
        if after is None:
            raise refusals.runtime_state(self.state.value, RUNTIME_TARGETS[call].value)
        self.state = after
