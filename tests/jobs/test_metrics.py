"""The metrics: Lambdakiq's names, in documents that CloudWatch's own schema accepts."""

from __future__ import annotations

import io
import json
import sys
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import lambda_punch as punch
from lambda_punch import _events, _settings
from lambda_punch import testing as punch_testing
from lambda_punch._events.jobs import EVENTS, JobEvent
from lambda_punch._settings import Settings
from lambda_punch.metrics import Metrics
from lambda_punch.runtime import start as runtime_start
from lambda_punch.runtime.modes import OnLambda
from lambda_punch.runtime.process import FOREVER
from lambda_punch.runtime.start import process

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Function

NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
UNITS = [
    "Seconds", "Microseconds", "Milliseconds", "Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes", "Bits",
    "Kilobits", "Megabits", "Gigabits", "Terabits", "Percent", "Count", "Bytes/Second", "Kilobytes/Second",
    "Megabytes/Second", "Gigabytes/Second", "Terabytes/Second", "Bits/Second", "Kilobits/Second", "Megabits/Second",
    "Gigabits/Second", "Terabits/Second", "Count/Second", "None",
]  # fmt: skip
# The rules of CloudWatch's specification of the embedded metric format, as a schema.
SCHEMA = {
    "type": "object",
    "required": ["_aws"],
    "properties": {
        "_aws": {
            "type": "object",
            "required": ["Timestamp", "CloudWatchMetrics"],
            "properties": {
                "Timestamp": {"type": "integer", "minimum": 10**12},
                "CloudWatchMetrics": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["Namespace", "Dimensions", "Metrics"],
                        "properties": {
                            "Namespace": {"type": "string", "minLength": 1, "maxLength": 255},
                            "Dimensions": {
                                "type": "array",
                                "minItems": 1,
                                "items": {
                                    "type": "array",
                                    "minItems": 1,
                                    "maxItems": 30,
                                    "items": {"type": "string", "minLength": 1, "maxLength": 250, "pattern": "^[^:]"},
                                },
                            },
                            "Metrics": {
                                "type": "array",
                                "minItems": 1,
                                "maxItems": 100,
                                "items": {
                                    "type": "object",
                                    "required": ["Name"],
                                    "properties": {"Name": NAME, "Unit": {"enum": UNITS}},
                                    "additionalProperties": False,
                                },
                            },
                        },
                        "additionalProperties": False,
                    },
                },
            },
        },
    },
}


