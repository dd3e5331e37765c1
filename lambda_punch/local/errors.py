"""What the local Lambda raises to those who use it from Python.

LocalLambdaError (LambdaPunchError)
├── EngineError              the container engine, or the image, does not do what is asked of it
├── EnvironmentClosedError   the environment was shut down before, or while, it could answer
└── MissingExtraError        the optional dependencies of ``lambda-punch[local]`` are not installed, or the engine's

A function that fails is no exception here: its failure is an :class:`~lambda_punch.local.Invocation` like any other.
"""

from __future__ import annotations

from lambda_punch import errors
from lambda_punch.errors import LambdaPunchError


class LocalLambdaError(LambdaPunchError):
    """Anything the local Lambda itself could not do."""


class EngineError(LocalLambdaError):
    """The container engine cannot be reached, or it, or the image, does not do what is asked of it."""


class EnvironmentClosedError(LocalLambdaError):
    """The environment is not running: not started yet, shut down, or shut down while this invoke waited."""


class MissingExtraError(LocalLambdaError, errors.MissingExtraError):
    """A package of the extra ``local``, or ``image``, is missing."""

    def __init__(self, package: str, *, extra: str = "local") -> None:
        errors.MissingExtraError.__init__(self, package, extra=extra, part="the local Lambda")
