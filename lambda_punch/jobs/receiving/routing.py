"""The entrance: which events bring jobs, and who runs them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.jobs import queues, registry
from lambda_punch.jobs.backends.deliveries import SqsDeliveries
from lambda_punch.jobs.message import MARK, is_marked
from lambda_punch.jobs.receiving.attempt import BatchSettings
from lambda_punch.jobs.receiving.consumer import RESERVE, Batch
from lambda_punch.jobs.receiving.invoked import run_invoked
from lambda_punch.jobs.receiving.record import records_of
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.backends.deliveries import Deliveries


def is_jobs_event(event: object) -> bool:
    """Tell whether an event brings durable jobs: from SQS, or by an asynchronous invoke.

    An SQS event does if one of its messages says that it is ours, or if its queue is one for jobs. The latter is for a
    broken message that comes alone. A queue is one for jobs if a declared job or the configuration names it, if using()
    has chosen it in this process, or if it has brought a job to this process. All other queues' events are the function's
    own.
    """
    records = records_of(event)
    if not records:
        return isinstance(event, dict) and MARK in event
    arn = str(records[0].get("eventSourceARN"))
    if any(isinstance(record, dict) and is_marked(record.get("body")) for record in records):
        registry.note_queue(arn.rpartition(":")[2])
        return True
    return registry.sends_to(arn.rpartition(":")[2]) or queues.is_configured(arn)


def jobs_handler(event: Any, context: object = None) -> Any:
    """Run the durable jobs of an event; a Lambda handler, for a function that does nothing else.

    For an SQS event it never raises and returns the partial batch response. The event source mapping has to have
    ReportBatchItemFailures, or Lambda deletes failed messages too. For an asynchronous invoke it raises what the job
    raises, so that Lambda's own retries and destinations work: also JobTimeoutError shortly before the function's
    timeout, and PoisonMessageError for a message that cannot be run.
    """
    if not records_of(event):
        return run_invoked(event, context, until(context))
    return run_batch(event, context, SqsDeliveries())


def route(event: object) -> Callable[..., Any] | None:
    """Return the handler for an event that brings durable jobs, else None; ``punch.handler`` asks."""
    return jobs_handler if is_jobs_event(event) else None


def run_batch(
    event: Any, context: object, deliveries: Deliveries, clock: Callable[[], float] = time.time
) -> dict[str, Any]:
    """Run the jobs of an SQS event, whose queue is ``deliveries`` and tells the time by ``clock``."""
    config = job_settings()
    settings = BatchSettings(until(context), config.retries, config.concurrency, config.fifo_stop, clock)
    response = Batch(records_of(event), deliveries, settings).run()
    failures = len(response["batchItemFailures"])
    logger().info("%d of %d messages are done", len(records_of(event)) - failures, len(records_of(event)))
    return response


def until(context: Any) -> float:
    """Return when the response has to be on its way, in epoch seconds; infinite without Lambda's context."""
    try:
        remaining = float(context.get_remaining_time_in_millis()) / 1000
    except Exception:  # noqa: BLE001 - a test's context, or none
        return float("inf")
    margin = job_settings().margin
    return time.time() + remaining - margin - min(RESERVE, remaining * 0.1)
