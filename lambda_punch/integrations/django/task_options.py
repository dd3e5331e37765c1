"""The options of tasks that are durable jobs: from the backend's OPTIONS, for all tasks or one, and from using().

    "OPTIONS": {
        "retries": 5,                                                  # of every task
        "tasks": {"shop.tasks.charge": {"retries": 0, "timeout": 30}},  # of one
    }

    charge.using(retries=2).enqueue(order)                             # of one call

What stands further down wins. Priorities choose a queue: ``"priorities": {"urgent": 10, "bulk": -10}``.
"""

from __future__ import annotations

import dataclasses
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from lambda_punch.integrations.django.framework import Task
from lambda_punch.jobs.waits import seconds_after

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_punch.jobs.waits import Wait

PER_CALL = ("retries", "timeout", "group")
"""What using() takes. A wait is a function, which no message can carry."""
PER_TASK = (*PER_CALL, "wait")

_wait: ContextVar[Wait | None] = ContextVar("lambda_punch_django_wait", default=None)


@dataclasses.dataclass(frozen=True, kw_only=True)
class DurableTask(Task[Any, Any]):
    """A task of SQSBackend or LambdaEventBackend; ``using()`` takes ``retries``, ``timeout`` and ``group``, too."""

    retries: int | None = None
    timeout: float | None = None
    group: str | None = None

    def using(
        self, *, retries: int | None = None, timeout: float | None = None, group: str | None = None, **changes: Any
    ) -> DurableTask:
        """Return the task with other options. None leaves one as it is."""
        given = {"retries": retries, "timeout": timeout, "group": group}
        task: DurableTask = super().using(**changes)
        return dataclasses.replace(task, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]  # each has its own


def of_path(options: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return the options that OPTIONS has for a task, by its path."""
    common = {name: options[name] for name in PER_TASK if options.get(name) is not None}
    return {**common, **(options.get("tasks") or {}).get(path, {})}


def of_call(options: Mapping[str, Any], task: Any, args: Any, kwargs: Any) -> dict[str, Any]:
    """Return the options with which a task's message is sent. ``group`` may be a function of the task's arguments."""
    found = of_path(options, task.module_path)
    found.pop("wait", None)
    found |= {name: value for name in PER_CALL if (value := getattr(task, name, None)) is not None}
    if callable(found.get("group")):
        found["group"] = found["group"](*args, **kwargs)
    return found


def queue_for(priorities: Mapping[str, int], priority: int, otherwise: str) -> str:
    """Return the queue_name that a priority chooses.

    A queue with a number above 0 takes tasks of at least that priority, and one with a number below 0 those of at most that.
    If several fit, it is the one with the number furthest from 0.
    """
    fitting = {
        name: number
        for name, number in priorities.items()
        if (number > 0 and priority >= number) or (number < 0 and priority <= number)
    }
    return max(fitting, key=lambda name: abs(fitting[name]), default=otherwise)


def note_wait(wait: Wait | None) -> None:
    """Remember, in the context of the job that runs, how long its task waits before a retry."""
    _wait.set(wait)


def wait_of_task(attempt: int) -> float:
    """Return the seconds before a retry of the task that has just run; called in its job's context."""
    return seconds_after(attempt, _wait.get())
