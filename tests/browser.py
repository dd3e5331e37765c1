"""Chromium, driven by Playwright: fixtures for tests of the page."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

# A browser that asks nobody but the page, and runs as root and without a screen.
ALONE = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium on this machine; Debian's package chromium has it")
    with pytest.importorskip("playwright.sync_api").sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ALONE)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser: Browser) -> Iterator[Any]:
    """Open a page; afterwards it may have had no error, and asked nobody but its own server."""
    problems: list[str] = []
    contexts = []

    def open_page(url: str, **options: Any) -> Page:
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(f"{message.text} {message.location}") if message.type == "error" else None,
        )
        page.on(
            "request", lambda request: None if request.url.startswith((url, "data:")) else problems.append(request.url)
        )
        page.goto(url)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


def serious(page: Page) -> list[Any]:
    """What axe finds on a page that keeps people from using it."""
    from axe_playwright_python.sync_playwright import Axe

    return [each for each in Axe().run(page).response["violations"] if each["impact"] in {"serious", "critical"}]
