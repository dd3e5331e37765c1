"""A function that traces itself with OpenTelemetry; the spans go out after the response."""

from __future__ import annotations

from typing import Any

from lambda_punch.integrations import telemetry
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

telemetry.flush_after(telemetry.opentelemetry(), timeout=2.0)

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))  # to OTEL_EXPORTER_OTLP_ENDPOINT
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("greetings")


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    with tracer.start_as_current_span("greet") as span:
        name = (event.get("rawPath") or "/world").strip("/") or "world"
        span.set_attribute("name", name)
        return {"statusCode": 200, "body": f"Hello, {name}!"}
