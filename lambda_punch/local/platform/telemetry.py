"""The Telemetry API and the older Logs API without their I/O: who wants what, and the records that they get.

- https://docs.aws.amazon.com/lambda/latest/dg/telemetry-api-reference.html
- https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
"""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from .configuration import FUNCTION_VERSION
from .recording import RUNTIME
from .refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .recording import Event

Api = Literal["Telemetry", "Logs"]
Record = dict[str, Any]

_TYPES = frozenset({"platform", "function", "extension"})
_SCHEMAS = {"Telemetry": {"2022-07-01", "2022-12-13", "2025-01-29"}, "Logs": {"2020-08-15", "2021-03-18"}}
_SANDBOX = re.compile(r"http://sandbox(\.localdomain)?:\d{1,5}(/|\Z)")
# The name in a request, its default, and what AWS allows.
_BUFFERING = {
    "maxItems": (10_000, 1_000, 10_000),
    "maxBytes": (262_144, 262_144, 1_048_576),
    "timeoutMs": (1_000, 25, 30_000),
}
_ONLY_TELEMETRY = {"platform.initStart", "platform.initRuntimeDone", "platform.initReport"}


@dataclass(frozen=True)
class Subscription:
    """What an extension asked for. ``uri`` is None for TCP, and ``port`` is None for HTTP; ``timeout`` is in seconds."""

    name: str
    api: Api
    types: frozenset[str]
    uri: str | None
    port: int | None
    method: str
    max_items: int
    max_bytes: int
    timeout: float

    def wants(self, record: Record) -> bool:
        """Tell whether the record is one of those that the extension asked for."""
        if self.api == "Logs" and record["type"] in _ONLY_TELEMETRY:
            return False
        return record["type"].split(".", 1)[0] in self.types


def read_subscription(name: str, api: Api, body: bytes) -> Subscription:
    """Read the body of a subscription; raise Refusal for one that AWS would refuse."""
    try:
        asked = json.loads(body)
    except ValueError as error:
        raise _invalid(f"failed to parse JSON: {error}") from None
    if not isinstance(asked, dict):
        raise _invalid("the subscription is not an object")
    schema = asked.get("schemaVersion")
    if schema not in _SCHEMAS[api] and not (schema is None and api == "Logs"):
        raise _invalid(f"schemaVersion is none of {', '.join(sorted(_SCHEMAS[api]))}: {schema!r}")
    types = asked.get("types")
    if not isinstance(types, list) or not types or not all(isinstance(each, str) and each in _TYPES for each in types):
        raise _invalid(f"types must name some of {', '.join(sorted(_TYPES))}: {types!r}")
    uri, port, method = _destination(asked.get("destination"))
    items, size, milliseconds = (_within(name, asked.get("buffering")) for name in _BUFFERING)
    return Subscription(name, api, frozenset(types), uri, port, method, items, size, milliseconds / 1000)


def closed(api: Api) -> Refusal:
    """Refuse a subscription after the init phase."""
    return Refusal(403, f"{api}.SubscriptionClosed", f"{api} API subscription is closed already")


def _invalid(message: str) -> Refusal:
    return Refusal(400, "ValidationError", message)


def _destination(asked: Any) -> tuple[str | None, int | None, str]:
    asked = asked if isinstance(asked, dict) else {}
    protocol, uri, port = asked.get("protocol"), asked.get("URI"), asked.get("port")
    if protocol == "TCP" and isinstance(port, int):
        return None, port, ""
    if protocol == "HTTP" and isinstance(uri, str):
        if not _SANDBOX.match(uri):
            raise _invalid(f"the destination must be http://sandbox.localdomain:PORT, not {uri}")
        return uri, None, "PUT" if asked.get("method") == "PUT" else "POST"
    raise _invalid(f"the destination needs the protocol HTTP and a URI, or TCP and a port: {asked!r}")


def _within(name: str, buffering: Any) -> int:
    default, least, most = _BUFFERING[name]
    value = (buffering if isinstance(buffering, dict) else {}).get(name, default)
    if not isinstance(value, int) or not least <= value <= most:
        raise _invalid(f"buffering.{name} must be from {least} to {most}: {value!r}")
    return value


