"""SQSBackend and LambdaEventBackend: tasks as durable jobs, which run at least once, in a function of their own if need be."""

from __future__ import annotations

import datetime as dt
import math
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.core import checks
from django.utils import timezone
from django.utils.module_loading import import_string

from lambda_punch.integrations.django.backend import Backend
from lambda_punch.integrations.django.execution import execute, worker_id
from lambda_punch.integrations.django.framework import (
    BaseTaskBackend,
    InvalidTask,
    Task,
    TaskResult,
    TaskResultStatus,
)
from lambda_punch.jobs import PoisonMessageError, current, job

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_DELAY = 900  # seconds; SQS: DelaySeconds
_COMMON = {"enqueue_on_commit": True, "database": "default", "after_response": False}


class DurableBackend(Backend):
    """What the two have in common: a task is one message of one durable job, and comes back as the job's arguments.

    The consumer imports a task's module only if it belongs to an installed app or is imported already, and runs
    nothing but tasks. A task that fails is FAILED for that attempt, with task_finished sent; it is tried again as the
    lane does it, and its ``attempt`` counts on. Results cannot be asked for by id.
    """

    lane = ""

    def hand_on(self, result: TaskResult[Any]) -> None:
        """Send the task's message. Raises what DurableJob.enqueue() does."""
        task = result.task
        options: dict[str, Any] = {"backend": self.lane, "queue": self.queue_of(task)}
        if task.run_after is not None:
            options["delay"] = _delay(task.run_after)
        if self._option("after_response"):
            options["after_response"] = True
        enqueued_at = cast("dt.datetime", result.enqueued_at).isoformat()
        run_task.using(**options).enqueue(
            task.module_path,
            self.alias,
            result.id,
            enqueued_at,
            task.queue_name,
            list(result.args),
            dict(result.kwargs),
        )

    def queue_of(self, task: Task[Any, Any]) -> str | None:
        """Return the lane's own name for where the task goes."""
        raise NotImplementedError

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what is misconfigured."""
        found = [*super().check(**kwargs)]
        if find_spec("boto3") is None:
            hint = "pip install 'lambda-punch[sqs]'"
            found.append(checks.Error(f"TASKS[{self.alias!r}] needs boto3.", hint=hint, id="lambda_punch.E004"))
        return found


class SQSBackend(DurableBackend):
    """Tasks go to SQS, each to the queue of its ``queue_name``, and run in whatever function the queue is mapped to.

    OPTIONS, besides the common ones: ``queues``: names of queues of SQS by queue_name, where they differ;
    ``after_response`` (False): send after the response. ``run_after`` is taken up to 15 minutes from now, the longest
    that SQS delays, and refused beyond. There are no priorities: give each its queue.
    """

    lane = "sqs"
    supports_defer = True
    options_known = {**_COMMON, "queues": {}}  # noqa: RUF012 - never changed

    def validate_task(self, task: Task[Any, Any]) -> None:
        """Refuse what SQS cannot do; raises InvalidTask."""
        super().validate_task(task)
        if task.run_after is not None and _delay(task.run_after) > LONGEST_DELAY:
            raise InvalidTask(
                f"run_after is {_delay(task.run_after)} s from now, and SQS delays a message by {LONGEST_DELAY} s at "
                "most; let EventBridge Scheduler enqueue it later."
            )

    def queue_of(self, task: Task[Any, Any]) -> str:
        """Return the queue's name in SQS."""
        return str(self._option("queues").get(task.queue_name, task.queue_name))

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what is misconfigured."""
        found = [*super().check(**kwargs)]
        queues = self._option("queues")
        where = f"TASKS[{self.alias!r}]['OPTIONS']['queues']"
        if not isinstance(queues, dict):
            return [*found, checks.Error(f"{where} must be a dictionary.", id="lambda_punch.E005")]
        unknown = sorted(set(queues) - self.queues) if self.queues else []
        if unknown:
            message = f"{where} has {unknown[0]!r}, which is not in QUEUES."
            found.append(checks.Error(message, id="lambda_punch.E006"))
        return found


class LambdaEventBackend(DurableBackend):
    """Tasks run in an asynchronous invoke: of this function, or of that which the option ``function`` names.

    No delay and no choice of retries: Lambda tries again twice, after about one and two minutes.
    """

    lane = "lambda_event"
    options_known = {**_COMMON, "function": None}  # noqa: RUF012 - never changed

    def queue_of(self, task: Task[Any, Any]) -> str | None:  # noqa: ARG002 - all go to one function
        """Return the function's name, or None for this one."""
        function: str | None = self._option("function")
        return function


@job(name="lambda_punch.django.task")
def run_task(  # noqa: PLR0913, PLR0917 - what a message says about a task
    path: str, alias: str, result_id: str, enqueued_at: str, queue_name: str, args: list[Any], kwargs: dict[str, Any]
) -> None:
    """Run the task that a message names; raises what it raises, so that it is tried again."""
    task, backend = _task(path, alias, queue_name)
    execution = current()
    attempt = 1 if execution is None else execution.attempt
    result: TaskResult[Any] = TaskResult(
        task=task,
        id=result_id,
        status=cast("TaskResultStatus", TaskResultStatus.READY),  # Django's stubs take choices for tuples
        enqueued_at=dt.datetime.fromisoformat(enqueued_at),
        started_at=None,
        last_attempted_at=None,
        finished_at=None,
        args=args,
        kwargs=kwargs,
        backend=alias,
        errors=[],
        worker_ids=["earlier"] * (attempt - 1),
    )
    error = execute(result, type(backend), worker_id())
    if error is not None:
        raise error


def _task(path: str, alias: str, queue_name: str) -> tuple[Task[Any, Any], BaseTaskBackend]:
    module = path.rpartition(".")[0]
    if module not in sys.modules and apps.get_containing_app_config(module) is None:
        raise PoisonMessageError(f"{path} is in no installed app: add it to INSTALLED_APPS, or import it first")
    try:
        found = import_string(path)
    except ImportError as error:
        raise PoisonMessageError(f"there is no task {path} here: {error}") from error
    if not isinstance(found, Task):
        raise PoisonMessageError(f"{path} is no task")
    task = found.using(backend=alias, queue_name=queue_name)
    return task, task.get_backend()


def _delay(run_after: dt.datetime) -> int:
    now = timezone.now() if timezone.is_aware(run_after) else dt.datetime.now()  # noqa: DTZ005 - as naive as it
    return max(0, math.ceil((run_after - now).total_seconds()))
