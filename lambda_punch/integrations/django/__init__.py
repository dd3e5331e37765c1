"""Backends for Django's Tasks framework: ``django.tasks`` (6.0 and later) and its backport ``django_tasks``.

    TASKS = {"default": {"BACKEND": "lambda_punch.integrations.django.PunchBackend"}}

And ``fresh_connections``, which looks after database connections round each job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.errors import MissingExtraError

try:
    import django  # noqa: F401 - whether it is there
except ModuleNotFoundError as error:
    raise MissingExtraError("Django", extra="django", part=__name__) from error

from lambda_punch.integrations.django.connections import fresh_connections

if TYPE_CHECKING:
    from lambda_punch.integrations.django.durable_backend import LambdaEventBackend, SQSBackend
    from lambda_punch.integrations.django.punch_backend import PunchBackend

__all__ = ["LambdaEventBackend", "PunchBackend", "SQSBackend", "fresh_connections", "jobs_handler"]


def jobs_handler(event: Any, context: object = None) -> Any:
    """Run the tasks that an event from SQS, or an asynchronous invoke, brings; a Lambda handler.

    It is lambda_punch.jobs_handler, which runs other durable jobs too. Call django.setup() before the first event.
    """
    from lambda_punch.integrations.django import durable_backend  # noqa: F401 - declares the job
    from lambda_punch.jobs import jobs_handler

    return jobs_handler(event, context)


def __getattr__(name: str) -> Any:
    """Import a backend when it is asked for: all need a Tasks framework, and the durable ones durable jobs."""
    if name == "PunchBackend":
        from lambda_punch.integrations.django.punch_backend import PunchBackend

        return PunchBackend
    if name in {"LambdaEventBackend", "SQSBackend"}:
        from lambda_punch.integrations.django import durable_backend

        return getattr(durable_backend, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
