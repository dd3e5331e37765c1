"""What callers save: one function runs twice, with its jobs inside the request and after the response."""

from __future__ import annotations

import statistics
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lambda_punch.local import Timeline

from .chart import length

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.local import LocalLambda

ROUNDS = 10
# Two runs of the very same function differ by this much.
_LEAST_SHARE = 0.05
_LEAST_SECONDS = 0.0005


@dataclass(frozen=True)
class Waits:
    """How long the callers of one of the two waited, and how long its background took after that, in seconds."""

    invokes: int
    failed: int
    median: float
    slowest: float
    background: float


@dataclass(frozen=True)
class Comparison:
    """Both ways, measured in the same run."""

    inline: Waits
    after: Waits

    @property
    def saved(self) -> float:
        """Seconds by which the median wait is shorter with jobs after the response; negative if it is longer."""
        return self.inline.median - self.after.median

    @property
    def failed(self) -> bool:
        """Whether any invoke failed."""
        return bool(self.inline.failed or self.after.failed)

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison for JSON."""
        return {**asdict(self), "saved": self.saved}

    def render(self) -> str:
        """Return a table and a sentence that sums it up."""
        rows = [("jobs run", "median", "slowest", "background")]
        for name, waits in (("within the request", self.inline), ("after the response", self.after)):
            rows.append((name, length(waits.median), length(waits.slowest), length(waits.background)))
        table = "\n".join(
            f"{name:20}{median:>10}{slowest:>10}{background:>12}" for name, median, slowest, background in rows
        )
        return f"{table}\n\n{self._sentence()}"

    def _sentence(self) -> str:
        basis = f"the median of {self.after.invokes} invokes each, in turn, the first of each left out"
        if self.failed:
            return f"{self.inline.failed} and {self.after.failed} invokes failed: the figures say little. ({basis})"
        share = abs(self.saved) / self.inline.median
        if share < _LEAST_SHARE or abs(self.saved) < _LEAST_SECONDS:
            why = "the jobs are too short to be seen, or the function pushes none"
            return f"No difference to speak of: {why}. ({basis})"
        verb = "save" if self.saved > 0 else "lose"
        return f"Your callers {verb} {length(abs(self.saved))} a request, {share:.0%} of their wait. ({basis})"


def compare(make: Callable[[Sequence[str] | None], LocalLambda], handler: str, events: Sequence[Any]) -> Comparison:
    """Invoke both with each event in turn; the first event is sent once more, to warm up.

    ``make(command)`` returns the function, not started, to be run by ``command`` (None: as on Lambda). Raises
    LocalLambdaError. Blocks for as long as all of it takes.
    """
    inline = make([sys.executable, "-m", "lambda_punch.command.local.inline_runtime", handler])
    after = make(None)
    samples: tuple[list[_Sample], list[_Sample]] = ([], [])
    with inline, after:
        for event in [events[0], *events]:
            for function, found in zip((inline, after), samples, strict=True):
                invocation = function.invoke(event)
                function.wait_idle()
                found.append(_Sample(invocation.responded_at - invocation.sent_at, invocation.ok))
        backgrounds = [
            statistics.median([row.background for row in Timeline.from_events(function.events).rows[1:]])
            for function in (inline, after)
        ]
    return Comparison(*(_waits(found[1:], background) for found, background in zip(samples, backgrounds, strict=True)))


@dataclass(frozen=True)
class _Sample:
    seconds: float
    ok: bool


def _waits(samples: Sequence[_Sample], background: float) -> Waits:
    seconds = [sample.seconds for sample in samples]
    failed = sum(not sample.ok for sample in samples)
    return Waits(len(samples), failed, statistics.median(seconds), max(seconds), background)
