"""Where a job's messages go: one file for each backend, behind one small interface.

A new backend is one more file with a class like ``Backend``; its object can be given to ``@job(backend=...)``.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from lambda_punch.jobs.errors import JobOptionError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.backends.outgoing import Outgoing, Sent
    from lambda_punch.jobs.options import Options

NAMES = ("sqs", "lambda_event", "memory")

_made: dict[str, Backend] = {}
instead: Backend | None = None  # takes what is sent to any of them: lambda_punch.testing


class Backend(Protocol):
    """What takes messages."""

    name: str
    largest: int  # bytes of one message's body
    durable: bool  # whether its messages outlive the environment: only then is it worth spilling to
    refuses: dict[str, str]  # options that it cannot do, each with the reason

    def check(self, options: Options) -> None:
        """Raise JobOptionError for what ``refuses`` cannot say, such as two options that do not go together."""

    def send(self, queue: str | None, messages: Sequence[Outgoing]) -> Sent:
        """Send the messages, all to one queue, in as few calls as can be; from any thread.

        Raises EnqueueError if none could be sent; some may fail while others are taken.
        """


def find(backend: str | Backend) -> Backend:
    """Return a backend by its name, made at the first use; an object of another make is returned as it is."""
    if not isinstance(backend, str):
        return backend
    if backend not in NAMES:
        raise JobOptionError(f"backend must be one of {', '.join(NAMES)}, or an object that sends, not {backend!r}")
    if backend not in _made:
        made: Backend = import_module(f"lambda_punch.jobs.backends.{backend}").make()
        _made.setdefault(backend, made)
    return _made[backend]


def check(name: str, options: Options) -> None:
    """Raise JobOptionError, naming option and backend, for the first option that the job's backend cannot do."""
    backend = find(options.backend)
    for option, reason in backend.refuses.items():
        if getattr(options, option) is not None:
            raise JobOptionError(f"{name}: the backend {backend.name} cannot do {option}: {reason}")
    backend.check(options)
