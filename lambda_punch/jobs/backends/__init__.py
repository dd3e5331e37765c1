"""The queue services: one file for each backend, behind one small interface.

A new backend is one more file with a class like ``Backend``; its object can be given to ``@job(backend=...)``. To have it
by name, add the name to ``_settings.BACKENDS`` and its line to ``_make()``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from lambda_punch._settings import BACKENDS
from lambda_punch.errors import JobOptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.backends.memory import Memory
    from lambda_punch.jobs.backends.outgoing import Outgoing, Sent
    from lambda_punch.jobs.options import Options

_made: dict[str, Backend] = {}
_start_memory_worker: Callable[[Memory], object] | None = None
instead: Backend | None = None  # takes every message, whatever the job's backend is; set by lambda_punch.testing


class Backend(Protocol):
    """What takes messages."""

    name: str
    largest: int  # bytes of one message's body
    durable: bool  # whether its messages outlive the environment; only then are pushed jobs sent to it
    refuses: dict[str, str]  # the options that it cannot do, each with the reason

    def check(self, options: Options) -> None:
        """Raise JobOptionError for what ``refuses`` cannot say, such as two options that do not go together."""

    def send(self, queue: str | None, messages: Sequence[Outgoing]) -> Sent:
        """Send the messages, all to one queue, in as few calls as possible. It may be called from any thread.

        Returns what was sent and what was not. Raises EnqueueError if nothing can be sent at all.
        """


def find(backend: str | Backend) -> Backend:
    """Return a backend by its name, made at the first use. An object is a backend already, and returned as it is."""
    if not isinstance(backend, str):
        return backend
    if backend not in BACKENDS:
        raise JobOptionError(f"backend must be one of {', '.join(BACKENDS)}, or an object that sends, not {backend!r}")
    if backend not in _made:
        _made.setdefault(backend, _make(backend))
    return _made[backend]


def check(name: str, backend: str | Backend, options: Options) -> None:
    """Raise JobOptionError, naming option and backend, for the first option that the job's backend cannot do."""
    found = find(backend)
    for option, reason in found.refuses.items():
        if getattr(options, option) is not None:
            raise JobOptionError(f"{name}: the backend {found.name} cannot do {option}: {reason}")
    found.check(options)


def run_memory_with(start_worker: Callable[[Memory], object]) -> None:
    """Have the backend "memory" call ``start_worker`` at its first message; it must run what is sent there."""
    global _start_memory_worker  # noqa: PLW0603 - the same for the whole process
    _start_memory_worker = start_worker


def _make(name: str) -> Backend:
    if name == "sqs":
        from lambda_punch.jobs.backends.sqs import Sqs

        return Sqs()
    if name == "lambda_event":
        from lambda_punch.jobs.backends.lambda_event import LambdaEvent

        return LambdaEvent()
    from lambda_punch.jobs.backends.memory import Memory

    return Memory(start_worker=_start_memory_worker)
