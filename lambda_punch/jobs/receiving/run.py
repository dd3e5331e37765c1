"""One run of a declared job, from its start to its end, and the events that tell of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch import _events
from lambda_punch._log import logger
from lambda_punch.jobs.receiving.perform import Execution, perform

if TYPE_CHECKING:
    from lambda_punch.jobs.message import Message
    from lambda_punch.jobs.registry import Declared


class Ended(NamedTuple):
    """How a run ended. ``error`` is what the job raised; None if it is done, or its error is in discard_on."""

    error: BaseException | None
    seconds: float


class Run(NamedTuple):
    """A job, the message that called it, and what current() tells it. ``latency``: seconds it waited, if known."""

    declared: Declared
    message: Message
    execution: Execution
    latency: float | None

    def to_end(self, limit: float) -> Ended:
        """Run the job for at most ``limit`` seconds. Never raises what the job raises: the answer has it."""
        self.tell("perform_start", latency=self.latency)
        error: BaseException | None = None
        began = time.monotonic()
        try:
            perform(self.declared.function, self.message.args, self.message.kwargs, self.execution, limit)
        except BaseException as raised:  # noqa: BLE001 - a job may raise anything, SystemExit included
            error = raised
        seconds = time.monotonic() - began
        self.tell("perform", duration=seconds, latency=self.latency, error=error)
        if error is not None and self.declared.options.discards_on(error):
            self.tell("discard", error=error)
            name, kind = f"{self.message.job} {self.message.id}", type(error).__name__
            logger().warning("job %s is discarded: %s is in discard_on", name, kind, exc_info=error)
            error = None
        return Ended(error, seconds)

    def tell(self, event: str, *, error: BaseException | None = None, **facts: Any) -> None:
        """Tell the listeners of a step in this job's life."""
        message, execution = self.message, self.execution
        _events.tell(
            _events.JobEvent(
                event, message.job, message.id, execution.queue, tuple(message.args), message.kwargs,
                execution.message_id, message.enqueued_at, execution.attempt,
                error=None if error is None else type(error).__name__, **facts,
            )
        )  # fmt: skip
