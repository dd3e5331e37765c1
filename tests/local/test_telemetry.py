"""The Telemetry API and the Logs API, so that extensions that live on them run beside ours."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_punch.local import LocalLambda

    from .conftest import Scripts

# Listens as extensions do, says each batch, and ends when it was told so and has had the last report.
LISTENER = """
import http.server, socketserver

class Taker(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        say(json.dumps({"batch": json.loads(body), "host": self.headers["Host"], "method": self.command}))
        self.send_response(200)
        self.end_headers()

    do_PUT = do_POST

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Taker)
PORT = server.server_address[1]

def subscribe(path=PATH, **more):
    request = {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:%d/x" % PORT},
               "buffering": {"timeoutMs": 25, "maxBytes": 262144, "maxItems": 1000}, **BODY, **more}
    return call("PUT", path, json.dumps(request), {"Lambda-Extension-Identifier": identifier})

identifier = register("INVOKE", "SHUTDOWN")
say(json.dumps({"subscribed": [subscribe()[0], subscribe()[2].decode()]}))
threading.Thread(target=server.serve_forever, daemon=True).start()
while True:
    event = next_event(identifier)
    if event["eventType"] == "SHUTDOWN":
        break
    if LATE:
        say(json.dumps({"subscribed": [subscribe()[0], subscribe()[2].decode()]}))
time.sleep(0.5)  # as extensions do that wait for the last batch; SHUTDOWN comes with no other word
"""

FUNCTION = """
import logging

def handler(event, context):
    print("hello")
    if event == "fail":
        raise ValueError("no")
    if event == "die":
        import os
        os._exit(3)
    return "ok"
"""


@pytest.fixture
def listening(local: Callable[..., LocalLambda], scripts: Scripts) -> Callable[..., list[dict[str, Any]]]:
    """Run a function with an extension that has subscribed; return what the extension said."""

    def run(*events: Any, path: str = "/2022-07-01/telemetry", late: bool = False, **body: Any) -> list[dict[str, Any]]:
        scripts.function(FUNCTION)
        before = f"PATH, LATE, BODY = {path!r}, {late!r}, {body!r}"
        lines: list[tuple[str, str]] = []
        extension = scripts.extension(LISTENER, before=before)
        with local(extensions=[extension], function_name="shop", on_log=lambda *line: lines.append(line)) as function:
            for event in events:
                function.invoke(event)
                function.wait_idle(10)
        return [json.loads(line) for source, line in lines if source != "runtime" and line.startswith("{")]

    return run


def records(said: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [record for each in said for record in each.get("batch", ())]


def kinds(said: list[dict[str, Any]]) -> list[str]:
    return [record["type"] for record in records(said)]


def test_an_extension_gets_the_life_of_the_environment_and_the_lines_of_the_function(
    listening: Callable[..., list[dict[str, Any]]],
) -> None:
    said = listening("a", "fail", schemaVersion="2022-12-13", types=["platform", "function"])

    assert said[0]["subscribed"] == [200, '"OK"']
    batches = [each for each in said if "batch" in each]
    assert {each["method"] for each in batches} == {"POST"}
    assert all(each["host"].startswith("sandbox.localdomain:") for each in batches)
    found = kinds(said)
    assert found[0] == "platform.initStart"
    assert [kind for kind in found if kind not in {"function", "platform.telemetrySubscription"}] == [
        "platform.initStart", "platform.initRuntimeDone", "platform.extension", "platform.initReport",
        "platform.start", "platform.runtimeDone", "platform.report",
        "platform.start", "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    assert "hello" in [record["record"] for record in records(said) if record["type"] == "function"]
    done = [record["record"] for record in records(said) if record["type"] == "platform.runtimeDone"]
    assert [(each["status"], each.get("errorType")) for each in done] == [("success", None), ("error", "ValueError")]
    assert done[0]["metrics"]["producedBytes"] == len('"ok"')
    reports = [record["record"] for record in records(said) if record["type"] == "platform.report"]
    assert reports[0]["metrics"]["initDurationMs"] > 0
    assert "initDurationMs" not in reports[1]["metrics"]
    assert reports[0]["metrics"]["memorySizeMB"] == 128
    assert reports[0]["requestId"] == done[0]["requestId"] != done[1]["requestId"]


def test_a_death_is_told_to_the_extension_that_lives_on(listening: Callable[..., list[dict[str, Any]]]) -> None:
    said = listening("die", "a", schemaVersion="2022-12-13", types=["platform"])

    done = [record["record"] for record in records(said) if record["type"] == "platform.runtimeDone"]
    assert [(each["status"], each.get("errorType")) for each in done] == [
        ("failure", "Runtime.ExitError"), ("success", None),
    ]  # fmt: skip
    phases = [record["record"]["phase"] for record in records(said) if record["type"] == "platform.initStart"]
    assert phases == ["init", "invoke"]


def test_the_logs_api_has_its_own_records(listening: Callable[..., list[dict[str, Any]]]) -> None:
    said = listening("a", path="/2020-08-15/logs", schemaVersion="2021-03-18", types=["platform", "function"])

    assert [kind for kind in kinds(said) if kind.startswith("platform.")] == [
        "platform.logsSubscription", "platform.logsSubscription", "platform.extension",
        "platform.start", "platform.runtimeDone", "platform.end", "platform.report",
    ]  # fmt: skip
    assert "hello" in [record["record"] for record in records(said) if record["type"] == "function"]


def test_after_the_init_no_subscription_is_taken(listening: Callable[..., list[dict[str, Any]]]) -> None:
    said = listening("a", late=True, schemaVersion="2022-12-13", types=["platform"])
    status, body = [each["subscribed"] for each in said if "subscribed" in each][1]

    assert (status, json.loads(body)["errorType"]) == (403, "Telemetry.SubscriptionClosed")


@pytest.mark.parametrize(
    "wrong",
    [{"schemaVersion": "1"}, {"types": []}, {"types": ["metrics"]}, {"types": [1]}, {"types": "platform"},
     {"destination": {"protocol": "HTTP", "URI": "http://example.com:1"}}, {"destination": {"protocol": "UDP"}},
     {"destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:none"}}, {"destination": 1},
     {"buffering": {"timeoutMs": 1}}, {"buffering": {"maxItems": "many"}}],
    ids=str,
)  # fmt: skip
def test_a_subscription_that_makes_no_sense_is_refused(
    listening: Callable[..., list[dict[str, Any]]], wrong: dict[str, Any]
) -> None:
    said = listening(**{"schemaVersion": "2022-12-13", "types": ["platform"], **wrong})
    status, body = said[0]["subscribed"]

    assert (status, json.loads(body)["errorType"]) == (400, "ValidationError")
