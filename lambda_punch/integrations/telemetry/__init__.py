"""Flush telemetry after the response instead of before it.

    from lambda_punch.integrations import telemetry

    telemetry.flush_after(telemetry.opentelemetry(), telemetry.sentry())    # in module code

| preset                     | flushes                                  | the vendor's own flush before the response     |
| -------------------------- | ---------------------------------------- | ---------------------------------------------- |
| opentelemetry()            | traces, metrics and logs of the SDK      | turned off: OTEL_INSTRUMENTATION_AWS_LAMBDA_FLUSH_TIMEOUT=0, read when AwsLambdaInstrumentor instruments |
| sentry()                   | events, transactions, logs, sessions     | turned off: the client's option shutdown_timeout=0 |
| new_relic()                | what the agent would send at its harvest | there is none; in serverless mode nothing needs flushing |
| langfuse()                 | the Langfuse client's queue              | there is none: leave out your own flush()      |
| powertools_metrics(metrics)| the metrics, as one line of EMF          | leave out @metrics.log_metrics                 |
"""

from __future__ import annotations

from lambda_punch.integrations.telemetry.flush import Flusher, flush_after
from lambda_punch.integrations.telemetry.presets import (
    langfuse,
    new_relic,
    opentelemetry,
    powertools_metrics,
    sentry,
)
from lambda_punch.integrations.telemetry.scopes import opentelemetry_span, sentry_scope

__all__ = [
    "Flusher",
    "flush_after",
    "langfuse",
    "new_relic",
    "opentelemetry",
    "opentelemetry_span",
    "powertools_metrics",
    "sentry",
    "sentry_scope",
]
