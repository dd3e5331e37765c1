"""Runs one task, with the same changes of status and signals as Django's own ImmediateBackend, in the same order.

Database connections are looked after by the hook that the backends register (connections.py), and round an ``async
def`` task here, since the hook sees only the plain function that has it run.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from contextvars import copy_context
from inspect import iscoroutinefunction
from traceback import format_exception
from typing import Any

from django.utils import timezone

from lambda_punch.integrations.django.connections import Connections, has_database
from lambda_punch.integrations.django.framework import (
    TaskContext,
    TaskError,
    TaskResult,
    TaskResultStatus,
    normalize_json,
    task_finished,
    task_started,
)
from lambda_punch.runtime.start import process


def execute(result: TaskResult[Any], sender: type, worker_id: str) -> BaseException | None:
    """Run the task and record the outcome in ``result``; return what the task raised, which is recorded too.

    ``sender`` is the signals' sender. An ``async def`` task runs on the loop of all asynchronous jobs. Raises only
    KeyboardInterrupt, and what receivers of the signals raise.
    """
    started_at = timezone.now()
    update(result, status=TaskResultStatus.RUNNING, last_attempted_at=started_at)
    if result.started_at is None:
        update(result, started_at=started_at)
    result.worker_ids.append(worker_id)
    task_started.send(sender=sender, task_result=result)
    try:
        update(result, _return_value=normalize_json(_call(result)))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - as Django's own backend
        kind = type(error)
        text = "".join(format_exception(error))
        result.errors.append(TaskError(exception_class_path=f"{kind.__module__}.{kind.__qualname__}", traceback=text))
        update(result, finished_at=timezone.now(), status=TaskResultStatus.FAILED)
        task_finished.send(sender=sender, task_result=result)  # here, because Django's log needs the exception
        return error
    update(result, finished_at=timezone.now(), status=TaskResultStatus.SUCCESSFUL)
    task_finished.send(sender=sender, task_result=result)
    return None


def worker_id() -> str:
    """Return a name for the execution environment and process: the log stream's on Lambda."""
    return f"{os.environ.get('AWS_LAMBDA_LOG_STREAM_NAME', 'lambda-punch')}-{os.getpid()}"[-64:]


def _call(result: TaskResult[Any]) -> Any:
    task = result.task
    args = (TaskContext(task_result=result), *result.args) if task.takes_context else tuple(result.args)
    if not iscoroutinefunction(task.func):
        return task.func(*args, **result.kwargs)

    async def call() -> Any:
        async with Connections() if has_database() else nullcontext():
            return await task.func(*args, **result.kwargs)

    return process.loop.run(call(), copy_context())


def update(result: TaskResult[Any], **attributes: Any) -> None:
    """Change fields of a result."""
    for name, value in attributes.items():
        object.__setattr__(result, name, value)  # it is frozen, and set so by Django's own backends
