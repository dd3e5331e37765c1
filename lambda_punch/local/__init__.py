"""A local Lambda: one execution environment on this machine that behaves like the real one.

It speaks the Runtime API and the Extensions API to the real runtime client and to any extension. The caller gets the
response when it is posted. Everything is frozen between the invokes, and ends in Lambda's order and time.
"""

from __future__ import annotations

from .errors import EngineError, EnvironmentClosedError, LocalLambdaError
from .function import LocalLambda
from .platform.invocation import Invocation
from .platform.recording import KINDS, Event, Kind
from .platform.timeline import Row, Timeline

__all__ = [
    "KINDS",
    "EngineError",
    "EnvironmentClosedError",
    "Event",
    "Invocation",
    "Kind",
    "LocalLambda",
    "LocalLambdaError",
    "Row",
    "Timeline",
]
