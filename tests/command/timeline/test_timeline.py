"""The timeline of a real function: log lines in Lambda's formats, with figures that were worked out by hand."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.command import main
from lambda_punch.local.queues.sqs_server import SqsServer

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = "79b5e81f-9cdd-4145-b1f6-7c50ef8a2a36", "f0c9f58b-8ebe-4e84-a656-95eb6eee865a"
STREAM = "2026/10/08/shop[$LATEST]22be53a8cfde4e68b844f8ec293b2543"


def platform(clock: str, kind: str, **record: Any) -> str:
    return json.dumps({"time": f"2026-10-08T07:30:{clock}Z", "type": f"platform.{kind}", "record": record})


def span(name: str, milliseconds: float) -> dict[str, Any]:
    return {"name": name, "start": "2026-10-08T07:30:28.235Z", "durationMs": milliseconds}


def report(duration: float, billed: int, **more: float) -> dict[str, Any]:
    return {"durationMs": duration, "billedDurationMs": billed, "memorySizeMB": 256, "maxMemoryUsedMB": 123, **more}


# A cold start with a failed job behind its response, then a timeout, as Lambda logs them in JSON at the level DEBUG.
IN_JSON = [
    platform("27.768", "initStart", initializationType="on-demand", phase="init", instanceId=STREAM),
    platform("28.235", "start", requestId=FIRST, version="$LATEST"),
    json.dumps({
        "timestamp": "2026-10-08T07:30:28.400Z", "level": "ERROR", "logger": "lambda_punch", "requestId": SECOND,
        "message": f"job shop.send_mail of request {FIRST} failed", "errorType": "ValueError",
    }),
    platform(
        "28.500", "runtimeDone", requestId=FIRST, status="success", metrics={"durationMs": 20.0, "producedBytes": 16},
        spans=[span("responseLatency", 12.5), span("responseDuration", 0.5), span("runtimeOverhead", 7.0)],
    ),
    platform("28.500", "report", requestId=FIRST, status="success", metrics=report(265.0, 729, initDurationMs=463.512)),
    platform("41.076", "start", requestId=SECOND, version="$LATEST"),
    "<script>window.hacked=1</script>",
    platform("44.076", "report", requestId=SECOND, status="timeout", metrics=report(3000.0, 3000)),
]  # fmt: skip


def rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert main(["timeline", *arguments, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def written(path: Path, lines: list[str]) -> str:
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_json_lines_tell_init_response_what_ran_behind_and_what_was_billed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = rows(capsys, "--file", written(tmp_path / "log", IN_JSON))

    assert (first["init"], first["response"], first["background"], first["billed"]) == pytest.approx(
        (0.463512, 0.013, 0.252, 0.729)
    )
    assert first["failed_jobs"] == ["shop.send_mail"]
    assert first["stream"] == second["stream"] == STREAM
    assert (second["error_type"], second["duration"], second["response"]) == ("timeout", 3.0, None)


def test_text_lines_are_read_as_aws_logs_tail_prints_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = "Memory Size: 128 MB\tMax Memory Used: 50 MB"
    lines = [
        f"2026-10-08T07:30:28.235000+00:00 {STREAM} START RequestId: {FIRST} Version: $LATEST",
        f"2026-10-08T07:30:28.500000+00:00 {STREAM} END RequestId: {FIRST}",
        (
            f"2026-10-08T07:30:28.500000+00:00 {STREAM} REPORT RequestId: {FIRST}\tDuration: 265.00 ms\t"
            f"Billed Duration: 729 ms\t{figures}\tInit Duration: 463.51 ms\t"
        ),
        f"2026-10-08T07:30:41.076000+00:00 {STREAM} START RequestId: {SECOND} Version: $LATEST",
        (
            f"2026-10-08T07:30:44.076000+00:00 {STREAM} REPORT RequestId: {SECOND}\tDuration: 3000.00 ms\t"
            f"Billed Duration: 3000 ms\t{figures}\tStatus: timeout"
        ),
        f"2026-10-08T07:30:45.000000+00:00 {STREAM} START RequestId: cut-off Version: $LATEST",
    ]
    name = written(tmp_path / "log", lines)
    first, second = rows(capsys, "--file", name)
    assert (first["init"], first["duration"], first["billed"]) == pytest.approx((0.46351, 0.265, 0.729))
    assert (second["error_type"], second["stream"]) == ("timeout", STREAM)

    assert main(["timeline", "--file", name, "--plain"]) == 0
    printed = capsys.readouterr().out
    assert "2 invokes: billed 3.73 s" in printed
    assert "the log does not say when the response was sent" in printed
    assert "1 invokes were left out" in printed


def test_the_page_and_the_trace_say_the_same_and_hostile_lines_are_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    html, trace = tmp_path / "run.html", tmp_path / "run.json"
    name = written(tmp_path / "log", IN_JSON)
    assert main(["timeline", "--file", name, "--plain", "--html", str(html), "--trace", str(trace)]) == 0
    assert "response 13 ms, behind it 252 ms" in capsys.readouterr().out

    spans = [each for each in json.loads(trace.read_text())["traceEvents"] if each["ph"] == "X"]
    assert [each["dur"] for each in spans if each["name"] == "behind"] == [252_000, 0]
    assert [each["dur"] for each in spans if each["cat"] == "response"] == [13_000, 3_000_000]
    init = next(each for each in spans if each["name"] == "init")
    response = next(each for each in spans if each["cat"] == "response")
    assert init["dur"] == 463_512  # all of it, up to the begin of the request
    assert init["ts"] + init["dur"] == response["ts"]
    assert "shop.send_mail" in {each["name"] for each in spans}
    page = html.read_text()
    assert "<script>window.hacked" not in page
    assert "window.hacked" in page


def test_a_log_group_is_read_stream_by_stream(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("moto.server")
    import boto3

    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(variable, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with SqsServer() as server:
        logs = boto3.client("logs", endpoint_url=server.endpoint)
        logs.create_log_group(logGroupName="/aws/lambda/shop")
        now = int(time.time() * 1000)
        for stream, request in (("one", FIRST), ("two", SECOND)):
            logs.create_log_stream(logGroupName="/aws/lambda/shop", logStreamName=stream)
            texts = [
                f"START RequestId: {request} Version: $LATEST\n",
                f"REPORT RequestId: {request}\tDuration: 10.00 ms\tBilled Duration: 10 ms\t\n",
            ]
            events = [{"timestamp": now - 1000 + number, "message": text} for number, text in enumerate(texts)]
            logs.put_log_events(logGroupName="/aws/lambda/shop", logStreamName=stream, logEvents=events)

        where = ("--endpoint", server.endpoint)
        found = rows(capsys, "--log-group", "/aws/lambda/shop", "--since", "10m", *where)
        assert {(each["stream"], each["request_id"]) for each in found} == {("one", FIRST), ("two", SECOND)}

        assert main(["timeline", "--log-group", "/aws/lambda/none", *where]) == 1
        assert "cannot read the log group /aws/lambda/none" in capsys.readouterr().err


def test_what_cannot_be_read_is_one_line_with_the_cure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile = ["{", "[]", '{"type": "platform.report", "record": {"requestId": 1, "spans": null}}', "\x00"]
    for arguments, text in (
        (["--file", written(tmp_path / "log", hostile)], "system log level must be INFO or DEBUG"),
        (["--file", str(tmp_path / "none")], "cannot read"),
        (["--log-group", "shop", "--since", "yesterday"], "--since wants"),
        (["--file", "log", "--since", "1h"], "go with --log-group"),
    ):
        assert main(["timeline", *arguments]) == 1
        told = capsys.readouterr().err
        assert text in told
        assert told.count("\n") == 1
