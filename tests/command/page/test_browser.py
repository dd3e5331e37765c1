"""The page in a real browser: Chromium, driven by Playwright."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from lambda_punch.command import main
from tests.browser import serious

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Run

pytestmark = pytest.mark.slow


def test_it_grows_while_requests_come_and_shows_a_failed_job_in_three_clicks(opened: Any, run: Run) -> None:
    page = opened(run.page)
    expect(page.get_by_text("No request yet")).to_be_visible()

    run.ask("/orders")
    expect(page.get_by_role("option")).to_have_count(1)
    run.ask("/bad")
    expect(page.get_by_role("option")).to_have_count(2)

    page.get_by_role("button", name="failed (1)").click()
    page.get_by_role("option", name="GET /bad").click()
    details = page.get_by_role("region", name="The chosen request")
    expect(details.get_by_role("row", name="app.broken")).to_contain_text(
        "ValueError: <script>window.hacked=1</script>"
    )
    expect(details.locator(".log")).to_contain_text("<img src=x onerror='window.hacked=1'>")
    assert page.evaluate("window.hacked") is None  # hostile lines are text


def test_a_request_is_sent_again_and_changed_and_by_hand(opened: Any, run: Run) -> None:
    run.ask("/quiet")
    page = opened(run.page)
    page.get_by_role("option").click()
    page.get_by_role("button", name="Send again", exact=True).click()
    expect(page.get_by_role("option")).to_have_count(2)

    page.get_by_role("button", name="Change and send").click()
    event = page.get_by_label("The event, as JSON")
    event.fill(event.input_value().replace("/quiet", "/changed"))
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("option", name="GET /changed")).to_be_visible()

    page.get_by_role("button", name="Send an event").click()
    event.fill("{ no JSON")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("JSON")

    what = page.get_by_label("What", exact=True)
    what.select_option("s3")
    expect(event).to_have_value(re.compile("ObjectCreated:Put"))
    what.select_option("an HTTP request")
    page.get_by_label("Path").fill("/by-hand")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_role("option", name="POST /by-hand")).to_be_visible()


def test_the_keyboard_is_enough(opened: Any, run: Run) -> None:
    for path in ("/one", "/two", "/three"):
        run.ask(path)
    page = opened(run.page)
    expect(page.get_by_role("option")).to_have_count(3)
    page.get_by_role("listbox").focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("/three")
    page.keyboard.press("End")
    expect(page.get_by_role("option", selected=True)).to_contain_text("/one")
    page.get_by_role("img", name="Timeline").focus()
    for key in ("-", "+", "ArrowLeft", "End"):
        page.keyboard.press(key)
    expect(page.get_by_role("button", name="Follow")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize(
    "options",
    [{}, {"color_scheme": "dark"}, {"viewport": {"width": 360, "height": 740}}],
    ids=["light", "dark", "narrow"],
)
def test_it_is_accessible_in_light_dark_and_narrow(opened: Any, run: Run, options: dict[str, Any]) -> None:
    run.ask("/bad")
    page = opened(run.page, **options)
    page.get_by_role("option").click()
    expect(page.locator(".log")).to_be_visible()
    expect(page.get_by_role("cell", name="app.broken")).to_be_visible()

    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_timeline_of_a_real_function_shows_hostile_lines_as_text(opened: Any, tmp_path: Path) -> None:
    lines = [
        "2026-10-08T07:30:28.000Z START RequestId: one Version: 1",
        "2026-10-08T07:30:28.001Z </script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>",
        "2026-10-08T07:30:28.002Z [ERROR] job shop.mail of request one failed",
        "2026-10-08T07:30:28.100Z REPORT RequestId: one\tDuration: 90.00 ms\tBilled Duration: 90 ms\t",
    ]
    (tmp_path / "log").write_text("\n".join(lines))
    assert main(["timeline", "--file", str(tmp_path / "log"), "--plain", "--html", str(tmp_path / "shop.html")]) == 0
    page = opened((tmp_path / "shop.html").as_uri())
    page.get_by_role("button", name="failed (1)").click()
    page.get_by_role("option").click()
    expect(page.get_by_role("cell", name="shop.mail")).to_be_visible()
    expect(page.locator(".log")).to_contain_text("</script><script>window.hacked=1</script>")
    assert page.evaluate("window.hacked") is None
    assert serious(page) == []


def test_the_run_as_one_file_needs_no_server(opened: Any, run: Run, tmp_path: Path) -> None:
    run.ask("/bad")
    run.ask("/quiet")
    run.end()

    with pytest.raises(requests.ConnectionError):
        requests.get(run.page, timeout=5)
    page = opened((tmp_path / "run.html").as_uri())
    expect(page.get_by_role("option")).to_have_count(2)
    page.get_by_role("option", name="GET /bad").click()
    expect(page.locator(".log")).to_contain_text("<img src=x onerror='window.hacked=1'>")
    assert page.evaluate("window.hacked") is None
    trace = json.loads((tmp_path / "run.json").read_text())
    assert "app.broken" in {each["name"] for each in trace["traceEvents"]}
