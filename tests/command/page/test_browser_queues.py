"""The queues on the page, in Chromium: retries to come, dead letters, run again and drop."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("moto.server")
from playwright.sync_api import expect

from tests.browser import serious

from .conftest import Run, started

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
HOSTILE = "<img src=x onerror='window.hacked=1'>"
HANDLER = f"""
import os
import lambda_punch as punch
punch.start()

@punch.job(queue="work", retries=0)
def charge(order):
    if not os.path.exists("mended"):
        raise ValueError("{HOSTILE}")

@punch.job(queue="work", retries=3, wait=lambda attempt: 300)
def ship(order):
    raise ConnectionError("no answer")

@punch.handler
def handler(event, context):
    path = event.get("rawPath", "")
    (ship if path == "/ship" else charge).enqueue("{HOSTILE}")
    return {{"statusCode": 200}}
"""


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with started(tmp_path, HANDLER, "--queue", "work") as run:
        yield run


def test_a_dead_job_is_found_in_three_clicks_and_run_again(run: Run, opened: Any, tmp_path: Path) -> None:
    run.ask("/charge")
    page = opened(run.page)

    page.get_by_role("button", name=re.compile(r"queues \(1 dead\)")).click()
    page.get_by_role("button", name="work", exact=True).click()
    page.get_by_text("Message and runs").click()

    letter = page.get_by_role("region", name="The chosen queue").get_by_role("list", name="Dead letters")
    expect(letter).to_contain_text("it has used up its retries (0)")
    expect(letter).to_contain_text(f"ValueError: {HOSTILE}")
    expect(letter.locator("pre")).to_contain_text(HOSTILE)
    expect(letter.get_by_role("row", name="1 message of work")).to_contain_text("ValueError")
    assert page.evaluate("window.hacked") is None

    (tmp_path / "mended").touch()
    page.get_by_role("button", name="Run again: app.charge").click()
    expect(page.get_by_text("1 sent afresh")).to_be_visible()
    expect(letter.get_by_role("listitem")).to_have_count(0)
    page.get_by_role("button", name="requests", exact=True).click()
    page.get_by_role("option", name="GET /charge").click()
    sent = page.get_by_role("region", name="The chosen request")
    expect(sent.get_by_role("row", name="1 message of work")).to_have_count(2)
    expect(sent.get_by_role("row", name="done").last).to_contain_text("1 message of work")


def test_a_retry_to_come_says_when_and_why_and_who_sent_it(run: Run, opened: Any) -> None:
    run.ask("/ship")
    page = opened(run.page)
    page.get_by_role("button", name="queues", exact=True).click()
    page.get_by_role("button", name="work", exact=True).click()

    queue = page.get_by_role("region", name="The chosen queue")
    expect(queue.get_by_text(re.compile(r"attempt 2, in \d+ (s|min|m), at "))).to_be_visible()
    expect(queue.get_by_text("the last attempt: ConnectionError")).to_be_visible()
    queue.get_by_role("button", name="sent by GET /ship").click()
    expect(page.get_by_role("region", name="The chosen request")).to_contain_text("app.ship")


def test_letters_are_dropped_by_keyboard_alone_after_a_question(run: Run, opened: Any) -> None:
    run.ask("/one")
    run.ask("/two")
    page = opened(run.page)
    page.get_by_role("button", name=re.compile(r"queues \(2 dead\)")).press("Enter")
    page.get_by_role("button", name="work", exact=True).press("Enter")
    drop = page.get_by_role("button", name="Drop all 2")
    drop.press("Enter")
    expect(page.get_by_role("dialog", name="Drop 2 dead letters?")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("list", name="Dead letters").get_by_role("listitem")).to_have_count(2)

    drop.press("Enter")
    page.get_by_role("button", name="Drop for good").press("Enter")
    expect(page.get_by_text("2 dropped")).to_be_visible()
    expect(page.get_by_role("list", name="Dead letters").get_by_role("listitem")).to_have_count(0)


@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}],
    ids=["light", "dark", "narrow"],
)
def test_the_queues_are_accessible_in_light_dark_and_narrow(run: Run, opened: Any, options: dict[str, Any]) -> None:
    run.ask("/charge")
    run.ask("/ship")
    page = opened(run.page, **options)
    page.get_by_role("button", name=re.compile(r"queues \(1 dead\)")).click()
    page.get_by_role("button", name="work", exact=True).click()
    page.get_by_text("Message and runs").click()
    expect(page.get_by_text("the last attempt: ConnectionError")).to_be_visible()

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Drop: app.charge").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert serious(page) == []
