"""The life of the process after it has registered: hold at each INVOKE while jobs run, end at SHUTDOWN.

Guarantees. There is never more than one poll at the platform, and none has a time limit. Whatever fails in the
holding is one ERROR line: the handled-file is removed, which tells the library to work alone, and from then on
events are only taken. The process ends at SHUTDOWN or when the platform is gone, never of itself: Lambda would end
the function with it.
"""

import posix
import select
import time

from . import contract, log, rendezvous
from .api import ApiError, ExtensionsApi
from .events import Invoke, Shutdown, parse_event
from .watch import HandledFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .drain import Drain

_LISTEN_MS = 300  # before the deadline of the last invoke; from then on an event is read as it comes
_NOTICE_MS = 50  # until the platform too has learned that the runtime process has died
_LAST_POLL_MS = 50  # before the deadline: no record, and none that never comes, may make the function time out
_HEIR_RESERVE_MS = 60  # left for this process to exit before the platform's own limit
_LEAVING = 0.4  # seconds in which processes that are ending settle what they give up, or still do
_RESERVE = 0.05  # seconds before the platform's limit: what is lost has to be told by then
_POLL_ATTEMPTS = 8  # failed polls in a row after which the platform is taken for gone
_POLL_PAUSE = 0.05  # seconds, doubled at each failed poll in a row


class Holder:
    """Keeps the environment awake until the library has done its jobs."""

    def __init__(self, directory: str, descriptor: int) -> None:
        self._directory = directory
        self._handled = HandledFile(directory, descriptor)
        self._drain: Drain | None = None
        self._last: contract.Record | None = None
        self._consumed = 0
        self.nothing_to_do_for = ""  # the request that has just been handled without jobs; its event is still unread

    def sleep_until_written(self, deadline_ms: int) -> None:
        """Wait for the next record before the event that it belongs to is read.

        INVOKE comes as the handler begins: a process that wakes then, perhaps on the same core, is what callers wait
        for. The event stays in the socket until the response is out. The runtime's end ends the sleep too, and it
        comes before each SHUTDOWN. So does the deadline of the last invoke, which is ``deadline_ms``: should no record
        come, or the platform have refused the poll, neither that invoke nor the next one times out.
        """
        self.nothing_to_do_for = ""
        if self._last is not None and self._handled.sleep(
            self._last.pid, deadline_ms - _LISTEN_MS - time.time() * 1000
        ):
            record = self._read()
            if record is not None and record.state == contract.EMPTY and record.request_id != contract.ANY_REQUEST:
                self.nothing_to_do_for = record.request_id

    def hold(self, event: Invoke) -> None:
        """Return when this request is handled and its jobs are done, or when there is nothing to wait for."""
        record = self._last
        if record is None or not self._tells(record, event.request_id):
            record = self._read()
        if record is None or self._handled.removed:
            return  # the function does not use the library, or not yet, or not any more
        while not self._tells(record, event.request_id):
            remaining = event.deadline_ms - _LAST_POLL_MS - time.time() * 1000
            if remaining <= 0 or not self._handled.wait(record.pid, remaining):
                self._let_platform_notice()
                return
            record = self._read() or record
        self._handled.watch()
        self._consumed = record.sequence
        if record.state == contract.JOBS:
            self._have_drained(record, event)
            self._let_platform_notice()

    def wait_for_heir(self, event: Shutdown) -> None:
        """Wait for the process that works the leftovers off, if there is one, until shortly before the end."""
        record = self._read()
        if record is None or record.state != contract.HEIR:
            return
        until_ms = event.deadline_ms - _HEIR_RESERVE_MS
        while (remaining := until_ms - time.time() * 1000) > 0:
            self._handled.wait(record.pid, remaining)  # whether or not somebody has removed the file
            if self._handled.runtime_ended:
                return

    def _let_platform_notice(self) -> None:
        """Wait a moment if the runtime has died: a pidfd tells it sooner than the platform sees it.

        An ``event/next`` in between would end this invoke as a good one, and the next one, which is innocent,
        would fail in its place (seen with AWS's emulator).
        """
        if self._handled.runtime_ended:
            select.select([], [], [], _NOTICE_MS / 1000)

    def _read(self) -> "contract.Record | None":
        """Return the record, or the last good one where somebody has damaged it: the function still counts on us."""
        self._last = self._handled.read() or self._last
        return self._last

    def _tells(self, record: "contract.Record", request_id: str) -> bool:
        if record.state not in (contract.EMPTY, contract.JOBS):
            return False
        if record.request_id == contract.ANY_REQUEST:
            return record.sequence > self._consumed
        return record.request_id == request_id

    def _have_drained(self, record: "contract.Record", event: Invoke) -> None:
        if self._drain is None:
            from .drain import Drain

            self._drain = Drain(self._directory, self._handled)
        wanted = record.until_ms or event.deadline_ms - int(contract.MARGIN * 1000)
        until_ms = min(wanted, event.deadline_ms - _LAST_POLL_MS)
        self._drain.request(record, record.request_id, until_ms)


