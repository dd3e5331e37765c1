"""One job that came by an asynchronous invoke: the event is the message itself, and Lambda itself retries."""

from __future__ import annotations

import time
from typing import Any

from lambda_punch import _events
from lambda_punch._log import logger
from lambda_punch.jobs.errors import PoisonMessageError
from lambda_punch.jobs.message import Message, Poison, decode
from lambda_punch.jobs.receiving.perform import Execution, perform
from lambda_punch.jobs.registry import declared_by


def run_invoked(event: object, context: object, until: float) -> None:
    """Run the job; raise what it raises, and PoisonMessageError if there is none to run."""
    message = decode(event)
    declared = declared_by(message)
    if isinstance(declared, Poison):
        logger().error("poison: an asynchronous invoke is not run: %s", declared.reason)
        raise PoisonMessageError(declared.reason)
    assert isinstance(message, Message)
    request_id = str(getattr(context, "aws_request_id", "") or "")
    timeout = declared.options.timeout
    left = max(until - time.time(), 0.001)
    function = str(getattr(context, "function_name", "") or "")
    execution = Execution(message.job, message.id, message.attempt, function, request_id, message.trace)
    latency = max(0.0, time.time() - message.enqueued_at / 1000)

    def tell(name: str, **facts: Any) -> None:
        _events.tell(
            _events.JobEvent(
                name, message.job, message.id, function, tuple(message.args), message.kwargs, request_id,
                message.enqueued_at, message.attempt, **facts,
            )
        )  # fmt: skip

    tell("perform_start", latency=latency)
    began = time.monotonic()
    try:
        perform(declared.function, message.args, message.kwargs, execution, min(timeout or left, left))
    except BaseException as error:
        name = type(error).__name__
        tell("perform", duration=time.monotonic() - began, latency=latency, error=name)
        if declared.options.discards_on(error):
            tell("discard", error=name)
            logger().warning("job %s %s is discarded", message.job, message.id, exc_info=error)
            return
        raise
    tell("perform", duration=time.monotonic() - began, latency=latency)
