"""What the page shows: one record for each request, kept up to date while things happen.

Events, log lines and jobs come in from any thread. A reader asks for what has changed since it last asked, so nobody
has to be told, and a slow reader costs no memory. The oldest requests are dropped when there are too many, and so are
the oldest log lines of a request.
"""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .durable import DurableJobs
from .titles import title_of

if TYPE_CHECKING:
    from lambda_punch.local import Event

_MOST_REQUESTS = 10_000
_MOST_LINES = 500  # of one request
_MOST_JOBS = 200  # of one request
_LONGEST_TEXT = 64 * 1024


@dataclass
class _Environment:
    number: int
    state: str = "starting"
    since: float = 0.0
    request: str | None = None  # the one under way, or the last one
    init_begun: float | None = None
    init: float = 0.0
    pids: set[int] = field(default_factory=set)
    function: str | None = None  # its name, where there are several


@dataclass
class _Request:
    shown: dict[str, Any]
    lines: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=_MOST_LINES))
    event: bytes = b""
    response: str = ""


class Feed:
    """Everything that the page shows. All times that it gives are seconds since it was made."""

    def __init__(self, *, most: int = _MOST_REQUESTS) -> None:
        self.began = time.monotonic()
        self.epoch = time.time()
        self._most = most
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._environments: dict[int, _Environment] = {}
        self._requests: OrderedDict[str, _Request] = OrderedDict()
        self._durable = DurableJobs(most)
        self._changed: OrderedDict[tuple[str, str], int] = OrderedDict()  # the newest change stands at the end

    # -- what comes in ------------------------------------------------------------------------------------------------

    def on_event(self, environment: int, event: Event) -> None:
        """Take what happened in an environment."""
        with self._lock:
            here = self._environments.setdefault(environment, _Environment(environment))
            action = getattr(self, f"_on_{event.kind.replace('-', '_')}", None)
            if action is not None:
                action(here, event)

    def on_environment(self, environment: int, function: str) -> None:
        """Take the name of the function whose environment this is."""
        with self._lock:
            self._environments.setdefault(environment, _Environment(environment)).function = function

    def on_log(self, environment: int, source: str, text: str) -> None:
        """Take a line that a process of an environment wrote; it counts for the request that is under way there."""
        with self._lock:
            here = self._environments.setdefault(environment, _Environment(environment))
            request = self._requests.get(here.request or "")
            if request is None:
                return
            request.lines.append({"at": self.now(), "source": source, "text": text[:_LONGEST_TEXT]})
            request.shown["lines"] += 1
            self._touch("request", here.request or "")

    def on_report(self, told: dict[str, Any]) -> None:
        """Take whatever a runtime reports."""
        (self.on_sent if "sent" in told else self.on_job)(told)

    def on_job(self, told: dict[str, Any]) -> None:
        """Take a report of a runtime on a job: that it begins, or how it ended."""
        with self._lock:
            here = next((each for each in self._environments.values() if told["pid"] in each.pids), None)
            request_id = told["request"] or (here.request if here else None) or ""
            request = self._requests.get(request_id)
            if request is None:
                return
            jobs: list[dict[str, Any]] = request.shown["jobs"]
            key = f"{told['pid']}-{told['number']}"
            job = next((each for each in jobs if each["key"] == key), None)
            if job is None:
                if len(jobs) >= _MOST_JOBS:
                    return
                job = {"key": key, "name": told["name"], "id": told["id"], "attempt": told["attempt"]}
                jobs.append(job)
            if "begun" in told:
                job["begun"] = self._since(told["begun"])
            else:
                job["ended"], job["error"] = self._since(told["ended"]), told["error"]
                if told["error"] is not None:
                    request.shown["failed_jobs"] += 1
            if job["id"]:
                self._forget("durable", self._durable.ran(job, request_id))
                self._touch("durable", job["id"])
            self._touch("request", request_id)

    def on_sent(self, told: dict[str, Any]) -> None:
        """Take a report of a runtime that a request has sent a durable job."""
        with self._lock:
            self._forget("durable", self._durable.sent(told["sent"], told["request"] or None))
            self._touch("durable", told["sent"]["id"])

    def on_http(self, request_id: str, status: int) -> None:
        """Take the status with which a request over HTTP was answered."""
        with self._lock:
            request = self._requests.get(request_id)
            if request is not None:
                request.shown["status"] = status
                self._touch("request", request_id)

    def now(self) -> float:
        """Return the seconds since the feed was made."""
        return self._since(time.monotonic())

    # -- what goes out ------------------------------------------------------------------------------------------------

    def changes(self, since: int) -> tuple[int, list[dict[str, Any]]]:
        """Return the number of the newest change, and the records that have changed after number ``since``."""
        with self._lock:
            found = []
            newest = since
            for (kind, key), number in reversed(self._changed.items()):
                if number <= since:
                    break
                newest = max(newest, number)
                found.append(self._record(kind, key))
            return newest, [each for each in reversed(found) if each is not None]

    def details(self, request_id: str) -> dict[str, Any] | None:
        """Return a request with its event, its response and its log lines; None if it is not known any more."""
        with self._lock:
            request = self._requests.get(request_id)
            if request is None:
                return None
            return {
                **json.loads(json.dumps(request.shown)),
                "event": _text(request.event),
                "response": request.response,
                "log": list(request.lines),
            }

    def event_of(self, request_id: str) -> bytes | None:
        """Return the event of a request as it was sent."""
        with self._lock:
            request = self._requests.get(request_id)
            return None if request is None else request.event

    def function_of(self, request_id: str) -> str | None:
        """Return the name of the function that a request was for, where there are several."""
        with self._lock:
            request = self._requests.get(request_id)
            return None if request is None else request.shown["function"]

    def _record(self, kind: str, key: str) -> dict[str, Any] | None:
        if kind == "environment":
            here = self._environments[int(key)]
            shown = {"number": here.number, "state": here.state, "since": here.since, "function": here.function}
            return {"kind": kind, **shown}
        if kind == "durable":
            return {"kind": kind, **self._durable.record(key)}
        request = self._requests.get(key)
        return None if request is None else {"kind": kind, **json.loads(json.dumps(request.shown))}

    # -- one event after the other ------------------------------------------------------------------------------------

    def _on_init_start(self, here: _Environment, event: Event) -> None:
        here.init_begun = event.at
        self._enter(here, "starting", event.at)

    def _on_started(self, here: _Environment, event: Event) -> None:
        here.pids.add(event.detail["pid"])

    def _on_init_done(self, here: _Environment, event: Event) -> None:
        self._end_init(here, event.at)

    def _on_init_failed(self, here: _Environment, event: Event) -> None:
        self._end_init(here, event.at)

    def _end_init(self, here: _Environment, at: float) -> None:
        if here.init_begun is None:
            return
        here.init, here.init_begun = at - here.init_begun, None
        request = self._requests.get(here.request or "")
        if here.state != "starting":
            return
        if request is not None and request.shown["done"] is None and request.shown["begun"] is not None:
            request.shown["init"], request.shown["init_inside"], here.init = here.init, True, 0.0
            self._enter(here, "busy", at)
            self._touch("request", here.request or "")
        else:
            self._enter(here, "ready", at)

    def _on_queued(self, here: _Environment, event: Event) -> None:
        self._request(here, event.request_id or "", event.at, event.payload)

    def _request(self, here: _Environment, request_id: str, at: float, event: bytes) -> _Request:
        shown: dict[str, Any] = {
            "id": request_id, "number": next(self._numbers), "environment": here.number, "function": here.function, "queued": self._since(at),
            **title_of(_text(event)), "init": 0.0, "init_inside": False, "begun": None, "answered": None, "done": None, "frozen_until": None,
            "error": None, "status": None, "jobs": [], "failed_jobs": 0, "lines": 0,
        }  # fmt: skip
        request = self._requests[request_id] = _Request(shown, event=event)
        while len(self._requests) > self._most:
            oldest, _ = self._requests.popitem(last=False)
            self._forget("request", oldest)
        self._touch("request", request_id)
        return request

    def _on_invoke(self, here: _Environment, event: Event) -> None:
        request_id = event.request_id or ""
        last = self._requests.get(here.request or "")
        if last is not None and last.shown["frozen_until"] is None:
            last.shown["frozen_until"] = self._since(event.at)
            self._touch("request", here.request or "")
        request = self._requests.get(request_id) or self._request(here, request_id, event.at, b"")
        request.shown["begun"], request.shown["init"] = self._since(event.at), here.init
        here.init, here.request = 0.0, request_id
        self._enter(here, "busy", event.at)
        self._touch("request", request_id)

    def _on_answered(self, here: _Environment, event: Event) -> None:
        request = self._requests.get(event.request_id or "")
        if request is not None:
            request.shown["answered"] = self._since(event.at)
            request.shown["error"] = event.detail.get("error_type")
            request.response = _text(event.payload)
            self._touch("request", event.request_id or "")
            self._enter(here, "after", event.at)

    def _on_invoke_done(self, here: _Environment, event: Event) -> None:
        request = self._requests.get(event.request_id or "")
        if request is not None:
            request.shown["done"] = self._since(event.at)
            self._touch("request", event.request_id or "")
        self._enter(here, "ready", event.at)

    def _on_frozen(self, here: _Environment, event: Event) -> None:
        self._enter(here, "frozen", event.at)

    def _on_shutdown(self, here: _Environment, event: Event) -> None:
        self._enter(here, "ending", event.at)

    def _on_down(self, here: _Environment, event: Event) -> None:
        here.pids.clear()
        self._enter(here, "down", event.at)

    def _enter(self, here: _Environment, state: str, at: float) -> None:
        here.state, here.since = state, self._since(at)
        self._touch("environment", str(here.number))

    # -- small things -------------------------------------------------------------------------------------------------

    def _touch(self, kind: str, key: str) -> None:
        number = next(reversed(self._changed.values()), 0) + 1
        self._changed[kind, key] = number
        self._changed.move_to_end((kind, key))

    def _forget(self, kind: str, key: str | None) -> None:
        if key is not None:
            self._changed.pop((kind, key), None)

    def _since(self, at: float) -> float:
        return round(at - self.began, 6)


def _text(payload: bytes) -> str:
    return payload[:_LONGEST_TEXT].decode("utf-8", "replace")
