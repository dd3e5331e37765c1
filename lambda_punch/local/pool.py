"""As many environments of one function as its callers need at the same time, up to a limit, as Lambda starts them."""

from __future__ import annotations

import json
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Protocol

from .errors import EnvironmentClosedError, ThrottledError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from typing_extensions import Self

    from .function import LocalLambda
    from .platform.invocation import Invocation, OnChunk
    from .platform.recording import Event

    class Make(Protocol):
        """Makes an environment that is not started; ``on_event`` is to be told what happens in it."""

        def __call__(self, on_event: Callable[[Event], None]) -> LocalLambda:
            """Return it."""


class Pool:
    """Environments of a function, as a context manager. Entering starts the first one.

    An invoke goes to an environment that has nothing to do: no request under way, and no work behind one. If there is none,
    another is started for it, which is a cold start; beyond ``most`` it is throttled. Its methods may be called from any
    thread, also without entering it: then the first invoke starts the first environment.
    """

    def __init__(self, make: Make, most: int) -> None:
        self.environments: list[LocalLambda] = []
        self._make = make
        self._most = most
        self._lock = threading.Lock()
        self._idle: list[LocalLambda] = []
        self._retired: list[LocalLambda] = []
        self._over = False

    def __enter__(self) -> Self:
        """Start the first environment; return after its init phase."""
        self._add().start()
        self._idle.append(self.environments[0])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Shut all of them down, side by side; after an exception, do not wait for invokes under way."""
        self.shutdown(abandon=error is not None)

    def shutdown(self, *, abandon: bool = False) -> None:
        """End every environment; ``abandon`` breaks off the invokes under way."""
        with self._lock:
            self._over = True
            ending = list(self.environments)
        threads = [threading.Thread(target=each.shutdown, kwargs={"abandon": abandon}) for each in ending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def submit(
        self,
        event: Any = None,
        *,
        client_context: str | None = None,
        trace_id: str | None = None,
        on_chunk: OnChunk | None = None,
    ) -> Future[Invocation]:
        """Invoke the function and return at once; the future gets the invocation.

        Raises ThrottledError if all environments are busy and there are as many as there may be, and EnvironmentClosedError
        after the shutdown.
        """
        with self._lock:
            if self._over:
                raise EnvironmentClosedError("the function is shut down")
            environment = self._idle.pop() if self._idle else None  # the one used last, so that the others may rest
            if environment is None and len(self.environments) - len(self._retired) >= self._most:
                raise ThrottledError(f"all {self._most} environments of the function are busy")
        if environment is not None:
            return environment.submit(event, client_context=client_context, trace_id=trace_id, on_chunk=on_chunk)
        return self._cold(event, client_context=client_context, trace_id=trace_id, on_chunk=on_chunk)

    def invoke(self, event: Any = None) -> Invocation:
        """Invoke the function and return what comes back; see ``submit``."""
        return self.submit(event).result()

    def renew(self) -> str | None:
        """Start an environment with the code as it is now, and give it and its like all new invokes; return None.

        The environments of before finish what they do and end. If the init of the new one fails, they go on instead, and
        the reason is returned. Blocks until the init is over.
        """
        fresh = self._make_one()
        fresh.start()
        reason = reason_of_failed_init(fresh)
        with self._lock:
            over = self._over
            if reason is None and not over:
                self._retired += [each for each in self.environments if each not in self._retired]
                ending, self._idle = self._idle, [fresh]
                self.environments.append(fresh)
            else:
                ending = [fresh]
        for each in ending:
            threading.Thread(target=each.shutdown, name="old-code").start()
        return reason

    def _cold(self, event: Any, **options: Any) -> Future[Invocation]:
        """Start another environment for this invoke, and give it that when it is ready."""
        answer: Future[Invocation] = Future()
        environment = self._add()

        def begin() -> None:
            try:
                environment.start()
                submitted = environment.submit(event, **options)
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is waited for
                answer.set_exception(error)
            else:
                submitted.add_done_callback(lambda done: _hand_on(done, answer))

        threading.Thread(target=begin, name="cold-start", daemon=True).start()
        return answer

    def _add(self) -> LocalLambda:
        made = self._make_one()
        with self._lock:
            self.environments.append(made)
        return made

    def _make_one(self) -> LocalLambda:
        made: list[LocalLambda] = []

        def on_event(event: Event) -> None:
            if event.kind == "invoke-done":
                with self._lock:
                    retired = made[0] in self._retired
                    if not retired:
                        self._idle.append(made[0])
                if retired:  # by a thread of its own, since this one is the environment's
                    threading.Thread(target=made[0].shutdown, name="old-code").start()

        made.append(self._make(on_event))
        return made[0]


def reason_of_failed_init(function: LocalLambda) -> str | None:
    """Return why the init of an environment failed, or None if it did not."""
    for event in function.events:
        body = event.detail.get("body", b"")
        if event.kind == "init-error" and isinstance(body, bytes):
            try:
                return str(json.loads(body)["errorMessage"])
            except (ValueError, KeyError, TypeError):
                return str(event.detail.get("error_type"))
        if event.kind == "init-failed":
            return str(event.detail.get("message") or event.detail.get("error_type"))
    return None


def _hand_on(done: Future[Invocation], answer: Future[Invocation]) -> None:
    error = done.exception()
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(done.result())
