"""The demo: the same 20 requests twice, with the slow work before the response, and after it with punch.push.

Exits with 1 if what it shows is not what it claims.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from lambda_punch.command.local.chart import render
from lambda_punch.errors import LambdaPunchError
from lambda_punch.installer import staged
from lambda_punch.local import LocalLambda, Timeline

import page
import report
import traffic
from services import MAIL_DELAY, TELEMETRY_DELAY, SlowService

if TYPE_CHECKING:
    from collections.abc import Iterator

_SLOW_WORK = MAIL_DELAY + TELEMETRY_DELAY
_PAUSE = 0.05  # between the requests, so that one sees the environment frozen
_COLD_STARTS = 5
_EXPECTED = {"POST": 201, "GET": 200}


class DemoError(Exception):
    """The demo could not be shown; the text says why."""


@dataclass(frozen=True)
class Shop:
    """The function, not yet started, and what it talks to."""

    function: LocalLambda
    logs: list[tuple[str, str]]
    mail: SlowService
    telemetry: SlowService


def main() -> int:
    """Show it; return the exit status."""
    parser = argparse.ArgumentParser(description="Compare slow work before the response with slow work after it.")
    parser.add_argument("--plain", action="store_true", help="no colours")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write both runs as a page into this file")
    arguments = parser.parse_args()
    screen = Screen(sys.stdout, plain=arguments.plain)
    try:
        with staged() as extension, page.watched() as watched:
            status = show(screen, extension, watched)
            if arguments.html is not None:
                show_page(screen, watched, arguments.html)
            return status
    except (DemoError, LambdaPunchError, OSError) as error:  # OSError: also a TimeoutError
        screen.clear()
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def show(screen: Screen, extension: Path, watched: page.Watched) -> int:
    """Run both variants and print what came of them."""
    screen.say(INTRODUCTION)
    screen.progress("measuring cold starts")
    cold_starts = measure_cold_starts(extension)
    # known before either run, so that each timeline is shown at once, and both on this scale
    scale = max(*cold_starts[0], *cold_starts[1]) + 1.5 * _SLOW_WORK
    before = run(screen, "before", None, cold_starts[0], watched)
    screen.title("1. Work before the response: send_confirmation(order)")
    screen.say(render(before.timeline.rows, width=screen.width, color=screen.color, scale=scale))
    after = run(screen, "after", extension, cold_starts[1], watched)
    screen.title("2. Work after the response: punch.push(send_confirmation, order)")
    screen.say(render(after.timeline.rows, width=screen.width, color=screen.color, scale=scale))
    screen.title("Both, side by side")
    screen.say(report.table(before, after, color=screen.color))
    broken = report.broken_claims(before, after, slow_work=_SLOW_WORK)
    if broken:
        raise DemoError("this run does not show what it should:\n  " + "\n  ".join(broken))
    screen.title(report.conclusion(before, after))
    return 0


def show_page(screen: Screen, watched: page.Watched, file: Path) -> None:
    """Write both runs as a page; on a terminal, show it as one that lives."""
    watched.write(file)
    screen.say(f"Both runs, request by request, in one file: {file}")
    if sys.stdin.isatty() and sys.stdout.isatty():
        watched.show(screen.say)


INTRODUCTION = f"""\
A shop's function runs on AWS's own Python runtime client in a local Lambda,
which freezes it between requests. It gets the same 20 requests twice: 14 orders
and 6 reads. Each order has {_SLOW_WORK * 1000:.0f} ms of slow work: {MAIL_DELAY * 1000:.0f} ms at the mail gateway,
{TELEMETRY_DELAY * 1000:.0f} ms at the telemetry collector.
"""


def run(
    screen: Screen, work: str, extension: Path | None, cold_starts: list[float], watched: page.Watched
) -> report.Run:
    """Send the requests, each as soon as the environment rests."""
    waits, confirmed = [], []
    requests = traffic.requests()
    with open_shop(work, extension, watched) as shop:
        with shop.function as function:
            for number, event in enumerate(requests, 1):
                screen.progress(f"work {work} the response: request {number} of {len(requests)}")
                invocation = function.invoke(event)
                waits.append(invocation.responded_at - invocation.sent_at)
                confirmed.append(order_in(invocation.payload, event, shop))
                function.wait_idle(timeout=10)
                time.sleep(_PAUSE)
        return report.Run(
            waits=waits,
            confirmed=confirmed,
            mails=[arrival.message["order_id"] for arrival in shop.mail.arrivals],
            spans=[arrival.message["order_id"] for arrival in shop.telemetry.arrivals],
            cold_starts=cold_starts,
            timeline=Timeline.from_events(function.events),
        )


def order_in(payload: bytes, event: traffic.Event, shop: Shop) -> int | None:
    """Return the number of the order that the answer confirms, None for a read; raise DemoError for a wrong answer."""
    method = event["requestContext"]["http"]["method"]
    answer: dict[str, Any] = json.loads(payload)
    if answer.get("statusCode") != _EXPECTED[method]:
        raise DemoError(f"{event['routeKey']} was answered by {answer}\n{logs_of(shop)}")
    return int(json.loads(answer["body"])["id"]) if method == "POST" else None


def measure_cold_starts(extension: Path) -> tuple[list[float], list[float]]:
    """Return init phases of both variants, taken in turns; the first of each only warms the disk's cache."""
    pairs = [(cold_start("before", None), cold_start("after", extension)) for _ in range(_COLD_STARTS + 1)]
    return [pair[0] for pair in pairs[1:]], [pair[1] for pair in pairs[1:]]


