"""``lambda-punch jobs run --here``: a dead letter's job in this process, once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import lambda_punch as punch
from lambda_punch.jobs import registry
from lambda_punch.jobs.operating import here
from lambda_punch.jobs.operating.carrying import Order
from lambda_punch.jobs.operating.places import dead_letters_of
from lambda_punch.jobs.operating.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APP = """
import sys, pathlib
import lambda_punch as punch

@punch.job(name="shop.print_label", queue="orders", retries=5)
def print_label(order):
    if not pathlib.Path("paper").exists():
        raise RuntimeError(f"no paper for {order}")
    execution = punch.jobs.current()
    print(f"label of {order}, attempt {execution.attempt} on {execution.queue}", flush=True)
"""


@pytest.fixture
def app(tmp_path: Path, orders: Any) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def test_a_job_that_still_fails_stays_with_its_traceback(app: Path, orders: Any, begin: Callable[..., Any]) -> None:
    """And is visible again. When the cause is mended, its letter is deleted."""
    orders.die("A-1", "A-2")
    words = ["run", "orders", "--all", "--here", "--app", "app"]

    out, err = begin(*words, "--limit", "1").communicate(timeout=30)
    assert out == "0 of queue dead-orders run here, 1 not\n"
    assert 'raise RuntimeError(f"no paper for {order}")' in err
    assert "stays: RuntimeError: no paper for A-" in err
    assert orders.count(orders.dead) == (2, 0)

    (app / "paper").touch()
    process = begin(*words)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    lines = out.splitlines()
    assert sorted(line for line in lines if line.startswith("label")) == [
        "label of A-1, attempt 1 on orders",
        "label of A-2, attempt 1 on orders",
    ]
    assert lines[-1] == "2 of queue dead-orders run here"
    assert orders.count(orders.dead) == orders.count(orders.url) == (0, 0)


def test_a_dry_run_runs_nothing_and_an_application_is_needed(
    app: Path, orders: Any, begin: Callable[..., Any], call: Callable[..., Any]
) -> None:
    orders.die("A-1")

    assert begin("run", "orders", "--all", "--here", "--app", "app", "--dry-run").communicate(timeout=30)[0] == (
        "shop.print_label " + orders_id(orders) + " would be run here\n1 of queue dead-orders would be run here\n"
    )
    assert call("run", "orders", "--all", "--here")[0] == 2
    assert (
        begin("run", "orders", "--all", "--here", "--app", "nobody")
        .communicate(timeout=30)[1]
        .startswith("lambda-punch jobs run: there is no module nobody; ")
    )
    assert orders.count(orders.dead) == (1, 0)


def orders_id(orders: Any) -> str:
    (letter,) = orders.sqs.receive(orders.dead)
    orders.sqs.client.change_message_visibility(
        QueueUrl=orders.dead, ReceiptHandle=letter["ReceiptHandle"], VisibilityTimeout=0
    )
    return str(json.loads(letter["Body"])["id"][:8])


def test_what_cannot_be_run_stays_and_says_why(orders: Any) -> None:
    """A job that is not declared here, and a message that is none. A job that stops the command lets no other begin."""
    orders.bury("shop.unknown")
    orders.send_dead("not JSON")
    dead = dead_letters_of("orders")

    found = {each.letter.job: each.problem for each in here.run_here(dead, Order(Selection()))}

    assert found["shop.unknown"] == "no job 'shop.unknown' is declared here; import the module that declares it"
    assert found[""] is not None
    assert found[""].startswith("its body is not JSON")
    assert orders.count(orders.dead) == (2, 0)


def test_stop_is_asked_after_each_job(orders: Any) -> None:
    orders.bury("shop.charge", count=3)
    ran: list[int] = []

    @punch.job(name="shop.charge", queue="orders")
    def charge(number: int) -> None:
        ran.append(number)

    found = list(here.run_here(dead_letters_of("orders"), Order(Selection(), stop=lambda: len(ran) == 1)))

    assert (len(ran), len(found)) == (1, 1)
    assert orders.count(orders.dead) == (2, 0)
    assert "shop.charge" in registry._jobs