def run(api: ExtensionsApi, directory: str, descriptor: "int | None") -> None:
    """Take events until SHUTDOWN. The first ``ask_next`` has been sent already."""
    holder = _make_holder(directory, descriptor)
    failures = deadline_ms = 0
    while True:
        holder = _guarded(directory, holder, Holder.sleep_until_written, deadline_ms)
        try:
            if at_once := holder is not None and api.has_received_event_of(holder.nothing_to_do_for):
                api.ask_next()  # what else there is to do about this event can wait until the platform knows
            event = parse_event(api.receive_event())
            failures, deadline_ms = 0, event.deadline_ms
        except (ApiError, OSError) as fault:
            failures += 1
            if not _may_poll_again(api, fault, failures):
                return
            continue
        if isinstance(event, Shutdown):
            _shut_down(holder, event)
            from . import lost

            lost.wait_for_living(directory, min(_LEAVING, event.deadline_ms / 1000 - time.time() - _RESERVE))
            lost.report(directory, f"the function's process ended before they were done ({event.reason or 'shutdown'})")
            return
        if not at_once:
            holder = _guarded(directory, holder, Holder.hold, event)
            _ask_next(api)


def _make_holder(directory: str, descriptor: "int | None") -> "Holder | None":
    if descriptor is None:
        return None
    try:
        return Holder(directory, descriptor)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the function goes on without us
        _give_up(directory, fault)
        return None


def _guarded(
    directory: str, holder: "Holder | None", step: "Callable[..., None]", *arguments: object
) -> "Holder | None":
    """Run ``step`` if there is a holder; return the holder, or None if it is out of service from now on."""
    try:
        if holder is not None:
            step(holder, *arguments)
    except Exception as fault:  # noqa: BLE001 - whatever it is, the function goes on without us
        _give_up(directory, fault)
        return None
    return holder


def _give_up(directory: str, fault: BaseException) -> None:
    rendezvous.remove_handled_file(directory)
    log.error(f"out of service in this environment, jobs run without it: {log.describe(fault)}")


def _shut_down(holder: "Holder | None", event: Shutdown) -> None:
    log.debug(f"SHUTDOWN, reason {event.reason}")
    try:
        if holder is not None:
            holder.wait_for_heir(event)
    except Exception as fault:  # noqa: BLE001 - the process ends in any case
        log.error(f"could not wait for leftover jobs: {log.describe(fault)}")


def _ask_next(api: ExtensionsApi) -> None:
    try:
        api.ask_next()
    except OSError:
        api.disconnect()  # receive_event will say so, and poll again from there


def _may_poll_again(api: ExtensionsApi, fault: Exception, failures: int) -> bool:
    """Poll once more after a failed poll; return False when the platform is gone for good."""
    log.error(f"event/next failed: {log.describe(fault)}")
    if failures >= _POLL_ATTEMPTS:
        return False
    select.select([], [], [], _POLL_PAUSE * 2 ** (failures - 1))
    api.disconnect()
    _ask_next(api)
    return True


def end() -> None:
    """End the process with status 0, without the interpreter's clean-up: zmq has nothing left to say."""
    posix._exit(0)  # noqa: SLF001 - os._exit under its other name
