"""What the local Lambda raises to those who use it from Python.

LocalLambdaError (LambdaPunchError)
├── EnvironmentClosedError   the environment was shut down before, or while, it could answer
└── MissingExtraError        the optional dependencies of ``lambda-punch[local]`` are not installed

A function that fails is no exception here: its failure is an :class:`~lambda_punch.local.Invocation` like any other.
"""

from __future__ import annotations

from lambda_punch.errors import LambdaPunchError


class LocalLambdaError(LambdaPunchError):
    """Anything the local Lambda itself could not do."""


class EnvironmentClosedError(LocalLambdaError):
    """The environment is not running: not started yet, shut down, or shut down while this invoke waited."""


class MissingExtraError(LocalLambdaError):
    """A package of the extra ``local`` is missing."""

    def __init__(self, package: str) -> None:
        super().__init__(f"the local Lambda needs {package}; install it with: pip install 'lambda-punch[local]'")
