"""What took how long: the events of a run as one row per invoke."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .recording import Event


@dataclass
class Row:
    """One invoke. All lengths are in seconds and follow one another in this order; zero means that there was none.

    ``init`` is the init phase before the first invoke, or the re-init inside a later one. ``response`` lasts until the
    caller had its answer, ``background`` until every side was done, ``reset`` is the end of the processes after a
    timeout or crash, and ``frozen`` the frozen time until the next thaw. ``queued`` is the wait before all that.
    """

    number: int
    request_id: str
    queued: float = 0.0
    init: float = 0.0
    response: float = 0.0
    background: float = 0.0
    reset: float = 0.0
    frozen: float = 0.0
    error_type: str | None = None

    @property
    def busy(self) -> float:
        """Everything but the wait before it and the frozen time after it."""
        return self.init + self.response + self.background + self.reset


@dataclass(frozen=True)
class Timeline:
    """A run. ``shutdown`` is the length of the final shutdown in seconds, or None if there was none yet."""

    rows: list[Row] = field(default_factory=list)
    shutdown: float | None = None

    @classmethod
    def from_events(cls, events: Iterable[Event]) -> Timeline:
        """Read the recorded conversation, finished or not."""
        reader = _Reader()
        for event in events:
            reader.read(event)
        return cls(reader.rows, reader.shutdown)

    @property
    def scale(self) -> float:
        """The seconds that a whole bar should stand for: the longest invoke, and some room for the frozen time."""
        return max((row.busy for row in self.rows), default=0.0) * 1.15 or 1.0


class _Reader:
    """Turns events into rows, one event at a time."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.shutdown: float | None = None
        self._row: Row | None = None
        self._queued: dict[str, float] = {}
        self._mark = 0.0
        self._init_begun: float | None = None
        self._init_before = 0.0
        self._frozen_since: float | None = None
        self._reset_since: float | None = None
        self._ending_since: float | None = None

    def read(self, event: Event) -> None:
        """Take the next event."""
        action = getattr(self, f"_on_{event.kind.replace('-', '_')}", None)
        if action is not None:
            action(event)
        if self._frozen_since is not None and self._row is None and self.rows:
            self.rows[-1].frozen = event.at - self._frozen_since

    def _on_queued(self, event: Event) -> None:
        self._queued[event.request_id or ""] = event.at

    def _on_init_start(self, event: Event) -> None:
        self._init_begun = event.at

    def _on_init_done(self, event: Event) -> None:
        self._end_init(event.at)

    def _on_init_failed(self, event: Event) -> None:
        self._end_init(event.at)

    def _end_init(self, at: float) -> None:
        if self._init_begun is None:
            return
        length, self._init_begun = at - self._init_begun, None
        if self._row is None:
            self._init_before = length
        else:
            self._row.init += length
            self._mark = at

    def _on_invoke(self, event: Event) -> None:
        request_id = event.request_id or ""
        queued = event.at - self._queued.pop(request_id, event.at)
        self._row = Row(len(self.rows) + 1, request_id, queued, self._init_before)
        self.rows.append(self._row)
        self._init_before = 0.0
        self._mark = event.at

    def _on_answered(self, event: Event) -> None:
        if self._row is None:
            return
        self._end_init(event.at)
        self._row.response = event.at - self._mark
        self._row.error_type = event.detail.get("error_type")
        self._mark = event.at

    def _on_reset(self, event: Event) -> None:
        self._end_init(event.at)
        self._reset_since = event.at
        if self._row is not None:
            self._row.background = event.at - self._mark

    def _on_down(self, event: Event) -> None:
        if self._reset_since is not None and self._row is not None:
            self._row.reset = event.at - self._reset_since
        if self._ending_since is not None:
            self.shutdown = event.at - self._ending_since
        self._reset_since = self._ending_since = None

    def _on_shutdown(self, event: Event) -> None:
        if event.detail.get("reason") == "spindown":
            self._ending_since = event.at

    def _on_invoke_done(self, event: Event) -> None:
        if self._row is not None and not self._row.reset:
            self._row.background = event.at - self._mark
        self._row = None

    def _on_frozen(self, event: Event) -> None:
        self._frozen_since = event.at

    def _on_thawed(self, event: Event) -> None:
        if self._frozen_since is not None and self.rows and self._row is None:
            self.rows[-1].frozen = event.at - self._frozen_since
        self._frozen_since = None
