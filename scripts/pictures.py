"""Make the pictures of README: the demo's timeline as one file, and the queues of the example of durable jobs, live.

Needs what the tests need, and a Chromium. Run it after `make demo` with: .venv/bin/python scripts/pictures.py
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, ViewportSize

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "build" / "demo.html"
PICTURES = ROOT / "docs" / "pictures"
SIZE: ViewportSize = {"width": 1100, "height": 620}
ORDERS = 2


def main() -> int:
    """Make both pictures; return the exit status."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None or not DEMO.exists():
        print(f"pictures: {DEMO} is missing; run make demo" if chromium else "pictures: there is no Chromium here")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        take_timeline(browser, PICTURES / "timeline.png")
        with served() as (page, function):
            for number in range(1, ORDERS + 1):
                send(f"{function}/orders", {"order": f"order-{number}"})
            take_queues(browser, page, PICTURES / "queues.png")
        browser.close()
    return 0


def take_timeline(browser: Browser, file: Path) -> None:
    """Show the requests whose work is done after the response, and one of them."""
    page = browser.new_page(viewport=SIZE)
    page.goto(DEMO.as_uri())
    page.get_by_role("button", name="All", exact=True).click()
    page.get_by_role("option", name="after: POST /orders").first.click()
    page.wait_for_timeout(500)  # the canvas tells nobody when it has drawn
    page.screenshot(path=file)


def take_queues(browser: Browser, url: str, file: Path) -> None:
    """Show a queue whose dead letters say why they died."""
    page = browser.new_page(viewport=SIZE)
    page.goto(url)
    page.get_by_role("button", name=re.compile(rf"queues \({ORDERS} dead\)")).click()
    page.get_by_role("button", name="orders", exact=True).click()
    page.get_by_role("list", name="Dead letters").get_by_role("listitem").nth(ORDERS - 1).wait_for()
    page.get_by_role("heading", name="Dead letters").scroll_into_view_if_needed()
    page.screenshot(path=file)


@contextmanager
def served() -> Iterator[tuple[str, str]]:
    """Run the example; yield the addresses of its page and of the function."""
    words = [
        "local",
        "app.handler",
        "--task-root",
        str(ROOT / "examples/jobs"),
        "--queue",
        "orders",
        "--serve",
        "0",
        "--ui",
    ]
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "lambda_punch", *words, "--env", f"TRIES={directory}/tries"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={**os.environ}) as process:
            assert process.stdout is not None
            found: dict[str, str] = {}
            for line in process.stdout:
                if match := re.search(r"(page at|serving) +(http://127.0.0.1:\d+)", line):
                    found[match[1]] = match[2]
                if "serving" in found:
                    break
            try:
                yield found["page at"], found["serving"]
            finally:
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=30)


def send(url: str, body: object) -> None:
    """Send a request."""
    request = urllib.request.Request(url, json.dumps(body).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()


if __name__ == "__main__":
    sys.exit(main())
