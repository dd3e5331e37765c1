"""The queue services: one file for each backend, behind one small interface.

A new backend is one more file with a class like ``Backend``; its object can be given to ``@job(backend=...)``. To have it
by name, call the file by that name, give it a function ``make()``, and add the name to ``_settings.BACKENDS``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

from lambda_punch._settings import BACKENDS
from lambda_punch.errors import JobOptionError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lambda_punch.jobs.backends.outgoing import Outgoing, Sent
    from lambda_punch.jobs.options import Options

_made: dict[str, Backend] = {}
_when_made: dict[str, Callable[[Backend], object]] = {}
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


def when_made(name: str, call: Callable[[Backend], object]) -> None:
    """Have ``call`` called with the backend of this name when it is made, or at once if it has been."""
    _when_made[name] = call
    if name in _made:
        call(_made[name])


def _make(name: str) -> Backend:
    backend = cast("Backend", importlib.import_module(f"{__name__}.{name}").make())
    if name in _when_made:
        _when_made[name](backend)
    return backend
