"""The Extensions API without its HTTP: who is registered, in which state, and what is refused.

See "Using the Lambda Extensions API to create extensions" in the AWS Lambda Developer Guide. Nothing here does I/O.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import refusals
from .recording import extension_source
from .refusals import MAX_EXTENSIONS
from .states import EXTENSION_TARGETS, ExtensionCall, ExtensionState, after_extension_call

if TYPE_CHECKING:
    from collections.abc import Iterator

INVOKE = "INVOKE"
SHUTDOWN = "SHUTDOWN"

# The state that AWS names as the target of a refused call; for exit/error it says Exited.
_REFUSED_TARGETS = {**{call: state.value for call, state in EXTENSION_TARGETS.items()}, "exit/error": "Exited"}


@dataclass
class Extension:
    """One extension: external (a process of its own) or internal (a part of the runtime's process)."""

    name: str
    external: bool
    identifier: str = field(default_factory=lambda: str(uuid.uuid4()))
    events: frozenset[str] = frozenset()
    state: ExtensionState = ExtensionState.STARTED
    busy: bool = False
    """True from the moment an INVOKE is released for it until it asks for the next event."""

    @property
    def source(self) -> str:
        """Its name in events and logs."""
        return extension_source(self.name)

    @property
    def polled(self) -> bool:
        """Whether it has asked for its first event."""
        return self.state in (ExtensionState.READY, ExtensionState.RUNNING)

    def delivered(self) -> None:
        """Note that an event has gone out to it."""
        if self.state is ExtensionState.READY:
            self.state = ExtensionState.RUNNING

    def move(self, call: ExtensionCall, who: str) -> None:
        """Make the step that a call asks for; raise Refusal if the state does not allow it."""
        after = after_extension_call(self.state, call)
        if after is None:
            raise refusals.extension_state(self.state.value, _REFUSED_TARGETS[call], who)
        self.state = after


class Extensions:
    """The extensions of one generation."""

    def __init__(self) -> None:
        self._by_name: dict[str, Extension] = {}
        self._open = True

    def __iter__(self) -> Iterator[Extension]:
        """Iterate in the order of start and registration."""
        return iter(list(self._by_name.values()))

    def __len__(self) -> int:
        """Count external and internal ones."""
        return len(self._by_name)

    @property
    def external(self) -> list[Extension]:
        """Those with a process of their own."""
        return [each for each in self if each.external]

    @property
    def internal(self) -> list[Extension]:
        """Those inside the runtime's process."""
        return [each for each in self if not each.external]

    def subscribed(self, event: str) -> list[Extension]:
        """Those that asked for an event."""
        return [each for each in self if event in each.events]

    def launch(self, name: str) -> Extension:
        """Add an external extension whose process is about to start."""
        self._by_name[name] = Extension(name, external=True)
        return self._by_name[name]

    def close_registration(self) -> None:
        """Refuse new names from here on: the runtime has asked for its first event."""
        self._open = False

    def register(self, name: str, body: bytes) -> Extension:
        """Take ``POST register``; return the extension. Raise Refusal."""
        if not name:
            raise refusals.empty_name()
        events = _subscriptions(body)
        extension = self._by_name.get(name)
        if extension is not None and extension.external:
            _check_external(events)
            extension.move("register", name)
        else:
            _check_internal(events)
            extension = self._create_internal(name)
            extension.move("register", name)
        extension.events = frozenset(events)
        return extension

    def find(self, identifier: str, call: ExtensionCall) -> Extension:
        """Return the extension that carries an identifier; raise Refusal if the header is missing, wrong or unknown."""
        if not identifier:
            raise refusals.missing_identifier()
        try:
            canonical = str(uuid.UUID(identifier))
        except ValueError:
            raise refusals.invalid_identifier() from None
        for extension in self:
            if extension.identifier == canonical:
                return extension
        raise refusals.unknown_identifier(call, canonical)

    def poll(self, identifier: str) -> Extension:
        """Take ``GET event/next``: the extension is done with its event and ready for the next one."""
        extension = self.find(identifier, "next")
        extension.move("next", identifier)
        extension.busy = False
        return extension

    def fail(self, identifier: str, call: ExtensionCall, error_type: str) -> Extension:
        """Take ``POST init/error`` or ``exit/error``."""
        if not identifier:
            raise refusals.missing_identifier()
        if not error_type:
            self._check_identifier(identifier)
            raise refusals.missing_error_type()
        extension = self.find(identifier, call)
        extension.move(call, identifier)
        return extension

    def _check_identifier(self, identifier: str) -> None:
        try:
            uuid.UUID(identifier)
        except ValueError:
            raise refusals.invalid_identifier() from None

    def _create_internal(self, name: str) -> Extension:
        if not self._open:
            raise refusals.registration_closed()
        if name in self._by_name:
            raise refusals.name_taken()
        if len(self) >= MAX_EXTENSIONS:
            raise refusals.too_many()
        self._by_name[name] = Extension(name, external=False)
        return self._by_name[name]


def _subscriptions(body: bytes) -> list[str]:
    try:
        request = json.loads(body)
    except ValueError as error:
        raise refusals.bad_format(str(error)) from None
    if request is None:
        return []
    if not isinstance(request, dict):
        raise refusals.bad_format(f"json: cannot unmarshal {type(request).__name__} into a register request")
    if request.get("configurationKeys"):
        raise refusals.configuration_keys()
    events = request.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise refusals.bad_format("json: events must be an array of strings")
    return events


def _check_external(events: list[str]) -> None:
    for event in events:
        if event not in (INVOKE, SHUTDOWN):
            raise refusals.unknown_event(event)


def _check_internal(events: list[str]) -> None:
    for event in events:
        if event == SHUTDOWN:
            raise refusals.internal_shutdown(event)
        if event != INVOKE:
            raise refusals.unknown_event(event)
