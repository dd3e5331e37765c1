"""One job that came by an asynchronous invoke: the event is the message itself, and Lambda retries by itself."""

from __future__ import annotations

import time

from lambda_punch._log import logger
from lambda_punch.errors import PoisonMessageError
from lambda_punch.jobs import registry
from lambda_punch.jobs.message import Poison
from lambda_punch.jobs.receiving.perform import Execution
from lambda_punch.jobs.receiving.run import Run
from lambda_punch.jobs.tracing import INVOKE


def run_invoked(event: object, context: object, until: float) -> None:
    """Run the job; raise what it raises, and PoisonMessageError for a message that cannot be run."""
    function = str(getattr(context, "function_name", "") or "")
    request_id = str(getattr(context, "aws_request_id", "") or "")
    called = registry.called_by(event, request_id, int(time.time() * 1000))
    if isinstance(called, Poison):
        logger().error("poison: the message of an asynchronous invoke is not run: %s", called.reason)
        raise PoisonMessageError(called.reason)
    declared, message = called.declared, called.message
    execution = Execution(
        message.job, message.id, message.attempt, function, request_id, message.trace, message.traceparent
    )
    latency = max(0.0, time.time() - message.enqueued_at / 1000)
    left = max(until - time.time(), 0.001)
    limit = min(declared.options.timeout or left, left)
    error = Run(called, execution, latency, INVOKE).to_end(limit, lambda ended: ended.error)
    if error is not None:
        raise error
