"""What the local Lambda raises to those who use it from Python.

LocalLambdaError (LambdaPunchError)
├── EngineError              the container engine or the image does not do what it is asked to do
├── EnvironmentClosedError   the environment was shut down before it could answer
├── TemplateError            a SAM or CloudFormation template says something that cannot be run here
└── ThrottledError           as many invokes are under way as there may be environments

Where a package of an extra is missing, :class:`lambda_punch.errors.MissingExtraError` is raised.

A function that fails raises nothing here: its failure is an :class:`~lambda_punch.local.Invocation` like any other.
"""

from __future__ import annotations

from lambda_punch.errors import LambdaPunchError


class LocalLambdaError(LambdaPunchError):
    """The local Lambda could not do what it was asked to do."""


class EngineError(LocalLambdaError):
    """The container engine cannot be reached, or the engine or the image does not do what it is asked to do."""


class TemplateError(LocalLambdaError):
    """A template cannot be read, or has something that cannot be run on this machine; the text says where."""


class ThrottledError(LocalLambdaError):
    """All environments of the function are busy, and no more may be started; Lambda answers such an invoke with 429."""


class EnvironmentClosedError(LocalLambdaError):
    """The environment is not running: it has not been started, or it was shut down, perhaps during this invoke."""
