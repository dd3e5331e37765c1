"""Results and locks in this process's memory, for the queues that are there, too: tests, and off Lambda."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from lambda_punch.jobs.store.interface import EXPIRES, HOLDER, KEY, SENT, Held

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lambda_punch.jobs.store.interface import Item


class Memory:
    """A dictionary. Items that have expired are dropped at the next write."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}
        self._lock = threading.Lock()
        self.used = False
        """Whether anything has been written: the jobs of this process are on queues in its memory."""

    def take(self, key: str, holder: str, expires: float) -> Held | None:
        """Take a lock."""
        with self._lock:
            self._drop_expired()
            item = self._items.get(key)
            if item is None or item[HOLDER] == holder:
                self._items[key] = {HOLDER: holder, EXPIRES: expires}
                return None
            return Held(str(item[HOLDER]), SENT in item)

    def confirm(self, key: str, holder: str, expires: float) -> None:
        """Keep a lock for longer."""
        with self._lock:
            if self._items.get(key, {}).get(HOLDER) == holder:
                self._items[key] = {HOLDER: holder, EXPIRES: expires, SENT: 1}

    def free(self, key: str, holder: str) -> None:
        """Free a lock."""
        with self._lock:
            if self._items.get(key, {}).get(HOLDER) == holder:
                del self._items[key]

    def add(self, items: Sequence[Item]) -> None:
        """Write items."""
        with self._lock:
            self.used = True
            self._drop_expired()
            self._items.update({str(item[KEY]): item for item in items})

    def change(self, key: str, fields: Item) -> None:
        """Write fields."""
        with self._lock:
            self.used = True
            self._items[key] = {KEY: key, **self._items.get(key, {}), **fields}

    def remove(self, key: str) -> None:
        """Remove an item."""
        with self._lock:
            self._items.pop(key, None)

    def get(self, key: str) -> Item | None:
        """Return an item."""
        with self._lock:
            self._drop_expired()
            return self._items.get(key)

    def _drop_expired(self) -> None:
        now = time.time()
        self._items = {key: item for key, item in self._items.items() if float(item[EXPIRES]) > now}


store = Memory()