def cold_start(work: str, extension: Path | None) -> float:
    """Start the function and end it; return how long the init phase took."""
    with open_shop(work, extension) as shop, shop.function as function:
        at = {event.kind: event.at for event in function.events}
        if "init-done" not in at:
            raise DemoError(f"the function did not start\n{logs_of(shop)}")
        return at["init-done"] - at["init-start"]


def logs_of(shop: Shop) -> str:
    """Return what the function and the extension wrote."""
    return "\n".join(f"  {source} | {line}" for source, line in shop.logs)


@contextmanager
def open_shop(work: str, extension: Path | None, watched: page.Watched | None = None) -> Iterator[Shop]:
    """Yield a shop with an empty table of orders; without an extension it is a function that knows none."""
    mail, telemetry = SlowService(MAIL_DELAY), SlowService(TELEMETRY_DELAY)
    with mail, telemetry, tempfile.TemporaryDirectory(prefix="shop-") as directory:
        logs: list[tuple[str, str]] = []
        options: dict[str, Any] = {"on_log": lambda source, line: logs.append((source, line))}
        if watched is not None:
            options = watched.options("app.handler", work, logs)
        function = LocalLambda(
            "app.handler",
            task_root=Path(__file__).resolve().parent,
            extensions=[] if extension is None else [extension],
            env={
                "SHOP_WORK": work,
                "SHOP_DATABASE": os.path.join(directory, "shop.db"),
                "SHOP_MAIL_URL": mail.url,
                "SHOP_TELEMETRY_URL": telemetry.url,
                **options.pop("env", {}),
            },
            **options,
        )
        yield Shop(function, logs, mail, telemetry)


class Screen:
    """Writes to a terminal, or to anything else without colours and without a line that changes."""

    def __init__(self, stream: TextIO, *, plain: bool) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self.color = self._live and not plain and not os.environ.get("NO_COLOR") and _has_blocks(stream)
        self.width = max(60, min(100, shutil.get_terminal_size().columns))

    def say(self, text: str) -> None:
        """Print text."""
        self.clear()
        print(text, file=self._stream, flush=True)

    def title(self, text: str) -> None:
        """Print a line that stands out."""
        self.say(f"\x1b[1m{text}\x1b[0m" if self.color else text)

    def progress(self, text: str) -> None:
        """Show what is going on, until the next text."""
        if self._live:
            self.clear()
            print(text, end="", file=self._stream, flush=True)

    def clear(self) -> None:
        """Take away what progress() shows."""
        if self._live:
            print("\r\x1b[K", end="", file=self._stream)


def _has_blocks(stream: TextIO) -> bool:
    return (stream.encoding or "").lower().replace("-", "") == "utf8"


if __name__ == "__main__":
    sys.exit(main())
