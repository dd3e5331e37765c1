"""``lambda-punch jobs list`` and ``show``: dead letters with their reasons; they stay where they are."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.jobs.servers import ON_MOTO

if TYPE_CHECKING:
    from collections.abc import Callable


@ON_MOTO
def test_a_list_says_why_each_job_died(orders: Any, call: Callable[..., Any]) -> None:
    """The consumer wrote it; the names of the queue and of its dead-letter queue do."""
    orders.die(1)

    for name in ("orders", "dead-orders", orders.url, "arn:aws:sqs:eu-west-1:123456789012:orders"):
        status, out, _ = call("list", name)
        assert status == 0
        head, line = out.splitlines()
        assert head.split("  ")[0] == "DIED (UTC)"
        assert re.match(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d  shop.print_label  [0-9a-f]{8}  +1  ", line)
        assert line.endswith("it has used up its retries (0)  RuntimeError: no paper")


def test_a_look_hides_nothing_when_it_is_over(orders: Any, call: Callable[..., Any]) -> None:
    """Also those beyond the limit, and those of a pass of several receives."""
    orders.bury(count=25)

    assert (
        call("list", "orders", "--limit", "12")[2] == "these are 12; dead-orders has about 25, and --limit shows more\n"
    )
    assert orders.count(orders.dead) == (25, 0)
    assert len(call("list", "orders")[1].splitlines()) == 26
    assert orders.count(orders.dead) == (25, 0)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--job", "shop.charge"], ["shop.charge"]),
        (["--job", "shop.*"], ["shop.charge", "shop.ship"]),
        (["--error", "ConnectionError"], ["mail.send", "shop.charge"]),
        (["--error", "*Error"], ["mail.send", "shop.charge", "shop.ship"]),
        (["--error", "NO ANSWER", "--job", "shop.*"], ["shop.charge", "shop.ship"]),
        (["--error", "used up"], ["mail.send", "shop.charge", "shop.ship"]),
        (["--after", "1h"], ["mail.send", "shop.charge", "shop.ship"]),
        (["--before", "1h"], []),
        (["--before", "2100-01-01"], ["mail.send", "shop.charge", "shop.ship"]),
        (["--after", "2100-01-01T00:00Z"], []),
    ],
)  # fmt: skip
def test_filters(orders: Any, lines: Callable[..., Any], words: list[str], found: list[str]) -> None:
    """By job, error and time; all that are given have to fit."""
    orders.bury("shop.charge")
    orders.bury("shop.ship", ValueError)
    orders.bury("mail.send")

    assert sorted(letter["job"] for letter in lines("list", "orders", *words)) == found


def test_a_message_that_sqs_has_moved_says_so(orders: Any, sqs: Any, lines: Callable[..., Any]) -> None:
    """Nobody has written a reason; its id is that of its job, or else its own."""
    orders.send_dead('{"lambda_punch": 1, "job": "shop.ship", "id": "order-7", "attempt": 2}')
    orders.send_dead("not JSON")
    ours, other = sorted(lines("list", "orders"), key=lambda letter: letter["job"], reverse=True)

    assert (ours["job"], ours["id"], ours["died_at"], ours["attempts"]) == ("shop.ship", "order-7", None, None)
    assert (other["job"], other["id"]) == ("", other["message_id"])
    assert {ours["reason"], other["reason"]} == {"SQS moved it: it was received too often"}


def test_show_has_everything(orders: Any, call: Callable[..., Any], lines: Callable[..., Any]) -> None:
    """By the beginning of an id, of the job or of the message; with the arguments."""
    orders.die("A-17")
    (letter,) = lines("list", "orders")

    for identity in (letter["id"], letter["id"][:8], letter["message_id"]):
        status, out, _ = call("show", "orders", identity)
        assert status == 0
        assert "error       RuntimeError: no paper" in out
        assert "queue       orders" in out
        assert json.loads(out.partition("message     ")[2])["args"] == ["A-17"]
    assert orders.count(orders.dead) == (1, 0)


def test_an_id_that_is_not_there_is_named(orders: Any, call: Callable[..., Any]) -> None:
    """A part that is too short is no name, or it might mean another one."""
    orders.die(1)

    assert call("show", "orders", "0000000000") == (
        1,
        "",
        "lambda-punch jobs show: no dead letter 0000000000 in dead-orders\n",
    )
    assert call("drop", "orders", "0")[0] == 1
    assert orders.count(orders.dead) == (1, 0)


def test_a_letter_cannot_write_to_the_terminal(orders: Any, call: Callable[..., Any]) -> None:
    """What anybody may have sent is shown without control characters."""
    hostile = "\x9b2J\u202e\u2028"
    orders.send_dead(hostile + "{", Reason=hostile, Job=hostile, JobId="12345678", DiedAt=hostile, Attempts="9" * 40)

    for words in (["list", "orders"], ["show", "orders", "12345678"]):
        shown = call(*words)[1]
        assert not set("\x9b\u202e\u2028") & set(shown)
        assert "\\x9b2J\\u202e\\u2028" in shown


@ON_MOTO
def test_a_queue_without_dead_letters_is_refused(sqs: Any, call: Callable[..., Any]) -> None:
    """What is in it are jobs that wait, and they must not be dropped by mistake."""
    sqs.create("plain")
    sqs.client.send_message(QueueUrl=sqs.client.get_queue_url(QueueName="plain")["QueueUrl"], MessageBody="{}")

    status, _, said = call("drop", "plain", "--all")
    assert (status, said.count("\n")) == (1, 1)
    assert "queue plain has no dead-letter queue, and is none" in said
    assert call("list", "plain", "--itself")[1].count("\n") == 2


def test_an_empty_queue_and_a_missing_one(orders: Any, call: Callable[..., Any]) -> None:
    """Each is one line."""
    assert call("list", "orders") == (0, "", "no dead letters in dead-orders\n")
    status, _, said = call("list", "nowhere")
    assert (status, said) == (
        1, "lambda-punch: queue nowhere: there is no such queue here; check its name, the region and the account\n",
    )  # fmt: skip


def test_a_configured_queue_has_its_name_in_the_code(orders: Any, begin: Callable[..., Any]) -> None:
    """As in the function: LAMBDA_PUNCH_QUEUES says which queue that is on AWS."""
    orders.bury()
    process = begin("list", "sales", LAMBDA_PUNCH_QUEUES=json.dumps({"sales": {"url": orders.url}}))

    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert "shop.charge" in out
