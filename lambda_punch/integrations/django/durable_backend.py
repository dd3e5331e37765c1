"""SQSBackend and LambdaEventBackend: tasks are durable jobs. They run at least once, in any function."""

from __future__ import annotations

import datetime as dt
import sys
from abc import abstractmethod
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

from django.apps import apps
from django.core import checks
from django.utils import timezone
from django.utils.module_loading import import_string

from lambda_punch._settings import current as current_settings
from lambda_punch.errors import JobOptionError, MissingExtraError, PoisonMessageError
from lambda_punch.integrations.django import task_options, task_results
from lambda_punch.integrations.django.backend import CommonBackend, new_result
from lambda_punch.integrations.django.execution import execute, worker_id
from lambda_punch.integrations.django.framework import (
    BaseTaskBackend,
    Task,
)
from lambda_punch.jobs import current, enqueue_many, job

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambda_punch.integrations.django.framework import TaskResult


class DurableBackend(CommonBackend):
    """What the two have in common: a task travels as the arguments of one durable job.

    The consumer imports a task's module only if it belongs to an installed app or is imported already, and runs
    nothing but tasks. A task that fails is FAILED for that attempt, and task_finished is sent. It is tried again as its
    queue service does that, and its ``attempt`` counts on. Results can be looked up by id if they are kept.

    OPTIONS, besides the common ones: ``timeout``: seconds for one run; ``tasks``: options of single tasks, by their paths;
    ``after_response`` (False): send after the response; ``keep_results``: seconds for which get_result() knows a task after its
    last change, which needs the setting ``table`` of lambda-punch (None: it knows none).
    """

    task_class = task_options.DurableTask

    job_backend = ""  # the backend's name for lambda_punch.job
    options_known = {  # noqa: RUF012 - never changed
        **CommonBackend.options_known,
        "after_response": False,
        "timeout": None,
        "tasks": {},
        "keep_results": None,
    }

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        """Know results if they are kept."""
        super().__init__(alias, params)
        self.supports_get_result = self._option("keep_results") is not None

    def hand_on(self, result: TaskResult[Any]) -> None:
        """Send the task's message. Raises what DurableJob.enqueue() does."""
        task = result.task
        options = task_options.of_call(self.options, task, result.args, result.kwargs)
        options |= {
            "backend": self.job_backend,
            "queue": self.queue_of(task),
            "wait": None,
        }  # the consumer's own applies
        if task.run_after is not None:
            options["at"] = task.run_after if timezone.is_aware(task.run_after) else task.run_after.astimezone()
        if self._option("after_response"):
            options["after_response"] = True
        enqueued_at = cast("dt.datetime", result.enqueued_at).isoformat()
        arguments = (
            task.module_path,
            self.alias,
            result.id,
            enqueued_at,
            task.queue_name,
            list(result.args),
            dict(result.kwargs),
        )
        call = None
        if self.supports_get_result:
            options["keep_result"] = self._option("keep_results")
            call = task_results.call_of(task.module_path, self.alias, task.queue_name, result)
        enqueue_many([run_task.using(**options).prepare_as(result.id, arguments, {}, call=call)])

    def get_result(self, result_id: str) -> TaskResult[Any]:
        """Return what is known of a task, by the id of its result.

        Raises TaskResultDoesNotExist if nothing is known of it, and ResultError if the table cannot be read.
        """
        if not self.supports_get_result:
            # what Django's own backends raise where they cannot do this
            raise NotImplementedError(f"TASKS[{self.alias!r}] keeps no results; set keep_results in its OPTIONS")
        return task_results.result_of(run_task.result_of(result_id), result_id, self.alias, _task)

    @abstractmethod
    def queue_of(self, task: Task[Any, Any]) -> str | None:
        """Return the name of the queue or function to which the task goes."""

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what is misconfigured."""
        found = [*super().check(**kwargs)]
        if find_spec("boto3") is None:
            missing = MissingExtraError("boto3", extra="sqs", part=f"TASKS[{self.alias!r}]")
            found.append(checks.Error(str(missing), id="lambda_punch.E004"))
        return [*found, *self._check_tasks(), *self._check_results()]

    def _check_results(self) -> Iterable[checks.CheckMessage]:
        keep = self._option("keep_results")
        where = f"TASKS[{self.alias!r}]['OPTIONS']['keep_results']"
        try:
            run_task.using(backend=self.job_backend, wait=None, keep_result=keep)
        except JobOptionError as error:
            yield checks.Error(f"{where}: {error}.", id="lambda_punch.E009")
            return
        if keep is not None and current_settings().table is None and current_settings().backend != "memory":
            message = f"{where} needs a table: set LAMBDA_PUNCH_TABLE, or call lambda_punch.configure(table=...)."
            yield checks.Error(message, id="lambda_punch.E009")

    def _check_tasks(self) -> Iterable[checks.CheckMessage]:
        """Say which options of tasks are wrong, as @job would."""
        where = f"TASKS[{self.alias!r}]['OPTIONS']"
        tasks = self._option("tasks")
        if not isinstance(tasks, dict) or not all(isinstance(each, dict) for each in tasks.values()):
            yield checks.Error(f"{where}['tasks'] must map paths of tasks to their options.", id="lambda_punch.E007")
            return
        for path in ("", *tasks):
            options = task_options.of_path(self.options, path)
            if unknown := sorted(set(options) - set(task_options.PER_TASK)):
                known = ", ".join(task_options.PER_TASK)
                message = f"{where}['tasks'][{path!r}] has {unknown[0]!r}; the options of a task are: {known}."
                yield checks.Error(message, id="lambda_punch.E007")
                continue
            try:
                run_task.using(**{"backend": self.job_backend, "wait": None, **options})
            except JobOptionError as error:
                at = f"['tasks'][{path!r}]" if path else ""
                yield checks.Error(f"{where}{at}: {error}.", id="lambda_punch.E007")


class SQSBackend(DurableBackend):
    """Each task goes to the SQS queue of its ``queue_name``, and runs in whatever function that queue is mapped to.

    OPTIONS, besides the common ones: ``queues``: the names on SQS by queue_name, where they differ; ``after_response``
    (False): send after the response; ``retries``, ``wait`` and ``group``, as ``timeout`` for all tasks or by task;
    ``priorities``: the priorities at which other queues are chosen, by queue_name. ``run_after`` may be any time up to ten
    years from now.
    """

    job_backend = "sqs"
    supports_defer = True
    options_known = {  # noqa: RUF012 - never changed
        **DurableBackend.options_known, "queues": {}, "retries": None, "wait": None, "group": None, "priorities": {},
    }  # fmt: skip

    def __init__(self, alias: str, params: dict[str, Any]) -> None:
        """Take tasks with priorities if the option says what they mean."""
        super().__init__(alias, params)
        self.supports_priority = bool(self._option("priorities"))

    def queue_of(self, task: Task[Any, Any]) -> str:
        """Return the queue's name in SQS."""
        name = task_options.queue_for(self._option("priorities"), task.priority, task.queue_name)
        return str(self._option("queues").get(name, name))

    def check(self, **kwargs: Any) -> Iterable[checks.CheckMessage]:
        """Say what is misconfigured."""
        found = [*super().check(**kwargs)]
        queues = self._option("queues")
        where = f"TASKS[{self.alias!r}]['OPTIONS']['queues']"
        if not isinstance(queues, dict):
            return [*found, checks.Error(f"{where} must be a dictionary.", id="lambda_punch.E005")]
        known = self.queues | set(self._option("priorities"))
        unknown = sorted(set(queues) - known) if self.queues else []
        if unknown:
            message = f"{where} has {unknown[0]!r}, which is not in QUEUES."
            found.append(checks.Error(message, id="lambda_punch.E006"))
        priorities = self._option("priorities")
        if not isinstance(priorities, dict) or not all(isinstance(each, int) and each for each in priorities.values()):
            message = (
                f"TASKS[{self.alias!r}]['OPTIONS']['priorities'] must map queue names to whole numbers other than 0."
            )
            found.append(checks.Error(message, id="lambda_punch.E008"))
        return found


