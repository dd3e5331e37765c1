"""Telemetry goes out after the response: each span and event once, and no caller waits for the collector."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING

import pytest

from lambda_punch import ConfigurationError
from lambda_punch.integrations import telemetry

from .collector import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lambda_punch.local import Invocation
    from tests.conftest import Function

    Make = Callable[..., Function]

DELAY = 0.08
ROUNDS = 5

OPENTELEMETRY = """
import logging
from opentelemetry import metrics, trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry._logs import LogRecord
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(), 3_600_000)]))
logs = LoggerProvider()
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
set_logger_provider(logs)

tracer, counter = trace.get_tracer("shop"), metrics.get_meter("shop").create_counter("orders")

def record(name):
    with tracer.start_as_current_span(f"span {name}"):
        counter.add(1)
        logs.get_logger("shop").emit(LogRecord(body=f"log {name}", timestamp=time.time_ns()))
"""

SENTRY = """
import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration
sentry_sdk.init(os.environ["SENTRY_DSN"], integrations=[AwsLambdaIntegration()], traces_sample_rate=0)

def record(name):
    sentry_sdk.capture_message(f"event {name}")
"""

HANDLER = """
from lambda_punch.integrations import telemetry

def job(name):
    record(f"job {name}")

def handler(event, context):
    record(event)
    punch.push(job, event)
    return event
"""


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A collector that needs 80 ms for each post."""
    with Collector(DELAY) as collector:
        yield collector


def variables(collector: Collector) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "SENTRY_DSN": collector.sentry_dsn}


def latency(invocation: Invocation) -> float:
    return invocation.responded_at - invocation.sent_at


def test_opentelemetry_is_flushed_after_each_response_once(function: Make, collector: Collector) -> None:
    """Traces, metrics and logs, of handlers and of jobs; also those of the last invoke before the shutdown."""
    shop = function(
        OPENTELEMETRY + HANDLER + "telemetry.flush_after(telemetry.opentelemetry())\n",
        env=variables(collector), timeout=10, init_timeout=30,
    )  # fmt: skip

    invocations = []
    for number in range(ROUNDS):
        shop.wait_idle(timeout=10)
        invocations.append(shop.invoke(number))
    shop.shutdown()

    assert statistics.median(latency(each) for each in invocations) < DELAY / 2
    expected = [f"{who}{number}" for number in range(ROUNDS) for who in ("", "job ")]
    assert collector.spans == {f"span {name}": 1 for name in expected}
    assert collector.logs == {f"log {name}": 1 for name in expected}
    assert collector.metrics["orders"] == 2 * ROUNDS
    assert shop.said("rror") == []


def test_sentry_s_own_flush_is_turned_off_and_done_after_the_response(function: Make, collector: Collector) -> None:
    """Its integration for Lambda would wait for the collector before each response."""
    shop = function(
        SENTRY + HANDLER + "telemetry.flush_after(telemetry.sentry())\n",
        env=variables(collector), timeout=10, init_timeout=30,
    )  # fmt: skip

    invocations = []
    for number in range(ROUNDS):
        invocations.append(shop.invoke(number))
        shop.wait_idle(timeout=10)
        assert collector.events[f"event job {number}"] == 1  # nothing waits for the next invoke
    shop.invoke("last")
    shop.shutdown()

    assert statistics.median(latency(each) for each in invocations) < DELAY / 2
    expected = [f"{who}{number}" for number in [*range(ROUNDS), "last"] for who in ("", "job ")]
    assert collector.events == {f"event {name}": 1 for name in expected}


def test_without_it_sentry_keeps_the_caller_waiting(function: Make, collector: Collector) -> None:
    """The reason for the preset, and the check that this suite's latencies mean something."""
    shop = function(SENTRY + HANDLER, env=variables(collector), timeout=10, init_timeout=30)

    assert all(latency(shop.invoke(number)) >= DELAY for number in range(2))


def test_flushers_come_last_also_after_jobs_pushed_by_jobs(function: Make) -> None:
    """In their order, once behind each response."""
    shop = function(
        """
        from lambda_punch.integrations.telemetry import flush_after
        async def other(): note("async flush")
        flush_after(lambda: note("flush"), other)

        def outer():
            time.sleep(0.05)
            punch.push(note, "inner")

        def handler(event, context):
            if event:
                punch.push(outer)
                punch.push(note, "job")
        """
    )

    for event in (True, False):
        shop.call(event)

    assert shop.told == ["job", "inner", "flush", "async flush", "flush", "async flush"]


