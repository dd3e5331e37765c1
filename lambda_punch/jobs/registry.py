"""Every declared job, by its name. Only these can be run."""

from __future__ import annotations

import dataclasses
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch.errors import JobOptionError
from lambda_punch.jobs.carriers.carrier import Unfit
from lambda_punch.jobs.message import Poison, decode
from lambda_punch.jobs.options import DEFAULT_QUEUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.jobs.carriers.arguments import Arguments
    from lambda_punch.jobs.carriers.returned import Returned
    from lambda_punch.jobs.message import Message
    from lambda_punch.jobs.options import Options
    from lambda_punch.jobs.schedules.schedule import Schedule


class Declared(NamedTuple):
    """A declared job: a function, the name by which messages call it, and how it is to be run."""

    name: str
    function: Callable[..., Any]
    arguments: Arguments
    options: Options
    backend: str = "sqs"
    schedule: Schedule | None = None


class Called(NamedTuple):
    """A job that a message calls: the message as it travels, and the arguments of the call."""

    declared: Declared
    message: Message
    args: list[Any]
    kwargs: dict[str, Any]


_jobs: dict[str, Declared] = {}
_queues: set[str] = set()
_MOST_QUEUES = 10_000  # a name may be made for each tenant, say


def add(declared: Declared) -> None:
    """Register a job. Raises JobOptionError if another function has its name; a reload may declare it again."""
    other = _jobs.get(declared.name)
    if other is not None and _name_of(other.function) != _name_of(declared.function):
        raise JobOptionError(
            f"{_name_of(other.function)} is already declared as job {declared.name!r}; give this one another name="
        )
    _jobs[declared.name] = declared


def called_by(body: object, delivery: str, sent_ms: int) -> Called | Poison:
    """Return the job that a message's body calls, with its arguments; a Poison if it cannot be run. Never raises.

    ``delivery`` and ``sent_ms`` are the service's own id and time of the message, for one that does not have them.
    """
    message = decode(body)
    if isinstance(message, Poison):
        return message
    if not message.id or not message.enqueued_at:
        message = message._replace(id=message.id or delivery, enqueued_at=message.enqueued_at or sent_ms)
    declared = _jobs.get(message.job)
    if declared is None:
        return Poison(f"no job {message.job!r} is declared here; import the module that declares it")
    try:
        args, kwargs = declared.arguments.load(message.args, message.kwargs)
    except Unfit as error:
        return Poison(f"its arguments do not fit {message.job}: {error.reason}")
    if message.retries is not None or message.timeout is not None:
        try:
            declared = declared._replace(options=_as_sent(declared.options, message))
        except JobOptionError as error:
            return Poison(f"it asks for something that cannot be: {error}")
    return Called(declared, message, args, kwargs)


def _as_sent(options: Options, message: Message) -> Options:
    """Return the options with what using() has changed for this one call."""
    return dataclasses.replace(
        options,
        retries=options.retries if message.retries is None else message.retries,
        timeout=options.timeout if message.timeout is None else message.timeout,
    )


def every() -> list[Declared]:
    """Return all declared jobs, by name."""
    return [_jobs[name] for name in sorted(_jobs)]


def returned(name: str) -> Returned | None:
    """Return how a job's return value is kept, or None if the job is not declared here."""
    declared = _jobs.get(name)
    if declared is None:
        return None
    from lambda_punch.jobs.carriers.returned import Returned

    return Returned(name, declared.function, declared.arguments.signature)


def sends_to(queue: str) -> bool:
    """Tell whether a queue is one for jobs: a declared job's, one chosen by using(), or one that has brought a job."""
    return queue in _queues or any((declared.options.queue or DEFAULT_QUEUE) == queue for declared in _jobs.values())


def queues() -> list[str]:
    """Return the queues of the declared jobs, by their names in the code."""
    return sorted({declared.options.queue or DEFAULT_QUEUE for declared in _jobs.values()})


def note_queue(queue: str | None) -> None:
    """Remember a queue that jobs are sent to, or that has brought one."""
    if queue and len(_queues) < _MOST_QUEUES:
        _queues.add(queue)


def job_name(function: Callable[..., Any]) -> str:
    """Return the name of a job that is given none: module and qualified name, the same in every process.

    Raises JobOptionError for a function inside a function, which is declared only when that one is called.
    """
    qualified = getattr(function, "__qualname__", None)
    if qualified is None:
        raise JobOptionError(f"{function!r} has no name of its own; give the job a name=")
    name = _name_of(function)
    if "<" in qualified:
        raise JobOptionError(
            f"{name} is declared inside a function, so a consumer may not know it; "
            "move it to the module, or give it a name="
        )
    return name


def _name_of(function: Callable[..., Any]) -> str:
    qualified = getattr(function, "__qualname__", type(function).__qualname__)
    return f"{_module(function.__module__)}.{qualified}"


def _module(name: str) -> str:
    """Return a module's name as another process would import it, also for the program that was started."""
    if name != "__main__":
        return name
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None) or name
    return os.path.splitext(os.path.basename(file))[0]
