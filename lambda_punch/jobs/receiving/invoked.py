"""One job that came by an asynchronous invoke: the event is the message itself, and Lambda retries by itself."""

from __future__ import annotations

import time
from typing import Any

from lambda_punch._log import logger
from lambda_punch.errors import PoisonMessageError
from lambda_punch.jobs import registry
from lambda_punch.jobs.message import Poison
from lambda_punch.jobs.receiving import failures
from lambda_punch.jobs.receiving.perform import Execution
from lambda_punch.jobs.receiving.run import Ended, Run
from lambda_punch.jobs.tracing import INVOKE


def run_invoked(event: object, context: object, until: float) -> None:
    """Run the job; raise what it raises, and PoisonMessageError for a message that cannot be run."""
    function = str(getattr(context, "function_name", "") or "")
    request_id = str(getattr(context, "aws_request_id", "") or "")
    body: Any = event
    if isinstance(event, dict) and "s3" in event:  # imported only for these
        from lambda_punch.jobs.store.overflow import fetched

        body = fetched(event)
        if body is None:
            raise PoisonMessageError("its arguments cannot be read from S3 now; Lambda invokes it again")
    called = body if isinstance(body, Poison) else registry.called_by(body, request_id, int(time.time() * 1000))
    if isinstance(called, Poison):
        logger().error("poison: the message of an asynchronous invoke is not run: %s", called.reason)
        raise PoisonMessageError(called.reason)
    declared, message = called.declared, called.message
    execution = Execution(
        message.job, message.id, message.attempt, function, request_id, message.trace, message.traceparent
    )
    keeper = None
    if (
        message.lock or message.keep or message.s3 or declared.options.keep_result is not None
    ):  # imported only for these
        from lambda_punch.jobs.receiving.keeping import keeper as keeper_of

        keeper = keeper_of(message, declared, "", until)
    if keeper is not None:
        keeper.begun(message.attempt)
    latency = max(0.0, time.time() - message.enqueued_at / 1000)
    left = max(until - time.time(), 0.001)
    limit = min(declared.options.timeout or left, left)

    def decide(ended: Ended) -> BaseException | None:
        if keeper is not None and ended.error is None and ended.discarded is None:
            keeper.done(ended.value)
        elif keeper is not None:
            outcome: failures.Became = "retry" if ended.error else "discarded"
            reason = "Lambda runs it again, at most twice" if ended.error else "its error is in discard_on"
            keeper.failed(
                failures.Failure(
                    message.job,
                    message.id,
                    function,
                    message.attempt,
                    message.attempt,
                    ended.error or ended.discarded,
                    outcome,
                    reason,
                )
            )
        return ended.error

    error = Run(called, execution, latency, INVOKE).to_end(limit, decide)
    if error is not None:
        raise error
