"""PunchBackend: tasks run after the response, in the process that served the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core import checks

from lambda_punch.integrations._place import prepare
from lambda_punch.integrations.django.backend import CommonBackend
from lambda_punch.integrations.django.execution import execute, worker_id
from lambda_punch.runtime.punch import named
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambda_punch.integrations.django.framework import TaskResult


class PunchBackend(CommonBackend):
    """Tasks are given to lambda_punch.push(): they run at most once, after the response, in the order enqueued.

    Tasks may be plain or ``async def``. There are neither priorities nor ``run_after``. A result cannot be looked up by
    id; the one that enqueue() returned changes as the task runs. A task's error is in its result and in Django's log. Off
    Lambda a background thread runs tasks at once.
    """

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        """Call start() on Lambda; Django makes the backend when a module with tasks is imported."""
        super().__init__(alias, params)
        prepare()

    def hand_on(self, result: TaskResult[Any]) -> None:
        """Push the task."""
        sender = type(self)

        def run() -> None:
            execute(result, sender, worker_id())

        process.push(named(run, result.task.func))

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what is misconfigured."""
        found = [*super().check(**kwargs)]
        if len(self.queues) > 1:
            found.append(
                checks.Warning(
                    f"TASKS[{self.alias!r}]['QUEUES'] has {len(self.queues)} names, but tasks that run after the "
                    "response wait in one queue, in the order enqueued.",
                    id="lambda_punch.W001",
                )
            )
        return found
