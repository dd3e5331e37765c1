"""Backends for Django's Tasks framework: ``django.tasks`` (6.0 and later) and its backport ``django_tasks``.

TASKS = {"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}}
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError

try:
    import django  # noqa: F401 - whether it is there
except ModuleNotFoundError as error:
    raise MissingExtraError("Django", extra="django", part=__name__) from error

from lambda_punch.integrations.django.punch_backend import PunchBackend

if TYPE_CHECKING:
    from lambda_punch.integrations.django.durable_backend import LambdaEventBackend, SQSBackend

__all__ = ["LambdaEventBackend", "PunchBackend", "SQSBackend", "jobs_handler"]


def jobs_handler(event: Any, context: object = None) -> Any:
    """Run the tasks that an event from SQS, or an asynchronous invoke, brings; a Lambda handler.

    It is lambda_punch.jobs_handler, which runs other durable jobs too. Call django.setup() before the first event.
    """
    from lambda_punch.integrations.django import durable_backend  # noqa: F401 - declares the job
    from lambda_punch.jobs import jobs_handler

    return jobs_handler(event, context)


def __getattr__(name: str) -> Any:
    """Import the durable backends when one is asked for, because they import durable jobs."""
    if name in {"LambdaEventBackend", "SQSBackend"}:
        from lambda_punch.integrations.django import durable_backend

        return getattr(durable_backend, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
