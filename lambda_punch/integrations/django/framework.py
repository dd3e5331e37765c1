"""The project's Tasks framework under one set of names: ``django.tasks``, or its backport ``django_tasks``.

The two differ in where things are and in the names of errors. A project that has the backport in INSTALLED_APPS declares
its tasks with it, so there the backport is used. Elsewhere it is Django's own, if there is one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.conf import settings

from lambda_punch.errors import MissingExtraError

if TYPE_CHECKING:  # typed, and the same as Django's own
    from django_tasks.backends.base import BaseTaskBackend
    from django_tasks.base import Task, TaskContext, TaskError, TaskResult, TaskResultStatus
    from django_tasks.signals import task_enqueued, task_finished, task_started
    from django_tasks.utils import normalize_json

    InvalidTask: type[Exception]
    ResultDoesNotExist: type[Exception]
    PACKAGE: str
else:

    def _package() -> str:
        if "django_tasks" in settings.INSTALLED_APPS:
            return "django_tasks"
        try:
            import_module("django.tasks")
        except ImportError:
            return "django_tasks"
        return "django.tasks"

    def _part(name: str) -> Any:
        try:
            return import_module(f"{PACKAGE}.{name}")
        except ModuleNotFoundError as error:
            part = "lambda_punch.integrations.django"
            raise MissingExtraError("Django 6.0 or later, or django-tasks", extra="django", part=part) from error

    PACKAGE = _package()
    _base, _signals, _errors = _part("base"), _part("signals"), _part("exceptions")
    BaseTaskBackend = _part("backends.base").BaseTaskBackend
    Task, TaskContext, TaskError = _base.Task, _base.TaskContext, _base.TaskError
    TaskResult, TaskResultStatus = _base.TaskResult, _base.TaskResultStatus
    task_enqueued, task_started = _signals.task_enqueued, _signals.task_started
    task_finished = _signals.task_finished
    InvalidTask = getattr(_errors, "InvalidTask", None) or _errors.InvalidTaskError
    ResultDoesNotExist = _errors.TaskResultDoesNotExist
    normalize_json = (
        _part("utils") if PACKAGE == "django_tasks" else import_module("django.utils.json")
    ).normalize_json

__all__ = [
    "PACKAGE",
    "BaseTaskBackend",
    "InvalidTask",
    "ResultDoesNotExist",
    "Task",
    "TaskContext",
    "TaskError",
    "TaskResult",
    "TaskResultStatus",
    "normalize_json",
    "task_enqueued",
    "task_finished",
    "task_started",
]
