"""How each vendor's library is flushed after the response, and kept from flushing before it."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import time
from typing import TYPE_CHECKING, Any

from lambda_punch._log import logger
from lambda_punch.integrations.telemetry.flush import Flusher
from lambda_punch.integrations.telemetry.scopes import sentry_scope

if TYPE_CHECKING:
    from typing import Protocol

    class Metrics(Protocol):
        """``aws_lambda_powertools.Metrics``."""

        provider: Any

        def flush_metrics(self) -> None:
            """Print them."""


_OTEL_TIMEOUT = "OTEL_INSTRUMENTATION_AWS_LAMBDA_FLUSH_TIMEOUT"


def opentelemetry() -> Flusher:
    """Flush the global tracer, meter and logger providers of the OpenTelemetry SDK.

    AWS Lambda's instrumentation flushes before the response, up to 30 s; its variable for that is set to 0 here,
    unless you have set it. It is read when the instrumentation begins, so call flush_after() before that; an ERROR line
    says so if it was later. Exporters have timeouts of their own, and the SDK exports all it has within them, however
    short the budget. Raises ImportError without opentelemetry-api.
    """
    _need("opentelemetry", "opentelemetry-sdk", "opentelemetry()")

    def flush(seconds: float) -> None:
        from opentelemetry._logs import get_logger_provider
        from opentelemetry.metrics import get_meter_provider
        from opentelemetry.trace import get_tracer_provider

        deadline = time.monotonic() + seconds
        errors = []
        for get_provider in (get_tracer_provider, get_meter_provider, get_logger_provider):
            force_flush: Any = getattr(get_provider(), "force_flush", None)  # without an SDK the providers have none
            if force_flush is not None:
                try:
                    force_flush(max(1, int((deadline - time.monotonic()) * 1000)))
                except Exception as error:  # noqa: BLE001 - a metric reader that fails must not stop the logs
                    errors.append(error)
        if errors:
            raise errors[0]

    def prepare() -> None:
        late = _OTEL_TIMEOUT not in os.environ and _is_instrumented()
        os.environ.setdefault(_OTEL_TIMEOUT, "0")
        if late:
            logger().error(
                "AwsLambdaInstrumentor instrumented before flush_after(opentelemetry()) was called, so it still flushes "
                "before each response; call it first, or set %s=0",
                _OTEL_TIMEOUT,
            )

    return Flusher("lambda_punch.integrations.telemetry.opentelemetry", flush, prepare)


def _is_instrumented() -> bool:
    module = sys.modules.get("opentelemetry.instrumentation.aws_lambda")
    return module is not None and bool(module.AwsLambdaInstrumentor().is_instrumented_by_opentelemetry)


def sentry() -> Flusher:
    """Flush Sentry's client, and run each job in a scope of its own. Raises ImportError without sentry-sdk.

    Its AwsLambdaIntegration flushes before the response, for up to the client's ``shutdown_timeout``; that is set to
    0 on the client in use, as soon as there is one. The asynchronous transport (experimental) is not flushed by this.
    """
    _need("sentry_sdk", "sentry-sdk", "sentry()")

    def flush(seconds: float) -> None:
        import sentry_sdk

        sentry_sdk.flush(timeout=seconds)

    def prepare() -> None:
        import sentry_sdk

        client = sentry_sdk.get_client()
        if client.is_active():
            client.options["shutdown_timeout"] = 0

    return Flusher("lambda_punch.integrations.telemetry.sentry", flush, prepare, sentry_scope)


def new_relic() -> Flusher:
    """Harvest New Relic's agent, which sends once a minute by itself. Raises ImportError without newrelic.

    In its serverless mode the agent prints each transaction as it ends, for New Relic's own extension, and nothing is
    left to send. A job that is to be a transaction of its own needs ``newrelic.agent.background_task``.
    """
    _need("newrelic", "newrelic", "new_relic()")

    def flush(_seconds: float) -> None:
        agent = importlib.import_module("newrelic.core.agent").agent_instance()
        if agent.global_settings().serverless_mode.enabled:
            return
        for application in list(agent.applications.values()):
            application.harvest(shutdown=False, flexible=True)
            application.harvest(shutdown=False, flexible=False)

    return Flusher("lambda_punch.integrations.telemetry.new_relic", flush)


def langfuse(client: Any = None) -> Flusher:
    """Flush Langfuse's client: the one given, else its default. Raises ImportError without langfuse."""
    _need("langfuse", "langfuse", "langfuse()")

    def flush(_seconds: float) -> None:
        (client or importlib.import_module("langfuse").get_client()).flush()

    return Flusher("lambda_punch.integrations.telemetry.langfuse", flush)


def powertools_metrics(metrics: Metrics) -> Flusher:
    """Print the metrics of Powertools for AWS Lambda, if there are any, and clear them.

    Leave out ``@metrics.log_metrics``, which prints them before the response. Metrics that jobs add are included.
    """

    def flush(_seconds: float) -> None:
        if getattr(metrics.provider, "metric_set", True):  # with none it would warn
            metrics.flush_metrics()

    return Flusher("lambda_punch.integrations.telemetry.powertools_metrics", flush)


def _need(module: str, package: str, preset: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise ImportError(f"telemetry.{preset} flushes {package}, which is not installed: pip install {package}")
