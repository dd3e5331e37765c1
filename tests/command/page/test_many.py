"""The page with ten thousand requests: what it says is right, and it draws only what can be seen."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright.sync_api")
from playwright.sync_api import expect

from lambda_punch.command.page.feed import Feed
from lambda_punch.command.page.server import PageServer
from lambda_punch.local.platform.recording import Event

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
MANY = 10_000
WIDTH = 1000


class Traffic:
    """Requests of ten environments, a hundred a second; the caller of the n-th waits n % 7 + 1 ms."""

    def __init__(self) -> None:
        self.feed = Feed()
        self.feed.began -= MANY / 100
        self.count = 0

    def serve(self, count: int) -> None:
        for number in range(self.count, self.count + count):
            at, environment, request = self.feed.began + number / 100, 1 + number % 10, f"r{number}"
            error = "ValueError" if number % 100 == 0 else None
            answered = at + (number % 7 + 1) / 1000
            for kind, moment, detail in (
                ("queued", at, {}),
                ("invoke", at, {}),
                ("answered", answered, {"error_type": error}),
                ("invoke-done", answered + 0.01, {}),
            ):
                self.feed.on_event(environment, Event(moment, "platform", kind, request, detail, b""))  # type: ignore[arg-type]
        self.count += count


@pytest.fixture
def shown(opened: Any) -> Iterator[tuple[Traffic, Any]]:
    traffic = Traffic()
    traffic.serve(MANY)
    with PageServer(traffic.feed, about={"title": "app.handler"}) as server:
        page = opened(server.url, viewport={"width": WIDTH, "height": 800})
        expect(page.get_by_role("option").first).to_be_visible()
        yield traffic, page
        page.close()


def figures(page: Any) -> list[str]:
    return [str(each) for each in page.locator(".figures dd").all_inner_texts()]


def test_the_figures_are_those_of_all_requests_also_when_the_oldest_have_gone(shown: tuple[Traffic, Any]) -> None:
    traffic, page = shown
    assert figures(page) == ["10000", "4.0 ms", "14 ms", "0"]
    expect(page.get_by_role("button", name="failed (100)")).to_be_visible()

    traffic.serve(5_050)
    expect(page.locator(f"#request-r{traffic.count - 1}")).to_be_visible()
    expect(page.get_by_role("button", name="failed (100)")).to_be_visible()
    kept = [number % 7 + 1 for number in range(traffic.count - MANY, traffic.count)]
    assert figures(page)[:2] == ["10000", f"{statistics.median(kept):.1f} ms"]
    page.get_by_role("listbox").press("End")
    expect(page.get_by_role("option", selected=True)).to_have_attribute("aria-posinset", str(MANY))


def test_a_frame_draws_what_can_be_seen_and_no_more(shown: tuple[Traffic, Any]) -> None:
    """Ten rows of a thousand pixels have no place for forty thousand rectangles."""
    _, page = shown
    page.evaluate("""() => {
        window.drawn = 0;
        const fill = CanvasRenderingContext2D.prototype.fillRect, clear = CanvasRenderingContext2D.prototype.clearRect;
        CanvasRenderingContext2D.prototype.fillRect = function (...args) { window.drawn += 1; return fill.apply(this, args); };
        CanvasRenderingContext2D.prototype.clearRect = function (...args) { window.drawn = 0; return clear.apply(this, args); };
    }""")
    page.get_by_role("button", name="All", exact=True).click()
    page.wait_for_function("window.drawn > 100")
    assert page.evaluate("window.drawn") < 4 * 10 * WIDTH
    for _ in range(12):
        page.get_by_role("button", name="Zoom in").click()
    page.wait_for_function("window.drawn < 200")


def test_the_row_of_a_request_leads_to_it_by_a_click_on_the_timeline(shown: tuple[Traffic, Any]) -> None:
    traffic, page = shown
    now = time.monotonic() - traffic.feed.began
    traffic.feed.on_event(3, Event(traffic.feed.began + now, "platform", "queued", "last", {}, b""))
    traffic.feed.on_event(3, Event(traffic.feed.began + now, "platform", "invoke", "last", {}, b""))
    expect(page.get_by_role("option").first).to_contain_text("runs")
    page.get_by_role("button", name="Follow").click()  # stands still
    box = page.get_by_role("img", name="Timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] - 2, box["y"] + 22 + 2 * 30 + 15)
    expect(page.get_by_role("region", name="The chosen request")).to_contain_text("last")
