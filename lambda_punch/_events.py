"""Events of jobs and punches, and who listens to them (metrics.py does).

Any thread may tell an event. Listeners are called on that thread, which waits for them, and what they raise is logged.
Without listeners an event costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from lambda_punch._log import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    Listener = Callable[["JobEvent | PunchesRan | PunchesLost"], object]


class JobEvent(NamedTuple):
    """One step in the life of a durable job. ``event`` is one of EVENTS; durations are in seconds."""

    event: str
    job: str
    id: str
    queue: str | None = None
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - never changed
    message_id: str | None = None
    enqueued_at: int | None = None  # epoch milliseconds
    executions: int | None = None  # how often it has been started, this time included
    duration: float = 0.0
    latency: float | None = None  # from the time it was sent, or was due, to its start
    wait: float | None = None  # until the retry
    error: str | None = None  # the exception's class


# As ActiveJob names them: the first two at the sender, the others at the consumer.
EVENTS = ("enqueue", "enqueue_at", "perform_start", "perform", "enqueue_retry", "retry_stopped", "discard")
SENDERS_EVENTS = EVENTS[:2]


class PunchesRan(NamedTuple):
    """What one drain ran: for each job its duration, and how long after the response it began, in seconds."""

    durations: list[float]
    latencies: list[float]
    failed: int

    def add(self, began: float, ended: float, released_at: float) -> None:
        """Add a job, by epoch seconds; ``released_at`` is 0 if nobody took the time of the response."""
        self.durations.append(max(0.0, ended - began))
        if released_at:
            self.latencies.append(max(0.0, began - released_at))


class PunchesLost(NamedTuple):
    """Jobs that will never run."""

    count: int  # type: ignore[assignment]  # tuple.count is of no use here


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


def tell(event: JobEvent | PunchesRan | PunchesLost) -> None:
    """Tell every listener; never raises."""
    for listener in tuple(_state.listeners):
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - a listener must not change what it listens to
            logger().exception("a listener to the library's events failed")
