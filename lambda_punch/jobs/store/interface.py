"""What a store does, whichever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    Item: TypeAlias = Mapping[str, str | float]

KEY = "pk"
EXPIRES = "expires"
HOLDER, SENT = "holder", "sent"


class Held(NamedTuple):
    """A lock that somebody has. ``sent``: whether his job has been sent, so that it will free the lock."""

    holder: str
    sent: bool


class Store(Protocol):
    """Where it is kept. An item has a key (KEY) and a time in epoch seconds (EXPIRES), after which it does not count.

    All methods raise what the service's client raises. They may be called from any thread.
    """

    def take(self, key: str, holder: str, expires: float) -> Held | None:
        """Take a lock for ``holder``; return None, or who has it."""

    def confirm(self, key: str, holder: str, expires: float) -> None:
        """Note that the job of ``holder`` has been sent, and until when the lock stays, if it has the lock."""

    def free(self, key: str, holder: str) -> None:
        """Free a lock if ``holder`` has it."""

    def add(self, items: Sequence[Item]) -> None:
        """Write items."""

    def change(self, key: str, fields: Item) -> None:
        """Write these fields of an item, and leave its others as they are."""

    def remove(self, key: str) -> None:
        """Remove an item."""

    def get(self, key: str) -> Item | None:
        """Return an item, if it has not expired."""
