"""Durable jobs: functions that are sent to SQS, or to an asynchronous invoke, and run from there at least once.

``waits``, ``message``, ``arguments``, ``options``, ``outgoing`` < ``backends`` < ``registry``, ``sender`` < ``durable``
(what declares and sends); ``record``, ``retry``, ``perform`` < ``consumer`` < ``routing`` (what receives and runs);
``spill`` ties durable jobs that were pushed to the end of an invocation. boto3 is imported at the first send.
"""

from __future__ import annotations

from lambda_punch.jobs.errors import (
    EnqueueError,
    JobArgumentsError,
    JobError,
    JobOptionError,
    JobTimeoutError,
    MessageTooLargeError,
    PoisonMessageError,
)
from lambda_punch.jobs.receiving.perform import Execution, current
from lambda_punch.jobs.receiving.routing import is_jobs_event, jobs_handler, route
from lambda_punch.jobs.sending.durable import DurableJob, Enqueued, Prepared, enqueue_many, job
from lambda_punch.jobs.sending.spill import Spill
from lambda_punch.jobs.waits import exponential
from lambda_punch.runtime.start import process

__all__ = [
    "DurableJob",
    "EnqueueError",
    "Enqueued",
    "Execution",
    "JobArgumentsError",
    "JobError",
    "JobOptionError",
    "JobTimeoutError",
    "MessageTooLargeError",
    "PoisonMessageError",
    "Prepared",
    "current",
    "enqueue_many",
    "exponential",
    "is_jobs_event",
    "job",
    "jobs_handler",
]

process.take_up_jobs(route, Spill())
