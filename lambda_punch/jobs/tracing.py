"""The trace context that travels with a message: W3C's traceparent, tracestate and baggage, and X-Ray's header.

A job runs in the context in which it was sent, and what it sends itself has that context, too. Where OpenTelemetry is in
use, that is its context, with the spans of its conventions for messaging: a PRODUCER span ``create QUEUE`` for each message,
and a CONSUMER span ``process QUEUE`` for each run. The latter is a child of the former and linked to it, and also linked to
the invocation's own span if there is one. This file imports OpenTelemetry only if the program has; it changes nothing if
that fails.

https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/, https://www.w3.org/TR/trace-context/
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger, text_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

_XRAY = "_X_AMZN_TRACE_ID"  # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
SQS = "aws_sqs"
INVOKE = "aws_lambda"  # the conventions have no name for an asynchronous invoke


class Trace(NamedTuple):
    """The fields of a message; each is None where there is none."""

    xray: str | None = None
    traceparent: str | None = None
    tracestate: str | None = None
    baggage: str | None = None


class Place(NamedTuple):
    """What the spans tell of a message. ``system`` is SQS or INVOKE."""

    job: str
    id: str
    queue: str
    system: str = SQS
    attempt: int = 0


_restored: ContextVar[Trace | None] = ContextVar("lambda_punch_trace", default=None)


def to_send(place: Place) -> Trace:
    """Return the context for a message that is made here. Raises nothing."""
    carried = _restored.get() or Trace()
    if carried.xray is None:
        carried = carried._replace(xray=os.environ.get(_XRAY))
    if not _has_opentelemetry():
        return carried
    try:
        return _created(place, carried.xray)
    except Exception:  # noqa: BLE001 - of an exporter, say; the job matters more
        logger().exception("OpenTelemetry failed, so the message of job %s has no trace context", place.job)
        return carried


class Restored:
    """The context of a message, entered round the run of its job: in the job's own context and on its thread.

    X-Ray's header is a variable of the process, so it is set only on the main thread. Raises nothing.
    """

    def __init__(self, trace: Trace, place: Place) -> None:
        self._trace = trace
        self._place = place
        self._token: Token[Trace | None] | None = None
        self._leave: Callable[[BaseException | None], None] | None = None
        self._sets_xray = trace.xray is not None and threading.current_thread() is threading.main_thread()
        self._xray_before: str | None = None

    def enter(self) -> None:
        """Restore the context, and begin the span."""
        self._token = _restored.set(self._trace)
        if self._sets_xray and self._trace.xray is not None:
            self._xray_before = os.environ.get(_XRAY)
            os.environ[_XRAY] = self._trace.xray
        if _has_opentelemetry():
            try:
                self._leave = _processing(self._trace, self._place)
            except Exception:  # noqa: BLE001 - as above
                logger().exception("OpenTelemetry failed, so job %s runs without its span", self._place.job)

    def leave(self, error: BaseException | None) -> None:
        """End the span, with the job's error if it has one, and leave the context."""
        try:
            if self._leave is not None:
                self._leave(error)
        except Exception:  # noqa: BLE001 - as above
            logger().exception("OpenTelemetry failed at the end of job %s; the job is not affected", self._place.job)
        if self._sets_xray:
            if self._xray_before is None:
                os.environ.pop(_XRAY, None)
            else:
                os.environ[_XRAY] = self._xray_before
        if self._token is not None:
            _restored.reset(self._token)


def _has_opentelemetry() -> bool:
    return "opentelemetry.trace" in sys.modules


def _created(place: Place, xray: str | None) -> Trace:
    from opentelemetry import trace

    span = _tracer().start_span(
        f"create {place.queue}", kind=trace.SpanKind.PRODUCER, attributes=_attributes(place, "create")
    )
    carrier: dict[str, str] = {}
    try:
        within = trace.set_span_in_context(span)
        for propagator in _propagators():
            propagator.inject(carrier, within)
    finally:
        span.end()
    return Trace(xray, carrier.get("traceparent"), carrier.get("tracestate"), carrier.get("baggage"))


def _processing(restored: Trace, place: Place) -> Callable[[BaseException | None], None]:
    from opentelemetry import context, trace

    fields = {name: value for name, value in restored._asdict().items() if value and name != "xray"}
    invocation = trace.get_current_span().get_span_context()
    sent_in = context.get_current()
    for propagator in _propagators():
        sent_in = propagator.extract(fields, sent_in)
    creation = trace.get_current_span(sent_in).get_span_context()
    links = [
        trace.Link(each)
        for each in {creation.span_id: creation, invocation.span_id: invocation}.values()
        if each.is_valid
    ]
    span = _tracer().start_span(
        f"process {place.queue}", context=sent_in, kind=trace.SpanKind.CONSUMER, links=links,
        attributes=_attributes(place, "process"),
    )  # fmt: skip
    token = context.attach(trace.set_span_in_context(span, sent_in))

    def leave(error: BaseException | None) -> None:
        try:
            if error is not None:
                span.set_attribute("error.type", type(error).__qualname__)
                span.set_status(trace.Status(trace.StatusCode.ERROR, f"{type(error).__name__}: {text_of(error)}"))
                with contextlib.suppress(Exception):  # it asks a user's error for its text
                    span.record_exception(error)
        finally:
            span.end()
            context.detach(token)

    return leave


def _attributes(place: Place, operation: str) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "messaging.system": place.system,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": place.queue,
        "messaging.message.id": place.id,
        "lambda_punch.job": place.job,
    }
    if place.attempt:
        attributes["lambda_punch.attempt"] = place.attempt
    return attributes


def _tracer() -> Any:
    from opentelemetry import trace

    return trace.get_tracer("lambda_punch")


def _propagators() -> list[Any]:
    from opentelemetry.baggage.propagation import W3CBaggagePropagator
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    return [TraceContextTextMapPropagator(), W3CBaggagePropagator()]
