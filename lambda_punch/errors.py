"""Every error that lambda-punch raises to its users, in one tree.

LambdaPunchError
├── ConfigurationError (ValueError)      configure() was given a wrong value, or was called too late
├── NotCallableError (TypeError)         push() was given something that cannot be called
├── ShutDownError (RuntimeError)         push() was called when nothing more can be run
├── EventLoopError (RuntimeError)        the event loop that async jobs share cannot do it
├── InstallError                         the extension could not be installed
├── MissingExtraError (ImportError)      a package is missing that only one part of lambda-punch needs
├── JobError                             durable jobs
│   ├── JobOptionError (ValueError)      an option of @job or using() is wrong, or its backend cannot do it
│   ├── JobArgumentsError (TypeError)    the arguments do not fit the function, or no message can carry them
│   ├── MessageTooLargeError (ValueError)  the message is larger than its backend takes
│   ├── EnqueueError                     the backend did not take some of the messages, or any
│   ├── QueueError                       a queue, or its dead letters, could not be found, read or changed
│   ├── PoisonMessageError               an asynchronous invoke brought a message that cannot be run
│   ├── JobFailedError                   result() was asked for the value of a job that is dead, or was dropped
│   ├── ResultError                      result() cannot tell: nothing is known of the job, or its value was not kept
│   ├── ResultTimeoutError (TimeoutError)  result() was asked for a job that has not ended in that time
│   └── JobTimeoutError (TimeoutError)   a job ran longer than it may
└── LocalLambdaError                     the local Lambda: lambda_punch/local/errors.py
"""

from __future__ import annotations

from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class LambdaPunchError(Exception):
    """The root of all errors; catch it to catch any of them."""


class ConfigurationError(LambdaPunchError, ValueError):
    """configure() was given a wrong value, or was called after start()."""


class NotCallableError(LambdaPunchError, TypeError):
    """push() was given something that cannot be called; nothing was queued."""


class ShutDownError(LambdaPunchError, RuntimeError):
    """The environment is being shut down and the job that was pushed will not run."""


class EventLoopError(LambdaPunchError, RuntimeError):
    """The event loop that async jobs share was closed under a job, or its own thread was asked to wait for it."""


class InstallError(LambdaPunchError):
    """The extension could not be installed; what was there before is untouched."""


class MissingExtraError(LambdaPunchError, ImportError):
    """A package is missing that only one part of lambda-punch needs; the message says how to install it."""

    def __init__(self, package: str, *, extra: str, part: str) -> None:
        from importlib.util import find_spec

        installer = "uv pip" if find_spec("pip") is None else "pip"  # uv makes environments without pip
        super().__init__(f"{part} needs {package}; install it with: {installer} install 'lambda-punch[{extra}]'")


class JobError(LambdaPunchError):
    """The root of the errors of durable jobs."""


class JobOptionError(JobError, ValueError):
    """An option of @job or using() has a wrong value, or its backend cannot do it."""


class JobArgumentsError(JobError, TypeError):
    """The arguments do not fit the function, or no message can carry them; nothing was sent."""


class MessageTooLargeError(JobError, ValueError):
    """The message is larger than its backend takes; nothing was sent."""


class NotSent(NamedTuple):
    """A job that its backend did not take, and why.

    ``certain``: whether the backend surely does not have it. If its answer was lost, it may have taken the job.
    ``error``: what the backend's client raised, if it raised anything.
    """

    job: str
    id: str
    reason: str
    certain: bool = True
    error: Exception | None = None


class EnqueueError(JobError):
    """The backend did not take some of the messages, or any.

    ``failed`` lists the jobs that were not sent, each with the backend's reason. All others were sent.
    """

    def __init__(self, message: str, failed: Iterable[NotSent] = ()) -> None:
        super().__init__(message)
        self.failed = list(failed)


class QueueError(JobError):
    """A queue, or its dead letters, could not be found, read or changed; the message says what to do about it."""


class PoisonMessageError(JobError):
    """An asynchronous invoke brought a message that cannot be run. Lambda's own retries and destinations apply."""


class JobFailedError(JobError):
    """result() was asked for the value of a job that is dead, or was dropped. The text has the job's own error."""


class ResultError(JobError):
    """result() cannot tell: nothing is known of the job, its value was not kept, or the table cannot be read."""


class ResultTimeoutError(JobError, TimeoutError):
    """result() was asked for a job that has not ended in the time given. The job itself goes on."""


class JobTimeoutError(JobError, TimeoutError):
    """A job ran longer than its timeout, or longer than the invocation had time left."""
