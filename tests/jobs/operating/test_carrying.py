"""``lambda-punch jobs run``, ``drop`` and ``move``: sent first, deleted after, whatever happens in between."""

from __future__ import annotations

import json
import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import registry
from lambda_punch.jobs.receiving.routing import jobs_handler
from tests.jobs.servers import ON_MOTO

if TYPE_CHECKING:
    from collections.abc import Callable


def kept(url: str) -> list[Any]:
    """What moto has in a queue, hidden messages too."""
    from moto.sqs.models import sqs_backends

    return list(sqs_backends["123456789012"]["eu-west-1"].get_queue(url.rpartition("/")[2])._messages)


def ids(url: str) -> list[str]:
    return sorted(json.loads(message.body)["id"] for message in kept(url))


@ON_MOTO
def test_a_job_that_is_run_begins_anew_and_its_letter_is_gone(orders: Any, sqs: Any, call: Callable[..., Any]) -> None:
    """The consumer runs the mended job with its first attempt, under its old id."""
    orders.die("A-17")
    before = ids(orders.dead)
    done = []

    status, out, _ = call("run", "orders", "--all")
    assert (status, out.splitlines()[-1]) == (0, "1 of queue dead-orders sent afresh")
    assert (kept(orders.dead), ids(orders.url)) == ([], before)

    def mended(value: Any) -> None:
        current = punch.jobs.current()
        assert current is not None
        done.append((value, current.attempt, current.id))

    declared = registry._jobs["shop.print_label"]
    registry._jobs["shop.print_label"] = declared._replace(function=mended)
    (message,) = sqs.receive(orders.url)
    assert "MessageAttributes" not in message
    sqs.client.change_message_visibility(
        QueueUrl=orders.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    assert jobs_handler(sqs.event(orders.url)) == {"batchItemFailures": []}
    assert done == [("A-17", 1, before[0])]


@ON_MOTO
def test_a_letter_that_sqs_has_moved_begins_anew_too(orders: Any, sqs: Any, call: Callable[..., Any]) -> None:
    """What belongs to an attempt is left out of its message; what is not known is kept. Not ours is sent as it is."""
    orders.send_dead(
        '{"lambda_punch": 1, "job": "ship", "id": "7", "attempt": 4, "due": 9, "error": "E", "later": [1]}', Tag="x"
    )
    orders.send_dead("not JSON")

    assert call("run", "dead-orders", "--all")[0] == 0
    sent = {message["Body"]: message for message in sqs.receive(orders.url)}
    (fresh,) = set(sent) - {"not JSON"}
    assert json.loads(fresh) == {"lambda_punch": 1, "job": "ship", "id": "7", "attempt": 1, "later": [1]}
    assert sent[fresh]["MessageAttributes"]["Tag"]["StringValue"] == "x"


def test_only_what_is_meant_is_carried(orders: Any, call: Callable[..., Any]) -> None:
    """Nothing without a word that says which; a dry run changes nothing; a limit holds."""
    orders.bury("shop.charge", count=3)
    orders.bury("shop.ship", ValueError)

    status, _, said = call("drop", "orders")
    assert (status, "say which" in said) == (2, True)
    assert call("drop", "orders", "--all", "--dry-run")[1].splitlines()[-1] == "4 of queue dead-orders would be dropped"
    assert orders.count(orders.dead) == (4, 0)
    assert call("drop", "orders", "--error", "ValueError")[1].endswith("1 of queue dead-orders dropped\n")
    assert call("drop", "orders", "--limit", "2")[0] == 0
    assert orders.count(orders.dead) == (1, 0)


@ON_MOTO
def test_letters_are_moved_as_they_are(
    orders: Any, sqs: Any, call: Callable[..., Any], lines: Callable[..., Any]
) -> None:
    """With their reasons, so they can be listed where they are."""
    orders.bury(count=12)
    sqs.create("parked")
    before = ids(orders.dead)

    assert len(lines("move", "orders", "--all", "--to", "parked")) == 12
    assert (kept(orders.dead), ids(orders.url.replace("orders", "parked"))) == ([], before)
    assert lines("list", "parked", "--itself")[0]["reason"] == "it has used up its retries (5)"
    assert "are in queue dead-orders already" in call("move", "orders", "--all", "--to", "dead-orders")[2]


@ON_MOTO
def test_what_a_letter_says_of_its_queue_counts_only_if_that_is_so(
    orders: Any, sqs: Any, call: Callable[..., Any]
) -> None:
    """Whoever may write to a dead-letter queue must not be able to send to any other queue by it."""
    sqs.create("payroll")
    orders.send_dead('{"lambda_punch": 1, "job": "pay", "id": "1"}', SourceQueue="payroll")

    assert "would be" not in call("list", "orders")[1]
    status, _, said = call("run", "dead-orders", "--all")
    assert (status, len(kept(orders.dead)), kept(orders.url.replace("orders", "payroll"))) == (1, 1, [])
    assert "it came from queue payroll, whose dead letters do not go to dead-orders" in said


@ON_MOTO
def test_a_missing_permission_leaves_the_queue_that_was_named(
    orders: Any, call: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without sqs:ListDeadLetterSourceQueues it is known of that queue alone that its dead letters go here."""
    from moto.sqs.models import SQSBackend

    orders.bury(count=2)
    orders.send_dead("{}", SourceQueue="mails")

    def refused(*_: Any) -> None:
        raise PermissionError

    monkeypatch.setattr(SQSBackend, "list_dead_letter_source_queues", refused)
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")

    assert call("run", "orders", "--all")[0] == 0
    assert (len(kept(orders.url)), len(kept(orders.dead))) == (2, 1)


@ON_MOTO
def test_letters_that_cannot_be_sent_stay(orders: Any, sqs: Any, call: Callable[..., Any]) -> None:
    """Each is named, with the reason; they are visible again."""
    orders.send_dead(json.dumps({"lambda_punch": 1, "job": "big", "id": "1", "args": ["x" * 2000]}))
    to = sqs.client.create_queue(QueueName="small", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]

    status, out, said = call("move", "orders", "--all", "--to", "small")
    assert (status, said.count(" stays: ")) == (1, 1)
    assert "big 1 stays: " in said
    assert out == "0 of queue dead-orders moved, 1 not\n"
    assert (orders.count(orders.dead), kept(to)) == ((1, 0), [])


def at_delete(monkeypatch: pytest.MonkeyPatch, queue: str, act: Callable[[int], object]) -> None:
    """Have moto act before it deletes a message of a queue; ``act`` gets how many it has deleted."""
    from moto.sqs.models import Queue

    delete, count = Queue.delete_message, iter(range(1000))

    def delete_message(self: Any, receipt: str) -> None:
        if self.name == queue:
            act(next(count))
        delete(self, receipt)

    monkeypatch.setattr(Queue, "delete_message", delete_message)


def test_on_a_terminal_there_is_a_bar(orders: Any, begin_on_terminal: Callable[..., Any]) -> None:
    """In place of the lines; the sum stays."""
    orders.bury(count=3)
    status, shown = begin_on_terminal("drop", "orders", "--all")

    assert status == 0
    assert "100%" in shown
    assert "dropped" in shown
    assert "shop.charge" not in shown


@ON_MOTO
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_in_the_middle_it_ends_between_two_steps(
    orders: Any, sqs: Any, begin: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    """What was sent is deleted, the others are there and visible: none is lost and none is doubled."""
    orders.bury(count=40)
    parked = sqs.create("parked")
    before = ids(orders.dead)
    at_delete(monkeypatch, "dead-orders", lambda count: count == 10 and os.kill(process.pid, number))
    process = begin("move", "orders", "--all", "--to", "parked")

    out, err = process.communicate(timeout=30)
    assert (process.returncode, "stopping when" in err) == (status, True), err
    assert out.splitlines()[-1] == "stopped: 20 of queue dead-orders moved"
    assert (orders.count(orders.dead), orders.count(parked)) == ((20, 0), (20, 0))
    assert sorted(ids(orders.dead) + ids(parked)) == before


@ON_MOTO
@pytest.mark.parametrize("name", ["orders", "orders.fifo"])
def test_killed_between_send_and_delete_nothing_is_lost(
    sqs: Any,
    orders: Any,
    begin: Callable[..., Any],
    call: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    """The ten under way are in both queues; moved again, a FIFO queue takes none of them for a second time."""
    place = type(orders)(sqs, name) if name != "orders" else orders
    place.bury(count=30)
    parked = sqs.create("parked" + name.removeprefix("orders"))
    before = ids(place.dead)

    def kill(count: int) -> None:
        if count >= 10:  # the call never arrives
            process.kill()
            raise ConnectionError

    at_delete(monkeypatch, f"dead-{name}", kill)
    process = begin("move", name, "--all", "--to", "parked" + name.removeprefix("orders"))
    assert process.wait(30) == -signal.SIGKILL

    monkeypatch.undo()
    both = set(ids(place.dead)) & set(ids(parked))
    assert set(ids(place.dead)) | set(ids(parked)) == set(before)
    assert len(both) == 10
    for message in kept(place.dead):
        message.change_visibility(0)
    sqs_environment(monkeypatch, sqs)
    assert call("move", name, "--all", "--to", "parked" + name.removeprefix("orders"))[0] == 0
    doubled = [] if name.endswith(".fifo") else sorted(both)
    assert sorted(ids(parked)) == sorted([*before, *doubled])


def sqs_environment(monkeypatch: pytest.MonkeyPatch, sqs: Any) -> None:
    """Set what undo() has taken away."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", sqs.client.meta.endpoint_url)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "eu-west-1",
    }.items():
        monkeypatch.setenv(name, value)