def test_flushers_wait_for_other_workers(function: Make) -> None:
    """A worker that is idle first must not flush while another still runs its job."""
    shop = function(
        """
        from lambda_punch.integrations.telemetry import flush_after
        punch.configure(workers=3)
        flush_after(lambda: note("flush"))

        def slow(): time.sleep(0.3); note("slow")

        def handler(event, context):
            punch.push(slow)
            punch.push(note, "quick")
        """
    )

    shop.call()

    assert shop.told == ["quick", "slow", "flush"]


def test_a_flusher_that_raises_or_hangs_does_not_keep_the_others(function: Make) -> None:
    """It is named in the log; one budget holds for all; one that hangs is not begun twice."""
    shop = function(
        """
        from lambda_punch.integrations.telemetry import flush_after
        go_on = threading.Event()

        def broken(): raise OSError("the collector is away")
        def stuck(): note("stuck begins"); go_on.wait()

        flush_after(broken, lambda: note("flush"), timeout=0.1)
        flush_after(stuck, timeout=0.2)

        def handler(event, context):
            note("request")
        """,
        timeout=5,
    )

    first = shop.invoke()
    shop.wait_idle(timeout=10)
    done = [event.at for event in shop.events if event.kind == "invoke-done"][-1]
    shop.call()

    assert shop.told == ["request", "flush", "stuck begins", "request", "flush"]
    assert 0.2 < done - first.responded_at < 2
    assert len(shop.said("OSError: the collector is away")) == 2
    assert len(shop.said("app.broken of request")) == 2
    assert len(shop.said("app.stuck was not flushed within 0.3 s")) == 2


def test_the_deadline_cuts_the_budget_short(function: Make) -> None:
    """A collector that hangs never makes the function time out."""
    shop = function(
        """
        from lambda_punch.integrations.telemetry import flush_after
        flush_after(lambda: time.sleep(5), timeout=60)

        def handler(event, context):
            return "answer"
        """,
        timeout=1,
    )

    assert [shop.call(), shop.call()] == ["answer", "answer"]
    assert shop.said("Task timed out") == []


def test_off_lambda_it_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendors' own flushes stay: nothing is called, nothing is turned off."""
    monkeypatch.delenv("OTEL_INSTRUMENTATION_AWS_LAMBDA_FLUSH_TIMEOUT", raising=False)
    called: list[str] = []

    telemetry.flush_after(lambda: called.append("flush"), telemetry.opentelemetry(), telemetry.sentry())

    import os

    assert called == []
    assert "OTEL_INSTRUMENTATION_AWS_LAMBDA_FLUSH_TIMEOUT" not in os.environ


@pytest.mark.parametrize("timeout", [0, -1, True, 901])
def test_a_budget_that_is_none_is_refused(timeout: float) -> None:
    """The error says what it may be."""
    with pytest.raises(ConfigurationError, match="timeout must be a number of seconds from 0.001 to 900"):
        telemetry.flush_after(timeout=timeout)


def test_what_cannot_be_flushed_is_refused() -> None:
    """At the call of flush_after(), not at the end of the first request."""
    with pytest.raises(ConfigurationError, match="takes presets and callables"):
        telemetry.flush_after("sentry")  # type: ignore[arg-type]


def test_a_preset_whose_library_is_missing_says_which() -> None:
    """With the name to give to pip."""
    with pytest.raises(ImportError, match="pip install newrelic"):
        telemetry.new_relic()


def test_powertools_metrics_are_one_line_behind_the_response(function: Make) -> None:
    """Of the handler and its jobs together; none, and no warning of Powertools', where there are none."""
    pytest.importorskip("aws_lambda_powertools")
    shop = function(
        """
        from aws_lambda_powertools import Metrics
        from lambda_punch.integrations import telemetry
        metrics = Metrics(namespace="shop", service="orders")
        telemetry.flush_after(telemetry.powertools_metrics(metrics))

        def mail(): metrics.add_metric(name="Mails", unit="Count", value=1)

        def handler(event, context):
            if event == "order":
                metrics.add_metric(name="Orders", unit="Count", value=1)
                punch.push(mail)
            note("answered")
        """,
        init_timeout=30,
    )

    for event in ("nothing", "order", "order", "nothing"):
        shop.call(event)

    lines = [json.loads(line) for line in shop.said('"_aws"')]
    assert [(line["Orders"], line["Mails"]) for line in lines] == [([1.0], [1.0])] * 2
    assert not shop.said("No application metrics")
