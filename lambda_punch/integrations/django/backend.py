"""What the backends share: a result for each enqueued task, on-commit enqueueing, and the checks of their settings."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings
from django.core import checks
from django.db import transaction
from django.utils import timezone
from django.utils.crypto import get_random_string

from lambda_punch.integrations.django.framework import (
    BaseTaskBackend,
    Task,
    TaskResult,
    TaskResultStatus,
    task_enqueued,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_OPTIONS = {"enqueue_on_commit": True, "database": "default"}


class Backend(BaseTaskBackend):
    """A backend that hands tasks on. Each thread has an object of its own, so none keeps anything.

    OPTIONS: ``enqueue_on_commit`` (True): a task enqueued within a transaction is handed on when that is committed,
    and not at all if it is rolled back. ``database`` ("default"): whose transactions.
    """

    supports_async_task = True
    options_known: dict[str, Any] = _OPTIONS

    @abstractmethod
    def hand_on(self, result: TaskResult[Any]) -> None:
        """Have the task run."""

    def enqueue(self, task: Task[Any, Any], args: Any, kwargs: Any) -> TaskResult[Any]:
        """Hand the task on, at the commit of the transaction if there is one; return its result, READY until it runs.

        Raises InvalidTask for what the backend cannot do, TypeError for arguments that JSON cannot carry.
        """
        self.validate_task(task)
        result: TaskResult[Any] = TaskResult(
            task=task,
            id=get_random_string(32),
            status=cast("TaskResultStatus", TaskResultStatus.READY),  # Django's stubs take choices for tuples
            enqueued_at=None,
            started_at=None,
            last_attempted_at=None,
            finished_at=None,
            args=args,
            kwargs=kwargs,
            backend=self.alias,
            errors=[],
            worker_ids=[],
        )
        if self._option("enqueue_on_commit") and settings.DATABASES:
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
                checks.Error(f"{where} has {name!r}, which is no option; there are: {known}.", id="lambda_punch.E001")
            )
        if not isinstance(self._option("enqueue_on_commit"), bool):
            found.append(checks.Error(f"{where}['enqueue_on_commit'] must be True or False.", id="lambda_punch.E002"))
        database = self._option("database")
        if settings.DATABASES and database not in settings.DATABASES:
            found.append(
                checks.Error(f"{where}['database'] is {database!r}, which is not in DATABASES.", id="lambda_punch.E003")
            )
        return found

    def _option(self, name: str) -> Any:
        return self.options.get(name, self.options_known[name])

    def _enqueue_now(self, result: TaskResult[Any]) -> None:
        object.__setattr__(result, "enqueued_at", timezone.now())
        task_enqueued.send(sender=type(self), task_result=result)
        self.hand_on(result)
