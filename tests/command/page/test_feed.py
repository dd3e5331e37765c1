"""What the page is told: a record for each request, and what has changed since one last looked."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from lambda_punch.command.page.feed import Feed
from lambda_punch.command.page.titles import title_of
from lambda_punch.command.page.trace import trace_of
from lambda_punch.local.platform.recording import Event, Kind


class Told:
    """A feed, and one environment that tells it what happens."""

    def __init__(self, **options: Any) -> None:
        self.feed = Feed(**options)

    def happen(self, kind: Kind, request: str | None = None, *, payload: bytes = b"", **detail: Any) -> None:
        self.feed.on_event(1, Event(time.monotonic(), "platform", kind, request, detail, payload))

    def serve(self, request: str, event: bytes = b"{}", error: str | None = None) -> None:
        self.happen("queued", request, payload=event)
        self.happen("invoke", request)
        self.happen("answered", request, payload=b'"done"', error_type=error)
        self.happen("invoke-done", request)

    def requests(self) -> dict[str, dict[str, Any]]:
        return {each["id"]: each for each in self.feed.changes(0)[1] if each["kind"] == "request"}


def test_a_request_is_kept_up_to_date_from_its_arrival_to_its_end() -> None:
    told = Told()
    told.happen("queued", "r1", payload=b'{"rawPath": "/orders", "requestContext": {"http": {"method": "POST"}}}')
    assert told.requests()["r1"]["begun"] is None

    told.happen("invoke", "r1")
    told.happen("answered", "r1", payload=b'"done"', error_type=None)
    told.happen("invoke-done", "r1")

    found = told.requests()["r1"]
    assert found["title"] == "POST /orders"
    assert found["queued"] <= found["begun"] <= found["answered"] <= found["done"]
    assert told.feed.details("r1") is not None
    assert told.feed.details("r1")["response"] == '"done"'  # type: ignore[index]


def test_one_is_told_only_what_has_changed_since_one_last_looked() -> None:
    told = Told()
    told.serve("r1")
    seen, _ = told.feed.changes(0)
    assert told.feed.changes(seen) == (seen, [])

    told.serve("r2")
    _, changed = told.feed.changes(seen)
    assert {each["id"] for each in changed if each["kind"] == "request"} == {"r1", "r2"}  # r1: not frozen any more

    seen, _ = told.feed.changes(seen)
    told.feed.on_log(1, "runtime", "a line")
    assert [each["id"] for each in told.feed.changes(seen)[1]] == ["r2"]


def test_a_line_counts_for_the_request_that_is_under_way_also_after_its_response() -> None:
    told = Told()
    told.serve("r1")
    told.feed.on_log(1, "runtime", "behind the first")
    told.serve("r2")
    told.feed.on_log(1, "runtime", "behind the second")

    assert [line["text"] for line in told.feed.details("r1")["log"]] == ["behind the first"]  # type: ignore[index]
    assert [line["text"] for line in told.feed.details("r2")["log"]] == ["behind the second"]  # type: ignore[index]


def test_a_job_belongs_to_the_request_that_pushed_it_wherever_it_runs() -> None:
    told = Told()
    told.serve("r1")
    told.serve("r2")
    job = {"pid": 7, "number": 1, "name": "app.mail", "request": "r1", "id": "", "attempt": 0}
    told.feed.on_job({**job, "begun": time.monotonic()})
    told.feed.on_job({**job, "ended": time.monotonic(), "error": "ValueError: no"})

    found = told.requests()
    assert [(each["name"], each["error"]) for each in found["r1"]["jobs"]] == [("app.mail", "ValueError: no")]
    assert found["r1"]["failed_jobs"] == 1
    assert found["r2"]["jobs"] == []


def test_a_durable_job_is_shown_with_who_sent_it_and_each_of_its_runs() -> None:
    told = Told(most=3)
    told.serve("web")
    told.feed.on_report({"pid": 1, "request": "web", "sent": {"id": "j1", "name": "app.ship", "queue": "work"}})
    for attempt, error in ((1, "ConnectionError: no"), (2, None)):
        told.serve(f"batch{attempt}")
        run = {
            "pid": 7,
            "number": attempt,
            "name": "app.ship",
            "request": f"batch{attempt}",
            "id": "j1",
            "attempt": attempt,
        }
        told.feed.on_report({**run, "begun": time.monotonic()})
        told.feed.on_report({**run, "ended": time.monotonic(), "error": error})

    (job,) = [each for each in told.feed.changes(0)[1] if each["kind"] == "durable"]
    assert (job["sent_by"], job["queue"], job["name"]) == ("web", "work", "app.ship")
    assert [(run["request"], run["attempt"], run["error"]) for run in job["runs"]] == [
        ("batch1", 1, "ConnectionError: no"),
        ("batch2", 2, None),
    ]
    for number in range(5):
        told.feed.on_report(
            {"pid": 1, "request": "", "sent": {"id": f"k{number}", "name": "app.ship", "queue": "work"}}
        )
    assert [each["id"] for each in told.feed.changes(0)[1] if each["kind"] == "durable"] == ["k2", "k3", "k4"]


def test_the_oldest_requests_go_when_there_are_too_many() -> None:
    told = Told(most=3)
    for number in range(10):
        told.serve(f"r{number}")

    assert list(told.requests()) == ["r7", "r8", "r9"]
    assert told.feed.details("r0") is None
    told.feed.on_log(1, "runtime", "still taken")


@pytest.mark.parametrize(
    ("event", "title"),
    [
        ({"requestContext": {"http": {"method": "GET"}}, "rawPath": "/a"}, "GET /a"),
        ({"httpMethod": "PUT", "path": "/b"}, "PUT /b"),
        (
            {"Records": [{"eventSource": "aws:sqs", "eventSourceARN": "arn:aws:sqs:eu-west-1:1:mails"}]},
            "1 message of mails",
        ),
        ({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put"}]}, "ObjectCreated:Put"),
        ({"source": "shop", "detail-type": "Order Placed"}, "Order Placed"),
        ({"Records": "no list"}, "event"),
        ([1], "event"),
        (None, "event"),
    ],
)
def test_an_event_has_the_name_that_a_person_would_give_it(event: Any, title: str) -> None:
    assert title_of(json.dumps(event))["title"] == title
    assert title_of("no JSON {")["title"] == "event"


def test_the_spans_of_a_trace_add_up_to_what_the_feed_says() -> None:
    told = Told()
    for number in range(20):
        told.serve(f"r{number}", error="ValueError" if number == 3 else None)
    job = {"pid": 7, "number": 1, "name": "app.mail", "request": "r3", "id": "", "attempt": 0}
    told.feed.on_job({**job, "begun": 1.0})
    told.feed.on_job({**job, "ended": 1.5, "error": None})

    spans = [each for each in trace_of(told.feed)["traceEvents"] if each["ph"] == "X"]
    shown = told.requests().values()
    responses = sum(each["dur"] for each in spans if each["cat"] == "response")
    assert responses == pytest.approx(sum(each["answered"] - each["begun"] for each in shown) * 1e6, abs=len(shown))
    assert [each["dur"] for each in spans if each["cat"] == "job"] == [500_000]
