"""One job as error handlers, tests and logs see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.runtime.queue import QueuedJob


class Job(NamedTuple):
    """A pushed callable with its arguments and the id of the request that pushed it (empty if there was none)."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    request_id: str

    @property
    def name(self) -> str:
        """The callable's qualified name, with its module."""
        return qualified_name(self.function)


def describe(queued: QueuedJob) -> Job:
    """Return the readable form of a queued job."""
    _, request_id, function, args, kwargs, _, _ = queued
    return Job(function, args, kwargs or {}, request_id)


def qualified_name(function: Callable[..., Any]) -> str:
    """Return module and qualified name; of a partial those of what it calls, of other objects their type's."""
    inner = getattr(function, "func", function)
    inner = inner if hasattr(inner, "__qualname__") else type(inner)
    return f"{inner.__module__}.{inner.__qualname__}"
