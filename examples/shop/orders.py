"""The table of orders. SQLite in /tmp stands in for a database: it is gone when its environment is."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from typing import TypedDict


class NewOrder(TypedDict):
    item: str
    quantity: int
    email: str


class Order(NewOrder):
    id: int


_MOST = 100

_path = os.environ.get("SHOP_DATABASE") or os.path.join(tempfile.gettempdir(), "shop.db")
_database = sqlite3.connect(_path, isolation_level=None)
_database.row_factory = sqlite3.Row
_database.execute(
    "CREATE TABLE IF NOT EXISTS orders"
    " (id INTEGER PRIMARY KEY, item TEXT NOT NULL, quantity INTEGER NOT NULL, email TEXT NOT NULL)"
)


def check(content: object) -> NewOrder:
    """Return what was ordered; raise ValueError, with a message for the caller, if that is no order."""
    match content:
        case {"item": str(item), "quantity": int(quantity), "email": str(email)} if not isinstance(quantity, bool):
            pass
        case _:
            raise ValueError("an order has an item (text), a quantity (whole number) and an email (text)")
    if not item.strip():
        raise ValueError("the item is empty")
    if not 1 <= quantity <= _MOST:
        raise ValueError(f"the quantity must be from 1 to {_MOST}")
    if "@" not in email:
        raise ValueError("the email is no address")
    return {"item": item, "quantity": quantity, "email": email}


def add(item: str, quantity: int, email: str) -> Order:
    """Store an order and return it with its id."""
    inserted = _database.execute("INSERT INTO orders (item, quantity, email) VALUES (?, ?, ?)", (item, quantity, email))
    assert inserted.lastrowid is not None
    return {"id": inserted.lastrowid, "item": item, "quantity": quantity, "email": email}


def find(order_id: str) -> Order | None:
    """Return the order of that number, as it stands in the path; or None."""
    if not order_id.isdecimal():
        return None
    row = _database.execute("SELECT id, item, quantity, email FROM orders WHERE id = ?", (order_id,)).fetchone()
    return None if row is None else Order(**row)