class Translator:
    """Turns what happened in an environment into platform records. ``peak_memory`` tells the MB that were in use at most."""

    def __init__(self, memory_size: int, peak_memory: Callable[[], int]) -> None:
        self._memory_size = memory_size
        self._peak_memory = peak_memory
        self._request_id = ""
        self._extensions: list[Record] = []
        self._init: float | None = None
        self._init_took: float | None = None
        self._runtime_ready = False
        self._begun = 0.0
        self._answered: float | None = None
        self._produced = 0
        self._error_type: str | None = None
        self._status = "success"
        self._told = False

    def records(self, event: Event) -> Iterator[Record]:
        """Give the records of an event."""
        action = getattr(self, f"_on_{event.kind.replace('-', '_')}", None)
        for kind, content in action(event) if action is not None else ():
            yield record_of(f"platform.{kind}", content, event.at)

    def _on_init_start(self, event: Event) -> Iterator[tuple[str, Record]]:
        self._init, self._runtime_ready, self._extensions = event.at, False, []
        yield "initStart", {**self._phase(), "functionVersion": FUNCTION_VERSION}

    def _phase(self) -> Record:
        return {"initializationType": "on-demand", "phase": "invoke" if self._request_id else "init"}

    def _on_registered(self, event: Event) -> Iterator[tuple[str, Record]]:
        name = event.source.split(":", 1)[-1]
        self._extensions.append({"name": name, "state": "Ready", "events": event.detail["events"]})
        yield from ()

    def _on_next(self, event: Event) -> Iterator[tuple[str, Record]]:
        if event.source == RUNTIME and not self._runtime_ready:
            self._runtime_ready = True
            yield "initRuntimeDone", {**self._phase(), "status": "success"}

    def _on_init_done(self, event: Event) -> Iterator[tuple[str, Record]]:
        for extension in self._extensions:
            yield "extension", extension
        yield from self._end_init(event, "success")

    def _on_init_failed(self, event: Event) -> Iterator[tuple[str, Record]]:
        status = "timeout" if event.detail.get("error_type") == "Sandbox.Timedout" else "error"
        yield "initRuntimeDone", {**self._phase(), "status": status, "errorType": event.detail.get("error_type")}
        yield from self._end_init(event, status)

    def _end_init(self, event: Event, status: str) -> Iterator[tuple[str, Record]]:
        took = event.at - (self._init if self._init is not None else event.at)
        self._init_took = None if self._request_id else took
        yield "initReport", {**self._phase(), "status": status, "metrics": {"durationMs": _milliseconds(took)}}

    def _on_invoke(self, event: Event) -> Iterator[tuple[str, Record]]:
        self._request_id, self._begun, self._answered = event.request_id or "", event.at, None
        self._status, self._error_type, self._produced, self._told = "success", None, 0, False
        yield "start", {"requestId": self._request_id, "version": FUNCTION_VERSION}

    def _on_response(self, event: Event) -> Iterator[tuple[str, Record]]:
        self._answered, self._produced = event.at, event.detail.get("bytes", 0)
        yield from ()

    def _on_error(self, event: Event) -> Iterator[tuple[str, Record]]:
        self._status, self._error_type = "error", event.detail.get("error_type")
        yield from self._on_response(event)

    def _on_runtime_done(self, event: Event) -> Iterator[tuple[str, Record]]:
        yield from self._runtime_done(event)

    def _on_timeout(self, event: Event) -> Iterator[tuple[str, Record]]:
        self._status = "timeout"
        yield from self._runtime_done(event)

    def _on_crash(self, event: Event) -> Iterator[tuple[str, Record]]:
        self._status, self._error_type = "failure", event.detail.get("error_type")
        yield from self._runtime_done(event)

    def _runtime_done(self, event: Event) -> Iterator[tuple[str, Record]]:
        if self._told:
            return
        self._told = True
        metrics = {"durationMs": _milliseconds(event.at - self._begun), "producedBytes": self._produced}
        content = {**self._outcome(), "metrics": metrics}
        if self._answered is not None:
            latency = {"name": "responseLatency", "start": iso(self._begun)}
            content["spans"] = [{**latency, "durationMs": _milliseconds(self._answered - self._begun)}]
        yield "runtimeDone", content

    def _outcome(self) -> Record:
        error = {} if self._error_type is None else {"errorType": self._error_type}
        return {"requestId": self._request_id, "status": self._status, **error}

    def _on_invoke_done(self, event: Event) -> Iterator[tuple[str, Record]]:
        took = _milliseconds(event.at - self._begun)
        billed = took if self._init_took is None else took + _milliseconds(self._init_took)  # the init, too, since 2025
        metrics: Record = {
            "durationMs": took,
            "billedDurationMs": math.ceil(billed),
            "memorySizeMB": self._memory_size,
            "maxMemoryUsedMB": self._peak_memory(),
        }
        if self._init_took is not None:
            metrics["initDurationMs"] = _milliseconds(self._init_took)
            self._init_took = None
        content, self._request_id = {**self._outcome(), "metrics": metrics}, ""
        yield "report", content


def for_api(record: Record, api: Api) -> list[Record]:
    """Return the record as the API shows it: the Logs API has a record for the end, and no spans."""
    if api == "Telemetry" or record["type"] not in {"platform.report", "platform.runtimeDone"}:
        return [record]
    content = record["record"]
    if record["type"] == "platform.runtimeDone":
        return [{**record, "record": {"requestId": content["requestId"], "status": content["status"]}}]
    end = {**record, "type": "platform.end", "record": {"requestId": content["requestId"]}}
    return [end, {**record, "record": {"requestId": content["requestId"], "metrics": content["metrics"]}}]


def record_of(kind: str, content: Any, at: float | None = None) -> Record:
    """Return a record of something that happened at the monotonic instant ``at``, or now."""
    return {"time": iso(time.monotonic() if at is None else at), "type": kind, "record": content}


def iso(at: float) -> str:
    """Return a monotonic instant as the APIs write it."""
    moment = datetime.fromtimestamp(time.time() + at - time.monotonic(), timezone.utc)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
