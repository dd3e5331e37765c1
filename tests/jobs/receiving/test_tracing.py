"""The trace context goes with the message, and the job runs in it."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import current

if TYPE_CHECKING:
    from collections.abc import Iterator

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def sent(prepared: Any) -> dict[str, Any]:
    return dict(json.loads(prepared.outgoing.body))


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The finished spans, by name; OpenTelemetry's SDK is set up as an application would."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield lambda: {span.name: span for span in exporter.get_finished_spans()}
    provider.shutdown()


def test_a_job_runs_in_the_trace_in_which_it_was_sent(run: Any, builder: Any, spans: Any) -> None:
    """With the spans of OpenTelemetry's conventions for messaging, and the baggage."""
    from opentelemetry import baggage, context, trace

    seen: list[Any] = []

    @punch.job(name="traced", queue="jobs")
    def traced() -> None:
        seen.append((trace.get_current_span().get_span_context().trace_id, baggage.get_baggage("tenant")))

    with trace.get_tracer("web").start_as_current_span("GET /") as request:
        token = context.attach(baggage.set_baggage("tenant", "acme"))
        prepared = traced.prepare()
        context.detach(token)
    with trace.get_tracer("lambda").start_as_current_span("invocation") as invocation:
        assert run(builder.record(prepared)) == []

    assert seen == [(request.get_span_context().trace_id, "acme")]
    found = spans()
    create, process = found["create jobs"], found["process jobs"]
    assert (create.kind, process.kind) == (trace.SpanKind.PRODUCER, trace.SpanKind.CONSUMER)
    assert create.parent.span_id == request.get_span_context().span_id
    assert process.parent.span_id == create.context.span_id
    linked = {link.context.span_id for link in process.links}
    assert linked == {create.context.span_id, invocation.get_span_context().span_id}
    assert process.attributes["messaging.system"] == "aws_sqs"
    assert process.attributes["messaging.destination.name"] == "jobs"
    assert process.attributes["messaging.message.id"] == create.attributes["messaging.message.id"]
    assert (create.attributes["messaging.operation.type"], process.attributes["messaging.operation.type"]) == (
        "create",
        "process",
    )
    assert process.status.is_ok
    assert not trace.get_current_span().get_span_context().is_valid  # nothing of it stays


def test_an_async_job_runs_in_its_trace_too(run: Any, builder: Any, spans: Any) -> None:
    from opentelemetry import trace

    seen: list[int] = []

    @punch.job(name="traced", queue="jobs")
    async def traced() -> None:
        seen.append(trace.get_current_span().get_span_context().span_id)

    run(builder.record(traced.prepare()))

    assert seen == [spans()["process jobs"].context.span_id]


def test_a_failure_is_told_by_its_span_and_the_retry_belongs_to_the_same_trace(
    run: Any, builder: Any, fail: Any, spans: Any, deliveries: Any
) -> None:
    run(builder.record(fail.prepare()))

    span = spans()["process jobs"]
    assert not span.status.is_ok
    assert span.attributes["error.type"] == "RuntimeError"
    assert [event.name for event in span.events] == ["exception"]
    (retry,) = deliveries.sent
    assert int(json.loads(retry.body)["traceparent"].split("-")[1], 16) == span.context.trace_id


def test_an_error_without_a_text_ends_its_span_all_the_same(run: Any, builder: Any, spans: Any, caplog: Any) -> None:
    from opentelemetry import trace

    class Odd(Exception):  # noqa: N818 - it is odd
        def __str__(self) -> str:
            raise TypeError

    @punch.job(name="odd", queue="jobs")
    def odd() -> None:
        raise Odd

    run(builder.record(odd.prepare()))

    assert "Odd: (its text cannot be shown)" in spans()["process jobs"].status.description
    assert not trace.get_current_span().get_span_context().is_valid
    assert [record.getMessage() for record in caplog.records if "OpenTelemetry" in record.getMessage()] == []


def test_an_asynchronous_invoke_carries_it_as_well(spans: Any) -> None:
    from lambda_punch.jobs import jobs_handler

    @punch.job(name="invoked", backend="lambda_event", queue="worker")
    def invoked() -> None: ...

    jobs_handler(sent(invoked.prepare()), None)

    create = spans()["create worker"]
    (process,) = [span for name, span in spans().items() if name.startswith("process")]
    assert process.parent.span_id == create.context.span_id
    assert process.attributes["messaging.system"] == "aws_lambda"


@pytest.mark.parametrize("broken", ["nonsense", "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 10_000])
def test_a_broken_context_does_not_keep_a_job_from_running(
    run: Any, builder: Any, note: Any, done: list[Any], spans: Any, broken: str
) -> None:
    body = {**sent(note.prepare(1)), "traceparent": broken, "tracestate": broken, "baggage": broken}

    assert run(builder.record(body=json.dumps(body))) == []

    assert done == [1]
    assert "process jobs" in spans()


def test_a_tracer_that_raises_does_not_keep_a_job_from_running(
    run: Any,
    builder: Any,
    note: Any,
    done: list[Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    trace = pytest.importorskip("opentelemetry.trace")

    def broken(_name: str) -> Any:
        raise RuntimeError("no tracer")

    monkeypatch.setattr(trace, "get_tracer", broken)

    assert run(builder.record(note.prepare(1))) == []
    assert done == [1]
    assert "OpenTelemetry failed" in caplog.text


def test_without_opentelemetry_a_job_passes_on_what_its_message_brought(
    run: Any, builder: Any, note: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a chain of jobs stays one trace."""
    monkeypatch.setattr("lambda_punch.jobs.tracing._has_opentelemetry", lambda: False)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-the-invocations-own")
    seen: list[Any] = []

    @punch.job(name="chain", queue="jobs")
    def chain() -> None:
        execution = current()
        assert execution is not None
        seen.append((execution.traceparent, os.environ["_X_AMZN_TRACE_ID"], sent(note.prepare(1))))

    body = {
        **sent(chain.prepare()),
        "traceparent": PARENT,
        "tracestate": "a=b",
        "baggage": "tenant=acme",
        "trace": XRAY,
    }
    run(builder.record(body=json.dumps(body)))

    ((traceparent, xray, message),) = seen
    assert (traceparent, xray) == (PARENT, XRAY)
    assert {name: message[name] for name in ("traceparent", "tracestate", "baggage", "trace")} == {
        "traceparent": PARENT, "tracestate": "a=b", "baggage": "tenant=acme", "trace": XRAY,
    }  # fmt: skip
    assert os.environ["_X_AMZN_TRACE_ID"] == "Root=1-the-invocations-own"
    assert "traceparent" not in sent(note.prepare(1))
