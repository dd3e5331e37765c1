"""Durable jobs: functions that are sent to SQS, or to an asynchronous invoke, and run from there at least once.

Three rooms, and one file that ties them together. An arrow is an import; all of them point down.

    declare.py            @job: the only file that knows both sending and receiving
      |         |
    sending/    receiving/    a call becomes a message  |  an event's messages become runs
      |         |
    backends/                 the queue services: SQS, an asynchronous invoke, memory
      |
    registry queues options   what both sides know: the declared jobs, the queues, and the message's format
    message waits limits ...

A call goes sending/durable.py -> sender.py -> backends/. An event goes receiving/routing.py -> consumer.py ->
attempt.py -> run.py -> perform.py. boto3 is imported at the first message. Importing this package changes nothing:
the first ``@job`` tells the runtime which events are jobs, and where pushed jobs go when time runs out.
"""

from __future__ import annotations

from lambda_punch.errors import (
    EnqueueError,
    JobArgumentsError,
    JobError,
    JobOptionError,
    JobTimeoutError,
    MessageTooLargeError,
    NotSent,
    PoisonMessageError,
)
from lambda_punch.jobs.declare import job
from lambda_punch.jobs.receiving.perform import Execution, current
from lambda_punch.jobs.receiving.routing import is_jobs_event, jobs_handler
from lambda_punch.jobs.sending.durable import DurableJob, Enqueued, Prepared, enqueue_many
from lambda_punch.jobs.waits import exponential

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
    "NotSent",
    "PoisonMessageError",
    "Prepared",
    "current",
    "enqueue_many",
    "exponential",
    "is_jobs_event",
    "job",
    "jobs_handler",
]
