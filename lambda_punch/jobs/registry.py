"""Every declared job, by name; only these can be run."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

from lambda_punch.jobs.errors import JobOptionError
from lambda_punch.jobs.message import Message, Poison

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.sending.durable import DurableJob

_jobs: dict[str, DurableJob[Any, Any]] = {}


def add(job: DurableJob[Any, Any]) -> None:
    """Register a job; raises JobOptionError if another function has its name."""
    other = _jobs.get(job.name)
    if other is not None and _origin(other.function) != _origin(job.function):
        raise JobOptionError(f"there is a job {job.name!r} already: {_origin(other.function)}; give this one a name=")
    _jobs[job.name] = job


def find(name: str) -> DurableJob[Any, Any] | None:
    """Return the job of this name, if there is one."""
    return _jobs.get(name)


def declared_by(message: Message | Poison) -> DurableJob[..., Any] | Poison:
    """Return the job that a message names, if it may be run with these arguments."""
    if isinstance(message, Poison):
        return message
    declared = find(message.job)
    if declared is None:
        return Poison(f"there is no job {message.job!r} here", message.job, message.id)
    try:
        declared.signature.bind(*message.args, **message.kwargs)
    except TypeError as error:
        return Poison(f"its arguments do not fit {message.job}: {error}", message.job, message.id)
    return declared


def queues() -> set[str]:
    """Return the queues that the declared jobs are sent to."""
    return {job.options.queue for job in _jobs.values() if job.options.queue}


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a job by its function: module and qualified name, the same in every process.

    Raises JobOptionError for a function inside a function, which is declared only when that one is called.
    """
    qualified = getattr(function, "__qualname__", None)
    if qualified is None:
        raise JobOptionError(f"@job stands above a function, not above {function!r}")
    if "<" in qualified:
        raise JobOptionError(
            f"{function.__module__}.{qualified} is declared inside a function, so a consumer may not know it; "
            "move it to the module, or give it a name="
        )
    return f"{_module(function.__module__)}.{qualified}"


def _module(name: str) -> str:
    """Return a module's name as the function's own process would import it."""
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None) or name
    return os.path.splitext(os.path.basename(file))[0]


def _origin(function: Callable[..., Any]) -> str:
    return f"{function.__module__}.{getattr(function, '__qualname__', type(function).__qualname__)}"
