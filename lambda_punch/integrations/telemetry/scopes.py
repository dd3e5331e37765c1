"""Hooks for punch.around_job: each job has its own Sentry scope, or its own OpenTelemetry span."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def sentry_scope(job: Any) -> Iterator[None]:
    """Run each job in a Sentry scope of its own; the transaction has the job's name: ``punch.around_job(sentry_scope)``.

    The scope begins as a copy of the request's, with its tags and its user, and what the job adds to it stays in it.
    ``flush_after(sentry())`` registers this by itself.
    """
    import sentry_sdk

    with sentry_sdk.isolation_scope() as isolated:
        current = sentry_sdk.get_current_scope()
        current.span = None  # the request's, which has ended: to name its scope would be to rename it
        for scope in (isolated, current):
            scope.set_transaction_name(job.name, source="custom")  # over "task" the ASGI integration puts the endpoint
        yield


@contextmanager
def opentelemetry_span(job: Any) -> Iterator[None]:
    """Run each job in a span of its own, a child of the request's: ``punch.around_job(opentelemetry_span)``.

    A failure is recorded on the span, and what is logged of it has the span's ids.
    """
    from opentelemetry import trace

    with trace.get_tracer("lambda_punch").start_as_current_span(job.name):
        yield
