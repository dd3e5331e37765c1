"""Every error that lambda-punch raises to its users.

LambdaPunchError
├── ConfigurationError (ValueError)   configure() was given a wrong value, or came too late
├── NotCallableError (TypeError)      push() was given something that cannot be called
├── ShutDownError (RuntimeError)      push() came when nothing more can be run
├── InstallError                      the extension could not be installed
├── MissingExtraError (ImportError)   a package of an optional part is not installed
└── JobError ...                      durable jobs: lambda_punch/jobs/errors.py
"""

from __future__ import annotations


class LambdaPunchError(Exception):
    """The root: catch it to catch all of them."""


class ConfigurationError(LambdaPunchError, ValueError):
    """configure() was given a wrong value, or was called after start()."""


class NotCallableError(LambdaPunchError, TypeError):
    """push() was given something that cannot be called; nothing was queued."""


class ShutDownError(LambdaPunchError, RuntimeError):
    """The environment is being shut down and the job that was pushed will not run."""


class InstallError(LambdaPunchError):
    """The extension could not be installed; what was there before is untouched."""


class MissingExtraError(LambdaPunchError, ImportError):
    """A package is missing that only one part of lambda-punch needs; the message says how to install it."""

    def __init__(self, package: str, *, extra: str, part: str) -> None:
        super().__init__(f"{part} needs {package}; install it with: pip install 'lambda-punch[{extra}]'")
