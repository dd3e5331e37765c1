"""``lambda-punch jobs ui`` on two servers that speak SQS: by HTTP, and in Chromium."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.jobs.operating.conftest import Orders

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
HOSTILE = "<img src=x onerror='window.hacked=1'>"


class Ui:
    """The page's server, and what the page would ask it."""

    def __init__(self, url: str, process: subprocess.Popen[str]) -> None:
        self.url = url
        self.process = process
        self.token = re.search('name="token" content="([^"]+)"', requests.get(url, timeout=5).text)[1]  # type: ignore[index]

    def counts(self) -> dict[str, Any]:
        answer = requests.get(f"{self.url}queues", timeout=30).json()
        return {each["queue"]: each for each in answer["queues"]}

    def ask(self, path: str, **body: Any) -> requests.Response:
        headers = {"X-Lambda-Punch-Token": self.token}
        return requests.post(f"{self.url}queues/{path}", json=body, headers=headers, timeout=30)

    def letters(self, queue: str = "orders") -> list[dict[str, Any]]:
        return list(self.ask(f"{queue}/look").json()["letters"])


@contextmanager
def ui(server: str, *words: str) -> Iterator[Ui]:
    command = [sys.executable, "-m", "lambda_punch", "jobs", "ui", "--endpoint", server, *words]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield Ui(re.search(r"http://\S+", line)[0], process)  # type: ignore[index]
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0


@pytest.fixture
def orders(sqs: Any) -> Orders:
    return Orders(sqs)


def test_it_shows_counts_and_dead_letters_and_changes_nothing(sqs_server: str, orders: Orders) -> None:
    orders.bury("shop.charge")
    orders.sqs.client.send_message(QueueUrl=orders.url, MessageBody="{}")
    with ui(sqs_server) as page:
        assert (page.counts()["orders"]["waiting"], page.counts()["orders"]["dead"]) == (1, 1)
        (letter,) = page.letters()
        assert (letter["job"], letter["reason"]) == ("shop.charge", "it has used up its retries (5)")
        assert letter["error"] == "ConnectionError: no answer"
        for change in ("run", "drop"):
            refused = page.ask(f"orders/{change}", messages=[letter["message_id"]])
            assert (refused.status_code, "--allow-changes" in refused.text) == (409, True)

    assert orders.count(orders.url) == (1, 0)
    assert orders.count(orders.dead) == (1, 0)  # released after the look


def test_letters_are_run_again_or_dropped_one_by_one(sqs_server: str, orders: Orders) -> None:
    orders.bury(count=3)
    with ui(sqs_server, "orders", "--allow-changes") as page:
        page.counts()
        first, second, _ = page.letters()
        assert page.ask("orders/run", messages=[first["message_id"]]).json() == {"done": 1, "problems": {}}
        assert page.ask("orders/drop", messages=[second["message_id"]]).json() == {"done": 1, "problems": {}}
        again = page.ask("orders/drop", messages=[second["message_id"]]).json()
        assert again["done"] == 0
        assert "not there any more" in again["problems"][second["message_id"]]

    (sent,) = orders.sqs.bodies(orders.url)
    assert (sent["id"], sent["attempt"]) == (first["id"], 1)
    assert orders.count(orders.dead) == (1, 0)


def test_a_letter_cannot_pass_itself_off_as_another(sqs_server: str, orders: Orders) -> None:
    """Whoever may send to the queue chooses the job's id, but not the message's."""
    orders.bury("shop.charge")
    with ui(sqs_server, "--allow-changes") as page:
        page.counts()
        (meant,) = page.letters()
        orders.send_dead("{}", JobId=meant["message_id"], Job="evil")
        assert page.ask("orders/drop", messages=[meant["message_id"]]).json()["done"] == 1
        assert [each["job"] for each in page.letters()] == ["evil"]


def test_only_the_queues_that_were_named_can_be_reached(sqs_server: str, orders: Orders) -> None:
    orders.sqs.create("secret", max_receives=3)
    with ui(sqs_server, "--prefix", "ord", "--allow-changes") as page:
        assert set(page.counts()) == {"orders"}
        assert page.ask("secret/look").status_code == 409
        without = requests.post(f"{page.url}queues/orders/look", timeout=5)
        assert without.status_code == 403  # a look is a receive, so it needs the token
        evil = {"X-Lambda-Punch-Token": page.token, "Origin": "http://evil.example"}
        assert requests.post(f"{page.url}queues/orders/look", headers=evil, timeout=5).status_code == 403
        for body in ({}, {"messages": []}, {"messages": "all"}, {"messages": [1]}):
            assert page.ask("orders/drop", **body).status_code == 400


def test_what_sqs_refuses_is_one_line_before_a_page_is_shown() -> None:
    command = [
        sys.executable,
        "-m",
        "lambda_punch",
        "jobs",
        "ui",
        "--endpoint",
        "http://127.0.0.1:9",
        "--region",
        "eu-west-1",
    ]
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **keys})
    assert (ran.returncode, ran.stdout) == (1, "")
    assert len(ran.stderr.splitlines()) == 1
    assert "Could not connect" in ran.stderr


def test_a_port_that_is_taken_is_one_line(sqs_server: str, orders: Orders) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "lambda_punch", "jobs", "ui", "--endpoint", sqs_server, "--port", port]
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert "choose another with --port" in ran.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}}],
    ids=["wide", "narrow and dark"],
)
def test_in_a_browser_one_finds_runs_and_drops(
    sqs_server: str, orders: Orders, opened: Any, options: dict[str, Any]
) -> None:
    expect = pytest.importorskip("playwright.sync_api").expect
    from tests.browser import serious

    orders.bury("shop.charge")
    orders.send_dead(HOSTILE, Job=HOSTILE, Reason=HOSTILE)
    with ui(sqs_server, "--allow-changes") as shown:
        page = opened(shown.url, **options)
        page.get_by_role("button", name="orders", exact=True).click()
        letters = page.get_by_role("list", name="Dead letters")
        expect(letters.get_by_role("listitem")).to_have_count(2)
        expect(letters).to_contain_text("ConnectionError: no answer")
        expect(letters.get_by_text(HOSTILE).first).to_be_visible()
        assert page.evaluate("window.hacked") is None
        assert serious(page) == []
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

        page.get_by_role("button", name="Run again: shop.charge").press("Enter")
        expect(page.get_by_text("1 sent afresh")).to_be_visible()
        page.get_by_role("button", name=f"Drop: {HOSTILE}").click()
        page.get_by_role("button", name="Drop for good").click()
        expect(page.get_by_text("1 dropped")).to_be_visible()
        expect(letters.get_by_role("listitem")).to_have_count(0)
        page.close()
    assert [body["job"] for body in orders.sqs.bodies(orders.url)] == ["shop.charge"]
