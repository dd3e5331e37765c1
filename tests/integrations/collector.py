"""A telemetry backend on the loopback that takes its time: OTLP over HTTP, and Sentry's envelopes."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from typing_extensions import Self


class Collector(ThreadingHTTPServer):
    """Answers each post after ``delay`` seconds and counts what it was sent, by name."""

    daemon_threads = True

    def __init__(self, delay: float) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.delay = delay
        self.spans: Counter[str] = Counter()
        self.logs: Counter[str] = Counter()
        self.metrics: dict[str, int] = {}
        self.events: Counter[str] = Counter()
        self.whole_events: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def sentry_dsn(self) -> str:
        return f"http://key@127.0.0.1:{self.server_port}/1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                self.spans.update(span.name for scope in resource.scope_spans for span in scope.spans)
        elif path == "/v1/logs":
            from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

            for logs in ExportLogsServiceRequest.FromString(body).resource_logs:
                self.logs.update(each.body.string_value for scope in logs.scope_logs for each in scope.log_records)
        elif path == "/v1/metrics":
            from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

            for metrics in ExportMetricsServiceRequest.FromString(body).resource_metrics:
                for scope in metrics.scope_metrics:
                    for metric in scope.metrics:
                        self.metrics[metric.name] = sum(point.as_int for point in metric.sum.data_points)
        else:
            self._take_envelope(body)

    def _take_envelope(self, body: bytes) -> None:
        lines = body.split(b"\n")[1:]
        for header, item in zip(lines[::2], lines[1::2], strict=False):
            if header and json.loads(header).get("type") == "event":
                event = json.loads(item)
                self.events[event.get("message") or "error"] += 1
                self.whole_events.append(event)


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        time.sleep(self.server.delay)
        self.server.take(self.path, body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass
