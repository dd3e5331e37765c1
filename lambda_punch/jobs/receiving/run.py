"""One run of a declared job, from its start to its end, and the events that tell of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from lambda_punch import _events
from lambda_punch._events.jobs import JobEvent
from lambda_punch.jobs.receiving.perform import Execution, context_of, perform
from lambda_punch.jobs.tracing import SQS, Place, Restored, Trace
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context

    from lambda_punch.jobs.registry import Called
    from lambda_punch.runtime.around import Around

T = TypeVar("T")


class Ended(NamedTuple):
    """How a run ended. ``error`` is what the job raised; if it is in discard_on, that is ``discarded``, and the job is done.

    ``value`` is what the function returned.
    """

    error: BaseException | None
    seconds: float
    discarded: BaseException | None = None
    value: Any = None


class Run(NamedTuple):
    """A job, the message that called it, and what current() tells it. ``latency``: seconds it waited, if known."""

    called: Called
    execution: Execution
    latency: float | None
    system: str = SQS

    def to_end(self, limit: float, decide: Callable[[Ended], T]) -> T:
        """Run the job for at most ``limit`` seconds, and return what ``decide`` makes of its end.

        Never raises what the job raises. Everything, also the report of a failure, is done in the job's context and inside
        the managers of around_job hooks.
        """
        called, context = self.called, context_of(self.execution)
        restored = self._restored()
        context.run(restored.enter)
        around = _around(self.execution, context)
        error: BaseException | None = None
        value: Any = None
        try:
            context.run(self.tell, "perform_start", latency=self.latency)
            began = time.monotonic()
            try:
                value = perform(called.declared.function, called.args, called.kwargs, context, limit, around)
            except BaseException as raised:  # noqa: BLE001 - a job may raise anything, SystemExit included
                error = raised
            decided = context.run(self._end, error, value, time.monotonic() - began, decide)
            if around is not None:
                around.leave(self.execution, error)
            return decided
        finally:
            context.run(restored.leave, error)
            del error  # it holds this frame, and so all that the job had

    def _end(self, error: BaseException | None, value: Any, seconds: float, decide: Callable[[Ended], T]) -> T:
        self.tell("perform", duration=seconds, latency=self.latency, error=error)
        if error is not None and self.called.declared.options.discards_on(error):
            self.tell("discard", error=error)
            return decide(Ended(None, seconds, error))
        return decide(Ended(error, seconds, value=value))

    def _restored(self) -> Restored:
        message, execution = self.called.message, self.execution
        trace = Trace(execution.trace, message.traceparent, message.tracestate, message.baggage)
        return Restored(trace, Place(message.job, message.id, execution.queue, self.system, execution.attempt))

    def tell(self, event: str, *, error: BaseException | None = None, **facts: Any) -> None:
        """Tell the listeners of a step in this job's life."""
        message, execution = self.called.message, self.execution
        _events.tell(
            JobEvent(
                event, message.job, message.id, execution.queue, tuple(message.args), message.kwargs,
                execution.message_id, message.enqueued_at, execution.attempt,
                error=None if error is None else type(error).__name__, **facts,
            )
        )  # fmt: skip


def _around(execution: Execution, context: Context) -> Around | None:
    if not process.hooks:
        return None
    from lambda_punch.runtime.around import Around

    return Around(process.hooks, execution, context.run)
