"""A failed durable job is told in its own context: with its logging fields, in its span, and once to Sentry."""

from __future__ import annotations

import io
import json
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., io.StringIO]]:
    """Give the library's logger one handler; return what is written."""
    added: list[logging.Handler] = []
    logger = logging.getLogger("lambda_punch")

    def set_up(formatter: logging.Formatter, *filters: Any) -> io.StringIO:
        text = io.StringIO()
        handler = logging.StreamHandler(text)
        handler.setFormatter(formatter)
        for each in filters:
            handler.addFilter(each)
        logger.addHandler(handler)
        added.append(handler)
        return text

    yield set_up
    for handler in added:
        logger.removeHandler(handler)


def failing(bind: Callable[[str], object]) -> tuple[Any, Any]:
    """Two jobs, plain and async, that note something and then fail."""

    @punch.job(name="charge", queue="jobs", retries=0)
    def charge(order: str) -> None:
        bind(order)
        raise ValueError(order)

    @punch.job(name="charge-later", queue="jobs", retries=0)
    async def charge_later(order: str) -> None:
        bind(order)
        raise ValueError(order)

    return charge, charge_later


def test_what_a_job_binds_in_structlog_is_on_the_line_of_its_failure(run: Any, builder: Any, written: Any) -> None:
    """And what a hook round it binds; neither is on the next job's."""
    structlog = pytest.importorskip("structlog")
    processor = structlog.stdlib.ProcessorFormatter
    text = written(
        processor(
            foreign_pre_chain=[structlog.contextvars.merge_contextvars],
            processors=[processor.remove_processors_meta, structlog.processors.JSONRenderer()],
        )
    )

    @punch.around_job
    @contextmanager
    def bound(job: Any) -> Iterator[None]:
        with structlog.contextvars.bound_contextvars(job=job.name):
            yield

    plain, later = failing(lambda order: structlog.contextvars.bind_contextvars(**{f"order_{order}": order}))

    run(builder.record(plain.prepare("a")), builder.record(later.prepare("b")))

    first, second = (json.loads(line) for line in text.getvalue().splitlines() if line.startswith("{"))
    assert (first["job"], first["order_a"], "order_b" in first) == ("charge", "a", False)
    assert second["job"] == "charge-later"
    assert "order_a" not in second


def test_a_correlation_id_that_a_hook_sets_is_on_the_line_of_a_failure(run: Any, builder: Any, written: Any) -> None:
    correlation = pytest.importorskip("asgi_correlation_id")
    text = written(logging.Formatter("[%(correlation_id)s] %(message)s"), correlation.CorrelationIdFilter())

    @punch.around_job
    @contextmanager
    def identified(job: Any) -> Iterator[None]:
        correlation.correlation_id.set(job.id)
        yield

    prepared = [job.prepare("a") for job in failing(lambda _: None)]
    run(*map(builder.record, prepared))

    identifiers = [json.loads(each.outgoing.body)["id"] for each in prepared]
    assert [line[1:33] for line in text.getvalue().splitlines() if line.startswith("[")] == [
        each[:32] for each in identifiers
    ]


def test_powertools_keys_are_on_the_line_of_a_failure(run: Any, builder: Any, written: Any) -> None:
    powertools = pytest.importorskip("aws_lambda_powertools")
    logger = powertools.Logger(service="shop", logger_handler=logging.NullHandler())
    text = written(logger.registered_formatter)
    logger.append_keys(function_request_id="the invocation's")
    plain, _ = failing(lambda order: logger.thread_safe_append_keys(order=order))

    run(builder.record(plain.prepare("a")))

    (line,) = (json.loads(each) for each in text.getvalue().splitlines() if each.startswith("{"))
    assert (line["order"], line["function_request_id"], line["exception_name"]) == (
        "a",
        "the invocation's",
        "ValueError",
    )


@pytest.mark.parametrize("index", [0, 1], ids=["plain", "async"])
def test_the_span_of_a_job_is_the_current_one_when_its_failure_is_told(
    run: Any, builder: Any, monkeypatch: pytest.MonkeyPatch, index: int
) -> None:
    """For the line, the error handler and the hooks for failures; it records."""
    pytest.importorskip("opentelemetry.sdk")
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider

    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    seen: list[tuple[str, str, bool]] = []

    def see(who: str) -> None:
        span: Any = trace.get_current_span()
        seen.append((who, span.name, span.is_recording()))

    class Seeing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            see("line")

    handler = Seeing()
    logging.getLogger("lambda_punch").addHandler(handler)
    punch.error_handler(lambda *_: see("error handler"))
    punch.jobs.on_failure(lambda _: see("hook"))
    try:
        run(builder.record(failing(lambda _: None)[index].prepare("a")))
    finally:
        logging.getLogger("lambda_punch").removeHandler(handler)
        process.on_error(None)

    assert seen == [(who, "process jobs", True) for who in ("error handler", "line", "hook")]


@pytest.mark.parametrize("index", [0, 1], ids=["plain", "async"])
def test_sentry_has_one_event_of_a_failed_job_under_its_name(run: Any, builder: Any, index: int) -> None:
    """With the tags and the user that the job has set, which the next job does not have."""
    sentry_sdk = pytest.importorskip("sentry_sdk")
    from sentry_sdk.transport import Transport

    from lambda_punch.integrations.telemetry import sentry_scope

    events: list[Any] = []

    class Kept(Transport):  # type: ignore[misc, unused-ignore]
        def capture_envelope(self, envelope: Any) -> None:
            events.extend(item.get_event() for item in envelope.items if item.get_event())

    def note(order: str) -> None:
        sentry_sdk.set_tag(f"order-{order}", order)
        sentry_sdk.set_user({"id": order})

    punch.around_job(sentry_scope)
    job = failing(note)[index]
    sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Kept, default_integrations=True)
    try:
        run(builder.record(job.prepare("a")), builder.record(job.prepare("b")))
    finally:
        sentry_sdk.get_client().close()
        sentry_sdk.init()

    assert [event["exception"]["values"][-1]["value"] for event in events] == ["a", "b"]
    assert {event["transaction"] for event in events} == {("charge", "charge-later")[index]}
    assert [event["user"]["id"] for event in events] == ["a", "b"]
    assert [sorted(event["tags"]) for event in events] == [["order-a"], ["order-b"]]
