"""Durable jobs: functions that are sent to SQS, or to an asynchronous invoke, and run from there at least once.

What imports what: each line only what stands below it, and sending and receiving do not know each other.

    declare.py                   @job, which ties the rooms together
    operating/                   what an operator does: dead letters, counts; `lambda-punch jobs` calls it
    sending/      receiving/     a call becomes a message; an event's messages become runs
    backends/                    the queue services: SQS, an asynchronous invoke, memory
    registry.py                  the declared jobs
    store/                       results by id, and the locks of unique jobs
    schedules/                   when a recurring job is due
    options.py    queues.py      one job's options; one queue's attributes
    message.py    waits.py       the message's format; the waits before retries
    tracing.py                   the trace context of a message
    carriers/                    arguments, by their annotations, to JSON and back
    checks.py  limits.py  aws.py

A call goes through sending/: durable, sender, and then a backend. An event goes through receiving/: routing, consumer,
attempt, run, perform. boto3 is imported at the first message. Importing this package changes nothing; the first ``@job``
tells the runtime which events bring jobs, and where pushed jobs go when time runs out.
"""

from __future__ import annotations

from lambda_punch.errors import (
    EnqueueError,
    JobArgumentsError,
    JobError,
    JobFailedError,
    JobOptionError,
    JobTimeoutError,
    MessageTooLargeError,
    NotSent,
    PoisonMessageError,
    ResultError,
    ResultTimeoutError,
)
from lambda_punch.jobs.declare import job
from lambda_punch.jobs.receiving.failures import Failure, on_failure
from lambda_punch.jobs.receiving.logs import log_filter
from lambda_punch.jobs.receiving.perform import Execution, current
from lambda_punch.jobs.receiving.routing import is_jobs_event, jobs_handler
from lambda_punch.jobs.sending.durable import DurableJob, Prepared, enqueue_many
from lambda_punch.jobs.sending.handle import Enqueued
from lambda_punch.jobs.waits import exponential

__all__ = [
    "DurableJob",
    "EnqueueError",
    "Enqueued",
    "Execution",
    "Failure",
    "JobArgumentsError",
    "JobError",
    "JobFailedError",
    "JobOptionError",
    "JobTimeoutError",
    "MessageTooLargeError",
    "NotSent",
    "PoisonMessageError",
    "Prepared",
    "ResultError",
    "ResultTimeoutError",
    "current",
    "enqueue_many",
    "exponential",
    "is_jobs_event",
    "job",
    "jobs_handler",
    "log_filter",
    "on_failure",
]
