"""Events of jobs and punches, and who listens to them (metrics.py does).

Any thread may tell an event. Listeners are called on that thread, which waits for them, and what they raise is logged.
Without listeners an event costs next to nothing.
"""

from __future__ import annotations

from lambda_punch._log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from lambda_punch._events.jobs import JobEvent

    Event: TypeAlias = "JobEvent | PunchesRan | PunchesLost"
    Listener = Callable[[Event], object]


class PunchesRan:
    """What one drain ran: for each job its duration, and how long after the response it began, in seconds."""

    __slots__ = ("durations", "failed", "latencies")

    def __init__(self, durations: list[float], latencies: list[float], failed: int) -> None:
        self.durations = durations
        self.latencies = latencies
        self.failed = failed

    def add(self, began: float, ended: float, released_at: float) -> None:
        """Add a job, by epoch seconds; ``released_at`` is 0 if nobody took the time of the response."""
        self.durations.append(max(0.0, ended - began))
        if released_at:
            self.latencies.append(max(0.0, began - released_at))


class PunchesLost:
    """Jobs that will never run."""

    __slots__ = ("count",)

    def __init__(self, count: int) -> None:
        self.count = count


class _State:
    __slots__ = ("listeners", "punches")

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.punches = False


_state = _State()


def subscribe(listener: Listener, *, punches: bool = False) -> Callable[[], None]:
    """Have ``listener(event)`` called for each event, those of punches if asked for; return a function to end it."""
    _state.listeners.append(listener)
    _state.punches = _state.punches or punches

    def unsubscribe() -> None:
        if listener in _state.listeners:
            _state.listeners.remove(listener)
        if not _state.listeners:
            _state.punches = False

    return unsubscribe


def of_punches() -> bool:
    """Tell whether anybody wants to hear of punches."""
    return _state.punches


def tell(event: Event) -> None:
    """Tell every listener; never raises."""
    for listener in tuple(_state.listeners):
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - a listener must not change what it listens to
            logger().exception("a listener to the library's events failed")
