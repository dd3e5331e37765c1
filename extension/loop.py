"""The life of the process after it has registered: hold at each INVOKE while jobs run, end at SHUTDOWN.

There is never more than one poll at the platform, and none has a time limit. When anything fails while the process
holds, it writes one ERROR line and removes the handled-file, which tells the library to work alone. From then on it
only takes events. It ends at SHUTDOWN or when the platform is gone, and never before: Lambda would end the function,
too.
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

_LISTEN_MS = 300  # before the deadline of the last invoke; from then on an event is read when it comes
_NOTICE_MS = 50  # after which the platform, too, knows that the runtime process has died
_LAST_POLL_MS = 50  # before the deadline: whatever a record says, and if none comes, the function must not time out
_HEIR_RESERVE_MS = 60  # in which this process exits before the platform kills it
_LEAVING = 0.4  # seconds in which processes that are ending finish their jobs, or report them as lost
_RESERVE = 0.05  # seconds before the platform's limit; by then the line on lost jobs must be written
_POLL_ATTEMPTS = 8  # failed polls in a row after which the platform counts as gone
_POLL_PAUSE = 0.05  # seconds, doubled at each failed poll in a row


class Holder:
    """Keeps the environment awake until the jobs are done."""

    def __init__(self, directory: str, descriptor: int) -> None:
        self._directory = directory
        self._handled = HandledFile(directory, descriptor)
        self._drain: Drain | None = None
        self._last: contract.Record | None = None
        self._consumed = 0
        self._ledger_of = 0  # the process whose ledger is kept open
        self.ledger = -1
        self.nothing_to_do_for = ""  # a request that was just handled without jobs; its event is unread

    def sleep_until_written(self, deadline_ms: int) -> None:
        """Wait for the next record, and leave the event that it belongs to in the socket until then.

        INVOKE comes when the handler begins. A process that wakes then, perhaps on the same core, makes the caller
        wait. The sleep ends when the record is written, so after the response; when the runtime's process ends, which
        it does before each SHUTDOWN; and shortly before ``deadline_ms``, the deadline of the last invoke. So neither
        that invoke nor the next one times out if no record comes, or if the platform has refused the poll.
        """
        self.nothing_to_do_for = ""
        if self._last is not None and self._handled.sleep(
            self._last.pid, deadline_ms - _LISTEN_MS - time.time() * 1000
        ):
            record = self._read()
            if record is not None and record.state == contract.EMPTY and record.request_id != contract.ANY_REQUEST:
                self.nothing_to_do_for = record.request_id

    def hold(self, event: Invoke) -> None:
        """Return when this request is handled and its jobs are done, or when nothing is left to wait for."""
        record = self._last
        if record is None or not self._tells(record, event.request_id):
            record = self._read()
        if record is None or self._handled.removed:
            return  # the function does not use the library: not at all, not yet, or not any more
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
        """Wait for the process that works off the leftovers, if there is one, until shortly before the end."""
        record = self._read()
        if record is None or record.state != contract.HEIR:
            return
        until_ms = event.deadline_ms - _HEIR_RESERVE_MS
        while (remaining := until_ms - time.time() * 1000) > 0:
            self._handled.wait(record.pid, remaining)  # also if somebody has removed the file
            if self._handled.runtime_ended:
                return

    def _let_platform_notice(self) -> None:
        """Wait a moment if the runtime has died, because a pidfd tells that sooner than the platform sees it.

        An ``event/next`` before that would end this invoke as a good one, and the next invoke would fail in its place
        (observed with AWS's emulator).
        """
        if self._handled.runtime_ended:
            select.select([], [], [], _NOTICE_MS / 1000)

    def _read(self) -> "contract.Record | None":
        """Return the record, or the last good one if this one is damaged: the function still counts on us."""
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
        if record.pid != self._ledger_of:
            self._keep_ledger(record.pid)
        self._drain.request(record, record.request_id, until_ms)

    def _keep_ledger(self, pid: int) -> None:
        from . import lost

        if self.ledger >= 0:
            posix.close(self.ledger)
        self._ledger_of, self.ledger = pid, lost.keep(self._directory, pid)


def run(api: ExtensionsApi, directory: str, descriptor: "int | None") -> None:
    """Take events until SHUTDOWN. The first ``ask_next`` has been sent."""
    holder = _make_holder(directory, descriptor)
    failures = deadline_ms = 0
    while True:
        holder = _guarded(directory, holder, Holder.sleep_until_written, deadline_ms)
        try:
            if at_once := holder is not None and api.has_received_event_of(holder.nothing_to_do_for):
                api.ask_next()  # the event itself can be parsed afterwards
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
            reason = f"the function's process ended before they were done ({event.reason or 'shutdown'})"
            lost.report(directory, reason, -1 if holder is None else holder.ledger)
            return
        if not at_once:
            holder = _guarded(directory, holder, Holder.hold, event)
            _ask_next(api)


def _make_holder(directory: str, descriptor: "int | None") -> "Holder | None":
    if descriptor is None:
        return None
    try:
        return Holder(directory, descriptor)
    except Exception as fault:  # noqa: BLE001 - whatever fails, the function goes on without the extension
        _give_up(directory, fault)
        return None


def _guarded(
    directory: str, holder: "Holder | None", step: "Callable[..., None]", *arguments: object
) -> "Holder | None":
    """Run ``step`` if there is a holder; return the holder, or None if it failed and is out of service."""
    try:
        if holder is not None:
            step(holder, *arguments)
    except Exception as fault:  # noqa: BLE001 - whatever fails, the function goes on without the extension
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
        api.disconnect()  # receive_event will fail, and the loop polls again


def _may_poll_again(api: ExtensionsApi, fault: Exception, failures: int) -> bool:
    """Poll again after a failed poll; return False if the platform counts as gone."""
    log.error(f"event/next failed: {log.describe(fault)}")
    if failures >= _POLL_ATTEMPTS:
        return False
    select.select([], [], [], _POLL_PAUSE * 2 ** (failures - 1))
    api.disconnect()
    _ask_next(api)
    return True


def end() -> None:
    """End the process with status 0 and without the interpreter's clean-up, which zmq does not need."""
    posix._exit(0)  # noqa: SLF001 - os._exit under its other name