class LambdaEventBackend(DurableBackend):
    """Tasks run in an asynchronous invoke of this function, or of the one that the option ``function`` names.

    There are neither delays nor a choice of retries: Lambda tries again twice, after about one and two minutes.
    """

    job_backend = "lambda_event"
    options_known = {**DurableBackend.options_known, "function": None}  # noqa: RUF012 - never changed

    def queue_of(self, task: Task[Any, Any]) -> str | None:  # noqa: ARG002 - all go to one function
        """Return the function's name, or None for this one."""
        function: str | None = self._option("function")
        return function


@job(name="lambda_punch.django.task", wait=task_options.wait_of_task)
def run_task(  # noqa: PLR0913, PLR0917 - what a message says of a task
    path: str, alias: str, result_id: str, enqueued_at: str, queue_name: str, args: list[Any], kwargs: dict[str, Any]
) -> Any:
    """Run the task that a message names; return what it returns. Raises what the task raises, so that it is tried again."""
    task, backend = _task(path, alias, queue_name)
    task_options.note_wait(task_options.of_path(backend.options, path).get("wait"))
    execution = current()
    attempt = 1 if execution is None else execution.attempt
    enqueued = dt.datetime.fromisoformat(enqueued_at)
    result = new_result(task, alias, result_id, args, kwargs, enqueued_at=enqueued, attempts=attempt - 1)
    error = execute(result, type(backend), worker_id())
    if error is not None:
        raise error
    return result.return_value


def _task(path: str, alias: str, queue_name: str) -> tuple[Task[Any, Any], BaseTaskBackend]:
    module = path.rpartition(".")[0]
    if module not in sys.modules and apps.get_containing_app_config(module) is None:
        raise PoisonMessageError(
            f"{path} is not in an installed app: add the app to INSTALLED_APPS, or import the module first"
        )
    try:
        found = import_string(path)
    except ImportError as error:
        raise PoisonMessageError(f"the task {path} cannot be imported: {error}") from error
    if not isinstance(found, Task):
        raise PoisonMessageError(f"{path} is not a task")
    task = found.using(backend=alias, queue_name=queue_name)
    return task, task.get_backend()
