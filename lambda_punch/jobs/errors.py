"""What durable jobs raise to their users.

JobError (LambdaPunchError)
├── JobOptionError (ValueError)      an option of @job or using() cannot be, or its backend cannot do it
├── JobArgumentsError (TypeError)    the arguments do not fit the function, or are not JSON
├── MessageTooLargeError (ValueError)  the message is larger than its backend takes; nothing was sent
├── EnqueueError                     the backend did not take the message, or not all of them
├── PoisonMessageError               an asynchronous invoke brought a message that must not be run
└── JobTimeoutError (TimeoutError)   a job ran longer than it may
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_punch.errors import LambdaPunchError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.backends.outgoing import Failure


class JobError(LambdaPunchError):
    """The root of the errors of durable jobs."""


class JobOptionError(JobError, ValueError):
    """An option of @job or using() has a value that cannot be, or one that its backend cannot do."""


class JobArgumentsError(JobError, TypeError):
    """The arguments do not fit the function, or cannot be carried as JSON; nothing was sent."""


class MessageTooLargeError(JobError, ValueError):
    """The message is larger than its backend takes; nothing was sent."""


class EnqueueError(JobError):
    """The backend did not take the message, or not all of them.

    ``failed`` names those that were not taken, each with the backend's reason; all others were.
    """

    def __init__(self, message: str, failed: Sequence[Failure] = ()) -> None:
        super().__init__(message)
        self.failed = list(failed)


class PoisonMessageError(JobError):
    """An asynchronous invoke brought a message that must not be run; Lambda's retries and destinations have it."""


class JobTimeoutError(JobError, TimeoutError):
    """A job ran longer than its timeout, or than the invocation had time left."""
