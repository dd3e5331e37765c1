"""An asynchronous invoke (``InvocationType=Event``): there is no queue to create. Needs the extra ``sqs`` (boto3).

Lambda queues the event itself, runs it at least once, and tries again twice after an error, about one and two minutes
later. The function's MaximumRetryAttempts, MaximumEventAgeInSeconds and OnFailure change that:
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lambda_punch.errors import EnqueueError, MissingExtraError
from lambda_punch.jobs import aws
from lambda_punch.jobs.backends.outgoing import Outgoing, Sent
from lambda_punch.jobs.limits import LARGEST_EVENT
from lambda_punch.runtime.start import job_settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.options import Options


class LambdaEvent:
    """Invokes a function asynchronously, once for each job; the queue's name is the function's."""

    name = "lambda_event"
    largest = LARGEST_EVENT
    durable = True
    refuses = {  # noqa: RUF012 - never changed
        "delay": "an asynchronous invoke begins at once; use sqs",
        "at": "an asynchronous invoke begins at once; use sqs",
        "retries": "Lambda retries by itself; set the function's MaximumRetryAttempts (0 to 2)",
        "wait": "Lambda waits about one and then two minutes; use sqs",
        "retry_on": "Lambda retries after every error; use discard_on, or sqs",
        "group": "there are no groups; use sqs",
        "deduplication_id": "there is no deduplication; use sqs with a FIFO queue",
    }

    def check(self, options: Options) -> None:
        """Refuse nothing more."""

    def send(self, queue: str | None, messages: Sequence[Outgoing]) -> Sent:
        """Invoke the function for each message; ``queue`` names it, or the configuration does, or it is this one."""
        function = self._function(queue)
        result = Sent({}, [])
        for each in messages:
            try:
                answer = aws.client("lambda").invoke(
                    FunctionName=function, InvocationType="Event", Payload=each.body.encode()
                )
                result.message_ids[each.id] = str(answer["ResponseMetadata"].get("RequestId", ""))
            except MissingExtraError:
                raise
            except Exception as error:  # noqa: BLE001 - botocore's, of any kind; the others are still sent
                reason = f"function {function}: {error}"
                result.failed.append(each.not_sent(reason, certain=aws.was_refused(error), error=error))
        return result

    def _function(self, queue: str | None) -> str:
        configured = job_settings().queues.get(queue or "")
        function = (configured.function if configured else None) or queue or os.environ.get("AWS_LAMBDA_FUNCTION_NAME")
        if not function:
            raise EnqueueError("there is no function to invoke: name it as the job's queue, or run on Lambda")
        return function


def make() -> LambdaEvent:
    """Return the backend with this file's name."""
    return LambdaEvent()
