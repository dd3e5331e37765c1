"""What the backends share: enqueueing at the commit, the tasks' results, and the checks of settings."""

from __future__ import annotations

import sys
from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core import checks
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from lambda_punch.integrations.django.connections import fresh_connections, has_database
from lambda_punch.integrations.django.framework import (
    BaseTaskBackend,
    Task,
    TaskResult,
    TaskResultStatus,
    task_enqueued,
)
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable


def new_result(  # noqa: PLR0913 - what is known of a task before it runs
    task: Task[Any, Any],
    alias: str,
    identity: str,
    args: list[Any],
    kwargs: dict[str, Any],
    *,
    enqueued_at: dt.datetime | None = None,
    attempts: int = 0,
) -> TaskResult[Any]:
    """Return the result of a task that is READY to run, and was tried ``attempts`` times before."""
    return TaskResult(
        task=task,
        id=identity,
        status=cast("TaskResultStatus", TaskResultStatus.READY),  # Django's stubs take choices for tuples
        enqueued_at=enqueued_at,
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=[],
        worker_ids=["earlier"] * attempts,  # Django counts attempts by these
    )


class CommonBackend(BaseTaskBackend):
    """A backend that hands tasks on. Each thread has its own object, so it keeps no state.

    OPTIONS: ``enqueue_on_commit`` (True): a task enqueued within a transaction is handed on when that is committed,
    and not at all if it is rolled back. ``database`` ("default"): whose transactions.
    """

    supports_async_task = True
    options_known: dict[str, Any] = {"enqueue_on_commit": True, "database": "default"}  # noqa: RUF012 - never changed

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        """Have connections looked after round each job of this process."""
        super().__init__(alias, params)
        process.around(fresh_connections)

    @abstractmethod
    def hand_on(self, result: TaskResult[Any]) -> None:
        """Have the task run."""

    def enqueue(self, task: Task[Any, Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Hand the task on, at the commit if there is a transaction; return its result, which is READY until it runs.

        Raises InvalidTask for what the backend cannot do, and TypeError for arguments that JSON cannot carry.
        """
        self.validate_task(task)
        result = new_result(task, self.alias, get_random_string(32), args, kwargs)
        if self._option("enqueue_on_commit") and self._can_be_in_a_transaction():
            transaction.on_commit(partial(self._enqueue_now, result), using=self._option("database"))
        else:
            self._enqueue_now(result)
        return result

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what is misconfigured."""
        found = [*super().check(**kwargs)]
        where = f"TASKS[{self.alias!r}]['OPTIONS']"
        for name in sorted(set(self.options) - set(self.options_known)):
            known = ", ".join(self.options_known)
            found.append(
                checks.Error(
                    f"{where} has {name!r}, which is not an option; the options are: {known}.", id="lambda_punch.E001"
                )
            )
        if not isinstance(self._option("enqueue_on_commit"), bool):
            found.append(checks.Error(f"{where}['enqueue_on_commit'] must be True or False.", id="lambda_punch.E002"))
        database = self._option("database")
        if has_database() and database not in settings.DATABASES:
            found.append(
                checks.Error(f"{where}['database'] is {database!r}, which is not in DATABASES.", id="lambda_punch.E003")
            )
        return found

    def _can_be_in_a_transaction(self) -> bool:
        """Tell whether there can be one: in asynchronous code, or without a database, there is none."""
        loop: Any = sys.modules.get("asyncio.events")
        if loop is not None and loop._get_running_loop() is not None:  # noqa: SLF001 - as Django's own check does
            return False
        return has_database(self._option("database"))

    def _option(self, name: str) -> Any:
        return self.options.get(name, self.options_known[name])

    def _enqueue_now(self, result: TaskResult[Any]) -> None:
        object.__setattr__(result, "enqueued_at", timezone.now())
        task_enqueued.send(sender=type(self), task_result=result)
        self.hand_on(result)
