"""Every thread of this library: born here, named, guarded, and watched.

| thread                    | who starts it, and when                              | what it does                                          | what happens when it dies                                              |
| ------------------------- | ---------------------------------------------------- | ----------------------------------------------------- | ---------------------------------------------------------------------- |
| `lambda-punch-sigterm`    | start() on Lambda                                    | reads the pipe that SIGTERM writes to                 | leftovers are not worked off at the shutdown; the extension names them |
| `lambda-punch-drain`      | the first punches                                    | runs punches, as the extension asks or without it     | jobs run without the extension from now on, on a new thread            |
| `lambda-punch-worker`     | the first drain with `workers` above one; kept       | runs punches beside the drain's thread                | the drain goes on without it                                           |
| `lambda-punch-loop`       | the first `async def` job or handler                 | runs the asyncio loop                                 | what ran on the loop has failed, and the next async job gets a new one |
| `lambda-punch-spill`      | a drain or a shutdown with pushed durable jobs       | sends jobs that would be lost to their queues         | it is not known whether durable jobs were sent                         |
| `lambda-punch-memory`     | the first job sent to the backend `memory`           | runs jobs that are due                                | the next job of that backend gets a new one                            |
| `lambda-punch-consumer`   | the first batch with `concurrency` above one; kept   | runs messages of the batch                            | its message is kept, and comes again                                   |
| `lambda-punch-store`      | a result that is written shortly before the time is up; kept | writes it to DynamoDB                          | the result is missing; its job is not affected                         |
| `lambda-punch-time-limit` | the first job with a time limit                      | interrupts each job whose time is up                  | the job is not interrupted; the next one gets a new thread             |
| `lambda-punch-flush`      | a flush of telemetry                                 | flushes one vendor                                    | the next vendor is flushed                                             |
| `lambda-punch-work`       | `lambda-punch jobs work` with more than one job at a time | receives messages and runs their jobs             | the other workers go on                                                |
| `lambda-punch-visibility` | `lambda-punch jobs work`                             | keeps the messages of running jobs hidden             | a job that runs longer than the visibility timeout is run twice        |

All are daemons. The death of any is one ERROR line. Code that waits for one has a time limit, or looks whether it lives.
A function that the user has set with threading.settrace() or setprofile() traces them as well. If it raises, they go on
without it: threading.Thread would end such a thread before its first line.
A forked child has none of them; code that needs one there starts a new one.
"""

from __future__ import annotations

import _thread
import sys

from lambda_punch._log import logger

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol
else:
    Protocol = object

SIGTERM = "lambda-punch-sigterm"
DRAIN = "lambda-punch-drain"
WORKER = "lambda-punch-worker"
LOOP = "lambda-punch-loop"
SPILL = "lambda-punch-spill"
MEMORY = "lambda-punch-memory"
CONSUMER = "lambda-punch-consumer"
STORE = "lambda-punch-store"
TIME_LIMIT = "lambda-punch-time-limit"
FLUSH = "lambda-punch-flush"
WORK = "lambda-punch-work"
VISIBILITY = "lambda-punch-visibility"

_THEN = {
    SIGTERM: "leftovers are not worked off at the shutdown",
    DRAIN: "jobs run without the extension from now on, on a new thread",
    WORKER: "the drain goes on without it",
    LOOP: "what ran on its event loop has failed, and the next async job gets a new one",
    SPILL: "it is not known whether durable jobs were sent to their queues",
    MEMORY: "the next job of the backend memory gets a new one",
    CONSUMER: "its message is kept, and comes again",
    STORE: "a result of a durable job is missing",
    TIME_LIMIT: "a job is not interrupted when its time is up",
    FLUSH: "the next vendor is flushed",
    WORK: "the other workers go on",
    VISIBILITY: "a job that runs longer than its queue's visibility timeout is run twice",
}


def replaced_by() -> str:
    """Return the library that has put green threads in the place of real ones, or nothing: gevent, or eventlet.

    A green thread runs while the main thread waits in that library. awslambdaric waits in C for its next event.
    """
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and (gevent.is_module_patched("threading") or gevent.is_module_patched("thread")):
        return "gevent"
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return "eventlet"
    return ""


def start(name: str, body: Callable[[], object], died: Callable[[BaseException], object] | None = None) -> Thread:
    """Start a thread that runs ``body``; an error that escapes from it is logged, then given to ``died`` on that thread.

    Raises RuntimeError if the system refuses a thread.
    """
    import threading

    if threading.gettrace() is not None or threading.getprofile() is not None:
        return _Traced(name, body, died)
    thread = threading.Thread(target=_guard, args=(name, body, died), name=name, daemon=True)
    thread.start()
    return thread


class Thread(Protocol):
    """What those who wait for a thread know of it."""

    @property
    def ident(self) -> int | None:
        """Its identifier."""

    def is_alive(self) -> bool:
        """Tell whether it still runs."""

    def join(self, timeout: float | None = None) -> None:
        """Wait for its end."""


class _Traced:
    """A thread that enters the user's trace and profile functions itself, under the guard."""

    def __init__(self, name: str, body: Callable[[], object], died: Callable[[BaseException], object] | None) -> None:
        self.ident: int | None = None
        self._over = _thread.allocate_lock()
        self._over.acquire()
        self.ident = _thread.start_new_thread(self._run, (name, body, died))

    def is_alive(self) -> bool:
        return self._over.locked()

    def join(self, timeout: float | None = None) -> None:
        if self._over.acquire(timeout=-1 if timeout is None else max(0.0, timeout)):
            self._over.release()

    def _run(self, name: str, body: Callable[[], object], died: Callable[[BaseException], object] | None) -> None:
        import functools
        import threading

        try:
            threading.current_thread().name = name
            _enter_hooks(name)
            _guard(name, body, died)
        except BaseException as error:  # noqa: BLE001 - a trace function that raises at some calls, and at this one
            _leave_hooks()
            _guard(name, functools.partial(_raise, error), died)
        finally:
            self._over.release()


def _enter_hooks(name: str) -> None:
    """Set the user's trace and profile functions on this thread, unless they raise at a call."""
    import threading

    try:
        sys.settrace(threading.gettrace())
        sys.setprofile(threading.getprofile())
        _called()
    except BaseException as error:  # noqa: BLE001 - a user's function
        _leave_hooks()
        logger().error(
            "a function set by threading.settrace() or setprofile() raises, so the thread %s runs without it: %r",
            name,
            error,
        )


def _leave_hooks() -> None:
    try:
        sys.settrace(None)
        sys.setprofile(None)
    except BaseException:  # noqa: BLE001 - a profile function can raise at this very call, and is taken away then
        sys.settrace(None)
        sys.setprofile(None)


def _called() -> None:
    """Nothing: a trace function is told of the call."""


def _raise(error: BaseException) -> None:
    raise error


def start_at_once(name: str, body: Callable[[], object]) -> None:
    """Do the same without threading.Thread, whose start() waits for the thread's first steps: part of each cold start.

    Such a thread has no name that others see, and nobody can wait for it.
    """
    _thread.start_new_thread(_guard, (name, body, None))


def _guard(name: str, body: Callable[[], object], died: Callable[[BaseException], object] | None) -> None:
    try:
        body()
    except BaseException as error:  # noqa: BLE001 - whatever it is, nobody else would hear of it
        logger().error("the thread %s has died; %s: %r", name, _THEN[name], error, exc_info=error)
        if died is not None:
            try:
                died(error)
            except BaseException as another:  # noqa: BLE001 - as above
                logger().error("what follows the death of the thread %s failed: %r", name, another, exc_info=another)
