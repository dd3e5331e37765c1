"""What the logs tell as the events of a run, so that the page, the trace and the chart show it as they show a local one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_punch.command.page.feed import Feed
from lambda_punch.local import Timeline
from lambda_punch.local.platform.recording import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .invokes import Invoke


class Replay(Feed):
    """A feed of the past: its clock stands where the logs are."""

    def __init__(self, invokes: Sequence[Invoke]) -> None:
        super().__init__(most=max(1, len(invokes)))
        self.epoch = invokes[0].begun - invokes[0].init if invokes else 0.0
        self._clock = self.began
        self._events: dict[int, list[Event]] = {}
        numbers = {stream: number for number, stream in enumerate(dict.fromkeys(each.stream for each in invokes), 1)}
        end = self.began
        for invoke in invokes:
            self._replay(numbers[invoke.stream], invoke)
            end = max(end, self._clock)
        self._clock = end

    @property
    def timelines(self) -> list[Timeline]:
        """The timeline of each environment."""
        return [Timeline.from_events(events) for events in self._events.values()]

    def now(self) -> float:
        """Return the seconds from the begin of the first invoke to the time that is replayed."""
        return self._since(self._clock)

    def _at(self, seconds: float) -> float:
        return self.began + seconds - self.epoch

    def _replay(self, number: int, invoke: Invoke) -> None:
        for event in self._events_of(number, invoke):
            self._events.setdefault(number, []).append(event)
            self.on_event(number, event)
        for line in invoke.lines:
            self._clock = self._at(line.at)
            self.on_log(number, "log", line.text)
        for order, (name, ended) in enumerate(invoke.failed_jobs):
            self._fail(invoke, order, name, self._at(ended))
        self._clock = self._at(invoke.begun + (invoke.duration or 0.0))

    def _fail(self, invoke: Invoke, order: int, name: str, at: float) -> None:
        job: dict[str, Any] = {
            "pid": -1,
            "number": f"{invoke.request_id}-{order}",
            "name": name,
            "id": "",
            "attempt": 0,
        }
        self.on_job({**job, "request": invoke.request_id, "begun": at})  # the log has only the time of its failure
        self.on_job({**job, "request": invoke.request_id, "ended": at, "error": "failed; see the log"})

    def _events_of(self, number: int, invoke: Invoke) -> Iterator[Event]:
        begun, duration = self._at(invoke.begun), invoke.duration or 0.0
        answered = duration if invoke.response is None else min(invoke.response, duration)
        if number in self._events:
            yield Event(begun, "platform", "thawed", None, {})
        if invoke.init:
            yield Event(begun - invoke.init, "platform", "init-start", None, {})
            yield Event(begun, "platform", "init-done", None, {})
        yield Event(begun, "platform", "invoke", invoke.request_id, {})
        yield Event(begun + answered, "platform", "answered", invoke.request_id, {"error_type": invoke.error})
        yield Event(begun + duration, "platform", "invoke-done", invoke.request_id, {})
        yield Event(begun + duration, "platform", "frozen", None, {})
