"""``lambda-punch jobs send`` and ``work``: jobs from the shell, run by a worker on this machine."""

from __future__ import annotations

import json
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from lambda_punch.jobs.operating.hidden import Hidden
from tests.jobs.servers import ON_MOTO

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APP = """
import datetime, pathlib, sys, time
import lambda_punch as punch

@punch.job(queue="orders")
def ship(order: str, express: bool = False):
    print("shipped", order, express, flush=True)

@punch.job(queue="orders.fifo", group=lambda day: f"{day:%Y-%m}", name="bill")
def bill(day: datetime.date): ...

@punch.job(queue="orders", retries=1, wait=lambda _: 0)
def charge():
    raise ConnectionError("no answer")

@punch.job(queue="orders")
def slow():
    sys.stdout.write("begun\\n")  # in one piece: another job prints at the same time
    sys.stdout.flush()
    while not pathlib.Path("go").exists():
        time.sleep(0.01)
"""


@pytest.fixture
def app(tmp_path: Path, orders: Any) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def kept(url: str) -> list[Any]:
    """What moto has in a queue, delayed messages too."""
    from moto.sqs.models import sqs_backends

    return list(sqs_backends["123456789012"]["eu-west-1"].get_queue(url.rpartition("/")[2])._messages)


def until(stream: Any, text: str) -> list[str]:
    """Read lines until one has the text."""
    lines: list[str] = []
    for line in stream:
        lines.append(line)
        if text in line:
            return lines
    raise AssertionError(lines)


def test_a_job_is_sent_with_json_arguments(orders: Any, sqs: Any, call: Callable[..., Any]) -> None:
    """Without the application, to a queue that is named; what is no JSON is refused with the cure."""
    words = ["app.ship", '"A-17"', "[1, null]", "--kwargs", '{"express": true}']

    status, out, _ = call("send", *words, "--queue", "orders")
    (sent,) = sqs.bodies(orders.url)
    assert (status, out) == (0, f"app.ship {sent['id']} sent to orders\n")
    assert (sent["args"], sent["kwargs"], sent["attempt"]) == (["A-17", [1, None]], {"express": True}, 1)
    assert call("send", *words)[0] == 2
    assert call("send", *words, "--queue", "nowhere")[0] == 1
    with pytest.raises(SystemExit, match="2"):
        call("send", "app.ship", "A-17", "--queue", "orders")


@ON_MOTO
def test_delays_of_any_length(orders: Any, sqs: Any, call: Callable[..., Any]) -> None:
    """SQS's own up to 15 minutes; for longer ones the message says when it is due."""
    call("send", "app.ship", "--queue", "orders", "--delay", "60")
    call("send", "app.ship", "--queue", "orders", "--at", "2030-01-01T00:00Z")

    delayed = "ApproximateNumberOfMessagesDelayed"
    found = sqs.client.get_queue_attributes(QueueUrl=orders.url, AttributeNames=[delayed])["Attributes"]
    short, long = sorted(
        (json.loads(message.body) for message in kept(orders.url)), key=lambda body: body.get("due", 0)
    )
    assert found[delayed] == "2"
    assert (short["delay"], "due" in short) == (60, False)
    assert abs(long["due"] / 1000 - 1_893_456_000) <= 1


def test_a_declared_job_has_its_own_queue_and_its_arguments_are_checked(
    app: Path, begin: Callable[..., Any], sqs: Any, orders: Any
) -> None:
    """As the consumer would do it; and a module that is not there is named."""
    good, bad = begin("send", "app.ship", '"A"', "--app", "app"), begin("send", "app.ship", "--app", "app")
    nobody = begin("send", "app.ship", "--app", "nobody")

    out, err = good.communicate(timeout=30)
    assert (good.returncode, err, out.endswith(" sent to orders\n")) == (0, "", True)
    assert bad.communicate(timeout=30)[1] == (
        "lambda-punch: app.ship is not sent: its arguments do not fit app.ship: missing a required argument: 'order'\n"
    )
    assert nobody.communicate(timeout=30)[1].startswith("lambda-punch jobs send: there is no module nobody; ")
    assert [body["args"] for body in sqs.bodies(orders.url)] == [["A"]]


def test_the_group_of_a_fifo_job_is_that_of_its_declaration(app: Path, begin: Callable[..., Any], sqs: Any) -> None:
    """Its function gets the arguments as the job would get them."""
    url = sqs.create("orders.fifo")
    out, err = begin("send", "bill", '"2026-05-01"', "--app", "app").communicate(timeout=30)

    assert (err, out.endswith(" sent to orders.fifo\n")) == ("", True)
    (message,) = sqs.receive(url)
    assert message["Attributes"]["MessageGroupId"] == "2026-05"
    assert json.loads(message["Body"])["args"] == ["2026-05-01"]


def test_a_worker_waits_for_jobs_and_runs_them(
    app: Path, begin: Callable[..., Any], call: Callable[..., Any], orders: Any, lines: Callable[..., Any]
) -> None:
    """On an empty queue it waits; retries and dead letters are the function's; Ctrl-C ends it."""
    worker = begin("work", "orders", "--app", "app")
    until(worker.stdout, "waiting for jobs of orders; Ctrl-C ends")
    call("send", "app.charge", "--queue", "orders")
    call("send", "app.ship", '"A-17"', "--queue", "orders")

    assert "shipped A-17 False\n" in until(worker.stdout, "app.ship")
    failures = until(worker.stderr, "attempt 2 of 2; not run again")
    assert any("app.charge" in line and "attempt 1 of 2; next run in 0 s" in line for line in failures)
    worker.send_signal(signal.SIGINT)
    worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert [letter["error_type"] for letter in lines("list", "orders")] == ["ConnectionError"]
    assert orders.count(orders.url) == (0, 0)


@pytest.mark.parametrize("concurrency", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_running_job_is_finished(
    app: Path, begin: Callable[..., Any], call: Callable[..., Any], orders: Any, number: int, concurrency: str
) -> None:
    """Its message is deleted, and no other job is begun."""
    worker = begin("work", "orders", "--app", "app", "--concurrency", concurrency)
    for _ in range(int(concurrency)):
        call("send", "app.slow", "--queue", "orders")
    for _ in range(int(concurrency)):
        until(worker.stdout, "begun")
    call("send", "app.ship", '"later"', "--queue", "orders")
    worker.send_signal(number)
    until(worker.stderr, "stopping when the running jobs are done")
    (app / "go").touch()

    out, _ = worker.communicate(timeout=30)
    assert worker.returncode == 0
    assert out.count("app.slow") == int(concurrency)
    assert orders.count(orders.url) == (1, 0)
    assert orders.values(orders.url) == ["later"]


def test_the_message_of_a_running_job_stays_hidden(orders: Any, sqs: Any) -> None:
    """However long it runs; what the consumer says of its time is not changed."""
    sqs.client.send_message(QueueUrl=orders.url, MessageBody="{}")
    answer = sqs.client.receive_message(QueueUrl=orders.url, VisibilityTimeout=1)
    receipt = answer["Messages"][0]["ReceiptHandle"]
    often = threading.Semaphore(0)
    sqs.client.meta.events.register("after-call.sqs.ChangeMessageVisibility", lambda **_: often.release())

    with Hidden(1) as hidden, hidden.message(orders.url, receipt):
        for _ in range(4):  # a third of a second each
            assert often.acquire(timeout=20)
        assert orders.count(orders.url) == (0, 1)