def check(line: str) -> dict[str, Any]:
    """Hold a line against the schema and the rules that a schema cannot say; return the document."""
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert len(line.encode()) < 256 * 1024
    document: dict[str, Any] = json.loads(line)
    jsonschema.validate(document, SCHEMA)
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for dimension in (each for dimensions in directive["Dimensions"] for each in dimensions):
            value = document[dimension]
            assert isinstance(value, str)
            assert 1 <= len(value) <= 1024
            assert value.isascii()
            assert value.strip()
        for metric in directive["Metrics"]:
            values = document[metric["Name"]]
            values = values if isinstance(values, list) else [values]
            assert 1 <= len(values) <= 100
            assert all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
    return document


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Turn metrics on; return what gives the documents written so far, all of them checked."""
    _settings.restore({"metrics": "jobs"})
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
    text: list[str] = []

    def written() -> list[dict[str, Any]]:
        text.append(capsys.readouterr().out)
        return [check(line) for line in "".join(text).splitlines(keepends=True)]

    return written


def test_a_performed_job_is_lambdakiqs_document(run: Any, builder: Any, note: Any, written: Any) -> None:
    """Dimensions, metrics and properties; MessageId and QueueName are the record's."""
    _settings.restore({"metrics_arguments": True})
    prepared = note.prepare("test")
    record = builder.record(prepared, queue="lambdakiq-JobsQueue-TESTING123.fifo", sent=-2)
    run(record)

    (performed,) = written()
    assert performed["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["AppName", "JobEvent", "JobName"]]
    assert {key: performed[key] for key in ("AppName", "JobEvent", "JobName", "Count", "JobId", "QueueName", "MessageId", "Executions", "JobArg1")} == {
        "AppName": "shop", "JobEvent": "perform", "JobName": "note", "Count": 1, "JobId": prepared.outgoing.id,
        "QueueName": "lambdakiq-JobsQueue-TESTING123.fifo", "MessageId": record["messageId"], "Executions": 1,
        "JobArg1": "test",
    }  # fmt: skip
    assert 0 <= performed["Duration"] < 1000
    assert 2000 <= performed["QueueLatency"] < 4000
    assert performed["EnqueuedAt"].endswith("Z")
    assert "ExceptionCount" not in performed


@pytest.mark.parametrize(("metrics", "heard"), [("jobs", ["perform"]), ("all", ["perform_start", "perform"])])
def test_the_start_of_a_job_is_written_only_if_all_is(metrics: str, heard: list[str]) -> None:
    """Each document costs; the one at the end has the time that the job waited, too."""
    documents: list[dict[str, Any]] = []
    metric = Metrics(Settings(metrics=metrics, metrics_sink=documents.append), "shop", lambda function: function())
    for event in ("perform_start", "perform"):
        metric.hear(JobEvent(event, "note", "1", latency=2.0))

    assert [each["JobEvent"] for each in documents] == heard
    assert documents[-1]["QueueLatency"] == 2000


@pytest.mark.parametrize(("attempt", "event"), [(7, "enqueue_retry"), (13, "retry_stopped")])
def test_a_failed_job_tells_its_exception(
    run: Any, builder: Any, fail: Any, written: Any, attempt: int, event: str
) -> None:
    """Lambdakiq's case: seven executions, RuntimeError; or the end of the retries."""
    run(builder.record(fail.prepare("test"), attempt=attempt))

    performed, ended = written()
    assert (performed["JobEvent"], performed["ExceptionCount"], performed["ExceptionName"]) == (
        "perform",
        1,
        "RuntimeError",
    )
    assert (ended["JobEvent"], ended["Executions"], ended["ExceptionName"]) == (event, attempt, "RuntimeError")


def test_a_sent_job_is_written_behind_the_response(written: Any, note: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never while the request is answered; enqueue, and enqueue_at for one with a delay."""
    from lambda_punch.testing import enqueued

    process.become(OnLambda(process, watched=True))
    process.begin("request-1", 0)
    with enqueued():
        note.enqueue("one")
        note.using(delay=60).enqueue("two")
    before = written()
    process.respond()
    process.drain.run(FOREVER)

    assert before == []
    assert [each["JobEvent"] for each in written()] == ["enqueue", "enqueue_at"]


def test_punches_are_written_if_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count, durations, and how long after the response they began; and what was lost. One document a drain."""
    from lambda_punch.runtime.reports import report_lost

    documents: list[Any] = []
    _settings.restore({"metrics": "all", "metrics_sink": documents.append, "metrics_app_name": "shop"})
    runtime_start.job_settings()
    process.become(OnLambda(process, watched=True))
    process.begin("request-1", 0)
    for number in range(150):
        punch.push(divmod, number, 0 if number == 3 else 1)
    process.respond()
    process.drain.run(FOREVER)
    punch.push(print)
    report_lost(process, process.queue.clear(), "a test")

    for document in documents:
        check(json.dumps(document) + "\n")
    first, second, lost = documents
    assert [first["PunchCount"], second["PunchCount"]] == [100, 50]
    assert (len(first["PunchDuration"]), len(second["QueueLatency"])) == (100, 50)
    assert first["PunchExceptionCount"] == 1
    assert "PunchExceptionCount" not in second
    assert lost["Lost"] == 1
    assert {each["AppName"] for each in documents} == {"shop"}


def test_off_means_off(run: Any, builder: Any, note: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """By configuration; and off Lambda nothing is written unless it is asked for."""
    monkeypatch.delenv("AWS_LAMBDA_FUNCTION_NAME", raising=False)
    run(builder.record(note.prepare(1)))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "shop")
    _settings.restore({"metrics": "off"})
    run(builder.record(note.prepare(1)))

    assert capsys.readouterr().out == ""


def test_arguments_are_left_out_unless_they_are_asked_for(
    run: Any, builder: Any, note: Any, fail: Any, written: Any, caplog: Any
) -> None:
    """They may hold what does not belong in a log, and no line of the library has them either."""
    with punch_testing.enqueued():
        note.enqueue("secret")
    run(builder.record(note.prepare("secret")), builder.record(fail.prepare("secret")))

    documents = written()
    assert len(documents) == 4
    assert "secret" not in json.dumps(documents) + caplog.text


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.builds(
        JobEvent,
        event=st.sampled_from(EVENTS[2:]), job=st.text(), id=st.text(), queue=st.none() | st.text(),
        args=st.lists(st.text(max_size=3000) | st.integers() | st.lists(st.text())).map(tuple),
        kwargs=st.dictionaries(st.text(), st.integers(), max_size=3), message_id=st.none() | st.text(),
        enqueued_at=st.none() | st.integers(), executions=st.none() | st.integers(), duration=st.floats(0, 1e6),
        latency=st.none() | st.floats(0, 1e6), wait=st.none() | st.floats(0, 1e6), error=st.none() | st.text(min_size=1),
    )
    | st.builds(_events.PunchesRan, st.lists(st.floats(0, 1e6), min_size=1), st.just([]), st.integers(0, 9))
    | st.builds(_events.PunchesLost, st.integers(1, 10**6)),
    st.text(),
)  # fmt: skip
def test_every_document_is_one_that_cloudwatch_takes(event: Any, app_name: str) -> None:
    """Whatever the job is called, and whatever its arguments hold."""
    stream = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", stream)
        Metrics(Settings(metrics="all"), app_name, lambda function: function()).hear(event)

    for line in stream.getvalue().splitlines(keepends=True):
        check(line)
    assert stream.getvalue()


@pytest.mark.parametrize(
    ("options", "variables"),
    [("metrics='all'", {}), ("", {"LAMBDA_PUNCH_METRICS": "all"})],
    ids=["configure", "variable"],
)
def test_on_lambda_punches_are_written_from_the_start(
    function: Callable[..., Function], options: str, variables: dict[str, str]
) -> None:
    """Whichever way they were asked for; a function that declares no durable job is measured too."""
    shop = function(
        f"""
        punch.configure({options})
        punch.start()

        def handler(event, context):
            punch.push(note, "job")
            punch.handled(context)
        """,
        env=variables,
    )
    shop.call()

    (line,) = shop.said('"PunchCount"')
    assert json.loads(line)["PunchCount"] == 1
