"""Results of tasks that are durable jobs: what the table has of a job, as Django has it."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING, Any

from lambda_punch.errors import PoisonMessageError
from lambda_punch.integrations.django.backend import new_result
from lambda_punch.integrations.django.execution import update
from lambda_punch.integrations.django.framework import ResultDoesNotExist, TaskError, TaskResultStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.integrations.django.framework import TaskResult
    from lambda_punch.jobs.store.results import JobResult

_LARGEST_CALL = 60_000  # bytes: beside it an item of DynamoDB has room for the largest value and a traceback
_STATUS = {  # a task that failed and will be tried again is ready to be executed again
    "queued": TaskResultStatus.READY, "running": TaskResultStatus.RUNNING, "failed": TaskResultStatus.READY,
    "done": TaskResultStatus.SUCCESSFUL, "dead": TaskResultStatus.FAILED, "discarded": TaskResultStatus.FAILED,
}  # fmt: skip


def call_of(path: str, alias: str, queue_name: str, result: TaskResult[Any]) -> str:
    """Return what is kept of a task's call, with its result: its arguments only if they are not large."""
    call = {"path": path, "alias": alias, "queue_name": queue_name, "args": result.args, "kwargs": result.kwargs}
    text = json.dumps(call, separators=(",", ":"))
    if len(text) > _LARGEST_CALL:
        text = json.dumps({**call, "args": [], "kwargs": {}}, separators=(",", ":"))
    return text


def result_of(
    found: JobResult | None, identity: str, alias: str, task_of: Callable[[str, str, str], tuple[Any, Any]]
) -> TaskResult[Any]:
    """Return a job's result as Django has it. Raises TaskResultDoesNotExist for one that is not a task's of this backend."""
    call = json.loads(found.call) if found is not None and found.call else None
    if found is None or call is None or call["alias"] != alias:
        raise ResultDoesNotExist(identity)
    try:
        task, _ = task_of(call["path"], alias, call["queue_name"])
    except PoisonMessageError as error:
        raise ResultDoesNotExist(f"{identity}: {error}") from error
    result = new_result(
        task,
        alias,
        identity,
        call["args"],
        call["kwargs"],
        enqueued_at=_moment(found.enqueued_at),
        attempts=found.attempts,
    )
    status = _STATUS[found.status]
    update(result, status=status, started_at=_moment(found.started_at), last_attempted_at=_moment(found.started_at))
    if found.ended:
        update(result, finished_at=_moment(found.ended_at))
    if status == TaskResultStatus.SUCCESSFUL:
        update(result, _return_value=found.value)
    elif found.error_type:
        path = found.error_type if "." in found.error_type else f"builtins.{found.error_type}"
        result.errors.append(TaskError(exception_class_path=path, traceback=found.traceback or ""))
    return result


def _moment(at: float | None) -> dt.datetime | None:
    return None if at is None else dt.datetime.fromtimestamp(at, dt.timezone.utc)
