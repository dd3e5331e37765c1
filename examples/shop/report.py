"""What the demo prints: a table of two runs, and whether the claims hold. Pure functions."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from lambda_punch.command.local.chart import length

if TYPE_CHECKING:
    from lambda_punch.local import Timeline

_GREEN = "32"
_LABEL, _CELL = 44, 15


@dataclass(frozen=True)
class Run:
    """What came of the requests, in the order sent; lengths are in seconds.

    ``confirmed`` has the number of the order that the answer confirmed, or None for a read. ``mails`` and ``spans`` are
    the numbers that arrived at the services, ``cold_starts`` the init phases measured.
    """

    waits: list[float]
    confirmed: list[int | None]
    mails: list[int]
    spans: list[int]
    cold_starts: list[float]
    timeline: Timeline

    @property
    def orders(self) -> list[int]:
        """The numbers of the orders."""
        return [number for number in self.confirmed if number is not None]

    @property
    def wait(self) -> float:
        """The median of what the callers waited."""
        return median(self.waits)

    @property
    def after(self) -> float:
        """The median of what ran after the answer to an order."""
        rows = zip(self.timeline.rows, self.confirmed, strict=True)
        return median(row.background for row, number in rows if number is not None)

    @property
    def busy(self) -> float:
        """How long the environment was at work for all requests: what Lambda bills, besides the init."""
        return sum(row.busy - row.init for row in self.timeline.rows)


def table(before: Run, after: Run, *, color: bool) -> str:
    """Put the two runs side by side."""
    sent, starts = len(before.waits), len(before.cold_starts)
    rows = [
        ("", "work before", "work after"),
        ("the caller waited: median", length(before.wait), length(after.wait)),
        (f"the caller waited: slowest of {sent} (p99)", length(max(before.waits)), length(max(after.waits))),
        ("ran after the answer to an order: median", length(before.after), length(after.after)),
        (f"busy, and billed, for all {sent}", length(before.busy), length(after.busy)),
        (f"cold start: median of {starts} *", length(median(before.cold_starts)), length(median(after.cold_starts))),
        ("mails that arrived exactly once", once(before.mails, before.orders), once(after.mails, after.orders)),
        ("spans that arrived exactly once", once(before.spans, before.orders), once(after.spans, after.orders)),
    ]
    lines = [f"  {label:<{_LABEL}}{first:>{_CELL}}{second:>{_CELL}}" for label, first, second in rows]
    if color:
        lines[1] = f"\x1b[{_GREEN}m{lines[1]}\x1b[0m"
    return "\n".join([*lines, "", "  * before: a function without the extension; after: with it", ""])


def once(arrived: list[int], expected: list[int]) -> str:
    """Say how many of the expected numbers arrived exactly once."""
    counts = Counter(arrived)
    return f"{sum(counts[number] == 1 for number in expected)} of {len(expected)}"


def broken_claims(before: Run, after: Run, *, slow_work: float) -> list[str]:
    """Return what the demo claims and this run did not show; empty if all is well. ``slow_work`` is in seconds."""
    broken = []
    saved = before.wait - after.wait
    if saved < slow_work:
        broken.append(
            f"the callers' median fell by {saved * 1000:.1f} ms, less than the slow {slow_work * 1000:.0f} ms"
        )
    for when, run in (("before", before), ("after", after)):
        for what, arrived in (("mail", run.mails), ("span", run.spans)):
            if sorted(arrived) != sorted(run.orders):
                broken.append(
                    f"work {when} the response: the {what} of {once(arrived, run.orders)} orders arrived exactly once"
                    f" (orders {sorted(run.orders)}, arrived {sorted(arrived)})"
                )
    return broken


def conclusion(before: Run, after: Run) -> str:
    """Say it in one sentence."""
    saved = before.wait - after.wait
    return f"The callers' median fell by {length(saved)}: the slow work now comes after the answer."
