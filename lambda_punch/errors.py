"""Every error that lambda-punch raises to its users.

LambdaPunchError
├── ConfigurationError (ValueError)   configure() was given a wrong value, or came too late
├── NotCallableError (TypeError)      push() was given something that cannot be called
├── ShutDownError (RuntimeError)      push() came when nothing more can be run
└── InstallError                      the extension could not be installed
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
